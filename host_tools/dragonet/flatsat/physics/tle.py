"""Two-line element sets read strictly, after the CelesTrak format description (columns from 1):

line 1: 1 line number, 3-7 catalogue number, 19-32 epoch, 34-43 n dot / 2, 45-52 n ddot / 6, 54-61 B*, 69 checksum
line 2: 1 line number, 3-7 catalogue number, 9-16 inclination, 18-25 RAAN, 27-33 eccentricity,
        35-42 argument of perigee, 44-51 mean anomaly, 53-63 revolutions a day, 64-68 revolution, 69 checksum
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dragonet.errors import UserError

_LARGEST = 4_000_000  # bytes: the whole public catalogue is below this
_REMEDY = "save the element set again from its source"
_NUMBER = r"[ +-]?\d*\.\d+ *"
_EXPONENT = r"[ +-]\d{5}[ +-]\d"
# name, first and last column, form
_LINE_1 = (
    ("catalogue number", 3, 7, r"[ \dA-Z][ \d]{4}"), ("epoch", 19, 32, r"[ \d]{5}\.\d{8}"),
    ("first derivative", 34, 43, _NUMBER),
    ("second derivative", 45, 52, _EXPONENT), ("B*", 54, 61, _EXPONENT),
)  # fmt: skip
_LINE_2 = (
    ("catalogue number", 3, 7, r"[ \dA-Z][ \d]{4}"), ("inclination", 9, 16, r"[ \d]{3}\.\d{4}"),
    ("RAAN", 18, 25, r"[ \d]{3}\.\d{4}"),
    ("eccentricity", 27, 33, r"\d{7}"), ("argument of perigee", 35, 42, r"[ \d]{3}\.\d{4}"),
    ("mean anomaly", 44, 51, r"[ \d]{3}\.\d{4}"), ("revolutions a day", 53, 63, r"[ \d]{2}\.\d{8}"),
)  # fmt: skip


@dataclass(frozen=True)
class Tle:
    """One element set: its two lines as written, the name above them or '', and the epoch, UTC."""

    name: str
    line1: str
    line2: str
    epoch: datetime


def checksum(line: str) -> int:
    """Digits add themselves, a minus adds one; over the first 68 columns, modulo 10."""
    return sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10


def read(path: Path, satellite: str = "") -> Tle:
    """The set of `satellite` (name or catalogue number; empty: the first). UserError: file, line, what, remedy."""
    sets = _parse(_text(path), path)
    if not satellite:
        return sets[0]
    for one in sets:
        if satellite.upper() == one.name.upper() or satellite == one.line1[2:7].strip():
            return one
    raise UserError(
        f"{path}: no element set of {satellite!r} among its {len(sets)}: choose one of {', '.join(_known(sets))}"
    )


def _known(sets: list[Tle]) -> list[str]:
    return [one.name or one.line1[2:7].strip() for one in sets[:8]] + ["..."] * (len(sets) > 8)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path}: larger than {_LARGEST} bytes: not a TLE file")
        return path.read_bytes().decode("ascii")
    except FileNotFoundError:
        raise UserError(f"{path}: no such TLE file") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path}: line {line}: not ASCII text: a TLE file is plain text; {_REMEDY}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _parse(text: str, path: Path) -> list[Tle]:
    sets: list[Tle] = []
    name, first, first_at = "", "", 0
    for at, raw in enumerate(text.splitlines(), 1):
        line = raw.rstrip()
        if not line or line.startswith("#"):
            continue
        if first:
            _check(line, "2", _LINE_2, path, at)
            if line[2:7] != first[2:7]:
                raise UserError(
                    f"{path}: line {at}: catalogue number {line[2:7]} but {first[2:7]} in line {first_at}: sets mixed;"
                    f" {_REMEDY}"
                )
            sets.append(Tle(name, first, line, _epoch(first, path, first_at)))
            name, first = "", ""
        elif re.match(r"1 [ \dA-Z][ \d]{4}", line):
            _check(line, "1", _LINE_1, path, at)
            first, first_at = line, at
        elif re.match(r"2 [ \dA-Z][ \d]{4}.{20}", line):
            raise UserError(f"{path}: line {at}: a second line without the first above it; {_REMEDY}")
        elif len(line) <= 26 and line.isprintable():
            name = line.removeprefix("0 ").strip()
        else:
            raise UserError(f"{path}: line {at}: neither a name nor line 1 of an element set; {_REMEDY}")
    if first:
        raise UserError(f"{path}: line {first_at}: line 2 of this element set is missing; {_REMEDY}")
    if not sets:
        raise UserError(f"{path}: no element set in it: line 1 of one starts with '1 ', line 2 with '2 '; {_REMEDY}")
    return sets


def _check(line: str, number: str, columns: tuple[tuple[str, int, int, str], ...], path: Path, at: int) -> None:
    where = f"{path}: line {at}"
    if not line.startswith(number + " "):
        raise UserError(f"{where}: starts with {line[:2]!r}, not '{number} ': line {number} is missing; {_REMEDY}")
    if len(line) != 69:
        raise UserError(f"{where}: {len(line)} characters, not 69; {_REMEDY}")
    for name, start, end, form in columns:
        if not re.fullmatch(form, line[start - 1 : end]):
            raise UserError(f"{where}: {name} in columns {start}-{end} reads {line[start - 1 : end]!r}; {_REMEDY}")
    if line[68] != str(checksum(line)):
        raise UserError(
            f"{where}: checksum {line[68]} but its characters give {checksum(line)}: it was altered; {_REMEDY}"
        )


def _epoch(line1: str, path: Path, at: int) -> datetime:
    year, days = int(line1[18:20].replace(" ", "0")), float(line1[20:32].replace(" ", "0"))
    if not 1.0 <= days < 367.0:
        raise UserError(f"{path}: line {at}: epoch's day of the year is {days}; {_REMEDY}")
    start = datetime(1900 + year if year >= 57 else 2000 + year, 1, 1, tzinfo=UTC)
    return start + timedelta(days=days - 1.0)
