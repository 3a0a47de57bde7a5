"""Watching a bus: packets decoded as they come, frames into a capture file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import can

from dragonet import paths
from dragonet.errors import UserError
from dragonet.flatsat.canbus import Frame
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR
from dragonet.flatsat.pcapng import Capture
from dragonet.ground.bus_decode import describe
from dragonet.ground.bus_packets import BusPackets
from dragonet.ground.via import Link, is_data

paths.use_firmware()

from core import hk_table  # noqa: E402

_LOOK_S = 0.5  # how long one wait for a frame takes at most
_SHOWN = 6  # values of housekeeping in a line
_COMMON = {field[0] for field in hk_table.COMMON}  # no news here


def frames(link: Link, seconds: float | None) -> Iterator[can.Message]:
    """Frames as they come, for so long."""
    until = None if seconds is None else time.monotonic() + seconds
    while True:
        left_s = _LOOK_S if until is None else min(_LOOK_S, until - time.monotonic())
        if left_s <= 0:
            return
        message = link.receive(left_s)
        if message is not None and not message.is_error_frame and not message.is_fd:
            yield message


def packets(link: Link, version: int, seconds: float | None, count: int | None) -> Iterator[dict[str, Any]]:
    """Records of bus_decode.describe, with the time of the last frame as the interface stamped it."""
    whole: list[dict[str, Any]] = []

    def take(time_us: int, one: Any, data: bytes) -> None:
        whole.append(describe(one, data, version))

    reader = BusPackets(take, version, admit_no_crc=True)
    seen = 0
    for message in frames(link, seconds):
        if is_data(message):
            reader.frame(round(time.monotonic() * 1e6), message.arbitration_id, bytes(message.data))
        for one in whole:
            yield {"time": utc(message.timestamp), **one}
            seen += 1
            if seen == count:
                return
        whole.clear()


def record(link: Link, path: Path, seconds: float | None, count: int | None) -> Iterator[int]:
    """Write frames to a pcapng file; yields how many there are after each."""
    try:
        capture = Capture(path, [link.text], 0)
    except OSError as error:
        raise UserError(f"{path}: cannot write: {error.strerror}") from None
    try:
        for message in frames(link, seconds):
            flags = (FLAG_EXT_ID if message.is_extended_id else 0) | (FLAG_RTR if message.is_remote_frame else 0)
            data = bytes(message.dlc) if message.is_remote_frame else bytes(message.data)
            capture.frame(0, round(message.timestamp * 1e6), Frame(message.arbitration_id, flags, data))
            yield capture.frames
            if capture.frames == count:
                return
    finally:
        capture.close()


def utc(timestamp: float) -> str:
    """ISO 8601 of Unix time."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(one: dict[str, Any]) -> str:
    """A packet in one line: time, from, to, what, length, values."""
    ends = f"{one['src_name']}:{one['sport']} > {one['dst_name']}:{one['dport']}"
    text = f"{one['time'][11:-1]}  {ends:<22} {one['what']:<16} {one['length']:3d} bytes"
    values = one.get("values")
    if values is not None:
        own = list(values) if len(values) <= _SHOWN else [name for name in values if name not in _COMMON]
        text += "  " + " ".join(f"{name}={_short(values[name])}" for name in own[:_SHOWN])
        if len(own) > _SHOWN:
            text += f" ... ({len(values)} values)"
    elif one["length"]:
        text += f"  {one['data'][:32]}{'...' if len(one['data']) > 32 else ''}"
    return text


def _short(value: object) -> str:
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
