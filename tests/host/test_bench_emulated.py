"""`dragonet bench flash` on an emulated RP2040: the real image and flash driver, mpremote's transport, power cuts."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dragonet import paths
from dragonet.bench import adapter, boards, emulated, slots
from dragonet.bench.benchfile import Entry, parse
from dragonet.deploy import image as images
from dragonet.errors import NotDone, UserError
from host import bench_world

SEEDS = (1, 2)
# What the guard does at its next boot: runs a slot that was counted and is whole.
_CHOOSES = """
import sys
_slot, _trial = guard.choose(_state_loaded(), open_slot)
if _slot != GOLDEN:
    sys.path.insert(0, guard.PATH)
    import which
print(repr((_slot, which.NUMBER if _slot != GOLDEN else 0, _trial)))
"""
_LOADED = """
def _state_loaded():
    state = _state()
    state.load()
    return state
print(1)
"""


def image(number: int) -> bench_world.Image:
    return replace(bench_world.image(number, 12), target="rp2")


class Board:
    """One emulated beacon; its flash and FRAM outlive each power cut."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entry: Entry = parse({"boards": {"beacon": {"reach": "emulated"}}}, Path("test.toml")).boards[0]

    def __enter__(self) -> slots.Slots:
        self.board = emulated.EmulatedBench(self.entry, self.folder, bytes(range(8)))
        self.link = adapter.Link(self.board.url, "beacon")
        boards.prompt(self.link, self.entry, True)
        return slots.Slots(self.link, self.entry)

    def __exit__(self, *_: object) -> None:
        self.link.close()
        self.board.close()


def test_a_cut_while_an_emulated_rp2040_is_flashed_leaves_a_whole_app(tmp_path: Path) -> None:
    rp2040 = Board(tmp_path)
    with rp2040 as one:
        one.send(image(1))
        one.activate()
        one._refresh()
        one.confirm()
        told = one.plan(image(1))
        assert (told.what, told.slot) == ("nothing", "a")
    for number, seed in enumerate(SEEDS, 2):
        chance = random.Random(seed)
        with rp2040 as one:
            left = chance.randrange(2, 9)  # pieces of code that still get through

            def cut(code: str, limit_s: float = 10.0, link: adapter.Link = rp2040.link) -> str:
                nonlocal left
                left -= 1
                if left < 0:
                    rp2040.board.cut()
                return adapter.Link.execute(link, code, limit_s)

            rp2040.link.execute = cut
            with pytest.raises((NotDone, UserError)):
                one.send(image(number))
                one.activate()
                one.plan(image(number))
                one.plan(image(number))
        with rp2040 as one:
            rp2040.link.execute(_LOADED)
            slot, runs, trial = rp2040.link.literal(_CHOOSES)
            assert slot != slots.GOLDEN and runs in (1, number), f"seed {seed}: slot {slot} runs {runs}"
            assert trial == (runs == number), f"seed {seed}"


# What the guard does with an overlay, and what runs then.
_LAYS_OVER = """
_slot, _trial = guard.choose(_state_loaded(), open_slot)
sys.path.insert(sys.path.index(".frozen"), guard.PATH)
guard._forget()
guard.lay_over(__import__("overlay").MODULES)
from beacon import app, text
import csp.node, core.board
_added = [hasattr(one, "ADDED") for one in (text, csp.node, app, core.board)]
print(repr((_slot, _added, csp.Node is csp.node.Node, csp.__path__)))
"""


def test_an_rp2040_runs_what_an_overlay_brings_and_from_golden_what_it_leaves_out(tmp_path: Path) -> None:
    code = tmp_path / "firmware"
    shutil.copytree(paths.FIRMWARE, code, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("beacon/text.py", "csp/node.py"):
        with (code / name).open("a") as file:
            file.write("\nADDED = 1\n")
    rp2040 = Board(tmp_path / "board")
    with rp2040 as one:
        base = bytes.fromhex(boards.ask(rp2040.link).base)
        made = images.fitting("beacon", "rp2", base, firmware=code)
        assert not made.whole, "is build/toolchain older than this checkout? make toolchain"
        one.send(made)
        one.activate()
        rp2040.link.execute(_LOADED)
        told = rp2040.link.literal(_LAYS_OVER)
    assert told == (0, [True, True, False, False], True, ".frozen/csp")
