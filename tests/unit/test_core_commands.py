# Commands: what comes in by the bus, who may ask, what is answered.
import struct
import unittest

from byte_memory import Memory
from command_world import Board
from core import arguments, command_table
from core.command_table import ACCEPTED, COMPLETED, FAILED, REFUSED
from core.commands import PENDING, Commands, Failed, Refused


def unsigned(opcode, rest=b"", sequence=7):
    return struct.pack(">BIB", 255, sequence, opcode) + rest


class CommandsTest(unittest.TestCase):
    def setUp(self):
        self.board = Board(Memory())
        self.commands = Commands(self.board)
        self.wire = self.board.wire
        self.asked = []
        self.commands.add(self)

    def do_ask(self, values, request):
        self.asked.append(values)
        return b"\x12\x34"

    do_set = do_ask

    def do_slow(self, values, request):
        self.request = request
        return PENDING

    def tell(self, data, src=30):
        self.wire.give(src, 2, data)
        return self.wire.sent.pop()[3] if self.wire.sent else None

    def test_a_reading_is_answered_to_the_port_that_asked(self):
        self.wire.give(30, 2, unsigned(0xF0, b"\x03"), 33)
        self.assertEqual(self.wire.sent, [(30, 33, 11, b"\xf0\x00\x00\x00\x07\x01\x12\x34")])
        self.assertEqual(self.asked, [(3,)])
        self.assertEqual(self.commands.done, 1)

    def test_noop_brings_back_what_it_was_given(self):
        self.assertEqual(self.tell(unsigned(0, b"hello")), b"\x00\x00\x00\x00\x07\x01hello")

    def test_a_change_without_signature_is_for_boards_of_this_satellite_only(self):
        change = unsigned(0xF1, b"\xff\x00four")
        self.assertEqual(self.tell(change, 30), b"\xf1\x00\x00\x00\x07\x02\x03\x00")
        self.assertEqual(self.tell(change, 10)[5:], b"\x02\x03\x00")
        self.assertEqual(self.asked, [])
        self.assertEqual(self.tell(change, 3)[5], COMPLETED)
        self.assertEqual(self.asked, [(-256, "four")])
        self.assertEqual(self.commands.refusals[command_table.UNSIGNED], 2)

    def test_nothing_unsigned_comes_by_radio(self):
        class Open:
            def admit(self, packet, to_all):
                return True

        self.wire.border = Open()
        self.assertEqual(self.tell(unsigned(0xF0, b"\x01"), 3)[5:], b"\x02\x03\x00")

    def test_signed_commands_are_refused_while_there_are_no_keys(self):
        self.assertEqual(self.tell(bytes(21) + b"\x00")[5:], bytes((REFUSED, command_table.ABSENT, 0)))

    def test_wrong_arguments_are_refused_with_the_reason_and_nothing_is_done(self):
        for rest, reason, detail in (
            (b"\x04", command_table.ARGUMENT, 0),
            (b"", command_table.LENGTH, 0),
            (b"\x01\x01", command_table.LENGTH, 0),
        ):
            self.assertEqual(self.tell(unsigned(0xF0, rest))[5:], bytes((REFUSED, reason, detail)))
        for rest, detail in ((b"\x02\x00name", 0), (b"\x00\x00", 1), (b"\x00\x00123456789", 1), (b"\x00\x00\xff", 1)):
            answer = self.tell(unsigned(0xF1, rest), 3)
            self.assertEqual(answer[5:], bytes((REFUSED, command_table.ARGUMENT, detail)))
        self.assertEqual(self.asked, [])
        self.assertEqual(self.commands.refused, 7)

    def test_unknown_and_unserved_commands_are_refused(self):
        self.assertEqual(self.tell(unsigned(0xEE), 3)[5:], bytes((REFUSED, command_table.OPCODE, 0)))
        self.assertEqual(self.tell(unsigned(0xF3))[5:], bytes((REFUSED, command_table.ABSENT, 0)))

    def test_what_is_too_short_or_goes_to_all_is_dropped_without_an_answer(self):
        for data in (b"", b"\xff", b"\xff\x00\x00\x00\x07", bytes(21)):
            self.assertEqual(self.tell(data), None)
        self.wire.give(3, self.board.node.broadcast_address, unsigned(0xF0, b"\x01"))
        self.assertEqual(self.wire.sent, [])
        self.assertEqual(self.commands.refusals[command_table.FORM], 5)

    def test_a_handler_refuses_fails_or_raises(self):
        def refuse(values, request):
            raise Refused(command_table.STATE, 5)

        def fail(values, request):
            raise Failed(command_table.STORAGE)

        def burst(values, request):
            raise RuntimeError("burst")

        for function, expected in (
            (refuse, (REFUSED, command_table.STATE, 5)),
            (fail, (FAILED, command_table.STORAGE, 0)),
            (burst, (FAILED, command_table.ERROR, 0)),
        ):
            self.do_ask = function
            self.assertEqual(self.tell(unsigned(0xF0, b"\x01"))[5:], bytes(expected))
        self.assertEqual(len(self.board.survived), 1)

    def test_long_work_is_accepted_first_and_completed_later(self):
        self.assertEqual(self.tell(unsigned(0xF2)), b"\xf2\x00\x00\x00\x07\x00")
        self.request.complete(b"done")
        self.request.complete(b"again")
        self.assertEqual(self.wire.sent, [(30, 20, 11, b"\xf2\x00\x00\x00\x07\x01done")])

    def test_long_work_may_fail(self):
        self.tell(unsigned(0xF2))
        self.request.fail(command_table.STORAGE, 9)
        self.assertEqual(self.wire.sent[0][3][5:], bytes((FAILED, command_table.STORAGE, 9)))

    def test_too_much_long_work_is_refused_until_some_is_done_or_took_too_long(self):
        for _ in range(4):
            self.assertEqual(self.tell(unsigned(0xF2))[5], ACCEPTED)
        self.assertEqual(self.tell(unsigned(0xF0, b"\x01"))[5:], bytes((REFUSED, command_table.BUSY, 0)))
        self.request.complete()
        self.wire.sent.clear()
        self.assertEqual(self.tell(unsigned(0xF0, b"\x01"))[5], COMPLETED)
        self.tell(unsigned(0xF2))
        self.board.clock.seconds = 601
        self.wire.give(30, 2, unsigned(0xF0, b"\x01"))
        self.assertEqual(self.wire.sent[0][3][5:], bytes((FAILED, command_table.TIMEOUT, 0)))
        self.assertEqual(self.wire.sent[1][3][5], COMPLETED)

    def test_the_board_runs_commands_of_its_own(self):
        self.assertEqual(self.commands.run(self.commands.encode("set", 500, "x")), (COMPLETED, 0))
        self.assertEqual(self.asked, [(500, "x")])
        self.assertEqual(self.commands.run(b"\xf0\x09"), (REFUSED, command_table.ARGUMENT))
        self.assertEqual(self.wire.sent, [])

    def test_no_answer_goes_to_who_wants_none(self):
        self.wire.give(30, 2, unsigned(0xF0, b"\x01"), 63)
        self.wire.give(30, 2, unsigned(0xEE), 63)
        self.assertEqual(self.wire.sent, [])


