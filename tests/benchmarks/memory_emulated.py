"""Heap, flash and boot time of each board on the emulated RP2040, its chips wired to it: the part of memory.py.

Needs `make toolchain` and the emulator of `make setup`. The image is the role's of `make toolchain`; a slot holds
flight code of this checkout, all of it or, as an overlay, the modules that SLOTS names. Heap in bytes after a
collection, all of it but what the measuring script takes.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from dragonet import paths, toolchain
from dragonet.deploy import goldens
from dragonet.deploy import image as slot_image
from dragonet.emulator import flash
from dragonet.emulator.repl import STOP_WATCHDOG, UID, Repl
from dragonet.emulator.wires import Wires
from dragonet.errors import UserError
from dragonet.flatsat.devices import records
from dragonet.flatsat.devices.world import CHANNELS

_ALL_PINS = (1 << 30) - 1
_SLOT_A = 0xC0000  # in flash: boards/rp2/flash_map.py
_FRAME_US = 260
_FRAMES_S = 60.0
_BOOT_LIMIT_S = 20.0
_SCRIPT_LIMIT_S = 120.0
_CONFIG = {"callsign": "N0CALL", "satellite": "BENCH", "frequency_hz": 437_375_000, "tx_power_dbm": 2}


# What a slot brings: packages, or one module; the rest is golden. None: everything, golden or not.
SLOTS: dict[str, tuple[str, ...] | None] = {
    "app.py": ("{role}/app",),
    "role": ("{role}/",),
    "csp/connection.py": ("csp/connection",),
    "core, role": ("core/", "{role}/"),
    "whole": None,
}

# Drops what main.py made before it was interrupted; what remains is MicroPython's, the guard's and the file system's.
_EMPTY = """
import gc, sys
for name in list(sys.modules):
    if name.split(".")[0] in ("core", "csp", "drivers", "eps", "beacon", "sensor", "parts", "pins", "main"):
        del sys.modules[name]
for name in ("parts", "pins", "start", "board", "error"):
    globals().pop(name, None)
gc.collect()
print(gc.mem_alloc())
"""


class Board:
    """An emulated board with its chips and a bus that takes every frame."""

    def __init__(self, role: str, folder: Path, slot: bytes = b"", files: dict[str, bytes] | None = None) -> None:
        """files: more of them, by path."""
        path = folder / "flash.bin"
        kept = {"config.json": json.dumps(_CONFIG).encode()} | (files or {})
        flash.prepare(path, toolchain.image(role), kept, flash.DRAGONET_FILES)
        content = bytearray(path.read_bytes())
        content[_SLOT_A : _SLOT_A + len(slot)] = slot
        path.write_bytes(content)
        self.first_frame_us: int | None = None
        self.repl = Repl(path, self._asked)
        self.wires = Wires(role, [0.0] * len(CHANNELS[role]), 1, folder, self.repl.chip.tell, self._record)
        self.repl.chip.power_on(_ALL_PINS, UID)

    def _asked(self, at: float, kind: int, data: bytes) -> bytes:
        self.wires.kernel.pass_to(int(at / 1000))
        return self.wires.ask(kind, data)

    def _record(self, time_us: int, kind: int, data: bytes) -> None:
        if kind == records.CAN_SEND:
            if self.first_frame_us is None:
                self.first_frame_us = time_us
            sent = bytes((data[0], data[1], 1))
            self.wires.at(time_us + _FRAME_US, lambda: self.wires.deliver(0, records.CAN_SENT, sent))


def boot_ms(role: str) -> int:
    """From power-on to the first frame on the bus, the golden app. UserError: none came."""
    with tempfile.TemporaryDirectory(prefix="dragonet-bench-") as name:
        board = Board(role, Path(name))
        try:
            while board.first_frame_us is None:
                if board.repl.chip.now > _BOOT_LIMIT_S * 1e9:
                    raise UserError(f"{role}: no frame on the bus within {_BOOT_LIMIT_S:g} s of power-on")
                board.repl.run(0.01)
            return board.first_frame_us // 1000
        finally:
            board.repl.chip.close()


def frames_bytes(role: str) -> tuple[int, int]:
    """The most that frames of functions ever took in a minute from power-on, the golden app, and their room."""
    found = re.search(r"\.bss\.frames\s+0x(\w+)\s+0x(\w+)", toolchain.image(role, "map").read_text())
    if found is None:
        raise UserError(f"{role}: its image has no stack for frames (boards/rp2/frames.c): run 'make toolchain'")
    address, room = (int(value, 16) for value in found.groups())
    with tempfile.TemporaryDirectory(prefix="dragonet-bench-") as name:
        board = Board(role, Path(name))
        try:
            board.repl.run(_FRAMES_S)
            return len(board.repl.chip.memory(address, room).rstrip(b"\0")), room
        finally:
            board.repl.chip.close()


def slot(role: str, brings: tuple[str, ...] | None) -> slot_image.Image:
    """An image in which just these packages or modules are taken to differ from the golden app."""
    if brings is None:
        return slot_image.build(role, "rp2")
    begins = tuple(one.format(role=role) for one in brings)
    modules = goldens.checkout(role).modules
    same = {
        name: digest for name, digest in modules.items() if name.endswith("__init__.py") or not name.startswith(begins)
    }
    return slot_image.build(role, "rp2", stands_on=goldens.Golden(role, same))


def heap(role: str, slot: slot_image.Image | None = None) -> dict[str, Any]:
    """What memory_rp2.py prints, of the golden app or of a slot's image."""
    with tempfile.TemporaryDirectory(prefix="dragonet-bench-") as name:
        board = Board(role, Path(name), slot.data if slot is not None else b"")
        try:
            board.repl.to_prompt(5.0)
            empty = int(board.repl.execute(STOP_WATCHDOG + _EMPTY))
            script = (paths.REPO / "tests" / "benchmarks" / "memory_rp2.py").read_text()
            settings = f"SLOT = {slot is not None}\nOVERLAY = {slot is not None and not slot.whole}\n"
            said = board.repl.execute(f"{STOP_WATCHDOG}{settings}{script}", _SCRIPT_LIMIT_S)
        finally:
            board.repl.chip.close()
    found = json.loads(said.splitlines()[-1])
    taken = found["empty"] - empty  # by the script
    return found | {"empty": empty, "after boot": found["after boot"] - taken, "free": found["free"] + taken}


def measured(role: str) -> dict[str, Any]:
    """Figures of one board. UserError: the image or the emulator is missing."""
    slots = {name: slot(role, brings) for name, brings in SLOTS.items()}
    return {
        "image_bytes": toolchain.image(role, "bin").stat().st_size,
        "slot_bytes": {name: len(one.data) for name, one in slots.items()},
        "boot_ms": boot_ms(role),
        "frames_bytes": frames_bytes(role)[0],
        "golden": heap(role),
        "slots": {name: heap(role, one) for name, one in slots.items()},
    }
