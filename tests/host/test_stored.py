"""Stored housekeeping read from segments: what is torn or of another firmware is counted, never shown."""

from pathlib import Path

import pytest

from dragonet import paths
from dragonet.errors import UserError
from dragonet.ground import stored
from dragonet.ground.commander import dictionary
from dragonet.ground.files import Entry

paths.use_firmware()

from core.log import Log  # noqa: E402

EPS = dictionary("eps")
_2026_S = 840_000_000  # since 2000


def packet(uptime_s: int, table: int = EPS.hk.hash, seconds: int = 0) -> bytes:
    values = EPS.hk.values()
    values[EPS.hk.index("uptime_s")] = uptime_s
    values[EPS.hk.index("battery_v")] = 7765
    buffer = bytearray(EPS.hk.size)
    EPS.hk.pack_into(buffer, values)
    return table.to_bytes(4, "big") + seconds.to_bytes(4, "big") + bytes(buffer)


def segments(folder: Path) -> list[bytes]:
    """Forty packets, in segments of about ten, the 13th by another table."""
    log = Log(str(folder), 1000, 12)
    for sequence in range(40):
        log.begin(sequence)
        log.put(sequence, packet(60 * sequence, 1 if sequence == 13 else EPS.hk.hash, _2026_S if sequence > 4 else 0))
        log.end(sequence)
    return stored.read(folder)


def test_every_whole_packet_is_shown_in_units(tmp_path: Path) -> None:
    found = stored.rows(EPS, segments(tmp_path))
    assert [row.sequence for row in found.rows] == [k for k in range(40) if k != 13]
    assert (found.other, found.broken) == (1, 0)
    assert found.rows[5].values["uptime_s"] == 300 and found.rows[5].values["battery_v"] == 7.765
    assert found.rows[5].values["soc"] is None
    assert (found.rows[4].utc, found.rows[5].utc) == (None, "2026-08-14T05:20:00Z")
    assert [row.sequence for row in stored.newest(found, 3).rows] == [37, 38, 39]
    assert stored.newest(found, 0) == found


def test_a_torn_segment_loses_only_what_is_torn(tmp_path: Path) -> None:
    first, *others = segments(tmp_path)
    spoiled = bytearray(first)
    spoiled[20] ^= 1
    found = stored.rows(EPS, [bytes(spoiled[:-5]), *others])
    count = len(first) // (len(packet(0)) + 10)
    assert [row.sequence for row in found.rows][: count - 2] == list(range(1, count - 1))
    assert found.broken == 2 * (len(packet(0)) + 10) - 5


def test_only_segments_that_hold_what_is_wanted_are_fetched() -> None:
    names = [Entry(f"{first:08x}", 1) for first in (30, 0, 10, 20)]
    assert [int(one.name, 16) for one in stored.needed(names, 15)] == [10, 20, 30]
    assert [int(one.name, 16) for one in stored.needed(names, 20)] == [20, 30]
    assert [int(one.name, 16) for one in stored.needed(names[:1], 5)] == [30], "older ones are deleted"
    assert stored.needed([], 5) == []


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        stored.read(tmp_path / "nowhere")
