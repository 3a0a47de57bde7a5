"""What the checks of a bench found: named measurements with limits and units, curves, and how each check ended.

results.json is `Results.record()`; the report is made of nothing else.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dragonet.errors import UserError

PASSED, FAILED, NOT_POSSIBLE = "passed", "failed", "not possible"
OUTCOMES = (PASSED, FAILED, NOT_POSSIBLE)
_FORMAT = 1  # of results.json


@dataclass(frozen=True)
class Measurement:
    """value, low, high: in `unit`; low or high None = no limit there. board: role, or "" for the bench."""

    name: str
    value: float | str | None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    board: str = ""
    wanted: str | None = None  # for a text: what it must be

    @property
    def good(self) -> bool:
        """Within its limits. What was not measured is not good; a text must be the one that is wanted."""
        if isinstance(self.value, str):
            return self.wanted is None or self.value == self.wanted
        if self.value is None or math.isnan(self.value):
            return False
        return (self.low is None or self.value >= self.low) and (self.high is None or self.value <= self.high)

    @property
    def limits(self) -> str:
        """The limits in words."""
        if self.wanted is not None:
            return self.wanted
        if self.low is not None and self.high is not None:
            return f"{self.low:.6g}" if self.low == self.high else f"{self.low:.6g} to {self.high:.6g}"
        if self.low is not None:
            return f"at least {self.low:.6g}"
        return f"at most {self.high:.6g}" if self.high is not None else ""

    @property
    def shown(self) -> str:
        """The value in words, without its unit."""
        return "-" if self.value is None else self.value if isinstance(self.value, str) else f"{self.value:.6g}"

    def __str__(self) -> str:
        what = f"{self.board}: {self.name}" if self.board else self.name
        limits = f" ({self.limits}{_unit(self.unit)})" if self.limits else ""
        return f"{what} = {self.shown}{_unit(self.unit)}{limits}"

    def record(self) -> dict[str, Any]:
        return {**asdict(self), "good": self.good}


@dataclass
class Curve:
    """A plot of a check: values in `unit` at t_s, seconds of the bench's clock. marks: (t_s, text)."""

    title: str
    unit: str
    t_s: list[float]
    lines: dict[str, list[float | None]]
    marks: list[tuple[float, str]] = field(default_factory=list)


@dataclass
class Check:
    """One check. outcome: of OUTCOMES, "" while it runs. why: of a failure, or why it is not possible here.

    pictures: (caption, address of an image as data:). notes: what a reader should know.
    """

    name: str
    doc: str = ""
    outcome: str = ""
    why: str = ""
    bench_s: float = 0.0
    wall_s: float = 0.0
    measurements: list[Measurement] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    pictures: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def measure(
        self, name: str, value: float | str | bool | None, unit: str = "", low: float | None = None,
        high: float | None = None, board: str = "", wanted: str | None = None,
    ) -> Measurement:  # fmt: skip
        """Record one; the check goes on, and fails at its end when one is not good."""
        plain = int(value) if isinstance(value, bool) else value
        made = Measurement(name, plain, unit, low, high, board, wanted)
        self.measurements.append(made)
        return made

    @property
    def bad(self) -> list[Measurement]:
        return [one for one in self.measurements if not one.good]

    def record(self) -> dict[str, Any]:
        found = {name: value for name, value in vars(self).items() if name not in ("measurements", "curves")}
        measurements = [one.record() for one in self.measurements]
        pictures = [list(one) for one in self.pictures]
        curves = [{**asdict(one), "marks": [list(mark) for mark in one.marks]} for one in self.curves]
        return {**found, "measurements": measurements, "curves": curves, "pictures": pictures}


class Results:
    """Of one run. about: bench, versions, seeds, time. boards: role -> its identity and state."""

    def __init__(self, about: dict[str, Any]) -> None:
        self.about = about
        self.boards: dict[str, dict[str, Any]] = {}
        self.checks: list[Check] = []

    def check(self, name: str, doc: str = "") -> Check:
        self.checks.append(Check(name, doc))
        return self.checks[-1]

    @property
    def counts(self) -> dict[str, int]:
        """Checks by outcome."""
        return {outcome: sum(one.outcome == outcome for one in self.checks) for outcome in OUTCOMES}

    def record(self) -> dict[str, Any]:
        return {
            "format": _FORMAT, "about": self.about, "counts": self.counts, "boards": self.boards,
            "checks": [one.record() for one in self.checks],
        }  # fmt: skip

    def save(self, path: Path) -> None:
        """The file appears when it is complete. UserError: it cannot be written."""
        part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(self.record(), indent=1) + "\n")
            os.replace(part, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise UserError(f"{path}: cannot be written: {error.strerror}") from None


def place(folder: Path) -> None:
    """Makes the folder of what is measured, before it is. UserError: nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"{folder}: cannot write there: {error.strerror}; name another folder by --out") from None


def load(path: Path) -> Results:
    """What save() wrote. UserError: it is missing, or no such file."""
    try:
        found = json.loads(path.read_text())
        if found["format"] != _FORMAT:
            raise ValueError
        made = Results(found["about"])
        made.boards = found["boards"]
        for one in found["checks"]:
            measurements = [
                Measurement(**{key: value for key, value in each.items() if key != "good"})
                for each in one.pop("measurements")
            ]
            curves = [Curve(**{**each, "marks": [tuple(mark) for mark in each["marks"]]}) for each in one.pop("curves")]
            one["pictures"] = [tuple(each) for each in one["pictures"]]
            made.checks.append(Check(**one, measurements=measurements, curves=curves))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; 'dragonet bench check' writes it") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: no results of 'dragonet bench check' of this version: run it again") from None
    return made


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""
