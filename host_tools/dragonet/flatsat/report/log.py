"""What a flight left in its folder, read for the report: telemetry.csv thinned to what a page shows, summary, ships."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dragonet.errors import UserError
from dragonet.flatsat import scenario
from dragonet.flatsat.scenario_sections import Station

POINTS = 1200  # rows kept: more than a screen has columns


@dataclass
class Log:
    """Columns of telemetry.csv as lists of equal length, NaN where there was no value; and the JSON files."""

    folder: Path
    columns: dict[str, list[float]]
    modes: list[tuple[float, int]]  # (t_s, mode) at each change
    summary: dict[str, Any]
    ships: list[dict[str, Any]]
    stations: list[Station] = field(default_factory=list)

    @property
    def t_s(self) -> list[float]:
        """Mission time of each row."""
        return self.columns["t_s"]

    @property
    def end_s(self) -> float:
        """Length of the flight."""
        return float(self.summary.get("flown_s") or (self.t_s[-1] if self.t_s else 0.0))

    def column(self, name: str, scale: float = 1.0) -> list[float] | None:
        """A column, or None when the flight has none, or nothing in it."""
        values = self.columns.get(name)
        if values is None or all(math.isnan(value) for value in values):
            return None
        return [value * scale for value in values]

    def spans(self, name: str, test: Any) -> list[tuple[float, float]]:
        """Times during which test(value) holds."""
        found: list[tuple[float, float]] = []
        since: float | None = None
        t = self.t_s
        for when, value in zip(t, self.columns.get(name, []), strict=False):
            if test(value):
                since = when if since is None else since
            elif since is not None:
                found.append((since, when))
                since = None
        if since is not None:
            found.append((since, t[-1]))
        return found


def read(folder: Path) -> Log:
    """The flight in `folder`. UserError: a file is missing or is not what a flight writes."""
    summary = _json(folder / "summary.json", dict)
    ships = _json(folder / "ships.json", list)
    columns, modes = _telemetry(folder / "telemetry.csv")
    return Log(folder, columns, modes, summary, [one for one in ships if isinstance(one, dict)], _stations(summary))


def _json(path: Path, kind: type) -> Any:
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path} is missing: name a folder that a finished flight left") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as JSON ({error}): fly again") from None
    if not isinstance(value, kind):
        raise UserError(f"{path}: not what a flight writes: fly again")
    return value


def _telemetry(path: Path) -> tuple[dict[str, list[float]], list[tuple[float, int]]]:
    try:
        with path.open(newline="") as file:
            reader = csv.reader(file)
            names = next(reader, [])
            if "t_s" not in names:
                raise UserError(f"{path}: has no column t_s: not a flight's telemetry")
            rows = [row for row in reader if len(row) == len(names)]
    except FileNotFoundError:
        raise UserError(f"{path} is missing: name a folder that a finished flight left") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not readable as CSV ({error}): fly again") from None
    kept = rows[:: max(1, -(-len(rows) // POINTS))]
    columns = {name: [_number(row[k]) for row in kept] for k, name in enumerate(names) if name not in ("utc", "source")}
    modes: list[tuple[float, int]] = []
    if "eps.mode" in names:
        at, mode = names.index("t_s"), names.index("eps.mode")
        for row in rows:
            value = _number(row[mode])
            if not math.isnan(value) and (not modes or modes[-1][1] != int(value)):
                modes.append((_number(row[at]), int(value)))
    return columns, modes


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _stations(summary: dict[str, Any]) -> list[Station]:
    try:
        if isinstance(summary.get("stations"), list):
            return [Station(**one) for one in summary["stations"]]
        return list(scenario.load(str(summary.get("scenario", ""))).stations)
    except (UserError, TypeError):  # its file is gone, or changed since
        return []
