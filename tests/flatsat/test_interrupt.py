"""A flight that is stopped: by Ctrl-C, files are whole and no process stays; by kill -9, boards end by themselves."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flatsat.flights import environment

LINE = "T+ 00:10:00"  # of the progress where there is no terminal: the flight is well under way
START_LIMIT_S, END_LIMIT_S = 120, 30


@pytest.fixture
def flying(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """`dragonet fly` of a flight that would take minutes, ten minutes of mission after separation."""
    out = tmp_path / "out"
    command = [sys.executable, "-u", "-m", "dragonet.cli", "fly", "--hours", "48", "--out", str(out)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment(),
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    until = time.monotonic() + START_LIMIT_S
    for line in process.stdout:
        assert time.monotonic() < until, "too slow"
        if line.startswith(LINE):
            break
    assert process.poll() is None, process.stderr.read() if process.stderr else ""
    assert len(boards(out)) == 3
    yield process, out
    for number in [process.pid, *boards(out)]:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.communicate()


def boards(out: Path) -> dict[int, str]:
    """Board processes of the flight in this folder: process id -> role. Their output goes to its console.log."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                console = Path(os.readlink(entry / "fd" / "1"))
            except OSError:
                continue
            if console.name == "console.log" and console.is_relative_to(out):
                found[int(entry.name)] = console.parent.name
    return found


def gone(out: Path) -> bool:
    until = time.monotonic() + END_LIMIT_S
    while boards(out) and time.monotonic() < until:
        time.sleep(0.1)
    return not boards(out)


def test_ctrl_c_ends_the_flight_with_130_whole_files_and_no_process_left(flying) -> None:
    process, out = flying
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=END_LIMIT_S)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert boards(out) == {}
    summary = json.loads((out / "summary.json").read_text())
    assert summary["flown_s"] >= 600
    with (out / "telemetry.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == summary["counts"]["housekeeping"] + 1 and {len(row) for row in rows} == {len(rows[0])}
    assert float(rows[-1][0]) > summary["flown_s"] - 20
    assert json.loads((out / "ships.json").read_text()) == []
    assert not list(out.glob("*.part"))
    tshark = ["tshark", "-r", str(out / "bus.pcapng"), "-T", "fields", "-e", "can.id"]
    read = subprocess.run(tshark, capture_output=True, text=True, check=True)
    assert len(read.stdout.splitlines()) == summary["counts"]["can_frames"]


def test_ctrl_c_at_a_terminal_reaches_the_boards_too_and_changes_nothing(flying) -> None:
    """A terminal sends SIGINT to the whole foreground group; boards are sessions of their own."""
    process, out = flying
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=END_LIMIT_S)
    assert process.returncode == 130 and "Traceback" not in errors
    events = json.loads((out / "summary.json").read_text())["events"]
    assert not [one for one in events if "process ended" in one["event"]], events
    assert boards(out) == {}


def test_boards_end_by_themselves_when_the_host_is_killed(flying) -> None:
    process, out = flying
    process.kill()
    process.wait()
    assert gone(out), boards(out)


def test_two_board_processes_killed_from_outside_come_back_and_the_flight_goes_on(flying) -> None:
    """As somebody would with `kill -9` in another terminal; mission goes on at full speed meanwhile."""
    process, out = flying
    before = boards(out)
    victims = [number for number, role in before.items() if role in ("eps", "sensor")]
    for number in victims:
        os.kill(number, signal.SIGKILL)
    until = time.monotonic() + START_LIMIT_S
    assert process.stdout is not None
    for line in process.stdout:
        assert time.monotonic() < until
        if line.startswith("T+ 00:30:00"):
            break
    after = boards(out)
    assert sorted(after.values()) == ["beacon", "eps", "sensor"]
    assert not set(victims) & set(after)
    assert set(before) - set(victims) < set(after), "the beacon's process is the same"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=END_LIMIT_S)
    summary = json.loads((out / "summary.json").read_text())
    for role in ("eps", "sensor"):
        said = [one["event"] for one in summary["events"] if one["source"] == role]
        assert said[:2] == ["process ended (signal SIGKILL)", "watchdog bite"], said
        assert summary["boards"][role]["boots"] == 2
