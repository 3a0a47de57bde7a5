# What a board tells when it is asked: telemetry sets, events, counters, limits; a whole board answers itself.
import struct
import unittest

from core import event_table, services
from core.board import Board
from core.command_table import COMMANDS, COMPLETED, NOT_FOUND, REFUSED
from core.dictionary import Dictionary
from core.event_table import EVENTS
from core.events import unpack
from core.system import SYSTEM
from core.hk_table import COMMON
from core.telemetry import Set

HK = Set("eps", COMMON + (("battery_v", "u16", "V", 0.001, "battery"),))
VOLTS = HK.index("battery_v")


class Parts:
    ROLE = "eps"
    FRAM = 0x50


class Asked(unittest.TestCase):
    def setUp(self):
        self.board = Board(Parts, object(), HK, "nowhere/config.json")
        limits = (("battery_v", 6000, None, 0, 0, 1, None),)
        self.board.dictionary = Dictionary("eps", HK, (), EVENTS, COMMANDS, limits, (SYSTEM,))
        services.attach(self.board)

    def ask(self, name, *values):
        commands = self.board.commands
        return commands._do(commands._free(), memoryview(commands.encode(name, *values)))

    def test_housekeeping_is_packed_when_it_is_asked_for(self):
        self.board.hk[VOLTS] = 7412
        status, data = self.ask("tm_get", 0)
        self.assertEqual(status, COMPLETED)
        self.assertEqual(HK.unpack(data)["battery_v"], 7412)
        self.assertEqual(HK.unpack(self.ask("tm_get", 0)[1])["seq"], 1)

    def test_the_system_set_tells_of_heap_bus_and_services(self):
        for _ in range(30):
            self.board.event(event_table.FAULT, 1)
        self.ask("tm_get", 9 - 2)
        status, data = self.ask("tm_get", 1)
        raw = SYSTEM.unpack(data)
        self.assertEqual(status, COMPLETED)
        self.assertGreater(raw["heap_free"], 1000)
        self.assertEqual(raw["events_dropped"], 24)
        self.assertEqual(raw["commands_refused"], 1)
        self.assertEqual((raw["limits_off"], raw["actions_failed"]), (0, 0))
        self.assertEqual(SYSTEM.saturated, 0)

    def test_a_set_that_does_not_exist_is_refused(self):
        status, data = self.ask("tm_get", 2)
        self.assertEqual((status, data[0]), (REFUSED, NOT_FOUND))

    def test_housekeeping_can_be_asked_for_before_its_time(self):
        board = self.board
        board.clock.seconds = 5
        board.second()
        before = board.hk[0]
        board.second()
        self.assertEqual(board.hk[0], before)
        self.ask("hk_now")
        board.second()
        self.assertEqual(board.hk[0], before + 1)
        board.second()
        self.assertEqual(board.hk[0], before + 1)

    def test_events_and_their_counts_are_read(self):
        self.board.event(event_table.FAULT, 77)
        status, data = self.ask("event_read", 0)
        self.assertEqual((status, struct.unpack_from(">II", data, 0)), (COMPLETED, (2, 2)))
        self.assertEqual(unpack(data[26:44])[2:], (event_table.FAULT, 0, 77, 0))
        status, data = self.ask("event_counts", 0)
        self.assertEqual(bytes(data[6:12]), b"\x00\x00\x01\x01\x00\x01")

    def test_exceeded_limits_stand_in_housekeeping(self):
        self.board.hk[VOLTS] = 5000
        self.board.publish()
        self.assertEqual(self.ask("limit_state"), (COMPLETED, b"\x01\x00\x01\x00\x00"))
        self.assertEqual(HK.unpack(self.ask("tm_get", 0)[1])["limits"], 1)
