# Housekeeping under power cuts: what the FRAM ring took is on flash at last, once and in order, whatever was cut.
import os

import power_cuts
from file_world import World

from core import log


def packet(number):
    return b"%06d" % number + bytes(34)


def keep(world, first, count, done):
    store = world.board.store
    for number in range(first, first + count):
        before = store.ring.next
        store.keep(packet(number))
        world.board.clock.seconds += 60
        if store.ring.next > before:
            done.append(number)


def kept():
    found = []
    for name in sorted(os.listdir("/flash/log")):
        with open("/flash/log/" + name, "rb") as file:
            data = file.read()
        entries = log.unpack(data)
        assert sum(len(entry) + log.OVERHEAD for _, entry in entries) == len(data), "a torn entry"
        found += [(sequence, int(entry[8:14])) for sequence, entry in entries]
    return found


def before(fram, done):
    keep(World(fram, "/flash"), 0, 15, done)


def scenario(fram, done):
    keep(World(fram, "/flash"), 15, 30, done)


def check(fram, done):
    world = World(fram, "/flash")
    store = world.board.store
    world.board.clock.seconds = 1
    keep(world, 100, 1, [])
    assert store.flush()
    found = kept()
    assert [sequence for sequence, _ in found] == list(range(len(found))), found
    numbers = [number for _, number in found]
    assert numbers[-1] == 100 and numbers[: len(done)] == done, (numbers, done)
    assert len(numbers) - len(done) in (1, 2), "the one that was being written may be there"


print(power_cuts.every_cut(scenario, check, before, root="/flash", blocks=16))
