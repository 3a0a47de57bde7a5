"""`dragonet time` and `dragonet schedule` on boards that fly in virtual time, through resets."""

import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dragonet import paths
from dragonet.flatsat.flight import SECOND_US
from dragonet.ground import board_schedule, board_time
from flatsat.bench import Bench, Shell, flying

paths.use_firmware()

from core import schedule  # noqa: E402

EVENT_SIZE, EVENT_AT = 18, 8  # firmware/core/events.py
NAMES = {0x20: "done", 0x21: "missed", 0x22: "cut", 0x24: "ended"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with flying(tmp_path_factory.mktemp("schedule")) as one:
        one.node.wait(10)
        yield one


@pytest.fixture(scope="module")
def shell(bench: Bench) -> Iterator[Shell]:
    with pytest.MonkeyPatch.context() as patch:
        yield Shell(bench, patch)


def happened(bench: Bench, role: str) -> list[tuple[str, int, int]]:
    """(what, a, b) of the schedule's events that this board keeps."""
    one = bench.node.commander(role)
    found = []
    at, newest = 0, 1
    while at < newest:
        data = one.call("event_read", sequence=at).data
        at, newest = struct.unpack_from(">II", data)
        for k in range(8, len(data), EVENT_SIZE):
            number, _, a, b = struct.unpack_from(">BBii", data, k + EVENT_AT)
            if number in NAMES:
                found.append((NAMES[number], a, b))
    return found


def entries(shell: Shell, role: str) -> list[dict]:
    return json.loads(shell("schedule", "ls", role, "--json"))["entries"]


def spread_s(bench: Bench) -> float:
    """Of the boards' times, asked one after the other: each answer is set back by the flight's time since the first."""
    shown = []
    for role in ("eps", "beacon", "sensor"):
        began_us = bench.flight.hub.now_us
        found = board_time.get(bench.node.commander(role), tries=1)
        middle_us = (began_us + bench.flight.hub.now_us) / 2
        shown.append(found.seconds + found.microseconds / 1e6 - middle_us / SECOND_US)
    return max(shown) - min(shown)


def test_time_is_set_at_the_eps_and_all_boards_have_it(bench: Bench, shell: Shell) -> None:
    before = json.loads(shell("time", "get", "eps", "--json"))
    assert before["synchronised"] is False and before["is_master"] is True
    said = json.loads(shell.signed("time", "set", "eps", "--json"))
    assert said["correction_s"] > 800_000_000 and said["after"]["synchronised"] is True
    bench.node.wait(8)
    for role in ("beacon", "sensor"):
        found = board_time.get(bench.node.commander(role))
        assert found.synchronised and found.master == "eps" and not found.is_master and found.exchanges >= 2
        assert abs((found.utc - datetime.now(UTC)).total_seconds()) < 60
    assert spread_s(bench) < 0.01, "the asking itself is not sharper"
    assert "synchronised" in shell("time", "watch", "beacon", "--count", "1")
    assert "UTC" in shell("time", "get", "beacon")


def test_time_far_back_is_refused_without_restart(shell: Shell) -> None:
    said = shell.signed("time", "set", "eps", "--to", "2001-01-01T00:00:00", code=1)
    assert "time_set: state" in said and said.count("\n") == 1


def test_a_command_runs_at_its_time_through_a_reset(bench: Bench, shell: Shell) -> None:
    now = board_time.get(bench.node.commander("beacon"), tries=1)
    due = board_time.text_of(board_time.utc_of(now.seconds + 20))
    shell.signed("schedule", "add", "beacon", "noop", "data=0102", "--at", due)
    shell.signed("schedule", "add", "beacon", "hk_now", "--mission", "100000", "--number", "7", "--late")
    assert [(one["number"], one["when"]) for one in entries(shell, "beacon")] == [(1, due), (7, "mission 100000 s")]
    bench.cycle("beacon")
    assert [one["number"] for one in entries(shell, "beacon")] == [1, 7]
    bench.node.wait(schedule.QUIET_S)
    assert [one["number"] for one in entries(shell, "beacon")] == [7]
    assert ("done", 1, 256) in happened(bench, "beacon")
    assert "2 deleted" not in shell.signed("schedule", "rm", "beacon", "7")
    assert entries(shell, "beacon") == []


def test_a_time_that_passed_without_power_is_missed(bench: Bench, shell: Shell) -> None:
    now = board_time.get(bench.node.commander("sensor"), tries=1)
    due = board_time.text_of(board_time.utc_of(now.seconds + 5))
    shell.signed("schedule", "add", "sensor", "noop", "data=01", "--at", due, "--number", "1")
    shell.signed("schedule", "add", "sensor", "noop", "data=02", "--at", due, "--number", "2", "--late")
    bench.cycle("sensor", off_s=90, on_s=schedule.QUIET_S + 10)
    told = happened(bench, "sensor")
    assert ("done", 2, 256) in told and [what for what, a, _ in told if a == 1] == ["missed"]


def test_a_stored_sequence_follows_an_event(bench: Bench, shell: Shell, tmp_path: Path) -> None:
    steps = tmp_path / "steps.txt"
    steps.write_text("0 noop data=01   # at once\n\n2 hk_now\n")
    shell.signed("schedule", "store", "beacon", "3", str(steps))
    once = ("--on", "boot", "--delay", "2", "--times", "1")
    shell.signed("schedule", "add", "beacon", "sequence_run", "number=3", *once)
    assert "on boot" in shell("schedule", "ls", "beacon")
    bench.cycle("beacon", on_s=schedule.QUIET_S + 10)
    assert ("ended", 3, 2 << 8) in happened(bench, "beacon")
    assert entries(shell, "beacon") == []
    stored = board_schedule.stored(bench.node.commander("beacon"))
    assert [(one.number, one.steps) for one in stored] == [(3, [(0, "noop data=01"), (2, "hk_now")])]
    shell.signed("schedule", "forget", "beacon", "3")
    assert board_schedule.stored(bench.node.commander("beacon")) == []


def test_bad_input_is_one_line_and_nothing_is_sent(bench: Bench, shell: Shell, tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("0 noop data=01\nsoon hk_now\n")
    sent = bench.node.sent
    for arguments, why in (
        (("add", "eps", "noop", "data=01"), "give one of --at, --mission and --on"),
        (("add", "eps", "noop", "data=01", "--at", "soon"), "write UTC as"),
        (("add", "eps", "noop", "data=01", "--at", "1999-01-01"), "from 2000 to 2136"),
        (("add", "eps", "nope", "--at", "+5"), "no command 'nope'"),
        (("add", "eps", "noop", "data=" + "00" * 30, "--at", "+5"), "at most 25"),
        (("add", "eps", "hk_now", "--on", "sunrise"), "no event 'sunrise'"),
        (("add", "eps", "hk_now", "--at", "+5", "--delay", "3"), "go with --on"),
        (("rm", "eps", "none"), "1 to 255, or all"),
        (("store", "eps", "3", str(bad)), "bad.txt:2: write SECONDS COMMAND"),
        (("store", "eps", "3", "/no/such/file"), "/no/such/file"),
    ):
        said = shell.signed("schedule", *arguments, code=2)
        assert why in said and said.count("\n") == 1
    assert bench.node.sent == sent
    for arguments in (("schedule", "rm", "eps", "1"), ("time", "set", "eps")):
        assert "needs a key" in shell(*arguments, code=2)
    assert "not_found" in shell.signed("schedule", "rm", "eps", "9", code=1)
    assert "content" in shell.signed("schedule", "add", "eps", "hk_now", "--at", "2005-01-01", code=1)
    assert entries(shell, "eps") == []
