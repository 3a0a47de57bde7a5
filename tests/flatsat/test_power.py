"""EPS and battery decide who has power: loads are shed when low, an empty battery takes all, the sun gives it back."""

import pytest

from flatsat.flights import HK_S, Flights, Flown

# A weak pack of half an ampere-hour, leaving its pod in eclipse, four minutes before the sun.
WEAK = """
[orbit]
argument_of_latitude_deg = 60.0
[spacecraft]
battery_ah = 0.5
initial_soc = {soc}
initial_rates_deg_s = [0.3, 0.2, 0.1]
initial_rates_sigma_deg_s = 0.0
[ships]
count = 0
{more}
"""
EPS_RESETS = '[[fault]]\nat = "00:01:20"\nboard = "eps"\ndo = "reset"\n'
EPS_RESET_S = 80
BEACON, SENSOR, AIS = 1, 2, 4  # bits of loads_on, in the order of boards/eps/parts.py
SAFE_LEVEL = 2  # sheds the sensor board


@pytest.fixture(scope="module")
def low(flights: Flights) -> Flown:
    """24 % at separation; the EPS is reset in the dark, the sun charges the pack."""
    return flights.fly(WEAK.format(soc=0.24, more=EPS_RESETS), hours=0.22, seed=41)


@pytest.fixture(scope="module")
def empty(flights: Flights) -> Flown:
    """Nearly nothing at separation, in eclipse; the sun comes some minutes later."""
    return flights.fly(WEAK.format(soc=0.004, more=""), hours=0.14, seed=42)


def test_a_low_battery_costs_the_sensor_board_its_power_and_the_beacon_keeps_it(low: Flown) -> None:
    (off_s,) = low.events("eps", "sensor off")
    assert 10 <= off_s < 12, "after the levels' debounce of 10 s"
    rows = [row for row in low.rows if row["source"] == "eps" and off_s + 10 < float(row["t_s"]) < EPS_RESET_S]
    assert rows
    for row in rows:
        assert int(row["eps.level"]) == SAFE_LEVEL
        assert int(row["eps.loads_on"]) == BEACON and int(row["eps.loads_shed"]) == SENSOR
        assert abs(float(row["eps.load_sensor_a"])) < 0.002 and float(row["eps.load_beacon_a"]) > 0.015
        assert float(row["eps.soc"]) < 40
    assert not low.said("sensor", "seq", off_s + 0.1, low.events("eps", "sensor on")[0])


def test_it_comes_back_with_a_margin_when_the_battery_is_charged(low: Flown) -> None:
    (on_s,) = low.events("eps", "sensor on")
    before = [row for row in low.rows if float(row["t_s"]) < on_s][-1]
    assert float(before["eps.soc"]) > 39.5 and float(before["truth.soc"]) > 0.38, "shed below 25 %, back from 40 % on"
    assert low.said("sensor", "boots", on_s)[0] == "2"
    assert low.summary["boards"]["beacon"]["boots"] == 1


def test_the_latching_switches_hold_while_the_eps_is_reset(low: Flown) -> None:
    """The beacon and the sensor board see no edge, and what was shed stays shed."""
    assert low.said("eps", "boots")[-1] == "2"
    assert low.events("eps", "beacon") == []
    assert low.summary["boards"]["beacon"]["boots"] == 1
    after = low.said("eps", "loads_on", EPS_RESET_S, EPS_RESET_S + 120)
    assert set(after) == {str(BEACON)}


def test_an_empty_battery_takes_the_power_of_every_board(empty: Flown) -> None:
    (lost_s,) = empty.events("power", "bus lost")
    (back_s,) = empty.events("power", "bus back")
    print(f"bus lost at {lost_s} s, back at {back_s} s")
    assert 30 < back_s - lost_s
    assert not [row for row in empty.rows if lost_s < float(row["t_s"]) < back_s], "nobody speaks without power"
    last = [row for row in empty.rows if float(row["t_s"]) <= lost_s][-1]
    assert float(last["truth.soc"]) <= 0.004 and last["truth.sunlit"] == "0"


def test_a_battery_that_collapses_under_load_takes_the_boards_in_mid_work(flights: Flights) -> None:
    """Before the EPS can shed anything: its levels take 10 s."""
    heavy = WEAK.format(soc=0.003, more="").replace("[ships]", "sensor_w = 2.5\nbeacon_w = 1.0\n[ships]")
    flight = flights.fly(heavy, hours=0.012, seed=43)
    (lost_s,) = flight.events("power", "bus lost")
    assert 1 < lost_s < 10
    assert not [row for row in flight.rows if float(row["t_s"]) > lost_s]
    assert flight.events("eps") == [] and flight.events("power") == [lost_s]
    assert {role: board["boots"] for role, board in flight.summary["boards"].items()} == dict.fromkeys(
        ("eps", "beacon", "sensor"), 1
    )


def test_the_beacon_is_shed_last_before_the_battery_is_empty(empty: Flown) -> None:
    (lost_s,) = empty.events("power", "bus lost")
    assert empty.events("eps", "beacon off")[0] < lost_s
    assert empty.said("eps", "level", lost_s - HK_S - 5, lost_s)[-1:] in ([], ["4"])


def test_the_sun_brings_the_boards_back_by_a_power_on_reset(empty: Flown) -> None:
    (back_s,) = empty.events("power", "bus back")
    for role in ("eps", "beacon"):
        assert int(empty.said(role, "boots", back_s)[0]) == 2
        assert empty.said(role, "reset_cause", back_s)[0] == "1"
        assert int(empty.said(role, "mission_s", back_s)[0]) < back_s, "time without power is not counted"
    assert empty.said("beacon", "seq", empty.summary["flown_s"] - HK_S - 5), "and it stays"
    row = empty.rows[-1]
    assert float(row["truth.sunlit"]) > 0.5 and float(row["eps.battery_v"]) > 6.4
