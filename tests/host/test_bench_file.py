"""Bench files: what they may say, and one line with file, key and remedy for what they may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragonet.bench import benchfile
from dragonet.errors import UserError

GOOD = """
name = "desk"
via = "socketcand://127.0.0.1:29536"
key = "ops.key"

[boards.eps]
reach = "uid:e66138935f2b8a21"

[boards.beacon]
reach = "rfc2217://bench.local:4000"
target = "rp2"
uid = "e66138935f2b8a22"

[boards.spare]
role = "beacon"
reach = "emulated"
image = "spare.uf2"
world = { supply_v = 6.2 }

[boards.sensor]
reach = "/dev/ttyACM0"
method = "folders"

[instruments.supply]
resource = "TCPIP::10.0.0.7::INSTR"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "desk.toml"
    path.write_text(text)
    return path


def test_a_bench_names_its_boards_and_how_each_is_reached(tmp_path: Path) -> None:
    bench = benchfile.load(written(tmp_path, GOOD))
    assert [(one.name, one.role, one.kind, one.target) for one in bench.boards] == [
        ("eps", "eps", "uid", None), ("beacon", "beacon", "network", "rp2"), ("spare", "beacon", "emulated", "rp2"),
        ("sensor", "sensor", "serial", None),
    ]  # fmt: skip
    assert bench.key == tmp_path / "ops.key" and bench.board("spare").image == tmp_path / "spare.uf2"
    assert bench.board("beacon").uid == bytes.fromhex("e66138935f2b8a22")
    assert bench.board("sensor").method == "folders"
    assert bench.tables == {"instruments": {"supply": {"resource": "TCPIP::10.0.0.7::INSTR"}}}


def test_every_bench_of_the_checkout_can_be_read() -> None:
    for path in benchfile.FOLDER.glob("*.toml"):
        assert benchfile.load(path.stem).boards


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "not TOML"),
        ("name = \"desk\"", "boards: none; add a table for each"),
        ("nmae = \"desk\"\n[boards.eps]\nreach = \"unix\"", "nmae: no such key"),
        ("[boards.eps]", "boards.eps.reach = '': how it is reached"),
        ("[boards.eps]\nreach = \"usb\"", "boards.eps.reach = 'usb'"),
        ("[boards.eps]\nreach = \"socket://host\"", "boards.eps.reach"),
        ("[boards.eps]\nreach = \"socket://host:70000\"", "boards.eps.reach"),
        ("[boards.eps]\nreach = \"uid:xyz\"", "boards.eps.reach"),
        ("[boards.obc]\nreach = \"unix\"", "boards.obc.role = 'obc': one of eps, beacon, sensor"),
        ("[boards.eps]\nreach = \"unix\"\nbaud = 1", "boards.eps.baud: no such key"),
        ("[boards.eps]\nreach = \"unix\"\ntarget = \"esp32\"", "boards.eps.target = 'esp32': one of rp2"),
        ("[boards.eps]\nreach = \"/dev/ttyACM0\"\nuid = \"12\"", "boards.eps.uid = '12': 16 hexadecimal digits"),
        ("[boards.eps]\nreach = \"unix\"\nimage = \"x.uf2\"", "boards.eps.image: only a board with reach"),
        ("[boards.eps]\nreach = \"unix\"\nworld = { volts = 1 }", "boards.eps.world.volts = 1"),
        ("[boards.eps]\nreach = \"/dev/a\"\n[boards.beacon]\nreach = \"/dev/a\"", "are both /dev/a"),
        ("csp_version = 3\n[boards.eps]\nreach = \"unix\"", "csp_version = 3: a whole number from 1 to 2"),
        ("boards = 3", "boards: none"),
        ("name = \"../x\"\n[boards.eps]\nreach = \"unix\"", "a folder bears it"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_key_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UserError) as told:
        benchfile.load(path)
    assert said in str(told.value) and str(told.value).startswith(str(path)) and "\n" not in str(told.value)


def test_a_bench_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="virtual"):
        benchfile.load("desk-of-nobody")
    with pytest.raises(UserError, match="no such bench file"):
        benchfile.load(tmp_path / "x.toml")
    with pytest.raises(UserError, match="no board 'obc'; it has eps, beacon, sensor"):
        benchfile.load("virtual").board("obc")
