"""No RF before 45 min, no deployment before 30 min after separation, whatever happens to the boards meanwhile.

CubeSat Design Specification. Powered time counts (firmware/core/hold.py), so each hold may end later, never earlier,
and it must end: a satellite that never speaks is lost too.
"""

import random

import pytest

from flatsat.flights import DEPLOY_S, HK_S, PASS, RF_S, Flights, Flown

BOARDS = ("eps", "beacon", "sensor")
HOLD_MARGIN_S = 3 + 0.001 * RF_S  # the holds are 0.1 % longer than the rule, for fast clocks
BURN_PAUSE_S = 60  # boards/*/parts.py: after a boot, before the wire is heated

# Awkward moments: the first second, the ends of both holds by the rule and by the record, a burn, a transmission.
AWKWARD_S = (0.2, 0.5, 1.0, 1799.95, 1800.0, 1801.9, 1802.05, 1802.6, 1803.3, 2699.9, 2700.0, 2702.95, 2703.2, 2703.6)


def resets(seed: int) -> list[tuple[float, str, str]]:
    """Every board reset at the awkward moments, and 25 times anywhere."""
    rng = random.Random(seed)
    actions = [(at_s + rng.uniform(0, 0.05), role, "reset") for at_s in AWKWARD_S for role in BOARDS]
    actions += [(rng.uniform(0, 2700), role, "reset") for _ in range(25) for role in BOARDS]
    return sorted(actions)


def power_cycles(seed: int) -> list[tuple[float, str, str]]:
    """Every board off and on again: 12 times for some tenths of a second, twice for longer."""
    rng = random.Random(seed)
    actions = []
    for role in BOARDS:
        times = [rng.uniform(0, 2700) for _ in range(10)] + [1801.0 + rng.random(), 2702.0 + rng.random()]
        for at_s in times:
            actions += [(at_s, role, "power_off"), (at_s + rng.uniform(0.01, 0.9), role, "power_on")]
        for at_s in (900, 2300):
            actions += [(at_s, role, "power_off"), (at_s + rng.uniform(10, 25), role, "power_on")]
    return sorted(actions)


def boot_loop(seed: int) -> list[tuple[float, str, str]]:
    """Beacon and sensor live for one to three seconds at a time, while each hold ends and well after."""
    rng = random.Random(seed)
    actions = []
    for role in ("beacon", "sensor"):
        for begin_s, end_s in ((1780, 1830), (2690, 2810)):
            at_s = begin_s + rng.random()
            while at_s < end_s:
                actions.append((at_s, role, "reset"))
                at_s += rng.uniform(1.0, 3.0)
    return sorted(actions)


PATTERNS = {"resets": (resets, 11, 0.80), "power cycles": (power_cycles, 12, 0.82), "boot loop": (boot_loop, 13, 0.80)}


def held(flight: Flown) -> None:
    """Both holds were kept, by every source that tells of them."""
    summary = flight.summary
    print(f"first RF {summary['first_rf_s']} s, burn wires {summary['burn_wire_first_on_s']}")
    assert summary["first_rf_s"] >= RF_S
    assert flight.events("beacon", "first transmission")[0] >= RF_S
    assert min(one.start_s for one in flight.sent) >= RF_S
    assert sorted(summary["burn_wire_first_on_s"]) == ["ais_antenna", "antenna"]
    assert min(summary["burn_wire_first_on_s"].values()) >= DEPLOY_S
    assert min(flight.events(text="burn wire")) >= DEPLOY_S


def reached(flight: Flown, role: str, mission_s: int) -> float:
    """When the board first said on the bus that so much powered time was over."""
    return next(
        float(row["t_s"]) for row in flight.rows
        if row["source"] == role and int(row[f"{role}.mission_s"] or 0) >= mission_s
    )  # fmt: skip


@pytest.fixture(params=PATTERNS)
def disturbed(request: pytest.FixtureRequest, flights: Flights) -> Flown:
    make, seed, hours = PATTERNS[request.param]
    return flights.fly(hours=hours, seed=seed, actions=make(seed))


def test_undisturbed_both_begin_soon_after_their_holds(flights: Flights) -> None:
    flight = flights.fly(**PASS)
    held(flight)
    assert flight.summary["first_rf_s"] < RF_S + HOLD_MARGIN_S + 2
    assert max(flight.summary["burn_wire_first_on_s"].values()) < DEPLOY_S + HOLD_MARGIN_S + BURN_PAUSE_S + 5


def test_disturbed_boards_keep_the_holds(disturbed: Flown) -> None:
    held(disturbed)


def test_disturbed_boards_speak_as_soon_as_their_powered_time_is_over(disturbed: Flown) -> None:
    """Also in a boot loop that goes on. 2,703 s: firmware/core/hold.py."""
    assert -1 < reached(disturbed, "beacon", 2703) - disturbed.summary["first_rf_s"] < HK_S + 1


def test_disturbed_boards_deploy_a_minute_after_their_last_boot(disturbed: Flown) -> None:
    summary = disturbed.summary
    for role, wire in (("beacon", "antenna"), ("sensor", "ais_antenna")):
        on_s = summary["burn_wire_first_on_s"][wire]
        uptimes = [
            float(row[f"{role}.uptime_s"]) for row in disturbed.rows
            if row["source"] == role and on_s <= float(row["t_s"]) < on_s + HK_S
        ]  # fmt: skip
        assert uptimes and BURN_PAUSE_S - 1 <= uptimes[0] <= 15 * 60


def test_the_disturbances_took_place(disturbed: Flown) -> None:
    """Or the flights above show nothing."""
    assert disturbed.summary["boards"]["beacon"]["boots"] >= 15
    assert disturbed.summary["boards"]["sensor"]["boots"] >= 15
    boots = [int(value) for value in disturbed.said("beacon", "boots")]
    assert boots == sorted(boots) and boots[-1] == disturbed.summary["boards"]["beacon"]["boots"]
