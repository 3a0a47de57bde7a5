"""labgrid judges the exporter and environment files that `dragonet bench labgrid` writes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dragonet import paths
from dragonet.bench import benchfile, labgrid, tables
from dragonet.errors import UserError

LABGRID = paths.REPO / ".cache" / "labgrid"
DESK = """
[boards.eps]
reach = "uid:e66138935f2b8a21"

[boards.beacon]
reach = "/dev/ttyACM1"

[boards.sensor]
reach = "rfc2217://10.0.0.7:4001"

[boards.spare]
role = "eps"
reach = "socket://10.0.0.7:4002"

[boards.twin]
role = "eps"
reach = "unix"

[supply]
resource = "TCPIP::192.168.1.5::INSTR"

[array]
resource = "USB0::0x0957::0x0807::N5767A-US11M1234N::INSTR"
"""


def test_labgrid_makes_every_resource_and_target_of_a_bench(tmp_path: Path) -> None:
    if not (LABGRID / "labgrid").is_dir():
        pytest.fail("labgrid is missing: host_tools/setup/judges.sh installs it")
    (tmp_path / "desk.toml").write_text(DESK)
    bench = benchfile.load(tmp_path / "desk.toml")
    written = labgrid.write(bench, tables.of(bench), tmp_path / "lab")
    assert [path.name for path in written] == ["exporter.yaml", "env.yaml"]
    judge = Path(__file__).with_name("labgrid_judge.py")
    env = {**os.environ, "PYTHONPATH": str(LABGRID)}
    command = [sys.executable, str(judge)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path / "lab", env=env, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["resources"] == {
        "desk-eps": "USBSerialPort", "desk-beacon": "RawSerialPort", "desk-sensor": "NetworkSerialPort",
        "desk-spare": "NetworkSerialPort", "desk-supply": "PyVISADevice", "desk-array": "PyVISADevice",
    }  # fmt: skip
    assert found["targets"] == {
        **{name: [["SerialDriver"], f"desk-{name}"] for name in ("eps", "beacon", "sensor", "spare")},
        **{name: [["PyVISADriver"], f"desk-{name}"] for name in ("supply", "array")},
    }


def test_a_bench_without_ports_has_nothing_to_export() -> None:
    bench = benchfile.load("virtual")
    with pytest.raises(UserError, match="no board has a port that labgrid could export"):
        labgrid.exporter(bench, tables.of(bench))
