# Two redundant buses: who moves when, who is still heard, and that nothing comes twice.
import time
import unittest

import csp
from csp.can import CanInterface
from csp.redundant import A_WORKS, B_WORKS, ON_B, PROBE_PORT, STRAYS, Redundant
from fake_can import FakeCan, Wire

_BEAT = 9
_PORT = 10
_STEP_MS = 10
_ADDRESSES = (2, 3, 4)


class Stub:
    """A wire whose controllers may be cut off it, one by one."""

    def __init__(self):
        self.wire = Wire()
        self.off = []
        self.babble = 0  # packets a step that somebody strange sends before all others

    def carry(self, nodes):
        wire = self.wire
        wire.serve()
        while not self.babble and not wire.cut:
            best = None
            for can in wire.cans:
                if can in self.off or can.state() == can.STATE_BUS_OFF:
                    continue
                for slot in range(can.TX_QUEUE_LEN):
                    frame = can.waiting[slot]
                    if frame is not None and (best is None or frame[0] < best[2][0]):
                        best = (can, slot, frame)
            if best is None or not self.hearers(best[0]):
                break  # nobody acknowledges
            sender, slot, frame = best
            sender.finish(slot, True)
            wire.log.append((frame[0], frame[1]))
            for can in self.hearers(sender):
                can.take(frame[0], frame[1], frame[2])
            wire.serve()
        for node in nodes:
            node.process()
        wire.serve()

    def hearers(self, sender):
        return [
            can for can in self.wire.cans
            if can is not sender and can not in self.off and can.state() != can.STATE_BUS_OFF
        ]  # fmt: skip


class Board:
    """A node on both buses that beats every second and counts what it hears."""

    def __init__(self, address, a, b, version, late_ms=0, **settings):
        self.on = True
        self.can_a, self.can_b = FakeCan(a.wire), FakeCan(b.wire)
        self.node = csp.Node(address, version=version)
        ways = [
            CanInterface(can, name=name, time_limit_ms=2_000)
            for can, name in ((self.can_a, "CANA"), (self.can_b, "CANB"))
        ]
        self.pair = Redundant(ways[0], ways[1], settings.pop("beat", _BEAT), **settings)
        self.node.add_interface(self.pair)
        self.got = []
        self.beats = []
        self.node.bind(_BEAT, lambda packet: self.beats.append((packet.src, time.ticks_ms())))
        self.node.bind(_PORT, lambda packet: self.got.append((packet.src, bytes(packet.data))))
        self.due = time.ticks_add(time.ticks_ms(), 137 * address % 1_000)
        self.late = 0  # ms that each second beat comes late
        self.count = 0

    def work(self):
        now = time.ticks_ms()
        if time.ticks_diff(now, self.due) >= (self.late if self.count & 1 else 0):
            self.due = time.ticks_add(self.due, 1_000)
            self.count += 1
            if self.on:
                crc = self.node.version == 1
                self.node.broadcast(_BEAT, b"beat", crc=crc)


