"""A board's prompt in virtual time: boots a chip, runs code by the raw REPL, gives back what it printed.

All limits are of the chip's time, none of the host's: the same code gives the same answer on any machine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dragonet.emulator import chip as emulated
from dragonet.errors import UserError

UID = b"DRGN\x00\x00\x00\x01"
# The guard of a flight image has started the watchdog: WATCHDOG CTRL.ENABLE, by the register's clearing alias.
STOP_WATCHDOG = "import machine\nmachine.mem32[0x4005B000] = 1 << 30\n"
_STEP_NS = 1e6
_ENUMERATED_S = 0.25  # from power-on until the USB port listens
_PART_BYTES = 256  # of code at once: the board reads what it has before the next comes
_SECOND_NS = 1e9


class Repl:
    """flash: see flash.py. With on_ask the world of chip.py; else nothing answers on the buses."""

    def __init__(self, flash: Path, on_ask: Callable[[float, int, bytes], bytes] | None = None) -> None:
        self.chip = emulated.Chip(flash)
        self.chip.on_say = self.said
        if on_ask is not None:
            self.chip.on_ask = on_ask
        self.notes: list[str] = []
        self.resets: list[int] = []
        self.has_reset = False  # since it was last started
        self._out = bytearray()

    def __enter__(self) -> Repl:
        return self

    def __exit__(self, *_: object) -> None:
        self.chip.close()

    def said(self, _: float, kind: int, data: bytes) -> None:
        """What the chip says."""
        if kind == emulated.SAYS_CONSOLE:
            self._out += data
        elif kind == emulated.SAYS_NOTE:
            self.notes.append(data.decode())
        elif kind == emulated.SAYS_RESET:
            self.resets.append(data[0])
            self.has_reset = True

    def boot(self, limit_s: float = 3.0) -> None:
        """Power on, to the raw REPL's prompt. UserError: none came."""
        self.chip.power_on(0, UID)
        self.to_prompt(limit_s)

    def restart(self, limit_s: float = 3.0) -> None:
        """After a reset that the chip asked for: the same, with flash and scratch registers kept."""
        self.chip.restart(0, UID)
        self.to_prompt(limit_s)

    def to_prompt(self, limit_s: float) -> None:
        """From power-on to the raw REPL, whatever the board starts."""
        self._out.clear()
        self.has_reset = False
        self.run(_ENUMERATED_S)
        end = self.chip.now + limit_s * _SECOND_NS
        while b">>> " not in self._out and self.chip.now < end and not self.has_reset:
            self.send(b"\x03")  # an app that starts is interrupted; one that runs would reset the board
            self.run(0.01)
        self.send(b"\x01")
        self.until(b"raw REPL; CTRL-B to exit\r\n>", limit_s)

    def run(self, seconds: float) -> None:
        self.chip.run(self.chip.now, self.chip.now + seconds * _SECOND_NS)

    def send(self, data: bytes) -> None:
        self.chip.tell(emulated.CONSOLE, data)

    def until(self, wanted: bytes, limit_s: float) -> bytes:
        """What the board says up to and including `wanted`. UserError: it did not come, or the chip reset."""
        end = self.chip.now + limit_s * _SECOND_NS
        while wanted not in self._out:
            if self.chip.now >= end or self.has_reset:
                heard = bytes(self._out[-300:]).decode(errors="replace")
                why = "reset" if self.has_reset else f"was silent for {limit_s:g} s of its time"
                raise UserError(f"the emulated board {why}; {'; '.join(self.notes) or 'it last said'}: {heard!r}")
            self.chip.run(self.chip.now, self.chip.now + _STEP_NS)
        at = self._out.index(wanted) + len(wanted)
        said = bytes(self._out[:at])
        del self._out[:at]
        return said

    def execute(self, code: str, limit_s: float = 30.0) -> str:
        """What the code prints. UserError: it raised, or did not end."""
        self.start(code)
        return self.finish(limit_s)

    def start(self, code: str) -> None:
        """Let the board run code; finish() waits for its end."""
        data = code.encode()
        for at in range(0, len(data), _PART_BYTES):
            self.send(data[at : at + _PART_BYTES])
            self.run(0.005)
        self.send(b"\x04")
        self.until(b"OK", 5.0)

    def finish(self, limit_s: float) -> str:
        """As execute()."""
        printed = self.until(b"\x04", limit_s)[:-1].decode(errors="replace")
        raised = self.until(b"\x04", 1.0)[:-1].decode(errors="replace")
        self.until(b">", 1.0)
        if raised:
            raise UserError(f"on the emulated board: {printed}{raised}".strip())
        return printed
