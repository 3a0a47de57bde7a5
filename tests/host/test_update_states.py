"""Every state that the update can reach, by every order of commands, resets and power cuts at every operation.

A state is what FRAM and flash hold, what runs, and what the update service keeps in RAM. From each one, each command is
given, whole and cut before, within and after each of its writes; and each boot is cut likewise. In every state:
the board boots golden or an image whose every byte is one of the commander's; neither the slot that runs nor the one to
boot next is ever written; a confirmed slot that is whole is what an interrupted update falls back to; and from every
state there is a way to the trial of a new image.

`make campaign` explores two images that take turns, and one of several erase blocks.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from pathlib import Path

import pytest

from dragonet import paths

paths.use_firmware()
sys.path.extend([str(paths.VIRTUAL_BOARD), str(Path(__file__).parents[1] / "unit")])

from power_cuts import AFTER, BEFORE, HALF, Power, PowerCut  # noqa: E402
from update_world import GOLDEN_ID, OTHER_ID, World, image, manifest_of  # noqa: E402

import guard  # noqa: E402
from core import update_record as kept  # noqa: E402
from core.commands import Refused  # noqa: E402
from core.slots import GOLDEN  # noqa: E402
from core.update_machine import BLOCK as PUT  # noqa: E402


class Explorer:
    """sizes: bytes of each image that the commander may send. orders: blocks come in any order, else in sequence."""

    def __init__(self, sizes: tuple[int, ...], orders: bool) -> None:
        self.images = [image(k + 1, size) for k, size in enumerate(sizes)]
        self.manifests = [manifest_of(data, version=str(k), base=GOLDEN_ID) for k, data in enumerate(self.images)]
        self.stranger = manifest_of(self.images[0], base=OTHER_ID)  # an overlay of another golden app
        self.orders = orders
        self.world = World(blocks=max(1, (max(sizes) + 255) // 256))
        self.seen: dict[tuple, int] = {}
        self.stored: list[tuple] = []
        self.edges: list[set[int]] = []
        self.goals: set[int] = set()
        self.waiting: deque[int] = deque()
        self.transitions = self.cuts = self.boots = 0

    # --- states ---

    def restore(self, number: int) -> World:
        cells, flash, running, here, erased, live, entries = self.stored[number]
        world = self.world
        world.restore(cells, flash)
        world.running = running
        machine = world.make()
        machine.here[:] = here
        machine._erased = erased
        state = machine.state
        state.state, state.active, state.other, state.boots, state.result, state.good, state.blocks = live
        state.record.data[:] = entries
        return world

    def note(self) -> int:
        """Number of the state in which the world is."""
        world = self.world
        machine = world.machine
        state = machine.state
        fresh = world.state()
        readable = fresh.load()
        what = bytes(fresh.record.data) if readable else b""
        live = (state.state, state.active, state.other, state.boots, state.result, state.good, state.blocks)
        key = (what, live, bytes(world.flash), world.running, bytes(machine.here), machine._erased)
        if key in self.seen:
            return self.seen[key]
        number = len(self.stored)
        self.seen[key] = number
        self.stored.append(
            (bytes(world.cells), bytes(world.flash), world.running, bytes(machine.here), machine._erased, live,
             bytes(state.record.data))
        )  # fmt: skip
        self.edges.append(set())
        if state.state in (kept.VERIFIED, kept.TRIAL):
            assert self.whole(state, state.other), f"{kept.STATES[state.state]}, and the image is not whole"
        for slot in (0, 1):
            assert not state.good & 1 << slot or self.whole(state, slot), "good, and the image is not whole"
        if state.state == kept.TRIAL and world.running == state.other:
            self.goals.add(number)
        self.waiting.append(number)
        return number

    # --- what may happen ---

    def actions(self):
        """Functions of the machine."""
        for manifest in self.manifests:
            yield lambda m, manifest=manifest: m.begin(manifest)
        yield lambda m: m.begin(self.stranger)
        state = self.world.machine.state
        if state.state == kept.RECEIVING:
            # what comes is of the image that is received, or another one's: a sender may be confused
            for data in self.images:
                for at in range(0, len(data), PUT):
                    if self.orders or at == self.next_put():
                        yield lambda m, at=at, data=data: m.put(at, data[at : at + PUT])
            yield lambda m: m.keep(m.window()[0], m.slot().crc(*m.window()))
        else:
            yield lambda m: m.put(0, self.images[0][:PUT])
            yield lambda m: m.keep(0, 0)
        yield self.verify
        yield lambda m: m.activate()
        yield lambda m: m.confirm()
        yield lambda m: m.abort()
        yield lambda m: m.abort(kept.SILENT)
        yield lambda m: m.healthy()
        for number in (0, 1, GOLDEN):
            yield lambda m, number=number: m.choose(number)

    def next_put(self) -> int:
        machine = self.world.machine
        start, size = machine.window()
        k = 0
        while k * PUT < size and machine.here[k >> 3] & 1 << (k & 7):
            k += 1
        return start + k * PUT

    def verify(self, machine) -> None:
        machine.may_verify()
        machine.judge(machine.slot().hash(machine.manifest().length))

    def explore(self) -> None:
        self.world.boot()
        self.note()
        while self.waiting:
            number = self.waiting.popleft()
            self.restore(number)
            for act in list(self.actions()):
                self.try_action(number, act)
            self.try_boot(number)
            self.try_rot(number)

    def try_action(self, number: int, act) -> None:
        world = self.restore(number)
        before = self.protected(world)
        flash, record = bytes(world.flash), bytes(world.cells)
        try:
            act(world.machine)
            refused = False
        except Refused as error:
            refused = type(error) is Refused
        self.transitions += 1
        assert self.protected(world, before) == before, "a slot that runs or is to boot next was written"
        if refused:
            assert bytes(world.flash) == flash and bytes(world.cells) == record, "refused, and something changed"
        operations = world.power.operations
        self.edges[number].add(self.note())
        for at in range(operations):
            for part in (BEFORE, HALF, AFTER):
                world = self.restore(number)
                world.power.at, world.power.part = at, part
                try:
                    act(world.machine)
                    raise AssertionError("the cut did not come")
                except PowerCut:
                    self.cuts += 1
                assert self.protected(world, before) == before, "a cut left a slot that runs or is to boot next written"
                self.boot(number, fall_back=before)

    def try_boot(self, number: int) -> None:
        self.restore(number)
        operations = self.boot(number)
        for at in range(operations):
            for part in (BEFORE, HALF, AFTER):
                world = self.restore(number)
                world.repower(Power(at, part))
                try:
                    world.boot()
                    raise AssertionError("the cut did not come")
                except PowerCut:
                    self.cuts += 1
                self.boot(number)

    def boot(self, number: int, fall_back: tuple | None = None) -> int:
        """A reset from the storage as it is now; returns the number of writes of the boot."""
        world = self.world
        world.repower()
        world.boot()
        self.boots += 1
        operations = world.power.operations
        running = world.running
        if running != GOLDEN:
            assert world.mounted[-1] == running
            assert any(world.content(running, len(data)) == data for data in self.images), "it runs what nobody sent"
        state = world.machine.state
        if fall_back is not None and state.state != kept.TRIAL and state.active != GOLDEN and state.boots < guard.BOOTS:
            assert running == state.active, "a confirmed slot was there, and golden runs"
        self.edges[number].add(self.note())
        return operations

    def whole(self, state, number: int) -> bool:
        """The slot holds the image of its manifest."""
        for data, manifest in zip(self.images, self.manifests, strict=True):
            if bytes(state.entry(number)) == manifest[: len(state.entry(number))]:
                return self.world.content(number, len(data)) == data
        return False

    def try_rot(self, number: int) -> None:
        """A bit of flash flips before the boot; what comes of it is not explored further."""
        for slot in (0, 1):
            world = self.restore(number)
            world.flash[slot * world.slot_bytes + 40] ^= 4
            state = world.state()
            state.load()
            running = world.boot()
            self.boots += 1
            assert running == GOLDEN or self.whole(world.machine.state, running), "it runs an image with a wrong bit"
            second = 1 - slot
            if state.state != kept.TRIAL and state.active == slot and state.boots < guard.BOOTS and (
                state.good & 1 << second and not self.whole(state, slot)
            ):
                assert running == second, "another confirmed slot was there, and golden runs"

    def protected(self, world: World, like: tuple | None = None) -> tuple:
        """What of the flash no command may touch: the slots of `like`, or those that run and boot next."""
        numbers = [n for n, _ in like] if like is not None else (
            [n for n in (0, 1) if n in (world.running, world.machine.state.active)]
        )
        return tuple((n, world.content(n, world.slot_bytes)) for n in numbers)

    # --- afterwards ---

    def stranded(self) -> int:
        """States from which no order of commands leads to the trial of a new image."""
        back: list[list[int]] = [[] for _ in self.stored]
        for number, targets in enumerate(self.edges):
            for target in targets:
                back[target].append(number)
        reached = set(self.goals)
        waiting = deque(self.goals)
        while waiting:
            for number in back[waiting.popleft()]:
                if number not in reached:
                    reached.add(number)
                    waiting.append(number)
        return len(self.stored) - len(reached)

    def report(self) -> str:
        return (
            f"{len(self.stored)} states, {self.transitions} commands, {self.cuts} power cuts, {self.boots} boots, "
            f"{len(self.goals)} trials"
        )


def settled(sizes: tuple[int, ...], orders: bool = True) -> Explorer:
    """Explored to the end, and every state leads to the trial of a new image."""
    one = Explorer(sizes, orders)
    one.explore()
    print(one.report())
    assert not one.waiting and one.goals and one.stranded() == 0
    return one


SEARCHES = {"one image, blocks in any order": ((200,), True, 4_000)}  # sizes, any order, fewest states
if os.environ.get("DRAGONET_UPDATE_STATES"):  # make campaign: minutes
    SEARCHES["two images"] = ((100, 90), True, 15_000)
    SEARCHES["several erase blocks"] = ((300,), False, 30_000)


@pytest.mark.parametrize("what", SEARCHES)
def test_every_reachable_state_boots_a_verified_image_or_golden(what: str) -> None:
    sizes, orders, fewest = SEARCHES[what]
    assert len(settled(sizes, orders).stored) > fewest
