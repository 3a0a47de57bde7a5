"""A virtual board with a prompt of its own: a process of the unix port behind a TCP port, as a board behind USB.

The process is the processor: resets end it and start it anew, its memories are files in its folder and stay.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
import termios
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dragonet import micropython, paths
from dragonet.bench.benchfile import Entry
from dragonet.deploy import goldens
from dragonet.errors import UserError

PWRON_RESET, SOFT_RESET = 1, 5  # machine.reset_cause()
_HEAP = "heapsize=8M"
_RAW_S = 0.05  # that the prompt stands still
_RAW_PASTE, _NO_RAW_PASTE = b"\x05A\x01", b"R\x00"  # MicroPython's REPL: asked for; understood, not supported


class _Cut(Exception):
    """Power fails."""


class UnixBoard:
    """Runs until close(). port: of its prompt, for socket://127.0.0.1:port."""

    def __init__(
        self, entry: Entry, folder: Path, uid: bytes, app: bool = True, twin: Path = paths.VIRTUAL_BOARD,
        firmware: Path = paths.FIRMWARE, paced: bool = True,
    ) -> None:  # fmt: skip
        """app: main.py runs, as on any board; without it the prompt comes when the guard has chosen.

        paced: flash and waits take their time; without it none does.

        twin, firmware: other folders than the checkout's, such as compiled ones.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._settings: dict[str, Any] = {
            "role": entry.role, "pins": "pins_unix", "seed": 1, "uid": list(uid), "world": list(entry.world),
            "app": app, "paced": paced, "stock": entry.method == "folders", "reset_cause": PWRON_RESET, "control": 0,
            "golden": list(goldens.checkout(entry.role).id),
            "mounts": [
                ["/twin", str(twin)], ["/rom", str(firmware)], ["/board", str(paths.BOARDS / entry.role)],
                ["/target", str(paths.BOARDS / "rp2")], ["/host", str(paths.HOST_TOOLS)], ["/nv", str(folder)],
            ],
        }  # fmt: skip
        self.starts = 0
        self.cut_after: int | None = None  # bytes over the link, both ways, after which power fails
        self.passed = 0  # bytes over the link so far
        self._raw = self._raw_due = False  # its raw REPL shows; shall show again after a soft reset
        self._asked_raw = False  # by the visitor's last Ctrl-A or Ctrl-B
        self._last = b""  # of what it said
        self._process: subprocess.Popen[bytes] | None = None
        self._master = self._control = -1
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._visitor: socket.socket | None = None
        self._waker, self._wake = os.pipe()
        self._start(PWRON_RESET)
        self._thread = threading.Thread(target=self._run, name=f"board {entry.name}", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"socket://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Power off."""
        with contextlib.suppress(OSError):
            os.write(self._wake, b"q")
        self._thread.join(timeout=5)

    # --- the process ---

    def _start(self, cause: int) -> None:
        self._master, slave = pty.openpty()
        _plain(slave)
        self._control, control = os.pipe()
        self._settings.update(control=control, reset_cause=cause)
        path = self._folder / "settings.json"
        path.write_text(json.dumps(self._settings))
        command = [micropython.find(), "-X", _HEAP, "-i", str(paths.VIRTUAL_BOARD.parent / "bench.py"), str(path)]
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, pass_fds=(control,), start_new_session=True,
            preexec_fn=_own_terminal, env={"PATH": os.environ.get("PATH", ""), "TERM": "dumb"},
        )  # fmt: skip
        os.close(slave)
        os.close(control)
        self.starts += 1

    def _end(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            os.close(self._master)
            os.close(self._control)

    def _restart(self, cause: int, said: bytes = b"") -> None:
        self._end()
        self._start(cause)
        self._to_visitor(said)

    # --- the wires ---

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except _Cut:
            pass
        finally:
            self._end()
            self._leave()
            for one in (self._waker, self._wake):
                os.close(one)
            self._server.close()

    def _turn(self) -> bool:
        waiting: list[Any] = [self._waker, self._server, self._master, self._control]
        if self._visitor is not None:
            waiting.append(self._visitor)
        ready, _, _ = select.select(waiting, [], [], _RAW_S if self._raw_due else 10.0)
        if not ready and self._raw_due and self._last.endswith(b">>> "):
            self._raw_due = False  # once: a second one would be answered too
            os.write(self._master, b"\x01")
        if self._waker in ready:
            return False
        if self._control in ready:
            cause = os.read(self._control, 1)
            if cause == b"\0":
                _interruptible(self._master)
            elif cause:
                if self._master in ready and not self._from_board():  # what it said before
                    return True
                self._restart(cause[0])
                return True
        if self._master in ready and not self._from_board():
            return True
        if self._server in ready:
            visitor, _ = self._server.accept()
            if self._visitor is not None:
                visitor.close()  # a serial port has one user
            else:
                visitor.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._visitor = visitor
        elif self._visitor in ready:
            self._from_visitor()
        return True

    def _from_board(self) -> bool:
        """False: the process ended, and another runs."""
        try:
            data = os.read(self._master, 4096)
        except OSError:  # the process has ended: Ctrl-D at the prompt, or it crashed
            data = b""
        if not data:
            self._raw_due, self._last = self._raw or self._raw_lost(), b""  # as on a board, the raw REPL comes back
            self._restart(SOFT_RESET, b"\r\nMPY: soft reboot\r\n")
            return False
        self._last = (self._last + data)[-32:]
        if b"raw REPL" in self._last:
            self._raw, self._raw_due = True, False
        elif b">>> " in self._last:
            self._raw = False
        self._pass(data, self._to_visitor)
        return True

    def _raw_lost(self) -> bool:
        """Ctrl-C ended it, which came as a signal just before the prompt read bytes, and with it the Ctrl-A behind."""
        assert self._process is not None
        try:
            return self._process.wait(timeout=1) == -signal.SIGINT and self._asked_raw
        except subprocess.TimeoutExpired:
            return False

    def _from_visitor(self) -> None:
        assert self._visitor is not None
        try:
            data = self._visitor.recv(4096)
        except OSError:
            data = b""
        if not data:
            self._leave()
            return
        if data.endswith(_RAW_PASTE):  # the unix port throws away what comes while it changes the terminal's mode
            data = data[: -len(_RAW_PASTE)]
            self._pass(_NO_RAW_PASTE, self._to_visitor)
        last = max(data.rfind(b"\x01"), data.rfind(b"\x02"))
        if last >= 0:
            self._asked_raw = data[last] == 1
        self._pass(data, self._to_board)

    def _pass(self, data: bytes, on: Callable[[bytes], None]) -> None:
        if self.cut_after is not None and self.passed + len(data) >= self.cut_after:
            on(data[: max(self.cut_after - self.passed, 0)])
            self.passed = self.cut_after
            raise _Cut
        self.passed += len(data)
        on(data)

    def _to_board(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._master, data) :]
            except OSError:
                return

    def _to_visitor(self, data: bytes) -> None:
        if self._visitor is not None and data:
            try:
                self._visitor.sendall(data)
            except OSError:
                self._leave()

    def _leave(self) -> None:
        if self._visitor is not None:
            self._visitor.close()
            self._visitor = None


def _own_terminal() -> None:
    import fcntl

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _plain(descriptor: int) -> None:
    """A terminal that changes no byte."""
    mode = termios.tcgetattr(descriptor)
    mode[0], mode[1] = 0, 0  # input and output as they are
    mode[3] = 0
    mode[6][termios.VMIN] = b"\x01"
    mode[6][termios.VTIME] = b"\x00"
    for key in (termios.VQUIT, termios.VSUSP):
        mode[6][key] = b"\x00"
    termios.tcsetattr(descriptor, termios.TCSANOW, mode)


def _interruptible(descriptor: int) -> None:
    """Ctrl-C interrupts the program, as it does on a board."""
    mode = termios.tcgetattr(descriptor)
    mode[3] |= termios.ISIG
    termios.tcsetattr(descriptor, termios.TCSANOW, mode)


def check() -> None:
    """UserError: no MicroPython that speaks the raw REPL."""
    if os.name != "posix":
        raise UserError("boards with reach = \"unix\" need Linux or macOS")
    micropython.find()
