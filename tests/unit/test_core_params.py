# Parameters: what is set is kept, what is risky is taken back unless it is confirmed, and nothing corrupt is believed.
import struct
import unittest

from byte_memory import Memory
from command_world import Board, Parts
from core import command_table, layout, parameter_table, settings
from core.command_table import COMPLETED, REFUSED
from core.commands import Commands
from core.params import CHANGED, CONFIRM_S, UNCONFIRMED, UNKEPT, Params

TABLE = parameter_table.PARAMETERS + (
    ("level", "i16", "V", 0.001, -500, 500, 20, False, "a level"),
    ("risk", "u8", "", 1, 0, 200, "LEVELS.1.0", True, "a risky one"),
    ("big", "i32", "", 1, -0x7FFFFFFF, 0x7FFFFFFF, 0, False, "a big one"),
)
# another firmware: one more, one less, one with a narrower range
LATER = (
    ("new", "u8", "", 1, 0, 9, 4, False, "a new one"),
    ("big", "i32", "", 1, -5, 5, 0, False, "a big one"),
    parameter_table.PARAMETERS[0],
)


class Base(unittest.TestCase):
    def setUp(self):
        self.memory = Memory(layout.END)
        self.boot()

    def boot(self, table=TABLE):
        self.board = Board(self.memory, parameters=table)
        self.commands = self.board.commands = Commands(self.board)
        self.params = Params(self.board)
        return self.params

    def tell(self, name, *values, src=3):
        """A command from another board: (status, data)."""
        self.board.wire.sent.clear()
        self.board.wire.give(src, 2, b"\xff\x00\x00\x00\x01" + self.commands.encode(name, *values))
        data = self.board.wire.sent[0][3]
        return data[5], data[6:]

    def seconds(self, count):
        for _ in range(count):
            for function in self.board.seconds:
                function()


