"""Time goes forward whatever corrects it; boards agree as well as their way allows: any delays, rates and resets."""

import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from dragonet import paths

if str(paths.VIRTUAL_BOARD) not in sys.path:
    sys.path.append(str(paths.VIRTUAL_BOARD))

from unit.time_world import Ticks, World

from core import time_commands, time_sync, timescale  # isort: skip
from core.timescale import RATE_MAX, Timescale  # isort: skip

PPB = st.integers(-50_000, 50_000)
# Left over by the filter: a round trip 1,000 us above the least is believed, half of it is the error, and the rate that
# was learned from it runs away until the next.
JITTER_US = 1_500

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 8_000_000)),
        st.tuples(st.just("read"), st.just(0)),
        st.tuples(st.just("slew"), st.integers(-3_000_000, 3_000_000)),
        st.tuples(st.just("step"), st.integers(-5_000_000, 100_000_000)),
        st.tuples(st.just("rate"), st.integers(-RATE_MAX, RATE_MAX)),
    ),
    max_size=60,
)


class Oscillator:
    first_ticks = 0

    def local(self, true_us: int) -> int:
        return self.first_ticks + true_us


class Modules:
    """The modules under test read these ticks, and later their own again."""

    def __enter__(self) -> None:
        self._kept = timescale.time, time_sync.time, time_sync.machine, time_commands.time

    def __exit__(self, *_: object) -> None:
        timescale.time, time_sync.time, time_sync.machine, time_commands.time = self._kept


@settings(deadline=None)
@given(OPERATIONS, st.integers(0, (1 << 30) - 1))
def test_the_time_shown_never_goes_back_and_the_target_is_where_corrections_put_it(operations, first_ticks) -> None:
    with Modules():
        ticks = Ticks()
        ticks.board = Oscillator()
        ticks.board.first_ticks = first_ticks
        timescale.time = ticks
        scale = Timescale(800_000_000)
        scale.read()
        last = scale.s, scale.us
        wanted_us, since_us, rate = 800_000_000_000_000.0, 0, 0
        for what, value in operations:
            if what == "wait":
                ticks.true_us += value
                scale.read()
                middle = scale.s, scale.us
                assert middle >= last
                last = middle
                scale.update()
            elif what in ("slew", "step"):
                try:
                    scale.slew(value) if what == "slew" else scale.step(value // 1_000_000, value % 1_000_000)
                    wanted_us += value
                except ValueError:
                    pass
            elif what == "rate":
                wanted_us += (ticks.true_us - since_us) * (1 + rate / (1 << 26))
                since_us = ticks.true_us
                scale.correct_rate(value)
                rate = scale.rate
            scale.read()
            assert (scale.s, scale.us) >= last
            last = scale.s, scale.us
        wanted_us += (ticks.true_us - since_us) * (1 + rate / (1 << 26))
        scale.target(ticks.ticks_us())
        assert abs(scale.s * 1_000_000 + scale.us - wanted_us) < 3 + len(operations)


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(PPB, PPB), st.integers(300, 3000), st.integers(300, 3000), st.integers(0, 40_000),
    st.integers(0, 20), st.integers(1, 1 << 30), st.integers(0, 10_000_000),
)  # fmt: skip
def test_boards_agree_to_half_of_what_the_ways_differ(rates, there_us, back_us, busy_us, lost, seed, late_us) -> None:
    """busy_us: what a frame waits besides, at most, three times in ten; lost: percent of the frames."""
    with Modules():

        def delay(src, dst):
            if world.random(100) < lost:
                return None
            way_us = there_us if dst is eps else back_us
            wait_us = world.random(busy_us + 1) if world.random(10) < 3 else 0
            return way_us + world.random(100) + wait_us, 100 + world.random(100)

        world = World(seed, delay)
        eps = world.board("eps", rates[0])
        world.board("beacon", rates[1], late_us)
        limit_us = abs(there_us - back_us) / 2 + JITTER_US
        settled_s = late_us // 1_000_000 + 600
        for t in range(settled_s, settled_s + 900, 50):
            world.run(t)
            assert world.spread_us() <= limit_us, (t, world.spread_us())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["eps", "beacon", "sensor"]), st.integers(1, 400)), max_size=6),
       st.lists(PPB, min_size=3, max_size=3), st.integers(1, 1 << 30))  # fmt: skip
def test_resets_of_any_board_in_any_order_lose_no_time_while_one_board_keeps_it(resets, rates, seed) -> None:
    with Modules():
        world = World(seed)
        boards = {role: world.board(role, ppb) for role, ppb in zip(("eps", "beacon", "sensor"), rates, strict=True)}
        world.run(60)
        boards["eps"].command("time_set", 840_000_000, 0, 0)
        world.run(90)
        now_s = 90
        for role, after_s in resets:
            now_s += max(after_s, 130)  # until the others have told it the time
            world.run(now_s)
            boards[role].boot()
        world.run(now_s + 200)
        for board in boards.values():
            s, us = board.look()
            error_us = (s - 840_000_000 + 60) * 1_000_000 + us - world.ticks.true_us
            assert board.time.synchronised and abs(error_us) < (now_s + 200) * 50 + 20_000
        assert world.spread_us() < 2000
