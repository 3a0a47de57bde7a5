"""A recorded log flown through the whole satellite: ships.json holds what pyais reads in the log."""

import json
import random
import subprocess
import sys
from pathlib import Path

from pyais import encode_dict

from dragonet.flatsat import scenario

# Nothing turns, so the AIS receiver is on a minute after the holds.
STILL = """
[spacecraft]
initial_rates_deg_s = [0.0, 0.0, 0.0]
initial_rates_sigma_deg_s = 0.0
"""


def fly(flight: Path, log: Path, out: Path, hours: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "dragonet.cli", "fly", "--scenario", str(flight), "--ais", str(log)]
    command += ["--hours", hours, "--out", str(out)]
    return subprocess.run(command, capture_output=True, timeout=400, check=False)


def scenario_in(folder: Path) -> Path:
    text = (Path(scenario.__file__).parent / "scenarios" / "nanodragon.toml").read_text()
    path = folder / "still.toml"
    path.write_text(text.replace("[spacecraft]", STILL.strip()))
    return path


def test_every_ship_of_a_log_is_listed_once_with_its_last_position(tmp_path: Path) -> None:
    dice = random.Random(5)
    lines: list[str] = []
    last: dict[int, tuple[float, float] | None] = {}
    for k in range(600):
        mmsi = 574000000 + dice.randrange(150)
        kind = dice.choice((1, 1, 2, 3, 18, 27, 5, 24))
        lat, lon = dice.uniform(-60, 60), dice.uniform(-179, 179)
        message = {"msg_type": kind, "mmsi": mmsi, "lat": lat, "lon": lon, "shipname": f"SHIP {mmsi}", "partno": 0}
        lines += encode_dict(message, sentence_type="VDM", seq_id=k % 10)
        if k % 50 == 0:
            lines.append("noise")
        if kind in (5, 24):
            last.setdefault(mmsi, None)
        else:
            last[mmsi] = (lat, lon)
    log = tmp_path / "log.nmea"
    log.write_text("\n".join(lines))
    out = tmp_path / "out"
    done = fly(scenario_in(tmp_path), log, out, "0.95")
    assert done.returncode == 0, done.stderr
    ships = json.loads((out / "ships.json").read_text())
    assert sorted(ship["mmsi"] for ship in ships) == sorted(last)
    for ship in ships:
        place = last[ship["mmsi"]]
        if place is None:
            assert ship["lat"] is None
        else:
            assert abs(ship["lat"] - place[0]) < 0.001 and abs(ship["lon"] - place[1]) < 0.001
        if ship["shipname"]:
            assert ship["shipname"] == f"SHIP {ship['mmsi']}"


def test_a_log_of_random_bytes_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    log = tmp_path / "noise.bin"
    log.write_bytes(bytes(k * k * 31 >> 3 & 0xFF for k in range(50_000)))
    done = fly(scenario_in(tmp_path), log, tmp_path / "out", "0.1")
    assert done.returncode == 2
    text = done.stderr.decode()
    assert "noise.bin" in text and text.count("\n") == 1 and "Traceback" not in text
    assert not (tmp_path / "out").exists()
