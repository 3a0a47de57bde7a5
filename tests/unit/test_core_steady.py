# What core does every second allocates nothing, so a board's heap is as flat after a week as after a minute.
import gc
import sys
import unittest

from core import heartbeat, ports
from core.board import Board
from core.hk_table import COMMON
from core.telemetry import Set

_ROUNDS = 50
_TABLE = Set("eps", COMMON + (("battery_v", "u16", "V", 0.001, "battery"),))


class Parts:
    ROLE = "eps"
    FRAM = 0x50


class Memory:
    def __init__(self):
        self.cells = bytearray(4096)

    def read_into(self, address, buffer):
        for k in range(len(buffer)):
            buffer[k] = self.cells[address + k]

    def write(self, address, data):
        for k in range(len(data)):
            self.cells[address + k] = data[k]


class Packet:
    def __init__(self, data):
        self.src = ports.ADDRESSES["beacon"]
        self.data = memoryview(data)


def allocated(function):
    """Bytes of heap that one call takes."""
    function()
    function()
    gc.collect()
    gc.disable()
    try:
        before = gc.mem_alloc()
        for _ in range(_ROUNDS):
            function()
        return (gc.mem_alloc() - before) / _ROUNDS
    finally:
        gc.enable()


class Steady(unittest.TestCase):
    """Judged where it matters: CPython's heap has no such count, there the calls only have to work."""

    def setUp(self):
        self.board = Board(Parts, object(), _TABLE, "nowhere/config.json")
        memory = Memory()
        for record in self.board._records:
            record._memory = memory

    def quiet(self, function, most=0):
        taken = allocated(function)
        if sys.implementation.name == "micropython":
            self.assertTrue(taken <= most, taken)

    def test_the_hold_and_its_save(self):
        # once a save: two views, and on a 32-bit port a CRC-32 above 2^30, three times in four, of 32 bytes
        self.quiet(lambda: self.board.hold.update(1000), 64)
        self.assertGreater(self.board.hold.elapsed_s, _ROUNDS)
        self.assertEqual(self.board.hold.record.errors, 1)  # before it was given a memory

    def test_the_clock_and_the_supervisor(self):
        self.quiet(self.board.clock.update)
        self.quiet(self.board.supervisor.check)

    def test_a_heartbeat_and_housekeeping_sent(self):
        self.quiet(lambda: self.board.second())
        self.quiet(self.board.publish)

    def test_a_heartbeat_and_housekeeping_received(self):
        beat = bytearray(heartbeat.SIZE)
        heartbeat.pack_into(beat, 3, 1, 1, 0xFFFFFFFF)
        packet, hk = Packet(beat), Packet(bytes(90))
        self.board.expect("beacon", _TABLE)
        self.quiet(lambda: self.board._on_heartbeat(packet))
        self.quiet(lambda: self.board._on_hk(hk))
        self.assertEqual(self.board.heard["beacon"].mode, 3)
        self.assertGreater(self.board.heard["beacon"].mismatches, _ROUNDS)
