"""One emulated board of a flight: the real image on an emulated RP2040, on the same hub as the virtual boards.

It takes turns as a virtual board does. The chip runs to the end of its grant, or to the next moment at which one of
the chip models on its wires does something; what it asks of them meanwhile is answered at the time it asked.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from dragonet import toolchain
from dragonet.emulator import chip as emulated
from dragonet.emulator import flash
from dragonet.emulator.wires import Wires
from dragonet.flatsat.clocks import Clock
from dragonet.flatsat.devices import records
from dragonet.flatsat.hub import NEVER_US, Hub
from dragonet.flatsat.virtual_board import PWRON_RESET, WDT_RESET, VirtualBoard

_ALL_PINS = (1 << 30) - 1
_HARD_RESET = 2
_US = 1000.0  # ns


class EmulatedBoard(VirtualBoard):
    """As VirtualBoard. image: what is flashed before the first flight, default the role's of 'make toolchain'."""

    def __init__(
        self,
        hub: Hub,
        role: str,
        folder: Path,
        seed: int,
        clock: Clock,
        config: dict[str, Any],
        image: Path | None = None,
    ) -> None:
        super().__init__(hub, role, folder, seed, clock, config)
        emulated.node()
        self._image = image or toolchain.image(role)
        self._chip: emulated.Chip | None = None
        self._wires: Wires | None = None
        self._told: list[tuple[int, int, bytes]] = []
        self._end_us = 0
        self._pending = False  # something was told to the chip that it has not taken yet
        self.notes: list[str] = []

    # --- power and reset ---

    def power_on(self, cause: int = PWRON_RESET) -> None:
        """Start at once: the chip takes its own time to boot."""
        if self.powered and cause == PWRON_RESET:
            return
        self.powered = True
        self._life += 1
        life = self._life
        self.resets[cause] = self.resets.get(cause, 0) + 1
        self.clock.power_on(self.hub.now_us)
        self.hub.at(self.hub.now_us, lambda: self._start(life, cause, 0))

    def _start(self, life: int, cause: int, boot_us: int) -> None:
        if life != self._life:
            return
        self.boots += 1
        self._told.clear()
        self._local_now = 0
        if self._chip is None:
            self._chip = self._make_chip()
            cause = PWRON_RESET
        chip = self._chip
        chip.on_say = lambda at, kind, data: None
        self._wires = Wires(self.role, self.world, self._seed, self.folder, self._tell, self._record)
        chip.on_say, chip.on_ask = self._said, self._asked
        self._end_us = 0
        if cause == WDT_RESET:
            chip.restart(_ALL_PINS, self._uid)
        else:
            chip.power_on(_ALL_PINS, self._uid)
        self._pending = False
        self.wake_us = self.hub.now_us

    def _make_chip(self) -> emulated.Chip:
        path = self.folder / "flash.bin"
        if not path.exists():
            files = {"config.json": json.dumps(self._config).encode()}
            files.update({name.lstrip("/"): data for name, data in self.files.items()})
            flash.prepare(path, self._image, files, flash.DRAGONET_FILES)
        chip = emulated.Chip(path)
        self.pid = chip.pid
        self.implementation = {"name": "micropython", "machine": "emulated RP2040", "image": str(self._image)}
        return chip

    def _end(self) -> None:
        """The processor stops where it stands; the chips on its wires lose their power with it."""
        if self._wires is not None:
            self._wires = None
            for function in self.on_off:
                function()
        self.wake_us = NEVER_US

    def power_off(self) -> None:
        super().power_off()
        if self._chip is not None:
            self._chip.close()
            self._chip = None

    @property
    def running(self) -> bool:
        return self._wires is not None

    # --- time ---

    def grant(self, now_us: int, horizon_us: int) -> None:
        wires, chip = self._wires, self._chip
        if wires is None or chip is None:
            self.wake_us = NEVER_US
            return
        life = self._life
        time = wires.kernel
        local = max(self.clock.local(now_us), time.now)
        end = self.clock.local(horizon_us)
        time.limit = end
        time.pass_to(local)
        self._take_inbox()
        while life == self._life:
            until = min(time.limit, time.next())
            if self._pending or chip.wake < until * _US:
                self._end_us = until
                self._pending = False
                chip.run(time.now * _US, until * _US)
                if life != self._life:
                    return
                time.pass_to(max(time.now, int(chip.now / _US)))
                if time.now < min(until, time.limit):
                    break  # it has asked for a reset
            else:
                time.pass_to(until)
            if time.now >= time.limit:
                break
        wake = time.next()
        if chip.wake <= chip.now:
            wake = time.now
        elif chip.wake < math.inf:
            wake = min(wake, math.ceil(chip.wake / _US))
        if self._pending:
            wake = time.now
        self.wake_us = NEVER_US if wake >= NEVER_US else max(self.clock.hub(max(wake, time.now)), self.hub.now_us)
        if end <= local and self.wake_us <= now_us:  # a slow clock showed no microsecond of this grant: in the next one
            self.wake_us = now_us + 1

    def post(self, time_us: int, kind: int, data: bytes, *, wake: bool = True) -> None:
        if self._wires is None:
            return
        self._told.append((max(self.clock.local(time_us), 0), kind, data))
        if wake and time_us < self.wake_us:
            self.wake_us = max(time_us, self.hub.now_us)

    def halt(self) -> None:
        """The processor stops where it stands, as a debugger halts it; its watchdog runs on."""
        if self._wires is not None:
            self._tell(emulated.HALT, b"")
            self.wake_us = self.hub.now_us

    def post_world(self) -> None:
        if self._wires is not None:
            self._wires.set_world(self.world)

    def _take_inbox(self) -> None:
        wires = self._wires
        assert wires is not None
        told, self._told = self._told, []
        for time_us, kind, data in told:
            if kind == records.UART_RECEIVED:
                self._tell(emulated.UART, bytes((wires.uart_number,)) + data[1:])
            else:
                wires.deliver(time_us, kind, data)

    def _tell(self, kind: int, data: bytes) -> None:
        assert self._chip is not None
        self._chip.tell(kind, data)
        self._pending = True

    # --- what the chip says and asks ---

    def _asked(self, at: float, kind: int, data: bytes) -> bytes:
        wires, chip = self._wires, self._chip
        if wires is None or chip is None:
            return b"\xff"
        time = wires.kernel
        time.pass_to(int(at / _US))
        answer = wires.ask(kind, data)
        chip.until = max(min(time.limit, time.next(), self._end_us) * _US, at)
        self._pending = False  # it goes with the answer
        return answer

    def _record(self, time_us: int, kind: int, data: bytes) -> None:
        """A chip model speaks to the hub."""
        wires = self._wires
        if wires is not None and kind in (records.PIN, records.CAN_CANCEL, records.CAN_FILTERS, records.CAN_MODE):
            wires.kernel.stop_at(time_us)
        handler = self.handlers.get(kind)
        if handler is not None:
            handler(self.clock.hub(time_us), data)

    def _said(self, at: float, kind: int, data: bytes) -> None:
        if kind == emulated.SAYS_CONSOLE:
            with open(self.folder / "console.log", "ab") as console:
                console.write(data)
        elif kind == emulated.SAYS_NOTE:
            self.notes.append(data.decode())
            self.on_event(data.decode())
        elif kind == emulated.SAYS_RESET:
            cause = WDT_RESET if data[0] == emulated.BY_WATCHDOG else _HARD_RESET
            self.on_event("watchdog bite" if cause == WDT_RESET else "reset by its program")
            self.reset(WDT_RESET)  # the RP2040 resets itself by its watchdog in both cases
