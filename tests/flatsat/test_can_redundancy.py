"""CAN A fails in flight: for all, for one board, by a short, babble, bus-off. Boards stay in touch by CAN B."""

import random
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pytest

from flatsat.flights import HK_S, Flights, Flown

ROLES = ("eps", "beacon", "sensor")
ADDRESSES = {"eps": 2, "beacon": 3, "sensor": 4}
FAIL_OVER_S = 1.5
RETURN_S = 5.0  # of A without a gap
LOSS_S = 31  # the fault comes within the second after, the seed says when
HOURS = 0.034
QUIET_HOURS = 0.2  # tests/interop/test_flight_bus.py looks at an hour

# Each second a board broadcasts a packet of four frames and sends one to each other board. All that comes is printed,
# and each move from one bus to the other.
EAR = """
from core.board import Board as _Board
from csp.redundant import Redundant as _Redundant
import time as _time
_make, _each, _hk, _go = _Board._make_node, _Board.second, _Board._on_hk, _Redundant._move
def _say(what, *numbers):
    print(what, _time.ticks_ms(), *numbers)
def _heard(what):
    return lambda packet: _say(what, packet.src, packet.data[0])
def _make_node(self):
    node = _make(self)
    node.bind(7, _heard("one"))
    node.bind(8, _heard("all"))
    return node
def _on_hk(self, packet):
    _say("hk", packet.src, packet.data[0] << 8 | packet.data[1])
    _hk(self, packet)
def _second(self):
    _each(self)
    n = self.clock.seconds & 0xFF
    _say("sent", self.address, n)
    self.node.broadcast(8, bytes((n,)) + bytes(20))
    for address in (2, 3, 4):
        if address != self.address:
            self.node.send(address, 7, bytes((n,)) + bytes(20))
def _move(self, member):
    _say("move", member is self.members[1])
    _go(self, member)
_Board._make_node, _Board.second, _Board._on_hk, _Redundant._move = _make_node, _second, _on_hk, _move
"""


@dataclass
class Log:
    """What one board printed, in mission time."""

    sent: dict[int, float]  # number of a packet: when
    got: dict[str, dict[tuple[int, int], list[float]]]  # kind: (source, number): when
    moves: list[tuple[float, bool]]  # when, to B?


