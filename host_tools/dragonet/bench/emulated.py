"""An emulated RP2040 on the bench: the real image with the chips of its board on its wires, its prompt on a TCP port.

Nothing is on its bus. It runs at most as fast as wall time.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from pathlib import Path

from dragonet import toolchain
from dragonet.bench.benchfile import Entry
from dragonet.emulator import chip as emulated
from dragonet.emulator import flash, uf2
from dragonet.emulator.console import Console
from dragonet.emulator.wires import Wires
from dragonet.errors import UserError

_ALL_PINS = (1 << 30) - 1
_STEP_US = 2000
_US = 1000.0  # ns
_LOOK_S = 0.02


class EmulatedBench:
    """Runs in a thread until close(). The flash, with the image in it, and the memories are files in `folder`."""

    def __init__(self, entry: Entry, folder: Path, uid: bytes) -> None:
        """UserError: no emulator, or no image."""
        emulated.node()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "flash.bin"
        _flash(path, entry)
        self._entry, self._folder, self._uid = entry, folder, uid
        self._console = Console(0, lambda data: self._tell(emulated.CONSOLE, data))
        self._chip = emulated.Chip(path)
        self._reset = 0
        self._before_us = self._now_us = 0  # its time in earlier lives, in this one
        self._end = threading.Event()
        self.starts = 0
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"board {entry.name}", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"socket://{self._console.address}:{self._console.port}"

    def clock(self) -> float:
        """Seconds of its time, of all its lives."""
        return (self._before_us + self._now_us) / 1e6

    def close(self) -> None:
        """Power off; the flash is saved."""
        self._end.set()
        self._thread.join(timeout=30)

    def cut(self) -> None:
        """Power fails now: what the flash holds stays."""
        self.close()

    def _run(self) -> None:
        try:
            self._start(0)
            while not self._end.is_set():
                self._turn()
        except Exception as error:
            self.error = error
        finally:
            self._console.close()
            with contextlib.suppress(Exception):
                self._chip.close()

    def _start(self, cause: int) -> None:
        chip = self._chip
        self.starts += 1
        self._reset = 0
        self._before_us, self._now_us = self._before_us + self._now_us, 0
        chip.on_say = lambda at, kind, data: None
        self._wires = Wires(
            self._entry.role, list(self._entry.world), 1, self._folder, self._tell, lambda us, kind, data: None
        )
        chip.on_say, chip.on_ask = self._said, self._asked
        (chip.restart if cause else chip.power_on)(_ALL_PINS, self._uid)
        self._began = time.monotonic()

    def _turn(self) -> None:
        chip, clock = self._chip, self._wires.kernel
        spare_s = clock.now / 1e6 - (time.monotonic() - self._began)
        self._console.poll(min(max(spare_s, 0.0), _LOOK_S))
        until = min(clock.now + _STEP_US, clock.next())
        if until > clock.now:
            self._until = until
            chip.run(clock.now * _US, until * _US)
        if self._reset:
            self._start(self._reset)
            return
        clock.pass_to(max(clock.now, int(chip.now / _US), until if chip.wake >= until * _US else 0))
        self._now_us = clock.now

    def _tell(self, kind: int, data: bytes) -> None:
        self._chip.tell(kind, data)

    def _asked(self, at: float, kind: int, data: bytes) -> bytes:
        clock = self._wires.kernel
        clock.pass_to(int(at / _US))
        answer = self._wires.ask(kind, data)
        self._chip.until = max(min(clock.next(), self._until) * _US, at)
        return answer

    def _said(self, at: float, kind: int, data: bytes) -> None:
        if kind == emulated.SAYS_CONSOLE:
            self._console.said(data)
        elif kind == emulated.SAYS_RESET:
            self._reset = data[0]


def _flash(path: Path, entry: Entry) -> None:
    """Its image into the flash file, when it is another than before; slots and files stay, as on a board.

    UserError: the bench file's image is none; no image of 'make toolchain', and none in the flash either.
    """
    stamp = path.with_name("image.sha256")
    try:
        image = entry.image or toolchain.image(entry.role)
        uf2.load(image)
    except UserError:
        if entry.image is None and path.exists():
            return  # it runs what it has
        raise
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    if not path.exists():
        flash.prepare(path, image, {}, flash.DRAGONET_FILES)
    elif not stamp.exists() or stamp.read_text() != digest:
        flash.prepare(path, image)
    stamp.write_text(digest)
