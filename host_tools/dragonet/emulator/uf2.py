"""UF2 and plain binaries into the bytes of a flash (UF2 specification, github.com/microsoft/uf2)."""

from __future__ import annotations

import struct
from pathlib import Path

from dragonet.errors import UserError

FLASH_BYTES = 2 << 20  # of the Pico's W25Q16JV
FLASH_BASE = 0x1000_0000
_BLOCK = struct.Struct("<8I476sI")
_MAGIC = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
_NOT_MAIN_FLASH = 0x0000_0001
_HAS_FAMILY = 0x0000_2000
_RP2040 = 0xE48BFF56


def load(path: Path) -> list[tuple[int, bytes]]:
    """(offset in flash, bytes) of an image: .uf2, or a .bin that begins at the start of the flash."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; 'make toolchain' builds the images") from None
    if data[:4] != _MAGIC[0].to_bytes(4, "little"):
        if path.suffix != ".bin":
            raise UserError(f"{path}: no UF2 file (its first bytes are not UF2's), and not named .bin")
        _check(path, 0, data)
        return [(0, data)]
    if len(data) % _BLOCK.size:
        raise UserError(f"{path}: cut short: {len(data)} bytes are no whole number of UF2's blocks of {_BLOCK.size}")
    parts: list[tuple[int, bytes]] = []
    for at in range(0, len(data), _BLOCK.size):
        begin, second, flags, address, size, _, _, family, payload, end = _BLOCK.unpack_from(data, at)
        if (begin, second, end) != _MAGIC or size > 476:
            raise UserError(f"{path}: damaged UF2 block at byte {at}")
        if flags & _NOT_MAIN_FLASH:
            continue
        if flags & _HAS_FAMILY and family != _RP2040:
            raise UserError(f"{path}: UF2 of family 0x{family:08x}; the RP2040's is 0x{_RP2040:08x}")
        _check(path, address - FLASH_BASE, payload[:size])
        parts.append((address - FLASH_BASE, payload[:size]))
    return parts


def _check(path: Path, offset: int, data: bytes) -> None:
    if offset < 0 or offset + len(data) > FLASH_BYTES:
        raise UserError(f"{path}: 0x{FLASH_BASE + offset:08x} is outside the flash of {FLASH_BYTES >> 20} MB")


def write(parts: list[tuple[int, bytes]], flash: bytearray) -> None:
    """Put an image into a flash's bytes as a programmer does: whole sectors, the rest of each erased."""
    sectors = {offset // 4096 for begin, data in parts for offset in range(begin, begin + len(data), 256)}
    for sector in sectors:
        flash[sector * 4096 : (sector + 1) * 4096] = b"\xff" * 4096
    for offset, data in parts:
        flash[offset : offset + len(data)] = data
