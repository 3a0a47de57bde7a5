"""Flights that tests look at. Each is flown once a session, however many tests, files and workers ask for it."""

import csv
import fcntl
import functools
import hashlib
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dragonet import paths
from dragonet.flatsat import scenario
from unit import beacon_ear

FLYER = Path(__file__).with_name("flyer.py")
RF_S, DEPLOY_S = 45 * 60, 30 * 60  # CubeSat Design Specification: no RF, no deployable before
HK_S = 20  # firmware/core/board.py: period of housekeeping
AX25_HEADER = 16  # bytes: destination, source, control, PID
_LIMIT_S = 300  # wall time of one flight; what an emulated board flies takes ten times as long on a busy machine

# Flights that several files look at. The pass over Hoa Lac lasts from 2,842 to 3,417 s.
PASS = {"hours": 0.96, "seed": 1}
CRASH_S, DEAD_S = 2760, 2900
ORPHANED = {  # EPS and sensor: processes killed with -9, then, back by their watchdogs, dead for good
    "hours": 3225 / 3600,
    "seed": 21,
    "actions": [(CRASH_S + 0.3, "eps", "kill -9"), (CRASH_S + 0.3, "sensor", "kill -9"),
                (DEAD_S, "eps", "kill"), (DEAD_S, "sensor", "kill")],
}  # fmt: skip

# The beacon is an emulated RP2040. It begins in orbit: the holds are over, the antennas deployed. The first burst of
# AFSK1200 begins 45 s after the first transmission.
MIXED = {
    "scenario": (scenario.FOLDER / "nanodragon.toml").read_text() + '\n[can]\ncontroller = "mcp2515"\n',
    "hours": 54 / 3600,
    "seed": 7,
    "emulate": ["beacon"],
    "powered_s": 2800,
    "frames": True,
    "sound": True,
}


@dataclass(frozen=True)
class Sent:
    """One transmission: times in s of mission, and what it said as read by tests/unit/beacon_ear.py: a CW text, or the
    text of each frame of a burst."""

    start_s: float
    stop_s: float
    kind: str  # "cw" or "afsk"
    whole: bool
    texts: tuple[str, ...]  # empty when it was cut off


class Flown:
    """A flight that is over, by its files."""

    def __init__(self, out: Path) -> None:
        self.out = out

    @functools.cached_property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.out / "summary.json").read_text())

    @functools.cached_property
    def rows(self) -> list[dict[str, str]]:
        """telemetry.csv."""
        with (self.out / "telemetry.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    @functools.cached_property
    def sent(self) -> list[Sent]:
        """Every transmission of the flight; only of those that flyer.py flew."""
        return [_sent(one) for one in json.loads((self.out / "radio.json").read_text())]

    def texts(self, from_s: float = 0.0, to_s: float = 1e9, kind: str = "") -> list[str]:
        """What was sent whole and begun between two times."""
        return [
            text for one in self.sent for text in one.texts
            if from_s <= one.start_s < to_s and one.kind.startswith(kind)
        ]  # fmt: skip

    def said(self, role: str, field: str, from_s: float = 0.0, to_s: float = 1e9) -> list[str]:
        """A field of a board's own housekeeping packets, as telemetry.csv has it."""
        return [
            row[f"{role}.{field}"] for row in self.rows
            if row["source"] == role and from_s <= float(row["t_s"]) < to_s
        ]  # fmt: skip

    def events(self, source: str = "", text: str = "") -> list[float]:
        """Times in s of the events of this source that contain this text."""
        return [
            one["t_s"] for one in self.summary["events"]
            if source in one["source"] and text in one["event"]
        ]  # fmt: skip

    def console(self, role: str) -> str:
        return (self.out / "boards" / role / "console.log").read_text(errors="replace")


def _sent(one: dict[str, Any]) -> Sent:
    data = bytes.fromhex(one["data"])
    keyed = one["modulation"] == "OOK"
    texts: list[str] = []
    if one["whole"] and keyed:
        texts = [beacon_ear.morse(data).strip()]
    elif one["whole"]:
        texts = [frame[AX25_HEADER:].decode() for frame in beacon_ear.good_frames(beacon_ear.afsk_levels(data))]
    return Sent(one["start_us"] / 1e6, one["stop_us"] / 1e6, "cw" if keyed else "afsk", one["whole"], tuple(texts))


@contextmanager
def locked(path: Path):
    """One process of this machine at a time."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Flights:
    """fly(...): flown by flyer.py; command(...): by `dragonet fly`. Both give the Flown of the same arguments again."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        root = factory.getbasetemp()
        if os.environ.get("PYTEST_XDIST_WORKER"):
            root = root.parent  # which all workers share
        self.folder = root / "flights"
        self.folder.mkdir(exist_ok=True)

    def fly(self, scenario: str = "nanodragon", hours: float = 0.05, seed: int = 1, **more: Any) -> Flown:
        """more: what an order of flyer.py may have besides."""
        order = {"scenario": scenario, "hours": hours, "seed": seed, **more}
        text = json.dumps(order, sort_keys=True)
        print(f"flight of {hours} h, seed {seed}: {more.get('actions', '')}")

        def start(out: Path) -> list[str]:
            (out.parent / "order.json").write_text(text)
            return [str(FLYER), str(out.parent / "order.json"), str(out)]

        limit_s = _LIMIT_S + (round(36_000 * hours) if more.get("emulate") else 0)
        return self._once(text, start, limit_s)

    def command(self, *arguments: str) -> Flown:
        """arguments: of `dragonet fly`, all but --out."""

        def start(out: Path) -> list[str]:
            return ["-m", "dragonet.cli", "fly", *arguments, "--out", str(out)]

        return self._once("\0".join(arguments), start)

    def _once(self, key: str, start: Any, limit_s: int = _LIMIT_S) -> Flown:
        place = self.folder / hashlib.sha256(key.encode()).hexdigest()[:16]
        with locked(place.with_suffix(".lock")):
            if not (place / "done").exists():
                place.mkdir(exist_ok=True)
                log = place / "log.txt"
                with log.open("w") as file:
                    flown = subprocess.run(
                        [sys.executable, *start(place / "out")],
                        stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment(), timeout=limit_s,
                        check=False,
                    )  # fmt: skip
                (place / "done").write_text(str(flown.returncode))
            code, log = (place / "done").read_text(), (place / "log.txt").read_text()
        assert code == "0", f"flight ended with {code}:\n{log}"
        return Flown(place / "out")


def environment() -> dict[str, str]:
    """Programs of the tests find host tools as pytest does."""
    return {**os.environ, "PYTHONPATH": str(paths.HOST_TOOLS)}