class ArgumentsTest(unittest.TestCase):
    FIELDS = (
        ("a", "u8", "", 1, None, None),
        ("b", "i32", "", 1, -5, None),
        ("c", "u32", "", 1, None, None),
        ("d", "bytes", "", 1, 0, 3),
    )

    def test_are_packed_one_after_the_other(self):
        packed = arguments.pack(self.FIELDS, (255, -5, 0xFFFFFFFF, b"\x01\x02"))
        self.assertEqual(packed, b"\xff\xff\xff\xff\xfb\xff\xff\xff\xff\x01\x02")
        values = arguments.unpack(self.FIELDS, memoryview(packed))
        self.assertEqual(values[:3], (255, -5, 0xFFFFFFFF))
        self.assertEqual(bytes(values[3]), b"\x01\x02")

    def test_out_of_range_names_the_argument(self):
        for values, which in (
            ((256, 0, 0, b""), 0),
            ((0, -6, 0, b""), 1),
            ((0, 0, -1, b""), 2),
            ((0, 0, 0, b"1234"), 3),
            ((0, 0, 0, "a"), None),
            ((0, 0.0, 0, b""), 1),
            ((0, 0, 0, 2), 3),
        ):
            if which is None:
                continue
            with self.assertRaises(arguments.BadValue) as caught:
                arguments.pack(self.FIELDS, values)
            self.assertEqual(caught.exception.args[0], which)
        with self.assertRaises(arguments.BadLength):
            arguments.pack(self.FIELDS, (0, 0, 0))


class TableTest(unittest.TestCase):
    def test_every_opcode_name_and_reason_stands_once(self):
        for table, columns in ((command_table.COMMANDS, (0, 1)), (command_table.REASONS, (0, 1))):
            for column in columns:
                values = [line[column] for line in table]
                self.assertEqual(len(values), len(set(values)))
        for line in command_table.COMMANDS:
            self.assertTrue(line[0] < command_table.FIRST_OF_APP)
