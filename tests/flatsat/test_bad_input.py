"""Bad input ends with one line that says what and where, exit code 2, and the folder as it was."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from flatsat.flights import environment

TLE = (
    "TEST\n"
    "1 39412U 98067EA  13326.50000000  .00020000  00000-0  20000-3 0  9996\n"
    "2 39412  51.6500  58.8000 0002000  90.0000 210.7000 15.54000000    16\n"
)


def run(*arguments: str | Path, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dragonet.cli", *map(str, arguments)],
        cwd=folder, env={**environment(), **more}, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
        check=False,
    )  # fmt: skip


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the files that the cases name, and an earlier flight in out/."""
    rng = random.Random(1)
    (tmp_path / "noise.nmea").write_bytes(rng.randbytes(20_000))
    (tmp_path / "empty.nmea").write_bytes(b"")
    (tmp_path / "prose.nmea").write_text("This is no log.\n" * 100)
    (tmp_path / "noise.tle").write_bytes(rng.randbytes(500))
    (tmp_path / "cut.tle").write_text("".join(TLE.splitlines(keepends=True)[:2]))
    (tmp_path / "sum.tle").write_text(TLE.replace("9996\n", "9997\n"))
    (tmp_path / "key.toml").write_text("[orbit]\naltitud_km = 500\n")
    (tmp_path / "section.toml").write_text("[orbits]\naltitude_km = 500\n")
    (tmp_path / "range.toml").write_text("[can]\nerror_rate = 2\n")
    (tmp_path / "syntax.toml").write_text("[orbit\n")
    (tmp_path / "noise.toml").write_bytes(rng.randbytes(300))
    (tmp_path / "good.toml").write_text("[ships]\ncount = 0\n")
    (tmp_path / "a file").write_text("mine")
    (tmp_path / "not_micropython").write_text("#!/bin/sh\necho CPython 3.11.7\n")
    (tmp_path / "not_micropython").chmod(0o755)
    out = tmp_path / "out"
    (out / "boards" / "eps").mkdir(parents=True)
    for name in ("summary.json", "telemetry.csv", "bus.pcapng", "boards/eps/fram.bin", "mine.txt"):
        (out / name).write_text("of an earlier flight")
    return tmp_path


CASES = {
    "a scenario that does not exist": ("--scenario nanodragn", ["nanodragn", "did you mean 'nanodragon'"]),
    "a scenario file that does not exist": ("--scenario none.toml", ["none.toml", "no such"]),
    "a scenario with an unknown key": (
        "--scenario key.toml", ["key.toml", "orbit.altitud_km", "did you mean 'altitude_km'"]),
    "a scenario with an unknown section": (
        "--scenario section.toml", ["section.toml", "[orbits]", "did you mean 'orbit'"]),
    "a scenario with a value out of range": ("--scenario range.toml", ["range.toml", "can.error_rate", "0 to 0.5"]),
    "a scenario that is no TOML": ("--scenario syntax.toml", ["syntax.toml", "line 1"]),
    "a scenario of random bytes": ("--scenario noise.toml", ["noise.toml"]),
    "hours below the range": ("--hours 0", ["hours", "0.01 to 1440"]),
    "hours above the range": ("--hours 99999", ["hours", "0.01 to 1440"]),
    "hours that are no number": ("--hours six", ["--hours", "valid number"]),
    "hours that are not a number": ("--hours nan", ["hours"]),
    "a seed below the range": ("--seed -1", ["--seed", "greater than or equal to 0"]),
    "TLE that does not exist": ("--tle none.tle", ["none.tle"]),
    "TLE of random bytes": ("--tle noise.tle", ["noise.tle"]),
    "TLE that ends after its first line": ("--tle cut.tle", ["cut.tle"]),
    "TLE with a wrong checksum": ("--tle sum.tle", ["sum.tle", "checksum"]),
    "an AIS log that does not exist": ("--ais none.nmea", ["none.nmea", "No such file"]),
    "an AIS log of random bytes": ("--ais noise.nmea", ["noise.nmea", "not text"]),
    "an empty AIS log": ("--ais empty.nmea", ["empty.nmea"]),
    "an AIS log without a sentence": ("--ais prose.nmea", ["prose.nmea", "no AIS sentence"]),
    "an AIS log that is a folder": ("--ais out", ["out", "directory"]),
    "an option that does not exist": ("--sede 3", ["--sede"]),
}  # fmt: skip


def refused(result: subprocess.CompletedProcess[str], said: list[str]) -> None:
    assert result.returncode == 2, result
    assert result.stderr.startswith("dragonet: error: "), result.stderr
    assert result.stderr.count("\n") == 1 and result.stderr.endswith("\n"), result.stderr
    assert "Traceback" not in result.stderr + result.stdout
    for word in said:
        assert word in result.stderr, (word, result.stderr)


@pytest.mark.parametrize("case", CASES)
def test_is_refused_in_one_line_and_leaves_the_folder_as_it_was(case: str, place: Path) -> None:
    arguments, said = CASES[case]
    before = snapshot(place)
    refused(run("fly", "--hours", "0.01", *arguments.split(), "--out", "out", folder=place), said)
    assert snapshot(place) == before


@pytest.mark.parametrize("option", ["--ais", "--tle", "--scenario"])
def test_no_folder_is_made_for_a_flight_that_is_refused(option: str, place: Path) -> None:
    refused(run("fly", option, "noise.toml", "--out", "new/folder", folder=place), ["noise.toml"])
    assert not (place / "new").exists()


@pytest.mark.parametrize(
    "command",
    [
        "fly --hours 0.01 --out out",
        "ais decode prose.nmea --json",
        "beacon render --mode cw --callsign N0CALL --info X --out x.wav",
    ],
)
@pytest.mark.parametrize("interpreter", ["/nowhere/micropython", "./not_micropython", "/bin/true"])
def test_a_micropython_that_is_none_is_named_with_the_remedy(interpreter: str, command: str, place: Path) -> None:
    before = snapshot(place)
    refused(run(*command.split(), folder=place, MICROPYTHON=interpreter), [interpreter, "make setup"])
    assert snapshot(place) == before


def test_a_file_in_the_place_of_the_folder_is_refused_and_kept(place: Path) -> None:
    before = snapshot(place)
    refused(run("fly", "--hours", "0.01", "--out", "a file", folder=place), ["a file", "--out"])
    refused(run("fly", "--hours", "0.01", "--out", "a file/below", folder=place), ["a file", "--out"])
    assert snapshot(place) == before


def test_a_folder_without_leave_to_write_is_refused(place: Path) -> None:
    refused(run("fly", "--hours", "0.01", "--out", "/proc/flight", folder=place), ["/proc/flight", "--out"])


def test_an_earlier_flight_is_replaced_by_a_good_one_and_other_files_are_kept(place: Path) -> None:
    result = run("fly", "--scenario", "good.toml", "--hours", "0.01", "--out", "out", folder=place)
    assert result.returncode == 0, result.stderr
    assert "earlier" not in (place / "out" / "summary.json").read_text()
    assert (place / "out" / "mine.txt").read_text() == "of an earlier flight"
    assert result.stderr == ""
