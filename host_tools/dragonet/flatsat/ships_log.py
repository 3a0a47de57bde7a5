"""The ships that the sensor board says it heard: its packets of records (firmware/sensor/records.py) off the bus."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dragonet.paths import use_firmware

use_firmware()

from core import ports  # noqa: E402
from sensor import ais, records  # noqa: E402

_CLASSES = ("A", "B", "A")  # ais.CLASS_A, CLASS_B, LONG_RANGE: the long-range message is class A's


class ShipsLog:
    """One entry per MMSI. epoch: the time of flight second 0, for times in ISO 8601; without it they are seconds.

    packets, malformed: how many came from the sensor board's port; lost: gaps in its numbering.
    """

    def __init__(self, epoch: datetime | None = None):
        self._epoch = epoch
        self._ships: dict[int, dict[str, Any]] = {}
        self._last: int | None = None
        self.packets = 0
        self.malformed = 0
        self.lost = 0

    def __len__(self) -> int:
        return len(self._ships)

    def packet(self, src: int, dport: int, data: bytes, t_s: float) -> bool:
        """A CSP packet seen on the bus at t_s (s of flight). False if it is not one of ours."""
        if src != ports.ADDRESSES["sensor"] or dport != ports.SHIPS:
            return False
        self.packets += 1
        try:
            kind, count, sequence, _ = records.unpack_header(data)
        except ValueError:
            self.malformed += 1
            return True
        if self._last is not None:
            gap = (sequence - self._last) & 0xFFFF
            if 1 < gap < 0x8000:  # a number that goes back is a board that started again
                self.lost += gap - 1
        self._last = sequence
        for k in range(count):
            if kind == records.POSITIONS:
                self._position(records.unpack_position(data, records.HEADER_SIZE + k * records.POSITION_SIZE), t_s)
            else:
                self._static(records.unpack_static(data, records.HEADER_SIZE + k * records.STATIC_SIZE))
        return True

    def _entry(self, mmsi: int) -> dict[str, Any]:
        ship = self._ships.get(mmsi)
        if ship is None:
            ship = self._ships[mmsi] = dict.fromkeys(
                ("mmsi", "class", "lat", "lon", "speed", "course", "heading", "status", "first_heard", "last_heard",
                 "reports", "shipname", "callsign", "ship_type", "imo", "destination")
            )  # fmt: skip
            ship["mmsi"] = mmsi
            ship["reports"] = 0
        return ship

    def _position(self, record: dict[str, int], t_s: float) -> None:
        ship = self._entry(record["mmsi"])
        heard_s = max(0.0, t_s - record["age"])
        ship["class"] = _CLASSES[record["class"]] if record["class"] < len(_CLASSES) else None
        ship["first_heard"] = heard_s if ship["first_heard"] is None else ship["first_heard"]
        ship["last_heard"] = heard_s
        ship["reports"] += 1
        ship["lat"] = None if record["lat"] == ais.NO_LAT else round(record["lat"] / 600_000, 6)
        ship["lon"] = None if record["lon"] == ais.NO_LON else round(record["lon"] / 600_000, 6)
        ship["speed"] = None if record["speed"] == ais.NO_SPEED else record["speed"] / 10
        ship["course"] = None if record["course"] == ais.NO_COURSE else record["course"] / 10
        ship["heading"] = None if record["heading"] == ais.NO_HEADING else record["heading"]
        ship["status"] = None if record["status"] == ais.NO_STATUS else record["status"]

    def _static(self, record: dict[str, Any]) -> None:
        self._entry(record["mmsi"]).update(record)

    def ships(self) -> list[dict[str, Any]]:
        """The entries by MMSI; degrees, knots, times in ISO 8601 or seconds of flight; None = not available."""
        out: list[dict[str, Any]] = []
        for mmsi in sorted(self._ships):
            ship = dict(self._ships[mmsi])
            for key in ("first_heard", "last_heard"):
                if ship[key] is not None:
                    ship[key] = self._time(ship[key])
            out.append(ship)
        return out

    def to_json(self) -> list[dict[str, Any]]:
        """What ships.json holds: the entries."""
        return self.ships()

    def counts(self) -> dict[str, int]:
        """For the summary of a flight."""
        return {
            "ships": len(self._ships),
            "packets": self.packets,
            "packets_lost": self.lost,
            "packets_malformed": self.malformed,
        }

    def _time(self, seconds: float) -> str | float:
        if self._epoch is None:
            return round(seconds, 1)
        at = self._epoch.astimezone(UTC) + timedelta(seconds=round(seconds))
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")
