"""A PNG of palette pixels (ISO/IEC 15948: signature, IHDR, PLTE, IDAT, IEND), for pictures inside an HTML page."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

# dark blue to yellow, even steps of lightness, readable without colour vision
_STOPS = ((12, 10, 40), (40, 40, 110), (52, 94, 141), (33, 145, 140), (94, 201, 98), (253, 231, 37))


def palette() -> bytes:
    """256 colours, red green blue, between _STOPS."""
    at = np.linspace(0, len(_STOPS) - 1, 256)
    stops = np.array(_STOPS, dtype=float)
    return (
        np.stack([np.interp(at, np.arange(len(_STOPS)), stops[:, k]) for k in range(3)], 1).astype(np.uint8).tobytes()
    )


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of `pixels` (height, width), each an index into palette()."""
    height, width = pixels.shape
    rows = np.hstack((np.zeros((height, 1), np.uint8), pixels)).tobytes()  # filter 0 before each row
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", palette()), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """The PNG as an address that needs no file."""
    return "data:image/png;base64," + base64.b64encode(encode(pixels)).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
