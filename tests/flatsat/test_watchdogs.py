"""A board whose firmware hangs is bitten by its watchdog (8,000 ms, boards/*/parts.py) and comes back.

The firmware hangs because the test flies a copy of it whose sensor app has one more task; it hangs in its first life.
"""

import pytest

from dragonet import paths
from flatsat.flights import HK_S, Flights, Flown

paths.use_firmware()

from core.event_codes import TASK_FAILED  # noqa: E402

WDT_S, HANG_S = 8.0, 30
WDT_RESET = "3"
_APP = "sensor/app.py"
_BEACON = "beacon/app.py"
_TASK = """

_real_start = start


def start(board):
    import asyncio
    import machine
    import time

    async def task(checkin):
        while True:
            checkin()
            await asyncio.sleep_ms(1000)
            if board.uptime_s >= {at_s} and machine.reset_cause() == 1:
                {hang}

    board.supervisor.task("hangs", task, 5_000)
    return _real_start(board)
"""

HANGS = {
    "sleeps in a loop": "while True: time.sleep_ms(10)",
    "spins with an eye on the clock": "while True: time.ticks_ms()",
    "waits for ever in one call": "time.sleep(100_000)",
    "never yields": "while True: pass",
    "turns interrupts off and spins": "machine.disable_irq()\n                while True: pass",
}
ENDS = {"leaves by an exception that nothing catches": "raise SystemExit"}


def sensor_with(flights: Flights, hang: str, seconds: float = 80.0) -> Flown:
    app = (paths.FIRMWARE / _APP).read_text() + _TASK.format(at_s=HANG_S, hang=hang)
    return flights.fly(hours=seconds / 3600, seed=31, overlay={_APP: app}, stuck_s=1.5)


@pytest.mark.parametrize("how", HANGS)
def test_a_board_that_hangs_is_bitten_and_comes_back(flights: Flights, how: str) -> None:
    flight = sensor_with(flights, HANGS[how])
    (bitten_s,) = flight.events("sensor", "watchdog bite")
    print(f"hung at {HANG_S} s, bitten at {bitten_s} s")
    assert HANG_S + WDT_S - 2 < bitten_s < HANG_S + WDT_S + 2.5
    assert flight.said("sensor", "boots")[-1] == "2"
    assert flight.said("sensor", "reset_cause")[-1] == WDT_RESET
    assert flight.said("sensor", "seq", bitten_s + HK_S)
    for role in ("eps", "beacon"):
        assert flight.summary["boards"][role]["boots"] == 1


def test_the_powered_time_survives_the_bite(flights: Flights) -> None:
    flight = sensor_with(flights, HANGS["sleeps in a loop"])
    last = int(flight.said("sensor", "mission_s")[-1])
    flown_s = flight.summary["flown_s"]
    assert flown_s - HK_S - WDT_S - 5 < last <= flown_s - WDT_S + 2, "the time that hung is not counted"


def test_a_task_that_stops_checking_in_is_restarted_and_the_board_lives_on(flights: Flights) -> None:
    flight = sensor_with(flights, "await asyncio.sleep_ms(1_000_000)")
    assert flight.events("sensor") == []
    assert flight.summary["boards"]["sensor"]["boots"] == 1
    assert int(flight.said("sensor", "restarts")[-1]) >= 1
    assert flight.said("sensor", "failed_task")[-1] != ""


def test_a_task_that_raises_is_restarted_and_the_others_do_not_notice(flights: Flights) -> None:
    flight = sensor_with(flights, "raise ValueError('test')")
    assert flight.summary["boards"]["sensor"]["boots"] == 1
    assert int(flight.said("sensor", "restarts")[-1]) >= 3
    temperatures = flight.said("sensor", "board_t", 20)
    assert temperatures and all(temperatures)
    assert "ValueError: test" in flight.console("sensor")


def test_an_app_that_cannot_start_leaves_the_core_running_and_tries_again(flights: Flights) -> None:
    flight = flights.fly(hours=80 / 3600, seed=32, overlay={_APP: "raise ImportError('broken image')\n"})
    assert flight.summary["boards"]["sensor"]["boots"] == 2, "after a minute, core/start.py"
    assert flight.events("sensor", "reset")
    told = flight.said("sensor", "seq")
    assert told[:3] == ["0", "1", "2"] and told[-1] == "0", "housekeeping goes on meanwhile, and begins anew"
    assert int(flight.said("sensor", "mission_s")[-1]) >= 60


def test_the_beacon_tells_on_the_air_why_it_restarted_and_what_failed_before(flights: Flights) -> None:
    """Its extra task, the first of the app's, raises once and later spins: the watchdog bites."""
    hang = """if board.uptime_s < 25:
                    await asyncio.sleep_ms(5_000)
                    raise ValueError("test")
                while True: pass"""
    app = (paths.FIRMWARE / _BEACON).read_text() + _TASK.format(at_s=15, hang=hang)
    flight = flights.fly(hours=170 / 3600, seed=33, overlay={_BEACON: app}, powered_s=3600, stuck_s=1.5)
    (bitten_s,) = flight.events("beacon", "watchdog bite")
    failed = flight.said("beacon", "failed_task")[-1]
    event = flight.said("beacon", "last_event")[-1]
    assert failed and event == str(TASK_FAILED)
    status = [text for text in flight.texts(bitten_s) if " STATUS BEACON " in text]
    assert status and f" reset_cause={WDT_RESET} failed_task={failed} last_event={event} " in status[0]
