"""telemetry.csv: what the boards said of themselves on the bus, beside the truth.

One row for each housekeeping packet heard: its time, its source, and all columns with the newest values. Boards' values
are in the units of their tables (firmware/<role>/hk.py), truth in those of physics.spacecraft.TRUTH; empty = not
available.
"""

from __future__ import annotations

import csv
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dragonet import paths

paths.use_firmware()

from core import ports  # noqa: E402

Truth = Callable[[], dict[str, float]]
_TRUTH_DIGITS = 5


def tables() -> dict[str, Any]:
    """Each board's telemetry Set by role."""
    return {role: importlib.import_module(f"{role}.hk").HK for role in ports.BOARDS}


class Housekeeping:
    """Writes telemetry.csv as packets come. newest: role -> field -> value in units, None = not available."""

    def __init__(self, path: Path, utc: Callable[[float], str], truth: Truth) -> None:
        self._tables = tables()
        self._roles = {ports.ADDRESSES[role]: role for role in self._tables}
        self._utc = utc
        self._truth = truth
        self.newest: dict[str, dict[str, float | int | None]] = {role: {} for role in self._tables}
        self.rows = 0
        self.strange = 0  # housekeeping of unknown senders or of another length
        columns = ["t_s", "utc", "source"]
        columns += [f"{role}.{name}" for role, table in self._tables.items() for name in table.names]
        columns += [f"truth.{name}" for name in truth()]
        self._file = path.open("w", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(columns)

    def packet(self, time_us: int, src: int, data: bytes) -> None:
        """A packet to ports.HK."""
        role = self._roles.get(src)
        if role is None or len(data) != self._tables[role].size:
            self.strange += 1
            return
        table = self._tables[role]
        self.newest[role] = table.scaled(table.unpack(data))
        row: list[object] = [f"{time_us / 1e6:.6f}", self._utc(time_us / 1e6), role]
        for name, each in self._tables.items():
            values = self.newest[name]
            row += [_text(values.get(field)) for field in each.names]
        row += [_number(value) for value in self._truth().values()]
        self._writer.writerow(row)
        self.rows += 1

    def close(self) -> None:
        self._file.close()


def _text(value: float | int | None) -> str:
    if value is None:
        return ""
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    if abs(value) < 1e-3:
        return f"{round(value, _TRUTH_DIGITS):g}"
    return f"{value:.{_TRUTH_DIGITS}f}".rstrip("0").rstrip(".")
