"""`dragonet tm` and `dragonet event` on boards that fly in real time."""

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from dragonet.generate.tables import dictionaries
from dragonet.paths import FIRMWARE
from interop.flying import DRAGONET, ENV, Flying

# A load that trips every ten seconds; the ground watches.
TRIPS = """
_start = start
def start(board):
    power = _start(board)
    def trip():
        if board.uptime_s % 10 == 0:
            board.event(event_codes.LOAD_TRIP, 2, 900)
    board.on_second(trip)
    return power
"""


@pytest.fixture(scope="module")
def flying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flying]:
    overlay = {"eps/app.py": (FIRMWARE / "eps" / "app.py").read_text() + TRIPS}
    one = Flying(tmp_path_factory.mktemp("tm") / "out", overlay=overlay)
    yield one
    if one.process.poll() is None:
        one.process.kill()


def dragonet(flying: Flying, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*DRAGONET, *arguments, "--via", f"flight:{flying.out}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, env=ENV, check=False)


def test_housekeeping_is_told_when_it_is_asked_for(flying: Flying) -> None:
    run = dragonet(flying, "tm", "eps", "--json")
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert set(said["values"]) == set(dictionaries()["eps"].hk.names)
    assert said["dictionary_matches"] is True
    assert 6 < said["values"]["battery_v"] < 8.5
    assert (said["units"]["battery_v"], said["values"]["mode"], said["exceeded"]) == ("V", 0, {})


def test_the_table_shows_values_with_units(flying: Flying) -> None:
    run = dragonet(flying, "tm", "sensor")
    assert run.returncode == 0, run.stderr
    line = next(line for line in run.stdout.splitlines() if line.strip().startswith("board_t"))
    assert line.split()[2:5] == ["degC", "board", "temperature"]
    assert any(line.split()[:3] == ["mode", "0", "silent"] for line in run.stdout.splitlines()), run.stdout


def test_the_system_set_tells_of_a_board_that_works(flying: Flying) -> None:
    said = json.loads(dragonet(flying, "tm", "beacon", "--set", "system", "--json").stdout)
    assert said["values"]["heap_free"] > 10_000
    assert said["values"]["events_next"] >= 1


def test_events_are_listed_and_counted(flying: Flying) -> None:
    run = dragonet(flying, "event", "ls", "beacon", "--json")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert [one["sequence"] for one in found] == list(range(len(found)))
    assert (found[0]["name"], found[0]["severity"], found[0]["b"]) == ("boot", "info", 1)
    said = json.loads(dragonet(flying, "event", "counts", "beacon", "--json").stdout)
    assert (said["counts"]["boot"], said["unknown"]) == (1, 0)


def test_events_are_seen_as_they_happen(flying: Flying) -> None:
    within = ("--severity", "warning", "--count", "1", "--seconds", "40")
    run = dragonet(flying, "event", "watch", "eps", *within, "--json")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert (found["board"], found["name"], found["shown"]) == ("eps", "load_trip", "load=2 mA=900")


def test_housekeeping_is_watched_as_it_is_broadcast(flying: Flying) -> None:
    began = time.monotonic()
    run = dragonet(flying, "tm", "eps", "--watch", "--seconds", "23", "--json")
    assert run.returncode == 0, run.stderr
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert 1 <= len(lines) <= 2 + (time.monotonic() - began) / 20
    assert lines[0]["board"] == "eps"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("tm", "moon"), "board 'moon': none of"),
        (("tm", "eps", "--set", "nothing"), "--set nothing: eps has housekeeping, system"),
        (("tm", "eps", "--set", "system", "--watch"), "--watch shows what is broadcast"),
        (("event", "ls", "eps", "--severity", "bad"), "--severity bad: one of debug, info, warning, error"),
        (("event", "watch", "moon"), "board 'moon': none of"),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(flying: Flying, arguments: tuple[str, ...], says: str) -> None:
    run = dragonet(flying, *arguments)
    assert run.returncode == 2
    assert says in run.stderr
    assert len(run.stderr.splitlines()) == 1
