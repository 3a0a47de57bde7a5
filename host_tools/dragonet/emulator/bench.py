"""One emulated board by itself, with its console on a TCP port: runs at the pace of wall time or as fast as it can.

Nothing is on its wires. A board that resets starts again with its flash; the flash file is saved then and at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from dragonet.emulator import chip as emulated
from dragonet.emulator.console import Console
from dragonet.emulator.repl import STOP_WATCHDOG, UID, Repl

_STEP_NS = 2e6
_LOOK_S = 0.05  # wall time a waiting board's console is listened to at once
_SECOND_NS = 1e9


class Bench:
    """flash: see flash.py. speed: its seconds per second, None = as fast as it can. tell(line): what happens."""

    def __init__(
        self,
        flash: Path,
        port: int,
        speed: float | None = 1.0,
        tell: Callable[[str], None] = lambda line: None,
        prompt: bool = False,
    ) -> None:
        """prompt: the board's app is not started, its watchdog stopped."""
        self.console = Console(port, lambda data: self.chip.tell(emulated.CONSOLE, data))
        try:
            self._repl = Repl(flash)
        except BaseException:
            self.console.close()
            raise
        self.chip = self._repl.chip
        self._speed = speed
        self._tell = tell
        self._prompt = prompt
        self._reset = False
        self.resets = 0
        self.before_ns = 0.0  # the board's time in earlier lives

    def run(self, seconds: float | None = None) -> None:
        """Run for so much of the board's time, or until interrupted."""
        self._start(again=False)
        started = time.monotonic() - (self.now_s / self._speed if self._speed else 0)
        while seconds is None or self.now_s < seconds:
            self.console.poll(self._spare(started))
            chip = self.chip
            chip.run(chip.now, chip.now + _STEP_NS)
            if self._reset:
                self.resets += 1
                self.before_ns += chip.now
                self._start(again=True)

    def _start(self, again: bool) -> None:
        self._reset = False
        chip = self.chip
        if self._prompt:
            chip.on_say = self._repl.said
            (self._repl.restart if again else self._repl.boot)()
            self._repl.execute(STOP_WATCHDOG)
            chip.on_say = self._said
            self._repl.send(b"\x02")
        else:
            chip.on_say = self._said
            (chip.restart if again else chip.power_on)(0, UID)

    @property
    def now_s(self) -> float:
        """Time since power-on, of all its lives."""
        return (self.before_ns + self.chip.now) / _SECOND_NS

    def _spare(self, started: float) -> float:
        """Seconds that the board is ahead of its pace."""
        if self._speed is None:
            return 0.0
        return min(max(self.now_s / self._speed - (time.monotonic() - started), 0.0), _LOOK_S)

    def _said(self, at: float, kind: int, data: bytes) -> None:
        if kind == emulated.SAYS_CONSOLE:
            self.console.said(data)
        elif kind == emulated.SAYS_RESET:
            self._reset = True
            self._tell("reset by its " + ("watchdog" if data[0] == emulated.BY_WATCHDOG else "program"))
        elif kind == emulated.SAYS_NOTE:
            self._tell(data.decode())

    def close(self) -> None:
        """Save the flash and end."""
        self.chip.close()
        self.console.close()
