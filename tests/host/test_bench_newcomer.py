"""`dragonet bench` as somebody uses it in a terminal: readable, an end with Ctrl-C, nothing left running."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dragonet.bench import benchfile, measure

LIMIT_S = 120.0  # of wall time; a busy machine is slow
CTRL_C = b"\x03"
CTRL_BRACKET = b"\x1d"


class Terminal:
    """A command in a terminal. shown: all that it wrote there."""

    def __init__(self, *command: str) -> None:
        self.master, slave = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dragonet.cli", "bench", *command], stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, preexec_fn=_own_terminal, env={**os.environ, "COLUMNS": "240", "TERM": "xterm"},
        )  # fmt: skip
        os.close(slave)

    def until(self, done: Callable[[str], bool]) -> str:
        """What it has shown when done(shown), or at its end."""
        end = time.monotonic() + LIMIT_S
        while not done(self.shown):
            assert time.monotonic() < end, f"not within {LIMIT_S} s: {self.shown[-500:]}"
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.master, 4096).decode(errors="replace")
                except OSError:
                    break
            elif self.process.poll() is not None:
                break
        return self.shown

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def end(self) -> int:
        """Its exit code. Nobody of its session is left."""
        self.until(lambda _: False)
        code = self.process.wait(LIMIT_S)
        left: list[str] = []
        for _ in range(100):
            left = [pid for pid in os.listdir("/proc") if pid.isdigit() and _session(pid) == self.process.pid]
            if not left:
                break
            time.sleep(0.1)
        assert left == [], "processes were left running"
        return code


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _session(pid: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[3])
    except (OSError, IndexError):
        return -1


@contextmanager
def terminal(*command: str) -> Iterator[Terminal]:
    one = Terminal(*command)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()
        os.close(one.master)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Path]:
    """A beacon that flies its app, and an EPS that is kept at its prompt by its pin SAFE. Both are new."""
    path = tmp_path / "desk.toml"
    path.write_text(
        f'name = "newcomer-{uuid.uuid4().hex}"\n[boards.beacon]\nreach = "unix"\n'
        '[boards.eps]\nreach = "unix"\nworld = { safe = 0 }\n'
    )
    yield path
    shutil.rmtree(benchfile.load(path).folder, ignore_errors=True)


def test_watching_shows_the_boards_again_and_again_until_ctrl_c(desk: Path) -> None:
    with terminal("ls", "--bench", str(desk), "--watch", "--json", "--period", "0.5") as shell:
        shell.until(lambda shown: shown.count("\n") >= 5)
        shell.type(CTRL_C)
        assert shell.end() == 130
    for line in shell.shown.splitlines()[:5]:
        beacon, eps = json.loads(line)["boards"]
        assert (beacon["state"], eps["state"]) == ("runs", "prompt"), "no board loses power between two looks"
        assert eps["role"] == "eps" and eps["active"] == "golden" and eps["uid"]
    assert "Traceback" not in shell.shown


def test_a_table_for_people_says_who_runs_and_how_to_stop_it(desk: Path) -> None:
    with terminal("ls", "--bench", str(desk)) as shell:
        assert shell.end() == 0
    beacon, eps = (line for line in shell.shown.splitlines() if " unix " in line)
    assert beacon.split()[:4] == ["beacon", "beacon", "unix", "runs"] and "--stop" in beacon
    assert eps.split()[:4] == ["eps", "eps", "unix", "prompt"] and "golden" in eps


def test_a_console_is_the_boards_own_and_ends_by_its_key(desk: Path) -> None:
    with terminal("console", "eps", "--bench", str(desk)) as shell:
        shell.until(lambda shown: ">>> " in shown)
        shell.type(b"print(6 * 7)\r")
        shell.until(lambda shown: "\n42" in shown)
        shell.type(b"while True: pass\r\r")
        time.sleep(1.0)
        shell.type(CTRL_C)  # is the board's
        shell.until(lambda shown: "KeyboardInterrupt" in shown)
        shell.type(CTRL_BRACKET)
        assert shell.end() == 0
    assert "Ctrl-] ends" in shell.shown and "Traceback (most recent call last):\r\n  File \"/" not in shell.shown


def test_ctrl_c_ends_a_flash_at_its_next_step(desk: Path) -> None:
    with terminal("flash", "beacon", "--bench", str(desk), "--trial", "600") as shell:
        shell.until(lambda shown: "trial" in shown)
        shell.type(CTRL_C)
        assert shell.end() == 130
    assert "interrupted: what was sent stays" in shell.shown and "Traceback" not in shell.shown


def test_a_board_kept_safe_is_not_flashed_since_no_trial_would_run(desk: Path) -> None:
    with terminal("flash", "eps", "--bench", str(desk), "--json") as shell:
        assert shell.end() == 1
    (row,) = json.loads(shell.shown.splitlines()[-1])["boards"]
    assert row["done"] == "failed" and "pin SAFE is low" in row["why"]


def test_ctrl_c_ends_the_checks_and_keeps_what_they_found(tmp_path: Path) -> None:
    path, out = tmp_path / "three.toml", tmp_path / "out"
    boards = "".join(f'[boards.{role}]\nreach = "unix"\n' for role in ("eps", "beacon", "sensor"))
    path.write_text(f'name = "newcomer-{uuid.uuid4().hex}"\n{boards}[flatsat]\n')
    arguments = ("check", "--bench", str(path), "--out", str(out), "--only", "identity or day")
    with terminal(*arguments) as shell:
        shell.until(lambda shown: "test_day.py" in shown)
        with terminal(*arguments) as second:
            assert second.end() == 2
        shell.type(CTRL_C)
        assert shell.end() == 130
    assert "in use by another dragonet" in second.shown and "Traceback" not in second.shown
    assert "report.html has what was found so far" in shell.shown
    found = measure.load(out / "results.json")
    assert found.checks[0].outcome == measure.PASSED and (out / "report.html").exists()