def logs(flown: Flown) -> dict[str, Log]:
    found = {}
    for role in ROLES:
        lines = [line.split() for line in flown.console(role).splitlines()]
        assert all(line[0] in ("sent", "one", "all", "hk", "move") for line in lines), "no traceback"
        # a board's clock starts with its power: housekeeping that others logged tells how far it is off
        logged = {(row["source"], row[f"{row['source']}.seq"]): float(row["t_s"]) for row in flown.rows}
        names = {str(address): other for other, address in ADDRESSES.items()}
        offsets = sorted(logged[names[src], seq] - int(at) / 1000 for kind, at, *rest in lines if kind == "hk"
                         for src, seq in [rest] if (names[src], seq) in logged)  # fmt: skip
        offset = offsets[len(offsets) // 2]
        log = Log({}, defaultdict(lambda: defaultdict(list)), [])
        for kind, at, *rest in lines:
            t_s = int(at) / 1000 + offset
            if kind == "sent":
                log.sent[int(rest[1])] = t_s
            elif kind == "move":
                log.moves.append((t_s, rest[0] == "True"))
            else:
                log.got[kind][int(rest[0]), int(rest[1])].append(t_s)
        found[role] = log
    return found


def lost(found: dict[str, Log], from_s: float, to_s: float) -> list[tuple[str, str, str, float]]:
    """(kind, source, hearer, sent at) of all that did not arrive though it was sent between two times."""
    missing = []
    for source in ROLES:
        for number, at_s in found[source].sent.items():
            if from_s <= at_s < to_s:
                missing += [
                    (kind, source, hearer, at_s) for kind in ("one", "all") for hearer in ROLES
                    if hearer != source and not found[hearer].got[kind][ADDRESSES[source], number]
                ]  # fmt: skip
    return missing


def nothing_twice(found: dict[str, Log]) -> None:
    for role in ROLES:
        for kind, packets in found[role].got.items():
            assert not [key for key, times in packets.items() if len(times) > 1], (role, kind)


def housekeeping_arrives(flown: Flown, found: dict[str, Log]) -> None:
    """Each board has each other's, but for the packet that went while the bus was being lost."""
    for source in ROLES:
        numbers = {int(seq) for seq in flown.said(source, "seq")}
        for hearer in ROLES:
            if hearer != source:
                heard = {number for src, number in found[hearer].got["hk"] if src == ADDRESSES[source]}
                assert len(numbers - heard - {0}) <= 1, (source, hearer, numbers - heard)


def fly(
    flights: Flights, seed: int, role: str, fault: str, end: str = "", lasts_s: float = 33, **more: Any
) -> tuple[Flown, float, float]:
    """A flight in which CAN A fails, by `fault` of a board or of all, at a microsecond that the seed draws."""
    rng = random.Random(f"{seed}/{role}/{fault}")
    loss_s = round(LOSS_S + rng.random(), 6)
    back_s = round(loss_s + lasts_s + rng.random(), 6)
    actions = [(loss_s, role, fault)] + ([(back_s, role, end)] if end else [])
    extra = {f"{each}/parts.py": EAR for each in ROLES}
    flown = flights.fly(hours=HOURS, seed=seed, boards=extra, actions=actions, **more)
    return flown, loss_s, back_s


PLAIN, CSP1, MCP2515 = "nanodragon", "\n[can]\ncsp_version = 1\n", '\n[can]\ncontroller = "mcp2515"\n'
CASES = [
    (1, "all", "can_a_off", "can_a_on", 33, PLAIN),
    (2, "all", "can_a_off", "can_a_on", 33, CSP1),
    (3, "all", "can_a_short", "can_a_mend", 33, PLAIN),
    (4, "beacon", "can_a_babble", "can_a_hush", 8, PLAIN),
    (5, "eps", "can_a_off", "can_a_on", 33, MCP2515),
    (6, "beacon", "can_a_off", "can_a_on", 33, PLAIN),
    (7, "sensor", "can_a_off", "can_a_on", 33, CSP1),
]


@pytest.mark.parametrize(("seed", "role", "fault", "end", "lasts_s", "scenario"), CASES)
def test_a_lost_a_costs_what_was_sent_within_a_second_and_a_half(
    flights: Flights, seed: int, role: str, fault: str, end: str, lasts_s: float, scenario: str
) -> None:
    flown, loss_s, back_s = fly(flights, seed, role, fault, end, lasts_s, scenario=scenario)
    found = logs(flown)
    assert lost(found, 5, loss_s - 0.01) == []
    assert lost(found, loss_s + FAIL_OVER_S, HOURS * 3600 - 2) == [], "also while they return"
    nothing_twice(found)
    housekeeping_arrives(flown, found)
    movers = ROLES if role == "all" or "babble" in fault else (role,)
    for each in ROLES:
        if each not in movers:
            assert found[each].moves == [], each
            continue
        (over_s, to_b), (return_s, still_b) = found[each].moves
        assert to_b and not still_b
        slack_s = 0 if movers == ROLES else 1  # alone, it hears of the others when they have heard of it
        assert loss_s < over_s < loss_s + FAIL_OVER_S + slack_s, each
        assert back_s + RETURN_S - 1 < return_s < back_s + RETURN_S + 12, each


def test_bus_off_moves_one_board_at_once_and_it_returns(flights: Flights) -> None:
    flown, loss_s, _ = fly(flights, 8, "eps", "can_a_bus_off")
    found = logs(flown)
    assert lost(found, 5, loss_s - 0.01) == [] and lost(found, loss_s + 0.01, HOURS * 3600 - 2) == []
    nothing_twice(found)
    housekeeping_arrives(flown, found)
    assert [found[role].moves for role in ("beacon", "sensor")] == [[], []]
    (over_s, to_b), (return_s, _) = found["eps"].moves
    assert to_b and over_s < loss_s + 0.01
    assert RETURN_S - 0.1 < return_s - over_s < RETURN_S + 2


def test_two_boards_move_too(flights: Flights) -> None:
    rng = random.Random("two boards")
    loss_s = round(LOSS_S + rng.random(), 6)
    extra = {f"{each}/parts.py": EAR for each in ROLES}
    actions = [(20, "sensor", "power_off"), (loss_s, "all", "can_a_off")]
    flown = flights.fly(hours=0.015, seed=9, boards=extra, actions=actions)
    found = logs(flown)
    for role in ("eps", "beacon"):
        ((over_s, to_b),) = found[role].moves
        assert to_b and loss_s < over_s < loss_s + FAIL_OVER_S


def test_a_board_alone_moves_nowhere(flights: Flights) -> None:
    extra = {f"{each}/parts.py": EAR for each in ROLES}
    actions = [(20, "sensor", "power_off"), (25.5, "beacon", "power_off")]
    flown = flights.fly(hours=0.03, seed=10, boards=extra, actions=actions)
    assert logs(flown)["eps"].moves == []
    assert len(flown.said("eps", "restarts", 60)) == 0, "nobody acknowledges"


def test_a_quiet_flight_has_no_fail_over(flights: Flights) -> None:
    extra = {f"{each}/parts.py": EAR for each in ROLES}
    flown = flights.fly(hours=QUIET_HOURS, seed=11, boards=extra)
    found = logs(flown)
    assert [found[role].moves for role in ROLES] == [[], [], []]
    for role in ROLES:
        assert not [key for key, times in found[role].got["hk"].items() if len(times) > 1]
        assert len(found[role].got["hk"]) >= 2 * (QUIET_HOURS * 3600 // HK_S - 1)


def test_boards_with_one_controller_fly_as_before(flights: Flights) -> None:
    one = {f"{role}/parts.py": '\nBUSES = ("can",)\n' for role in ROLES}
    flown = flights.fly(hours=0.02, seed=1, boards=one)
    for role in ROLES:
        times = [float(row["t_s"]) for row in flown.rows if row["source"] == role]
        assert len(times) >= 3
        gaps = [after - before for before, after in zip(times, times[1:], strict=False)]
        assert min(gaps) > HK_S - 1 and max(gaps) < HK_S + 1