class Values(Base):
    def test_begin_with_their_defaults_also_those_of_the_parts(self):
        self.assertEqual([self.params.get(line[0]) for line in TABLE], [20, 20, 7, 0])
        self.assertEqual(self.board.hk_period_s, 20)

    def test_a_value_that_is_set_is_in_force_at_once_and_after_a_reset(self):
        self.assertEqual(self.tell("param_set", -500, "level"), (COMPLETED, struct.pack(">iB", -500, CHANGED)))
        self.assertEqual(self.params.get("level"), -500)
        self.assertEqual(self.boot().get("level"), -500)
        self.assertEqual(self.tell("param_get", "level"), (COMPLETED, struct.pack(">iB", -500, CHANGED)))

    def test_the_period_of_housekeeping_follows_its_parameter(self):
        self.tell("param_set", 5, "hk_period")
        self.assertEqual(self.board.hk_period_s, 5)
        self.boot()
        self.assertEqual(self.board.hk_period_s, 5)

    def test_whoever_asked_hears_of_a_change(self):
        heard = []
        self.params.on_change("level", heard.append)
        self.params.on_change("risk", lambda value: 1 // 0)
        self.tell("param_set", 3, "level")
        self.tell("param_set", 3, "risk")
        self.assertEqual(heard, [3])
        self.assertEqual(len(self.board.survived), 1)

    def test_what_is_out_of_range_or_unknown_changes_nothing(self):
        for value, name, reason in (
            (501, "level", command_table.ARGUMENT),
            (-501, "level", command_table.ARGUMENT),
            (201, "risk", command_table.ARGUMENT),
            (1, "nobody", command_table.NOT_FOUND),
        ):
            before = bytes(self.memory.cells)
            self.assertEqual(self.tell("param_set", value, name), (REFUSED, bytes((reason, 0))))
            self.assertEqual(bytes(self.memory.cells), before)
        self.assertEqual(self.tell("param_get", "nobody"), (REFUSED, bytes((command_table.NOT_FOUND, 0))))
        with self.assertRaises(ValueError):
            self.params.set("level", True)
        with self.assertRaises(KeyError):
            self.params.set("nobody", 1)

    def test_the_hash_tells_values_apart(self):
        before = self.params.hash
        self.tell("param_set", 21, "level")
        self.assertNotEqual(self.params.hash, before)
        self.tell("param_default", "level")
        self.assertEqual(self.params.hash, before)

    def test_all_go_back_to_their_defaults(self):
        self.tell("param_set", 1, "level")
        self.tell("param_set", 1, "big")
        self.assertEqual(self.tell("param_default", "")[0], COMPLETED)
        self.assertEqual([self.boot().get(line[0]) for line in TABLE], [20, 20, 7, 0])

    def test_are_listed_in_blocks(self):
        self.tell("param_set", -3, "big")
        self.tell("param_set", 9, "risk")
        data = self.tell("param_list", 0)[1]
        self.assertEqual(data[:4], struct.pack(">BBH", 4, CONFIRM_S // 4, self.params.hash))
        listed = [struct.unpack_from(">iB", data, 4 + 5 * k) for k in range(4)]
        self.assertEqual(listed, [(20, 0), (20, 0), (9, CHANGED | UNCONFIRMED), (-3, CHANGED)])
        self.assertEqual(len(self.tell("param_list", 3)[1]), 9)
        self.assertEqual(len(self.tell("param_list", 200)[1]), 4)


class Risky(Base):
    def test_a_risky_change_is_taken_back_when_nobody_confirms_it(self):
        self.tell("param_set", 100, "risk")
        self.assertEqual(self.params.get("risk"), 100)
        self.seconds(CONFIRM_S - 1)
        self.assertEqual(self.params.get("risk"), 100)
        self.seconds(1)
        self.assertEqual(self.params.get("risk"), 7)
        self.assertEqual(self.tell("param_confirm")[0], REFUSED)

    def test_a_reset_takes_it_back_even_when_another_one_was_kept_meanwhile(self):
        self.tell("param_set", 100, "risk")
        self.tell("param_set", 1, "level")
        self.boot()
        self.assertEqual((self.params.get("risk"), self.params.get("level")), (7, 1))

    def test_a_confirmed_one_stays(self):
        self.tell("param_set", 100, "risk")
        self.assertEqual(self.tell("param_confirm"), (COMPLETED, b"\x00"))
        self.seconds(CONFIRM_S + 1)
        self.assertEqual(self.params.get("risk"), 100)
        self.assertEqual(self.boot().get("risk"), 100)

    def test_can_be_taken_back_by_command_and_by_setting_what_was(self):
        self.tell("param_set", 100, "risk")
        self.assertEqual(self.tell("param_revert")[0], COMPLETED)
        self.assertEqual(self.params.get("risk"), 7)
        self.tell("param_set", 100, "risk")
        self.tell("param_set", 7, "risk")
        self.assertEqual(self.params.seconds_left, 0)
        self.assertEqual(self.tell("param_revert")[0], REFUSED)


class Kept(Base):
    def test_another_firmware_keeps_what_it_knows_and_does_not_lose_the_rest(self):
        self.tell("param_set", 1, "level")
        self.tell("param_set", 3, "big")
        self.tell("param_set", 7, "hk_period")
        self.boot(LATER)
        self.assertEqual([self.params.get(line[0]) for line in LATER], [4, 3, 7])
        self.tell("param_set", 9, "new")
        self.assertEqual([self.boot().get(line[0]) for line in TABLE], [7, 1, 7, 3])
        self.assertEqual(self.boot(LATER).get("new"), 9)

    def test_a_value_outside_the_range_of_this_firmware_is_the_default(self):
        self.tell("param_set", 1000, "big")
        self.assertEqual(self.boot(LATER).get("big"), 0)

    def test_a_cut_at_any_byte_keeps_the_old_value_or_the_new(self):
        self.tell("param_set", 1, "level")
        found = set()
        for cut in range(0, 494, 7):
            self.memory.budget = cut
            self.board.wire.give(3, 2, b"\xff\x00\x00\x00\x01" + self.commands.encode("param_set", 2, "level"))
            self.memory.budget = None
            value = self.boot().get("level")
            self.assertTrue(value in (1, 2))
            found.add(value)
            self.tell("param_set", 1, "level")
        self.memory.budget = 493
        self.tell("param_set", 2, "level")
        self.memory.budget = None
        self.assertEqual(self.boot().get("level"), 2)
        self.assertTrue(1 in found)

    def test_whatever_stands_in_the_memory_the_board_starts_with_sound_values(self):
        start, room = layout.region("params")
        for fill in (0x00, 0xFF, 0x55):
            for k in range(room):
                self.memory.cells[start + k] = fill
            self.assertEqual([self.boot().get(line[0]) for line in TABLE], [20, 20, 7, 0])

    def test_a_dead_memory_holds_a_change_until_the_next_reset_and_says_so(self):
        self.memory.protected = True
        self.assertEqual(self.tell("param_set", 1, "level"), (COMPLETED, struct.pack(">iB", 1, CHANGED | UNKEPT)))
        self.assertEqual(self.params.get("level"), 1)
        self.assertEqual(self.boot().get("level"), 20)


class Tables(unittest.TestCase):
    def test_every_default_is_in_its_range_and_of_its_type(self):
        from core.telemetry import _TYPES

        for line in TABLE:
            low, high = _TYPES[line[1]][2:4]
            value = settings.default(line, Parts)
            self.assertTrue(low <= line[4] <= value <= line[5] <= min(high, 0x7FFFFFFF))

    def test_without_the_service_apps_read_the_defaults(self):
        class NoService:
            parts = Parts

        found = settings.of(NoService(), TABLE)
        self.assertEqual((found.get("level"), found.get("risk")), (20, 7))
        with self.assertRaises(KeyError):
            found.get("nobody")
