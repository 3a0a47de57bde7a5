"""Files over a radio link: 9,600 bit/s, one packet in ten lost either way, three interruptions.

The board is MicroPython with littlefs and FRAM, the ground what `dragonet file` uses; time is virtual, and every byte
on the air is counted.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragonet.errors import NotDone
from dragonet.ground.commander import Commander
from dragonet.ground.files import Files
from dragonet.ground.radio_link import Air
from host.radio_world import RadioBoard, key

KILO = 1024
RADIO_FRAME = 220  # bytes of a packet that a radio frame holds
OUTAGES = ((70.0, 110.0), (200.0, 320.0))  # s; in the longer one the ground gives up, and comes back in the next pass


class World:
    """One board and the ground, in a folder."""

    def __init__(self, folder: Path, loss: float, seed: int, outages: tuple[tuple[float, float], ...] = ()) -> None:
        print(f"seed {seed}")
        self.folder = folder
        (folder / "nv").mkdir()
        self.air = Air(loss=loss, seed=seed, outages=outages)
        self.board = RadioBoard(folder / "nv", self.air)
        self.key = key(folder)
        self.files = self.ground()

    def ground(self) -> Files:
        """The ground anew, as after a restart of its program."""
        commander = Commander(self.board, "eps", self.key, timeout_s=0.6, tries=1)
        block_s = self.air.seconds(220)
        return Files(
            commander, gap_down_s=block_s, patience_s=45.0, sleep=self.board.sleep, now=lambda: self.board.now
        )

    def on_the_air(self) -> int:
        return self.air.up + self.air.down

    def passes(self, transfer: str, *arguments: object, reset_at: int) -> int:
        """A transfer, the board losing power once after so many bytes: how many passes it took."""
        resets = [reset_at]

        def progress(done: int, total: int) -> None:
            if resets and done >= resets[0]:
                resets.pop()
                self.board.boot()

        count = 1
        while True:
            try:
                getattr(self.files, transfer)(*arguments, progress)
                assert not resets
                return count
            except NotDone:
                count += 1
                assert count < 5
                self.board.sleep(60.0)
                self.files = self.ground()


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[list[World]]:
    made: list[World] = []
    yield made
    for world in made:
        world.board.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_256_kb_up_through_loss_and_three_interruptions(tmp_path: Path, worlds: list[World], seed: int) -> None:
    content = random.Random(seed).randbytes(256 * KILO)
    world = World(tmp_path, 0.1, seed, OUTAGES)
    worlds.append(world)
    passes = world.passes("put", "image.bin", content, reset_at=100 * KILO)
    ratio = world.on_the_air() / len(content)
    print(f"up: {ratio:.3f} of the file on the air, {passes} passes, {world.board.now:.0f} s, {world.air.lost} lost")
    assert passes >= 2 and ratio <= 1.39 and world.air.largest == RADIO_FRAME
    world.air = world.board.air = Air()  # and it is what was sent
    assert world.ground().get("image.bin", tmp_path / "back") == len(content)
    assert (tmp_path / "back").read_bytes() == content


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_256_kb_down_through_loss_and_three_interruptions(tmp_path: Path, worlds: list[World], seed: int) -> None:
    content = random.Random(seed).randbytes(256 * KILO)
    world = World(tmp_path, 0.0, seed)
    worlds.append(world)
    world.files.put("image.bin", content)
    start = world.board.now
    outages = tuple((start + begin, start + end) for begin, end in OUTAGES)
    world.air = world.board.air = Air(loss=0.1, seed=seed, outages=outages)
    passes = world.passes("get", "image.bin", tmp_path / "image.bin", reset_at=60 * KILO)
    ratio = world.on_the_air() / len(content)
    took_s = world.board.now - start
    print(f"down: {ratio:.3f} of the file on the air, {passes} passes, {took_s:.0f} s, {world.air.lost} lost")
    assert passes >= 2 and ratio <= 1.39 and world.air.largest == RADIO_FRAME
    assert (tmp_path / "image.bin").read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ground.key", "image.bin", "nv"]


def test_a_file_that_is_there_is_not_sent_again(tmp_path: Path, worlds: list[World]) -> None:
    world = World(tmp_path, 0.0, 1)
    worlds.append(world)
    content = random.Random(1).randbytes(20 * KILO)
    assert world.files.put("a", content)
    before = world.on_the_air()
    assert not world.files.put("a", content)
    assert world.on_the_air() - before < 200


def test_a_link_that_is_dead_is_told_in_one_line(tmp_path: Path, worlds: list[World]) -> None:
    world = World(tmp_path, 0.0, 1, ((0.0, 1e9),))
    worlds.append(world)
    with pytest.raises(NotDone, match="no answer from eps for 45 s; the same command goes on where it stopped"):
        world.files.put("a", b"some bytes")
    assert world.on_the_air() < 1000, "it asks less and less often"
