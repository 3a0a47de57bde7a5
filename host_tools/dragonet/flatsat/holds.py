"""Boards that have been in orbit before the flight: the record of the holds in their FRAM (firmware/core/hold.py)."""

from __future__ import annotations

import struct
from pathlib import Path

from dragonet import paths
from dragonet.flatsat.devices import fram

paths.use_firmware()

from core import hold, layout, record  # noqa: E402


class _Memory:
    def __init__(self) -> None:
        self.cells = bytearray(fram.SIZE)

    def read_into(self, address: int, into: memoryview) -> None:
        into[:] = self.cells[address : address + len(into)]

    def write(self, address: int, data: bytes) -> None:
        self.cells[address : address + len(data)] = data


def write(folder: Path, powered_s: int) -> None:
    """Make a board's FRAM as it is after so many seconds with power since separation, and nothing else in it.

    folder: the board's, before its first start.
    """
    memory = _Memory()
    kept = record.Record(memory, layout.region("hold")[0], hold.SIZE)
    struct.pack_into(hold._LAYOUT, kept.data, 0, powered_s, 0)
    kept.save()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fram.bin").write_bytes(memory.cells)
