"""Housekeeping that a board kept on flash: a packet each minute, in the segments of its log.

Layouts: firmware/core/store.py (what an entry is) and log.py (how it stands in a segment).
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from dragonet import paths
from dragonet.errors import UserError
from dragonet.ground.board_time import text_of, utc_of
from dragonet.ground.files import FOLDERS, Entry, Files, Progress
from dragonet.ground.telemetry import in_unit

paths.use_firmware()

from core import log  # noqa: E402
from core.store import ENTRY_HEAD  # noqa: E402

LOG = 1  # of FOLDERS
_SEGMENT = re.compile("[0-9a-f]{8}")


class Row(NamedTuple):
    """sequence: counts the packets that the board ever kept. utc: ISO 8601 to the second, None when the board did not
    know it. values: in their units, None when not available."""

    sequence: int
    utc: str | None
    values: dict[str, float | int | None]


class Stored(NamedTuple):
    """other: packets of another table than this dictionary's. broken: bytes that are no whole entry."""

    rows: list[Row]
    other: int
    broken: int


def rows(dictionary: Any, segments: Iterable[bytes]) -> Stored:
    """The packets of segments, oldest first, each once."""
    table = dictionary.hk
    found: dict[int, Row] = {}
    other = broken = 0
    for data in segments:
        entries = log.unpack(data)
        broken += len(data) - sum(len(entry) + log.OVERHEAD for _, entry in entries)
        for sequence, entry in entries:
            if int.from_bytes(entry[:4], "big") != table.hash or len(entry) != ENTRY_HEAD + table.size:
                other += 1
                continue
            seconds = int.from_bytes(entry[4:ENTRY_HEAD], "big")
            raw = table.unpack(entry[ENTRY_HEAD:])
            found[sequence] = Row(sequence, text_of(utc_of(seconds)) if seconds else None, {
                field[0]: None if raw[field[0]] is None else in_unit(raw[field[0]], field[3]) for field in table.fields
            })  # fmt: skip
    return Stored([found[sequence] for sequence in sorted(found)], other, broken)


def newest(found: Stored, count: int) -> Stored:
    """The packets of the last `count` that the board kept; 0: all."""
    if not count or not found.rows:
        return found
    first = found.rows[-1].sequence + 1 - count
    return found._replace(rows=[row for row in found.rows if row.sequence >= first])


def needed(segments: list[Entry], since: int) -> list[Entry]:
    """Those segments that may hold entries from a sequence on. A segment is named by its first one."""
    ordered = sorted(segments, key=lambda one: one.name)
    last = next((k for k in reversed(range(len(ordered))) if int(ordered[k].name, 16) <= since), 0)
    return ordered[last:]


def fetch(files: Files, segments: list[Entry], folder: Path, progress: Progress = lambda done, total: None) -> None:
    """Segments as files in `folder`; what is there already is not fetched again. NotDone: the link broke off."""
    total = sum(one.size for one in segments)
    before = 0
    for one in segments:
        target = folder / one.name
        if not _same(files, one, target):
            files.get(f"{FOLDERS[LOG]}/{one.name}", target, lambda done, _, at=before: progress(at + done, total))
        before += one.size
        progress(before, total)


def _same(files: Files, one: Entry, target: Path) -> bool:
    if not target.is_file() or target.stat().st_size != one.size:
        return False
    size, digest = files.hash(f"{FOLDERS[LOG]}/{one.name}")
    return size == one.size and hashlib.sha256(target.read_bytes()).digest() == digest


def read(folder: Path) -> list[bytes]:
    """The segments in a folder. UserError: it cannot be read."""
    try:
        return [path.read_bytes() for path in sorted(folder.iterdir()) if _SEGMENT.fullmatch(path.name)]
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None


def units(dictionary: Any) -> dict[str, str]:
    """Of each value that has one."""
    return {field[0]: field[2] for field in dictionary.hk.fields if field[2]}


def write_csv(dictionary: Any, found: Stored, out: TextIO) -> None:
    """A line each packet; columns are named NAME [UNIT]; empty: not available, not known."""
    unit = units(dictionary)
    names = dictionary.hk.names
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["sequence", "utc", *(f"{name} [{unit[name]}]" if name in unit else name for name in names)])
    for row in found.rows:
        values = (row.values[name] for name in names)
        writer.writerow([row.sequence, row.utc or "", *("" if value is None else value for value in values)])
