"""Real time: mission time held to the wall clock."""

import time

import pytest

from dragonet.flatsat.hub import Hub
from dragonet.flatsat.pace import Pace


@pytest.mark.parametrize("speed", [0.5, 1.0, 20.0])
def test_mission_time_follows_the_wall_clock(speed: float) -> None:
    hub = Hub()
    pace = Pace(speed)
    began = time.monotonic()
    while time.monotonic() - began < 0.3:
        pace.step(hub, 1 << 60)
        assert hub.now_us / 1e6 <= (time.monotonic() - began) * speed, "never ahead"
    assert hub.now_us / 1e6 / speed == pytest.approx(0.3, abs=0.08)


def test_a_late_flight_catches_up_and_says_so() -> None:
    hub = Hub()
    pace = Pace(1.0)
    hub.at(20_000, lambda: time.sleep(0.3))
    began = time.monotonic()
    while time.monotonic() - began < 0.6:
        pace.step(hub, 1 << 60)
    assert hub.now_us / 1e6 == pytest.approx(0.6, abs=0.08)
    report = pace.report()
    assert report["late"] >= 1 and 0.2 < report["worst_lag_s"] < 0.6


def test_waiting_costs_no_processor_time() -> None:
    hub = Hub()
    pace = Pace(1.0)
    began, spent = time.monotonic(), time.process_time()
    while time.monotonic() - began < 0.5:
        pace.step(hub, 1 << 60)
    assert time.process_time() - spent < 0.1
