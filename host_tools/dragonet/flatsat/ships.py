"""The world's ships as a receiver in orbit hears them: motion, reporting intervals, footprint, losses, NMEA sentences.

Ships report as ITU-R M.1371-5, table 1 asks: class A every 2 to 10 s under way and 3 min at anchor, class B every 30 s,
static data every 6 min, the long-range message every 3 min. pyais encodes; nothing here knows a bit of a message.

Each simulated ship stands for `CROWD` of the world's, whose transmissions collide with it: the more ships in the
footprint, the fewer are understood (a receiver in orbit sees many self-organised cells at once).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyais import encode_dict

from dragonet.flatsat.ships_lanes import DEG_KM, Floats, Ints, Lanes
from dragonet.flatsat.ships_world import DESTINATIONS, FLAGS, LANES, NAMES_FIRST, NAMES_SECOND, SEAS

COUNT = 2000
CROWD = 2.5             # real ships for each simulated one
_SLOTS_PER_S = 75.0     # 2,250 a minute on each of two channels
_CAPACITY_HZ = 40       # messages a second that the receiver demodulates
_LINK = 0.85            # share received straight below, without collisions: fading, Doppler, antenna
_LINK_LONG_RANGE = 0.8  # of type 27: a channel kept free of other traffic
_BLOCK_S = 10.0         # worked out at a time
_MOVE_S = 60.0          # for the footprint, ships move so often
_EARTH_KM = 6371.0
_KNOT = 1.852 / 3600    # km/s

_POSITION, _STATIC, _STATIC_B, _LONG_RANGE = range(4)


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64: a well-mixed number for each x, so that a message's fate does not depend on who asked when."""
    x = (x + np.uint64(0x9E3779B97F4A7C15)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


class Fleet:
    """`count` ships, always the same for a seed.

    heard() must be asked for growing times. messages: how many were transmitted in sight, understood, lost.
    """

    def __init__(self, seed: int, count: int = COUNT):
        self.count = count
        self._key = np.uint64((seed & 0xFFFFFFFF) * 0xD1342543DE82EF95 & 0xFFFFFFFFFFFFFFFF)
        dice = np.random.default_rng([seed & 0xFFFFFFFF, 0x5A15])
        self._lanes = Lanes()
        self._make_ships(dice)
        self._make_emitters(dice)
        self._static: dict[tuple[int, int], list[bytes]] = {}
        self._block = -1
        self._queue: list[tuple[float, bytes]] = []
        self._moved = -math.inf
        self._up: Floats = np.zeros((count, 3))
        self._sequence = 0
        self.transmitted = 0
        self.received = 0

    def _make_ships(self, dice: np.random.Generator) -> None:
        count = self.count
        share = np.array([lane[1] for lane in LANES], dtype=float)
        sea_share = np.array([sea[1] for sea in SEAS], dtype=float)
        self._small = dice.random(count) < 0.28  # class B, in the seas; the others sail the lanes
        self._lane = dice.choice(len(LANES), count, p=share / share.sum())
        self._start_km = dice.random(count) * 2 * self._lanes.length_km[self._lane]
        knots = np.where(self._small, dice.uniform(0.0, 9.0, count), np.clip(dice.normal(13.5, 3.5, count), 5.0, 27.0))
        self._anchored = ~self._small & (dice.random(count) < 0.15)
        knots[self._anchored] = 0.0
        self._knots = np.round(knots, 1)
        # across the lane; at anchor near one of its ends
        spread = np.where(self._anchored, 6.0, 9.0)
        self._off_lat = dice.normal(0.0, 1.0, count) * spread / DEG_KM
        self._off_lon = dice.normal(0.0, 1.0, count) * spread / DEG_KM
        at_end = dice.random(count) < 0.5
        self._start_km[self._anchored] = np.where(at_end, 0.0, self._lanes.length_km[self._lane])[self._anchored]
        sea = dice.choice(len(SEAS), count, p=sea_share / sea_share.sum())
        middle = np.array([(s[2], s[3], s[4]) for s in SEAS])[sea]
        self._home_lat = middle[:, 0] + np.clip(dice.normal(0.0, 0.5, count), -1, 1) * middle[:, 2] / DEG_KM
        self._home_lon = middle[:, 1] + np.clip(dice.normal(0.0, 0.5, count), -1, 1) * middle[:, 2] / DEG_KM
        self._circle_km = dice.uniform(1.0, 8.0, count)
        self._angle = dice.random(count) * 2 * math.pi
        self._dumb = dice.random(count) < np.where(self._small, 0.6, 0.03)  # no heading sensor
        self._lost = dice.random(count) < 0.004  # no position
        flags = np.array([flag[0] for flag in FLAGS])
        flag_share = np.array([flag[1] for flag in FLAGS], dtype=float)
        numbers = dice.permutation(1_000_000)[:count] if count <= 1_000_000 else np.arange(count)
        self.mmsi: Ints = flags[dice.choice(len(FLAGS), count, p=flag_share / flag_share.sum())] * 1_000_000 + numbers
        small_type = dice.choice([30, 36, 37, 52], count, p=[0.7, 0.1, 0.1, 0.1])
        large_type = dice.choice([70, 71, 79, 80, 84, 60, 52], count, p=[0.5, 0.1, 0.1, 0.18, 0.05, 0.05, 0.02])
        self._type = np.where(self._small, small_type, large_type)
        self._words = dice.integers(0, 1 << 30, (count, 6))

    def _make_emitters(self, dice: np.random.Generator) -> None:
        """Who sends what how often: arrays over all senders."""
        every = np.where(self._knots > 23, 2.0, np.where(self._knots > 14, 6.0, 10.0))
        every = np.where(self._anchored, 180.0, every)
        every = np.where(self._small, np.where(self._knots > 2, 30.0, 180.0), every)
        ships = np.arange(self.count)
        large, small = ships[~self._small], ships[self._small]
        offshore = large[dice.random(len(large)) < 0.4]  # base stations in reach silence the long-range message
        parts = (
            (_POSITION, ships, every),
            (_STATIC, ships, np.full(self.count, 360.0)),
            (_STATIC_B, small, np.full(len(small), 360.0)),
            (_LONG_RANGE, offshore, np.full(len(offshore), 180.0)),
        )
        self._sender: Ints = np.concatenate([part[1] for part in parts])
        self._kind: Ints = np.concatenate([np.full(len(part[1]), part[0]) for part in parts])
        self._every: Floats = np.concatenate([part[2] for part in parts])
        self._phase: Floats = dice.random(len(self._sender)) * self._every

    # --- motion ---

    def where(self, ships: Ints, t_s: Floats | float) -> tuple[Floats, Floats, Floats]:
        """Latitude, longitude (degrees north, east) and course (degrees) of these ships at these mission times."""
        km = self._knots[ships] * _KNOT * t_s
        lane = self._lane[ships]
        length = self._lanes.length_km[lane]
        along = (self._start_km[ships] + km) % (2 * length)
        back = along > length
        lat, lon, course = self._lanes.at(lane, np.where(back, 2 * length - along, along))
        lat, lon = lat + self._off_lat[ships], lon + self._off_lon[ships]
        course = (course + np.where(back, 180.0, 0.0)) % 360
        small = self._small[ships]
        if small.any():  # round and round over a fishing ground
            angle = self._angle[ships] + km / self._circle_km[ships]
            radius = self._circle_km[ships] / DEG_KM
            home = self._home_lat[ships]
            lat = np.where(small, home + radius * np.cos(angle), lat)
            lon = np.where(small, self._home_lon[ships] + radius * np.sin(angle) / np.cos(np.radians(home)), lon)
            course = np.where(small, np.degrees(angle + math.pi / 2) % 360, course)
        return lat, (lon + 180) % 360 - 180, course

    # --- reception ---

    def heard(
        self, t0_s: float, t1_s: float, lat_deg: float, lon_deg: float, alt_km: float
    ) -> list[tuple[float, bytes]]:
        """Sentences, CR LF included, of messages that end in t0_s <= t < t1_s with their times, in order.

        The satellite's geodetic place is taken as it is when a block of ten seconds is first asked for.
        """
        last = int(math.ceil(t1_s / _BLOCK_S)) - 1
        first = max(self._block + 1, int(t0_s // _BLOCK_S))
        for block in range(first, last + 1):
            self._queue.extend(self._hear(block * _BLOCK_S, lat_deg, lon_deg, alt_km))
            self._block = block
        cut = 0
        while cut < len(self._queue) and self._queue[cut][0] < t1_s:
            cut += 1
        due, self._queue = self._queue[:cut], self._queue[cut:]
        return [item for item in due if item[0] >= t0_s]

    def _hear(self, start_s: float, lat_deg: float, lon_deg: float, alt_km: float) -> list[tuple[float, bytes]]:
        """One block."""
        if not self.count:
            return []
        if start_s - self._moved >= _MOVE_S:
            self._moved = start_s
            lat, lon, _ = self.where(np.arange(self.count), start_s)
            lat, lon = np.radians(lat), np.radians(lon)
            self._up = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
        lat0, lon0 = math.radians(lat_deg), math.radians(lon_deg)
        below = np.array([math.cos(lat0) * math.cos(lon0), math.cos(lat0) * math.sin(lon0), math.sin(lat0)])
        away = self._up @ below  # cosine of the angle at the Earth's centre
        horizon = _EARTH_KM / (_EARTH_KM + alt_km)
        in_sight = away > horizon
        if not in_sight.any():
            return []
        senders = np.flatnonzero(in_sight[self._sender])
        every, phase = self._every[senders], self._phase[senders]
        number = np.floor((start_s - phase) / every).astype(np.int64) - 1
        most = int(_BLOCK_S / every.min()) + 3
        found: list[tuple[Ints, Ints, Floats]] = []
        for _ in range(most):
            jitter = (self._luck(senders, number, 1) - 0.5) * 0.2  # a slot within 10 % of the interval
            times = phase + (number + jitter) * every
            here = (times >= start_s) & (times < start_s + _BLOCK_S)
            if here.any():
                found.append((senders[here], number[here], times[here]))
            number = number + 1
            alive = phase + (number - 0.1) * every < start_s + _BLOCK_S
            if not alive.all():
                senders, number, every, phase = senders[alive], number[alive], every[alive], phase[alive]
            if not len(senders):
                break
        if not found:
            return []
        sender = np.concatenate([part[0] for part in found])
        number = np.concatenate([part[1] for part in found])
        times = np.concatenate([part[2] for part in found])
        self.transmitted += len(sender)
        ship, kind = self._sender[sender], self._kind[sender]
        chance = self._chance(away[ship], horizon, kind, len(sender) / _BLOCK_S)
        good = np.flatnonzero(self._luck(sender, number, 2) < chance)
        good = good[np.argsort(times[good], kind="stable")]
        good = self._demodulated(good, times)
        self.received += len(good)
        return self._sentences(ship[good], kind[good], times[good])

    def _chance(self, away: Floats, horizon: float, kind: Ints, rate_hz: float) -> Floats:
        """Of being understood, from nearness to the horizon and the messages a second in the footprint."""
        depth = (1 - away) / (1 - horizon)  # 0 straight below, 1 at the horizon
        link = 1 - 0.7 * depth
        clear = math.exp(-rate_hz * CROWD / _SLOTS_PER_S)
        return link * np.where(kind == _LONG_RANGE, _LINK_LONG_RANGE, _LINK * clear)

    def _demodulated(self, good: Ints, times: Floats) -> Ints:
        """What the receiver has time for: the first _CAPACITY_HZ of each second."""
        if len(good) <= _CAPACITY_HZ:
            return good
        second = np.floor(times[good])
        _, first = np.unique(second, return_index=True)
        rank = np.arange(len(good)) - np.repeat(first, np.diff(np.append(first, len(good))))
        return good[rank < _CAPACITY_HZ]

    def _luck(self, sender: Ints, number: Ints, what: int) -> Floats:
        """Uniform 0..1 for this message, whenever asked."""
        key = (number.astype(np.uint64) << np.uint64(20)) ^ (sender.astype(np.uint64) << np.uint64(2)) ^ np.uint64(what)
        mixed = _mix(_mix(key) ^ self._key)
        return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)

    # --- sentences ---

    def _sentences(self, ships: Ints, kinds: Ints, times: Floats) -> list[tuple[float, bytes]]:
        lat, lon, course = self.where(ships, times)
        out: list[tuple[float, bytes]] = []
        for k in range(len(ships)):
            ship, kind, t = int(ships[k]), int(kinds[k]), float(times[k])
            if kind in (_STATIC, _STATIC_B):
                lines = self._static_lines(ship, kind)
            else:
                message = self._report(ship, kind, float(lat[k]), float(lon[k]), float(course[k]), t)
                lines = _encoded(message, "AB"[(ship + int(t)) & 1], 0)
            out.extend((t, line) for line in lines)
        return out

    def _report(self, ship: int, kind: int, lat: float, lon: float, course: float, t_s: float) -> dict[str, Any]:
        """A position report's fields, as pyais names them."""
        small, anchored = bool(self._small[ship]), bool(self._anchored[ship])
        knots = float(self._knots[ship])
        fishing = self._type[ship] == 30
        message: dict[str, Any] = {
            "msg_type": 27 if kind == _LONG_RANGE else 18 if small else 1,
            "mmsi": int(self.mmsi[ship]),
            "lat": 91.0 if self._lost[ship] else lat,
            "lon": 181.0 if self._lost[ship] else lon,
            "speed": knots,
            "course": course if knots else 360.0,
            "heading": 511 if self._dumb[ship] else round(course) % 360,
            "second": int(t_s) % 60,
            "status": 1 if anchored else 7 if fishing else 0,
        }
        if kind == _LONG_RANGE:
            message["speed"], message["course"] = round(knots), round(course) % 360 if knots else 511
        elif small:
            message["cs"] = True
        else:
            message.update(turn=-128 if self._dumb[ship] else 0, maneuver=0)
        return message

    def _static_lines(self, ship: int, kind: int) -> list[bytes]:
        """Static data never change: encoded once."""
        lines = self._static.get((ship, kind))
        if lines is None:
            self._sequence = (self._sequence + 1) % 10
            lines = _encoded(self.static(ship, kind == _STATIC_B), "AB"[ship & 1], self._sequence)
            self._static[ship, kind] = lines
        return lines

    def static(self, ship: int, part_b: bool = False) -> dict[str, Any]:
        """What a ship says of itself: type 5, or type 24 part A or B for small craft; fields as pyais names them."""
        words = [int(word) for word in self._words[ship]]
        callsign = "".join(chr(65 + (words[2] >> 5 * k) % 26) for k in range(3)) + str(words[3] % 10000)
        name = f"{NAMES_FIRST[words[0] % len(NAMES_FIRST)]} {NAMES_SECOND[words[1] % len(NAMES_SECOND)]}"
        if self._small[ship] or words[4] % 3 == 0:
            name += f" {words[5] % 99 + 1}"
        length = 12 + words[5] % 30 if self._small[ship] else 80 + words[5] % 280
        size: dict[str, Any] = {
            "to_bow": length * 3 // 4,
            "to_stern": length // 4,
            "to_port": length // 14,
            "to_starboard": length // 14,
            "ship_type": int(self._type[ship]),
            "callsign": callsign,
        }
        mmsi = int(self.mmsi[ship])
        if self._small[ship]:
            if part_b:
                return {"msg_type": 24, "partno": 1, "mmsi": mmsi, "vendorid": "DRG", **size}
            return {"msg_type": 24, "partno": 0, "mmsi": mmsi, "shipname": name[:20]}
        return {
            "msg_type": 5,
            "mmsi": mmsi,
            "imo": _imo(words[4]),
            "shipname": name[:20],
            "destination": DESTINATIONS[words[2] % len(DESTINATIONS)],
            "draught": 4 + words[3] % 120 / 10,
            "month": 1 + words[0] % 12,
            "day": 1 + words[1] % 28,
            "hour": words[2] % 24,
            "minute": words[3] % 60,
            "epfd": 1,
            **size,
        }


def _imo(number: int) -> int:
    """A ship number with a good check digit: digits weighted 7 to 2, the last digit of the sum."""
    six = 900_000 + number % 100_000
    check = sum(int(digit) * weight for digit, weight in zip(str(six), range(7, 1, -1), strict=True)) % 10
    return six * 10 + check


def _encoded(message: dict[str, Any], channel: str, sequence: int) -> list[bytes]:
    lines = encode_dict(message, sentence_type="VDM", radio_channel=channel, seq_id=sequence)
    return [line.encode("ascii") + b"\r\n" for line in lines]