class Pairs(unittest.TestCase):
    version = 2

    def setUp(self):
        self.make()

    def make(self, addresses=_ADDRESSES, **settings):
        self.a, self.b = Stub(), Stub()
        self.boards = [Board(address, self.a, self.b, self.version, **settings) for address in addresses]

    def fly(self, ms):
        for _ in range(ms // _STEP_MS):
            working = [board for board in self.boards if board.on]
            for board in working:
                board.work()
            nodes = [board.node for board in working]
            self.a.carry(nodes)
            self.b.carry(nodes)
            time.sleep_ms(_STEP_MS)

    def lose_a(self, board):
        self.a.off.append(board.can_a)

    def active(self):
        return [board.pair.active.name for board in self.boards]

    def counts(self):
        return [(board.pair.failovers, board.pair.returns) for board in self.boards]

    def switch_off(self, board):
        board.on = False
        self.a.off.append(board.can_a)
        self.b.off.append(board.can_b)

    def all_hear_all(self):
        """Each broadcasts and asks each: everything arrives, once."""
        working = [board for board in self.boards if board.on]
        for board in working:
            del board.got[:]
        for board in working:
            board.node.broadcast(_PORT, b"to all, in more than one frame")
            for other in working:
                if other is not board:
                    board.node.send(other.node.address, _PORT, b"to you")
        self.fly(100)
        for board in working:
            others = [other.node.address for other in working if other is not board]
            wanted = [(address, text) for address in others for text in (b"to all, in more than one frame", b"to you")]
            self.assertEqual(sorted(board.got), sorted(wanted))

    def nothing_lost(self):
        for board in self.boards:
            self.assertTrue(board.node.pool.free >= board.node.pool.count - 4)
            self.assertEqual(board.node.handler_errors, 0)


class Quiet(Pairs):
    def test_all_use_a_and_one_beat_of_ten_goes_on_b_too(self):
        self.fly(60_000)
        self.all_hear_all()
        frames = 1 if self.version == 2 else 2
        self.assertTrue(170 <= len(self.a.wire.log) // frames <= 215)
        self.assertTrue(15 <= len(self.b.wire.log) // frames <= 21)
        self.assertEqual(self.counts(), [(0, 0)] * 3)
        for board in self.boards:
            self.assertEqual(board.pair.flags(), A_WORKS | B_WORKS)
            for other in self.boards:
                if other is not board:
                    heard = [src for src, _ in board.beats if src == other.node.address]
                    self.assertTrue(59 <= len(heard) <= 61)

    def test_late_heartbeats_move_nobody(self):
        self.make((2, 3))
        for board in self.boards:
            board.late = 450  # so 1,450 ms pass between two
        self.fly(60_000)
        self.all_hear_all()
        self.assertEqual(self.counts(), [(0, 0)] * 2)

    def test_a_board_alone_moves_nowhere(self):
        self.fly(12_000)
        for board in self.boards[1:]:
            self.switch_off(board)
        self.fly(60_000)
        self.assertEqual(self.active()[0], "CANA")
        self.assertEqual(self.counts()[0], (0, 0))
        self.nothing_lost()
        for board in self.boards[1:]:
            board.on = True
        self.a.off, self.b.off = [], []
        self.fly(3_000)
        self.all_hear_all()
        self.assertEqual(self.counts(), [(0, 0)] * 3)

    def test_a_lost_b_shows_and_moves_nobody(self):
        self.fly(12_000)
        self.b.off = [board.can_b for board in self.boards]
        self.fly(40_000)
        self.all_hear_all()
        self.assertEqual([board.pair.flags() for board in self.boards], [A_WORKS] * 3)
        self.assertEqual(self.counts(), [(0, 0)] * 3)

    def test_without_a_heartbeat_of_the_application_an_empty_packet_serves(self):
        self.make(beat=None)
        self.fly(5_000)
        self.a.wire.cut = True
        self.fly(1_500)
        self.assertEqual(self.active(), ["CANB"] * 3)
        for board in self.boards:
            for interface in board.node.interfaces:
                self.assertEqual((interface.stats.drop, interface.stats.no_port), (0, 0))
        self.assertEqual(PROBE_PORT, 16)


class FailOver(Pairs):
    def test_all_move_within_a_second_and_a_half_of_the_loss_of_a(self):
        for wait in (0, 190, 380, 570, 760, 950):
            self.make()
            self.fly(3_000 + wait)
            self.a.wire.cut = True
            self.fly(1_500)
            self.assertEqual(self.active(), ["CANB"] * 3)
            self.all_hear_all()
            self.fly(20_000)
            self.all_hear_all()
            self.assertEqual(self.counts(), [(1, 0)] * 3)
            self.nothing_lost()

    def test_two_boards_move_as_three_do(self):
        for wait in (0, 190, 380, 570, 760, 950):
            self.make((2, 3))
            self.fly(3_000 + wait)
            self.a.wire.cut = True
            self.fly(1_500)
            self.assertEqual(self.active(), ["CANB"] * 2)
            self.all_hear_all()

    def test_what_waits_for_a_goes_by_b_and_once(self):
        self.fly(3_000)
        self.a.wire.cut = True
        self.fly(50)
        self.boards[0].node.broadcast(_PORT, b"x" * 50)
        self.boards[0].node.send(3, _PORT, b"y" * 50)
        self.fly(1_500)
        self.assertEqual(self.boards[1].got, [(2, b"x" * 50), (2, b"y" * 50)])
        self.assertEqual(self.boards[2].got, [(2, b"x" * 50)])

    def test_a_fragment_on_the_wire_while_its_packet_moves_harms_neither_bus(self):
        for sent in (True, False):
            self.make()
            self.fly(3_000)
            can = self.boards[0].can_a
            self.a.wire.cut = True
            self.fly(50)
            for number in range(3):
                self.boards[0].node.send(3, _PORT, bytes([number]) * 50)
            waiting = [slot for slot in range(3) if can.waiting[slot]]
            can.cancel_send = lambda index: False  # too late: its interrupt will come
            self.fly(1_500)
            del can.cancel_send
            for slot in waiting:
                can.finish(slot, sent)
            self.fly(200)
            self.assertEqual(self.boards[1].got, [(2, bytes([number]) * 50) for number in range(3)])
            self.a.wire.cut = False
            self.fly(25_000)
            self.assertEqual(self.active(), ["CANA"] * 3)
            self.all_hear_all()
            self.nothing_lost()

    def test_one_board_that_lost_a_is_heard_and_hears_within_a_second_and_a_half(self):
        for wait in (0, 310, 620, 930):
            for one in range(3):
                self.make()
                self.fly(3_000 + wait)
                self.lose_a(self.boards[one])
                self.fly(1_500)
                self.all_hear_all()
                self.assertTrue(self.boards[one].pair.failovers <= 1)
                self.fly(1_000)
                self.assertEqual(self.active()[one], "CANB")
                self.fly(12_000)
                self.all_hear_all()
                wanted = [(0, 0)] * 3
                wanted[one] = (1, 0)
                self.assertEqual(self.counts(), wanted)
                others = [board.pair.flags() for board in self.boards if board is not self.boards[one]]
                self.assertEqual(others, [A_WORKS | B_WORKS | STRAYS] * 2)

    def test_the_others_go_on_on_a_and_stop_sending_twice_when_the_lost_one_is_back(self):
        self.fly(3_000)
        self.lose_a(self.boards[2])
        self.fly(5_000)
        self.a.off = []
        self.fly(15_000)
        self.assertEqual(self.active(), ["CANA"] * 3)
        self.assertEqual(self.counts(), [(0, 0), (0, 0), (1, 1)])
        before = len(self.b.wire.log)
        self.all_hear_all()
        self.fly(900)
        self.assertTrue(len(self.b.wire.log) - before <= 2 * 3)

    def test_bus_off_moves_at_once(self):
        self.fly(12_000)
        self.boards[0].can_a.go_bus_off()
        self.fly(20)
        self.assertEqual(self.active(), ["CANB", "CANA", "CANA"])
        self.boards[0].node.broadcast(_PORT, b"over B")
        self.fly(20)
        self.assertEqual(self.boards[1].got, [(2, b"over B")])
        self.fly(8_000)
        self.assertEqual(self.counts(), [(1, 1), (0, 0), (0, 0)])
        self.all_hear_all()

    def test_a_controller_that_stays_off_the_bus_is_a_board_on_b(self):
        self.fly(12_000)
        can = self.boards[0].can_a
        can.restart = lambda: None
        can.go_bus_off()
        self.fly(1_500)
        self.all_hear_all()
        self.fly(30_000)
        self.all_hear_all()
        self.assertEqual(self.counts(), [(1, 0), (0, 0), (0, 0)])

    def test_who_babbles_on_a_drives_all_to_b(self):
        self.fly(12_000)
        self.a.babble = 1
        self.fly(1_500)
        self.assertEqual(self.active(), ["CANB"] * 3)
        self.all_hear_all()
        self.fly(20_000)
        self.a.babble = 0
        self.fly(20_000)
        self.assertEqual(self.active(), ["CANA"] * 3)
        self.assertEqual(self.counts(), [(1, 1)] * 3)
        self.nothing_lost()

    def test_a_board_whose_frames_a_does_not_take_sends_by_b(self):
        self.fly(12_000)
        sender = self.boards[0].can_a
        hearers = self.a.hearers
        self.a.hearers = lambda one: [] if one is sender else hearers(one)
        carry = self.a.carry

        def only_others(nodes):  # its frames are never acknowledged, those of the others are
            kept = list(sender.waiting)
            sender.waiting = [None] * 3
            carry(nodes)
            for slot in range(3):
                if kept[slot] is not None and sender.waiting[slot] is None:
                    sender.waiting[slot] = kept[slot]

        self.a.carry = only_others
        self.fly(3_000)
        self.assertEqual(self.active()[0], "CANB")
        self.boards[0].node.broadcast(_PORT, b"heard")
        self.fly(100)
        for board in self.boards[1:]:
            self.assertEqual(board.got, [(2, b"heard")])

    def test_a_board_that_is_deaf_on_a_but_heard_there_hears_all_in_the_end(self):
        self.fly(3_000)
        self.boards[0].can_a.take = lambda identifier, data, flags=2: None
        self.fly(30_000)
        self.assertEqual(self.active()[0], "CANB")
        for _ in range(6):
            self.fly(7_000)
            self.all_hear_all()

    def test_who_was_heard_on_b_last_is_answered_there_at_once(self):
        self.fly(3_000)
        tool = csp.Node(30, version=self.version)
        tool.add_interface(CanInterface(FakeCan(self.b.wire), name="CANB"))
        got = []
        tool.bind(csp.node.ANY, lambda packet: got.append(bytes(packet.data)))
        tool.send(2, 1, b"ping", sport=20)
        nodes = [tool] + [board.node for board in self.boards]
        for _ in range(3):
            self.b.carry(nodes)
        self.assertEqual(got, [b"ping"])

    def test_a_copy_that_the_controller_lost_makes_no_stray(self):
        listener, talker, other = self.boards
        self.fly(12_500)
        while talker.pair._beats:  # until its beat goes on both
            listener.can_a.depth = 0 if talker.pair._beats == 9 else 64
            self.fly(_STEP_MS)
        listener.can_a.depth = 64
        other.node.send(2, _PORT, b"next")
        self.fly(400)
        self.assertEqual(listener.pair.members[0].stats.overrun, 1)
        self.assertEqual(listener.pair.flags(), A_WORKS | B_WORKS)
        self.assertFalse(listener.pair.doubt)
        self.lose_a(talker)
        self.fly(1_500)
        self.assertTrue(listener.pair.flags() & STRAYS)


class Return(Pairs):
    def test_they_return_to_a_when_it_has_worked_for_a_while(self):
        self.fly(3_000)
        self.a.wire.cut = True
        self.fly(14_000)
        self.a.wire.cut = False
        self.fly(4_900)
        self.assertEqual(self.active(), ["CANB"] * 3)
        self.fly(12_000)
        self.assertEqual(self.active(), ["CANA"] * 3)
        self.assertEqual(self.counts(), [(1, 1)] * 3)
        self.all_hear_all()

    def test_a_bus_that_comes_and_goes_keeps_them_on_b(self):
        self.fly(3_000)
        for _ in range(6):
            self.a.wire.cut = True
            self.fly(2_000)
            self.all_hear_all()
            self.a.wire.cut = False
            self.fly(2_000)
            self.all_hear_all()
        self.assertEqual(self.counts(), [(1, 0)] * 3)

    def test_when_b_refuses_too_they_use_a_at_once(self):
        self.fly(3_000)
        self.a.wire.cut = True
        self.fly(3_000)
        self.a.wire.cut = False
        self.fly(2_500)
        for board in self.boards:
            board.can_b.restart = lambda: None
            board.can_b.go_bus_off()
        self.fly(2_000)
        self.assertEqual(self.active(), ["CANA"] * 3)
        self.all_hear_all()

    def test_both_lost_and_back_leaves_all_connected(self):
        self.fly(3_000)
        self.a.wire.cut = self.b.wire.cut = True
        self.fly(60_000)
        self.assertEqual(self.counts(), [(0, 0)] * 3)
        self.a.wire.cut = self.b.wire.cut = False
        self.fly(3_000)
        self.all_hear_all()
        self.nothing_lost()

    def test_days_on_b_wrap_no_ticks(self):
        self.fly(3_000)
        self.a.wire.cut = True
        self.fly(3_000)
        for _ in range(30):  # half a day passes at once
            time.sleep_ms(12 * 3_600_000)
            del self.b.wire.log[:]
            for board in self.boards:
                board.due = time.ticks_ms()
                del board.beats[:]
            self.fly(2_000)
        self.all_hear_all()
        self.a.wire.cut = False
        self.fly(20_000)
        self.assertEqual(self.active(), ["CANA"] * 3)
        self.all_hear_all()


class Twice(Pairs):
    def test_a_packet_from_both_buses_is_delivered_once(self):
        self.make(both=True)
        sender, taker = self.boards[:2]
        for k in range(20):
            sender.node.send(3, _PORT, bytes([k]) * 20)
            self.fly(50)
        self.assertEqual(taker.got, [(2, bytes([k]) * 20) for k in range(20)])
        duplicates = [interface.stats.duplicate for interface in taker.node.interfaces]
        self.assertTrue(sum(duplicates) >= 20)

    def test_twice_on_one_bus_is_two_packets(self):
        self.make(both=True)
        self.boards[0].node.send(3, _PORT, b"again")
        self.boards[0].node.send(3, _PORT, b"again")
        self.fly(50)
        self.assertEqual(self.boards[1].got, [(2, b"again")] * 2)

    def test_packets_that_differ_in_their_crc_alone_are_two(self):
        self.fly(3_000)
        sender, taker = self.boards[:2]
        for interface, data in zip(sender.node.interfaces, (b"one", b"two")):
            sender.pair.active = interface
            sender.pair._calm = False
            sender.node.send(3, _PORT, data)
        self.fly(20)
        self.assertEqual(sorted(taker.got), [(2, b"one"), (2, b"two")])

    def test_the_same_on_the_other_bus_much_later_is_another_packet(self):
        self.fly(1_000)
        sender, taker = self.boards[:2]
        for interface in sender.node.interfaces:
            sender.pair.active = interface
            sender.pair._calm = False
            sender.node.send(3, _PORT, b"again")
            self.fly(20)
            time.sleep_ms(120)
        self.assertEqual(taker.got, [(2, b"again")] * 2)


class QuietV1(Quiet):
    version = 1


class FailOverV1(FailOver):
    version = 1


assert ON_B == 4
