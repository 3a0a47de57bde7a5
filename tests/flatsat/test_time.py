"""Boards' times against the hub's true time: oscillators 50 ppm fast and slow, resets, a master that is gone.

Each board reads its time every 5 s and says so in a record that the hub stamps; only the test's copy of boards/ does.
"""

from __future__ import annotations

import functools
import itertools
import json
import struct
from dataclasses import dataclass

from flatsat.flights import Flights, Flown

ROLES = ("eps", "beacon", "sensor")
SET_S, AT_S = 840_000_000, 300  # 2026-08-14; the EPS is set when it has been up so long
SETTLED_S = 30  # from power-on, or from a setting, until all agree
RESET_S, CUT_S = 500.3, 700.3
QUIET_S, TROUBLED_S = 1620, 1080
LEARNED_S = 900  # the boards know how their oscillators differ, and ask seldom
STAMP = struct.Struct("<IIBiII")

STAMPED = f"""
import struct as _struct
import twin as _twin
from core.board import Board as _Board
_each = _Board.second
def _second(self):
    _each(self)
    now = self.clock.seconds
    time = self.time
    if self.role == "eps" and now == {AT_S} and not self.fired:
        self.fired = True
        print("set", self.commands.run(self.commands.encode("time_set", {SET_S}, 250000, 0)))
    if now % 5 == 0:
        s, us = time.now()
        good = time.synchronised, time.offset_us, time.round_us, time.exchanges
        _twin.board.emit(200, _struct.pack("<IIBiII", s, us, *good))
_Board.second, _Board.fired = _second, False
"""


@dataclass
class Stamp:
    """At a true time, microseconds, a board showed `shown_us` since 2000."""

    true_us: int
    role: str
    shown_us: int
    synchronised: bool
    offset_us: int
    round_us: int
    exchanges: int

    @property
    def ahead_us(self) -> int:
        return self.shown_us - self.true_us


def stamps(flown: Flown) -> list[Stamp]:
    read = []
    for true_us, role, text in json.loads((flown.out / "stamps.json").read_text()):
        s, us, synchronised, offset_us, round_us, exchanges = STAMP.unpack(bytes.fromhex(text))
        read.append(Stamp(true_us, role, s * 1_000_000 + us, bool(synchronised), offset_us, round_us, exchanges))
    return sorted(read, key=lambda stamp: stamp.true_us)


def disagreement(read: list[Stamp], from_s: float, to_s: float) -> dict[tuple[str, str], float]:
    """Greatest difference of two boards' times, us, between two true times; the times of each are interpolated."""
    tracks = {}
    for role in {stamp.role for stamp in read}:
        tracks[role] = [s for s in read if s.role == role and from_s * 1e6 <= s.true_us <= to_s * 1e6]
    worst = {}
    for one, other in itertools.combinations(sorted(tracks), 2):
        worst[one, other] = max(abs(at(tracks[other], s.true_us) - s.ahead_us) for s in tracks[one][1:-1])
    return worst


def at(track: list[Stamp], true_us: int) -> float:
    for a, b in itertools.pairwise(track):
        if a.true_us <= true_us <= b.true_us:
            return a.ahead_us + (b.ahead_us - a.ahead_us) * (true_us - a.true_us) / (b.true_us - a.true_us)
    return min((abs(s.true_us - true_us), s.ahead_us) for s in track)[1]


@functools.cache
def boards() -> dict[str, str]:
    return {f"{role}/parts.py": STAMPED for role in ROLES}


def quiet(flights: Flights) -> Flown:
    clocks = {"eps": 50, "beacon": -50, "sensor": 20}
    return flights.fly(hours=QUIET_S / 3600, seed=3, boards=boards(), clocks=clocks, stamps=True)


def troubled(flights: Flights) -> Flown:
    """The EPS restarts, the beacon loses power, the EPS dies: its loads, the sensor board's too, go off with it."""
    clocks = {"eps": -40, "beacon": 50, "sensor": -10}
    actions = [(RESET_S, "eps", "kill -9"), (CUT_S, "beacon", "power_off"), (CUT_S + 60, "beacon", "power_on")]
    return flights.fly(hours=TROUBLED_S / 3600, seed=4, boards=boards(), clocks=clocks, stamps=True, actions=actions)


def lives(read: list[Stamp], role: str) -> list[list[Stamp]]:
    """The stamps of a board, one list for each time it ran: a gap means a reset."""
    found: list[list[Stamp]] = []
    for stamp in (s for s in read if s.role == role):
        if not found or stamp.true_us - found[-1][-1].true_us > 7_000_000:
            found.append([])
        found[-1].append(stamp)
    return found


def test_oscillators_a_hundred_ppm_apart_agree_to_two_milliseconds(flights: Flights) -> None:
    read = stamps(quiet(flights))
    spans = ((SETTLED_S, AT_S - 5, 2000), (AT_S + SETTLED_S, QUIET_S, 2000), (LEARNED_S, QUIET_S, 500))  # s, s, us
    for from_s, to_s, limit_us in spans:
        worst = disagreement(read, from_s, to_s)
        print(from_s, to_s, worst)
        assert len(worst) == 3 and max(worst.values()) < limit_us


def test_the_time_that_the_ground_set_is_kept_but_for_the_master_s_own_drift(flights: Flights) -> None:
    read = stamps(quiet(flights))
    for role in ROLES:
        later = [s for s in read if s.role == role and s.true_us > (AT_S + SETTLED_S) * 1e6]
        assert all(s.synchronised for s in later)
        drift_ppm = (later[-1].ahead_us - later[0].ahead_us) * 1e6 / (later[-1].true_us - later[0].true_us)
        assert 48 < drift_ppm < 52, "the EPS's oscillator is 50 ppm fast, and the others follow it"


def test_a_settled_board_asks_every_two_minutes(flights: Flights) -> None:
    read = stamps(quiet(flights))
    for role in ("beacon", "sensor"):
        track = [s for s in read if s.role == role and s.true_us > (LEARNED_S - 120) * 1e6]
        asked_us = [b.true_us for a, b in itertools.pairwise(track) if b.exchanges > a.exchanges]
        assert len(asked_us) > 4
        assert 115e6 < (asked_us[-1] - asked_us[0]) / (len(asked_us) - 1) < 130e6


def test_no_board_shows_a_time_before_one_it_has_shown(flights: Flights) -> None:
    for flown in (quiet(flights), troubled(flights)):
        read = stamps(flown)
        for role in ROLES:
            for track in lives(read, role):
                assert all(b.shown_us > a.shown_us for a, b in itertools.pairwise(track))


def test_a_board_that_lost_power_has_the_time_again_within_seconds(flights: Flights) -> None:
    flown = troubled(flights)
    read = stamps(flown)
    back = lives(read, "beacon")[-1]
    assert back[0].true_us > (CUT_S + 60) * 1e6
    good = next(s for s in back if s.synchronised)
    assert good.true_us - back[0].true_us < 12e6
    worst = disagreement(read, CUT_S + 60 + SETTLED_S, TROUBLED_S)
    print(worst)
    assert max(worst.values()) < 2000


def test_the_satellite_keeps_its_time_through_a_restart_of_the_master(flights: Flights) -> None:
    read = stamps(troubled(flights))
    eps = lives(read, "eps")
    before, after = eps[-2][-1], next(s for s in eps[-1] if s.synchronised)
    assert after.true_us - before.true_us < 40e6
    print(before.ahead_us, after.ahead_us)
    assert abs(after.ahead_us - before.ahead_us) < 50_000
