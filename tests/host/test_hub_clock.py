"""Virtual time: the hub's order, and boards' clocks with offset and drift."""

import random

from hypothesis import given
from hypothesis import strategies as st

from dragonet.flatsat.clocks import Clock
from dragonet.flatsat.hub import LOOKAHEAD_US, NEVER_US, Hub

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
ppm = st.floats(-1000, 1000)
times = st.integers(0, 60 * DAY_US)


def clock(offset_ppm: float, drift_ppm_per_day: float = 0.0, seed: int = 1) -> Clock:
    return Clock(random.Random(seed), (offset_ppm, offset_ppm), drift_ppm_per_day)


@given(ppm, times, times)
def test_a_clock_is_off_by_its_offset_and_no_more(offset: float, on_us: int, later_us: int) -> None:
    board = clock(offset)
    board.power_on(on_us)
    assert board.local(on_us) == 0
    wrong_us = board.local(on_us + later_us) - later_us
    assert abs(wrong_us - later_us * offset / 1e6) <= 2 + later_us * 0.0005e-6  # rates are whole parts per billion


@given(ppm, st.lists(times, min_size=2, max_size=20))
def test_conversions_are_monotonic(offset: float, moments: list[int]) -> None:
    board = clock(offset)
    board.power_on(0)
    moments.sort()
    local = [board.local(moment) for moment in moments]
    assert local == sorted(local)
    assert [board.hub(one) for one in local] == sorted(board.hub(one) for one in local)


@given(ppm, times, st.integers(0, DAY_US))
def test_a_wake_up_never_comes_before_its_time_on_the_boards_own_clock(offset: float, on_us: int, wake_us: int) -> None:
    """The first moment of the hub at which the local clock has reached it: not before, and not a microsecond late."""
    board = clock(offset)
    board.power_on(on_us)
    hub_us = board.hub(wake_us)
    assert board.local(hub_us) >= wake_us
    assert board.local(hub_us - 1) < wake_us


@given(st.floats(-100, 100), st.floats(0, 100), st.integers(0, 1000), st.lists(st.integers(1, 600), max_size=40))
def test_drift_keeps_the_local_time_continuous_and_within_its_rate(
    offset: float, drift: float, seed: int, pauses: list[int]
) -> None:
    board = clock(offset, drift, seed)
    board.power_on(0)
    now_us = 0
    for seconds in pauses:
        now_us += seconds * SECOND_US
        before, rate = board.local(now_us), board.ppb
        board.drift(now_us, seconds)
        assert board.local(now_us) == before
        assert abs(board.ppb - rate) <= drift * 1000 * seconds / 86_400 + 1
        assert board.local(now_us + 1000) >= before


def test_another_seed_gives_another_rate_within_the_limits() -> None:
    rates = [Clock(random.Random(seed), (-50.0, 50.0), 0.5).ppb for seed in range(200)]
    assert len(set(rates)) == 200
    assert min(rates) > -50_000 and max(rates) < 50_000 and min(rates) < -40_000 and max(rates) > 40_000


class Party:
    """Takes turns at given times, and writes down when and until when it was allowed to run."""

    def __init__(self, hub: Hub, name: str, wakes: list[int], log: list) -> None:
        self.hub, self.name, self.wakes, self.log = hub, name, sorted(wakes), log
        self.wake_us = self.wakes.pop(0) if self.wakes else NEVER_US
        hub.parties.append(self)

    def grant(self, now_us: int, horizon_us: int) -> None:
        self.log.append((now_us, self.name, horizon_us))
        assert horizon_us >= now_us
        self.wake_us = max(self.wakes.pop(0), now_us) if self.wakes else NEVER_US


@given(
    st.lists(st.lists(st.integers(0, 5000), max_size=8), min_size=1, max_size=4),
    st.lists(st.integers(0, 5000), max_size=8),
)
def test_whoever_is_due_first_goes_first(plans: list[list[int]], moments: list[int]) -> None:
    hub = Hub()
    log: list = []
    for k, plan in enumerate(plans):
        Party(hub, f"party {k}", plan, log)
    for moment in moments:
        hub.at(moment, lambda moment=moment: log.append((moment, "event", hub.now_us)))
    hub.run(5000)
    assert len(log) == sum(map(len, plans)) + len(moments)
    assert [entry[0] for entry in log] == sorted(entry[0] for entry in log)
    assert hub.now_us == 5000
    assert all(entry[0] == entry[2] for entry in log if entry[1] == "event")
    for at, (now_us, name, horizon_us) in enumerate(log):
        if name != "event":  # nothing else happens before it may be reached
            following = [other for other in log[at + 1 :] if other[1] != name]
            assert all(other[0] >= min(horizon_us, now_us + LOOKAHEAD_US) - LOOKAHEAD_US for other in following)


def test_events_of_one_time_run_in_the_order_of_their_calls() -> None:
    hub = Hub()
    seen: list[int] = []
    for k in range(20):
        hub.at(100, lambda k=k: seen.append(k))
    hub.run(100)
    assert seen == list(range(20))


def test_every_repeats_without_creeping() -> None:
    hub = Hub()
    seen: list[int] = []
    hub.every(1000, lambda: seen.append(hub.now_us), 500)
    hub.run(10_000)
    hub.run(20_000)
    assert seen == list(range(500, 20_001, 1000))
