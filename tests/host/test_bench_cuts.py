"""Unplugged at any byte of a flash, a board boots a whole, verified app: the link is cut, and power fails with it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragonet.bench import adapter, slots
from dragonet.errors import NotDone, UserError
from host import bench_world

CUTS = 200  # in a row on some boards, so that each flash meets what the cuts before left
BOARDS = 10
# Not in its sleeve: then each boot is counted as in flight, and no quick resets end at the prompt.
ENTRY = bench_world.entry(world={"rbf": 0})
_RUNS = """
import guard
def _runs():
    if guard.running == 255:
        return 255, 0, "", guard.trial, repr(guard.error)
    import which
    manifest = _m.state.manifest(guard.running)
    whole = open_slot(guard.running).hash(manifest.length) == manifest.digest
    return guard.running, which.NUMBER, manifest.version if whole else "broken", guard.trial, repr(guard.error)
print(repr(_runs()))
"""


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bench_world.Code]:
    yield bench_world.Code(tmp_path_factory.mktemp("code"))


class Bench:
    """One board through its cuts."""

    def __init__(self, code: bench_world.Code, folder: Path) -> None:
        self.code, self.folder = code, folder
        self.number = 0
        self.session = 0  # bytes over the link of a whole flash

    def boot(self) -> tuple[adapter.Link, slots.Slots]:
        self.board = self.code.board(ENTRY, self.folder)
        return bench_world.at_prompt(self.board, ENTRY)

    def runs(self, link: adapter.Link) -> tuple[int, int, str, bool, str]:
        return link.literal(_RUNS)

    def install(self) -> None:
        """A first image, confirmed."""
        link, board = self.boot()
        self.flash(board)
        self.session = self.board.passed
        self.off(link)
        link, board = self.boot()
        board.confirm()
        self.off(link)

    def flash(self, board: slots.Slots) -> None:
        image = bench_world.image(self.number)
        board.plan(image)
        board.send(image)
        board.activate()

    def off(self, link: adapter.Link) -> None:
        link.close()
        self.board.close()


@pytest.mark.parametrize("group", range(BOARDS))
def test_a_cut_at_any_byte_leaves_a_whole_verified_app(code: bench_world.Code, tmp_path: Path, group: int) -> None:
    bench = Bench(code, tmp_path)
    bench.install()
    cut = 0
    for turn in range(CUTS // BOARDS):
        seed = group * 1000 + turn
        chance = random.Random(seed)
        link, board = bench.boot()
        slot, number, version, trial, error = bench.runs(link)
        assert slot != 255, f"seed {seed}: golden, {error}"
        assert version == f"test {number}", f"seed {seed}: slot {slot} holds {version}, and {number} runs"
        assert number <= bench.number, f"seed {seed}"
        if trial and chance.random() < 0.5:
            board.confirm()
        elif not trial and chance.random() < 0.5 or bench.number == number:
            bench.number += 1  # another image than the one that was cut off
        bench.board.cut_after = bench.board.passed + chance.randrange(bench.session * 11 // 10)
        try:
            bench.flash(board)
        except (NotDone, UserError):
            cut += 1
        bench.off(link)
    assert cut > CUTS // BOARDS // 2, "most flashes were cut"
