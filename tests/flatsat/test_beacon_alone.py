"""The beacon needs nobody (DESIGN, rule 1): its neighbours die, the bus is torn off, its power is cut."""

import re

import pytest

from flatsat.flights import CRASH_S, DEAD_S, HK_S, ORPHANED, Flights, Flown

PERIOD_S = 90  # firmware/beacon/app.py: in every mode that is not short of power
FRESH_S = 60  # firmware/beacon/text.py: older values are not told
TORN_S, MENDED_S, CUT_S, BACK_S = 2750.4, 2950, 3075.3, 3122.7
RESET_CAUSE_WDT = "3"


@pytest.fixture(scope="module")
def orphaned(flights: Flights) -> Flown:
    return flights.fly(**ORPHANED)


@pytest.fixture(scope="module")
def torn(flights: Flights) -> Flown:
    """The beacon's CAN wires broken and mended; its power cut in the middle of a CW message, and restored."""
    actions = [
        (TORN_S, "beacon", "can_off"), (MENDED_S, "beacon", "can_on"),
        (CUT_S, "beacon", "power_off"), (BACK_S, "beacon", "power_on"),
    ]  # fmt: skip
    return flights.fly(hours=0.9, seed=22, actions=actions)


def missing(text: str) -> bool:
    """Something in it is not available."""
    return re.search(r"[ =]NA( |$)| [BSM]- ", text) is not None


def numbers(text: str) -> dict[str, float]:
    """Names and values of a frame's text, of the board named last."""
    return {name: float(value) for name, value in re.findall(r"(\w+)=(-?[\d.]+)", text)}


def starts(flight: Flown, kind: str) -> list[float]:
    return [one.start_s for one in flight.sent if one.kind == kind]


def test_beacons_go_on_without_a_gap_when_both_others_die(orphaned: Flown) -> None:
    gaps = [b - a for a, b in zip(starts(orphaned, "cw"), starts(orphaned, "cw")[1:], strict=False)]
    assert len(gaps) >= 4 and all(abs(gap - PERIOD_S) < 0.5 for gap in gaps), gaps
    assert all(one.whole for one in orphaned.sent[:-1])
    afsk = starts(orphaned, "afsk")
    assert all(b - a <= 61 for a, b in zip(afsk, afsk[1:], strict=False)), afsk
    assert orphaned.sent[-1].stop_s > orphaned.summary["flown_s"] - PERIOD_S


def test_the_dead_boards_values_are_marked_and_the_beacons_own_are_told(orphaned: Flown) -> None:
    later = DEAD_S + FRESH_S + HK_S
    cw = orphaned.texts(later, kind="cw")
    frames = orphaned.texts(later, kind="afsk")
    assert len(cw) >= 2 and len(frames) >= 9
    for text in cw:
        assert re.fullmatch(r"VVV DE N0CALL NANODRAGON VIETNAM B- S- M- U[5-9]\d{3} T-?\d+ R1 \+", text), text
    for text in frames:
        assert text.startswith("NANODRAGON VIETNAM "), text
        if " POWER " in text:
            assert text.endswith(" POWER EPS NA")
        elif " ENVIRONMENT " in text:
            assert text.endswith(" ENVIRONMENT SENSOR NA")
        else:
            assert text.endswith(" EPS NA SENSOR NA")
            own = numbers(text)
            assert own["boots"] == 1 and own["uptime_s"] > later - 5 and 6 < own["supply_v"] < 8.4
    said = [numbers(text)["seq"] for text in frames if " STATUS " in text]
    assert said == sorted(said) and said[-1] > said[0]


def test_values_were_told_while_the_boards_lived(orphaned: Flown) -> None:
    before = orphaned.texts(0, CRASH_S)
    assert before and not any(map(missing, before)), before


def test_processes_that_were_killed_come_back_by_their_watchdogs(orphaned: Flown) -> None:
    """8,000 ms (boards/*/parts.py) after the last feed; until then nothing feeds a dead processor."""
    for role in ("eps", "sensor"):
        assert orphaned.events(role, "process ended (signal SIGKILL)") == [pytest.approx(CRASH_S + 0.3, abs=1.0)]
        (bitten_s,) = orphaned.events(role, "watchdog bite")
        assert 6.5 < bitten_s - CRASH_S < 9.5
        assert orphaned.said(role, "boots", bitten_s)[0] == "2"
        assert orphaned.said(role, "reset_cause", bitten_s)[0] == RESET_CAUSE_WDT
        assert not orphaned.said(role, "seq", DEAD_S + 1)
    after_crash = orphaned.texts(CRASH_S + 2 * HK_S, DEAD_S, "afsk")
    assert after_crash and not any(map(missing, after_crash))


def test_a_beacon_torn_off_the_bus_speaks_on_and_hears_again_when_it_is_mended(torn: Flown) -> None:
    off = torn.texts(TORN_S + FRESH_S + HK_S, MENDED_S)
    assert len(off) >= 4
    assert all(map(missing, off)), off
    assert not torn.said("beacon", "seq", TORN_S + 1, MENDED_S - 1), "nothing of the beacon is on the bus"
    back = torn.texts(MENDED_S + HK_S + 1, CUT_S)
    assert len(back) >= 3
    assert not any(map(missing, back)), back
    cw = [at_s for at_s in starts(torn, "cw") if at_s < CUT_S]
    assert all(abs(b - a - PERIOD_S) < 0.5 for a, b in zip(cw, cw[1:], strict=False)), cw


def test_back_on_the_air_within_its_period_after_its_power_was_cut(torn: Flown) -> None:
    assert torn.said("beacon", "period_s", MENDED_S, CUT_S)[-1] == str(PERIOD_S)
    (broken,) = [one for one in torn.sent if not one.whole and one.start_s < CUT_S]
    assert broken.stop_s == pytest.approx(CUT_S, abs=0.001), "the carrier ends with the power"
    assert not [one for one in torn.sent if CUT_S < one.start_s < BACK_S]
    first = min(one.start_s for one in torn.sent if one.start_s > CUT_S)
    print(f"power back at {BACK_S} s, on the air at {first} s")
    assert BACK_S < first < BACK_S + PERIOD_S
    assert torn.summary["boards"]["beacon"]["boots"] == 2
    assert torn.texts(BACK_S, kind="cw")[0].endswith(" R2 +")
    assert torn.said("beacon", "reset_cause", BACK_S)[0] == "1"
