"""The way to real boards, without any: `dragonet bench check` over python-can on a flight in real time."""

import json
import subprocess
from pathlib import Path

from dragonet.bench import measure
from dragonet.ground import keys
from interop.flying import DRAGONET, ENV, Flying

BENCH = """
name = "desk"
via = "{via}"
key = "bench.key"
boards.eps.reach = "flight"
boards.beacon.reach = "flight"
boards.sensor.reach = "flight"
[checks]
pings = 10
ping_ms = 500.0
[supply]
resource = "TCPIP::supply::INSTR"
backend = "{simulation}@sim"
"""
CHECKS = "identity or device or ping_ident or authentication or bus_a or beacon or ais"


def test_the_checks_run_on_a_bench_that_is_reached_by_an_adapter(tmp_path: Path) -> None:
    key = tmp_path / "bench.key"
    keys.KeyFile.make(key, keys.SLOTS.index("bench"))
    flying = Flying(tmp_path / "flight", keys=(key,))
    simulation = Path(__file__).parents[1] / "host" / "bench_instruments.yaml"
    (tmp_path / "desk.toml").write_text(BENCH.format(via=flying.via("socketcand"), simulation=simulation))
    command = [*DRAGONET, "bench", "check", "--bench", str(tmp_path / "desk.toml"), "--only", CHECKS]
    command += ["--out", str(tmp_path / "out")]
    plot = [*DRAGONET, "bench", "plot", "--bench", str(tmp_path / "desk.toml"), "--seconds", "3", "--period", "0.5"]
    plot += ["--out", str(tmp_path / "plot.html"), "--json", "eps.battery_v", "beacon.supply_v"]
    at = ["--bench", str(tmp_path / "desk.toml"), "--json"]
    looks = [[*DRAGONET, "bench", "sniff", "--seconds", "3", *at], [*DRAGONET, "bench", "ls", *at]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=ENV, timeout=150, check=False)
        plotted = subprocess.run([*plot, "sensor.board_t"], capture_output=True, text=True, env=ENV, check=False)
        unknown = subprocess.run([*plot, "eps.batery_v"], capture_output=True, text=True, env=ENV, check=False)
        sniffed, listed = (subprocess.run(one, capture_output=True, text=True, env=ENV, check=False) for one in looks)
    finally:
        flying.stop()
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert plotted.returncode == 0, plotted.stderr
    curves = {curve["unit"]: curve["lines"] for curve in json.loads(plotted.stdout)}
    assert set(curves) == {"V", "degC"} and set(curves["V"]) == {"eps.battery_v", "beacon.supply_v"}
    assert len(curves["V"]["eps.battery_v"]) >= 2 and all(6 < value < 8.5 for value in curves["V"]["eps.battery_v"])
    assert (tmp_path / "plot.html").read_text().count("<svg viewBox") == 2
    assert unknown.returncode == 2 and "did you mean 'battery_v'?" in unknown.stderr
    packets = [json.loads(line) for line in sniffed.stdout.splitlines()]
    assert sniffed.returncode == 0 and {"eps", "beacon", "sensor"} <= {one["src_name"] for one in packets}
    rows = json.loads(listed.stdout)["boards"]
    assert listed.returncode == 0 and [row["state"] for row in rows] == ["flies"] * 3, listed.stderr
    assert all(row["active"] == "golden" and row["reset"] == "power" and row["uptime_s"] > 0 for row in rows)
    found = measure.load(tmp_path / "out" / "results.json")
    outcomes = {one.name: one.outcome for one in found.checks}
    assert outcomes == {
        "identity and hashes": "passed",
        "every expected device answers": "passed",
        "ping ident and loss": "passed",
        "bus a fails and comes back": "not possible",
        "command authentication": "passed",
        "the beacon is decoded by others receivers": "not possible",
        "ais is received and counted": "not possible",
    }
    why = {one.name: one.why for one in found.checks if one.why}
    assert "no relay in the wires of a bus" in why["bus a fails and comes back"]
    assert "add a table [radio] to desk.toml" in why["the beacon is decoded by others receivers"]
    assert "ACME,PS2005" in found.about["instruments"]
    assert set(found.boards) == {"eps", "beacon", "sensor"} and found.boards["eps"]["runs"] == "golden"
