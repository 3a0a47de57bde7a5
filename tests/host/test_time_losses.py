"""Boards agree to 2 ms while up to half of all frames are lost and many wait: cases by seed.

DRAGONET_TIME_CASES sets how many seeds are flown (default 60, some seconds; make campaign flies 10,000),
DRAGONET_FUZZ_SEED where they start. In a case the oscillators are up to 100 ppm apart, a frame takes 0.3 to 3 ms, and
up to half of the frames wait as much as 40 ms more; the boards boot at different times, and the ground or a reset
corrects or loses the time in between. No board's time ever goes back: `Board.look` of time_world.py raises.
"""

import os
import random
import sys

import pytest

from dragonet import paths

if str(paths.VIRTUAL_BOARD) not in sys.path:
    sys.path.append(str(paths.VIRTUAL_BOARD))

from host.test_time_properties import Modules
from unit.time_world import World

CASES = int(os.environ.get("DRAGONET_TIME_CASES", "60"))
SEED = int(os.environ.get("DRAGONET_FUZZ_SEED", "1"))
LIMIT_US = 2_000
SETTLED_S = 600  # after which boards that lose half of what they say have measured each other's rates

# What left a board more than 2 ms off once: an exchange that was lost and repeated minutes later, a rate learned from a
# reply that had waited or across a correction of the master, a board that followed though it knew the time better.
ONCE_WRONG = (5, 20, 35, 122, 173, 297, 1073, 1424, 1831, 1987)


class Case:
    """Three boards on a bad bus: what happened and how far apart they were."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.rng, self.now_s, self.worst_us, self.worst_s = rng, 0, 0, 0
        way_us, busy_us, lost = rng.randint(300, 3000), rng.randint(0, 40_000), rng.randint(0, 50)
        often = rng.choice((0, 1, 2, 3, 3, 5))  # frames of ten that wait
        self.what = rng.choice(("nothing", "set", "a board resets", "the master resets", "a little"))
        self.text = f"seed {seed}: {self.what}, way {way_us} us, busy {busy_us} us {often} in 10, lost {lost} %"

        def delay(src: object, dst: object) -> tuple[int, int] | None:
            if rng.random() * 100 < lost:
                return None
            wait_us = rng.randrange(busy_us + 1) if rng.randrange(10) < often else 0
            return way_us + rng.randrange(100) + wait_us, 100 + rng.randrange(100)

        self.world = World(seed * 7919 + 1, delay)
        self.boards = [
            self.world.board(role, rng.randint(-50_000, 50_000), rng.randint(0, 10_000_000))
            for role in ("eps", "beacon", "sensor")
        ]

    def settle(self, seconds: int) -> None:
        self.now_s += seconds
        self.world.run(self.now_s)

    def watch(self, seconds: int) -> None:
        """Every 20 s, how far apart the boards are."""
        for _ in range(0, seconds, 20):
            self.settle(20)
            apart_us = self.world.spread_us()
            if apart_us > self.worst_us:
                self.worst_us, self.worst_s = apart_us, self.now_s

    def set_time(self, s: int, us: int) -> None:
        self.boards[0].command("time_set", s + us // 1_000_000, us % 1_000_000, 0)

    def fly(self) -> str:
        """Empty, or what was more than LIMIT_US apart."""
        rng = self.rng
        self.settle(rng.randint(41, 211))
        if self.what != "nothing":
            self.set_time(840_000_000, rng.randrange(1_000_000))
        self.settle(SETTLED_S)
        self.watch(300)
        if self.what == "a board resets":
            rng.choice(self.boards[1:]).boot()
        elif self.what == "the master resets":
            self.boards[0].boot()
        elif self.what == "a little":
            s, us = self.boards[0].look()
            self.set_time(s, us + rng.randrange(-200_000, 200_000))
        self.settle(SETTLED_S)
        self.watch(600)
        if self.worst_us <= LIMIT_US:
            return ""
        return f"{self.text}: {self.worst_us} us apart at {self.worst_s} s"


@pytest.mark.parametrize("seed", ONCE_WRONG)
def test_what_was_wrong_once_is_within_two_milliseconds(seed: int) -> None:
    with Modules():
        assert not Case(seed).fly()


def test_boards_agree_to_two_milliseconds_while_half_of_all_frames_are_lost() -> None:
    with Modules():
        wrong = [text for seed in range(SEED, SEED + CASES) if (text := Case(seed).fly())]
    assert not wrong, "\n".join(wrong)
