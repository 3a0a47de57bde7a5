# Who may command: signatures, sequence numbers, closed slots, rotation. Whatever happens, the owner can command again.
import os
import unittest

from byte_memory import Memory
from command_world import BENCH, EPS, GROUND, KEY, KEYS_FILE, OTHER_KEY, Owner, World, forget, provision
from core import command_table, keys, layout, mac
from core.command_table import COMPLETED, REFUSED
from core.window import Window


class Base(unittest.TestCase):
    def setUp(self):
        forget()
        provision()

    def tearDown(self):
        forget()

    def world(self, **settings):
        """A board whose slot the owner has opened."""
        world = World(**settings)
        self.assertTrue(world.obeys())
        return world


class Mac(unittest.TestCase):
    def test_is_hmac_sha256_as_rfc_4231_has_it(self):
        key = b"Jefe" + bytes(28)  # test case 2; HMAC pads a short key with zeros
        found = mac.hmac(mac.pads(key), b"what do ya want ", b"for nothing?")
        self.assertEqual(found[:8], b"\x5b\xdc\xc1\x46\xbf\x60\x75\x4e")
        self.assertEqual(found[24:], b"\x9d\xec\x58\xb9\x64\xec\x38\x43")

    def test_the_bytes_before_the_data_are_those_of_the_table(self):
        head = bytearray(mac.HEAD_SIZE)
        mac.head_into(head, 10, 2, 11, 20, 1, 0x01020304)
        self.assertEqual(bytes(head), b"\x00\x0a\x00\x02\x0b\x14\x01\x01\x02\x03\x04")

    def test_labels_are_no_beginning_of_a_command(self):
        self.assertTrue(mac._ROTATE[0] << 8 | mac._ROTATE[1] > 16_383)

    def test_equal_is_equal_in_all_sixteen_bytes(self):
        one = bytes(range(16))
        self.assertTrue(mac.same(one, one + b"more"))
        for k in range(16):
            other = bytearray(one)
            other[k] ^= 0x80
            self.assertFalse(mac.same(one, other))


class WindowTest(unittest.TestCase):
    def test_a_number_is_good_once(self):
        window = Window()
        for number in (0, 5, 3, 1):
            self.assertEqual(window.check(number), 0)
            window.take(number)
            self.assertEqual(window.check(number), command_table.REPEATED)
        self.assertEqual(window.next, 6)

    def test_what_is_more_than_64_behind_is_old(self):
        window = Window()
        window.take(100)
        self.assertEqual(window.check(36), command_table.OLD)
        self.assertEqual(window.check(37), 0)

    def test_nothing_before_the_start_is_good(self):
        window = Window()
        window.start(1000)
        self.assertEqual(window.check(999), command_table.OLD)
        window.take(1000)
        self.assertEqual(window.check(999), command_table.OLD)

    def test_a_far_jump_is_refused_and_a_near_one_forgets_nothing(self):
        window = Window()
        window.take(10)
        self.assertEqual(window.check(11 + 65_536), command_table.AHEAD)
        self.assertEqual(window.check(10 + 65_536), 0)
        window.take(10 + 65_536)
        self.assertEqual(window.check(10), command_table.OLD)
        self.assertEqual(window.check(9 + 65_536), 0)

    def test_the_last_number_of_all_is_good_once(self):
        window = Window()
        window.start(0xFFFFFFFE)
        window.take(0xFFFFFFFF)
        self.assertEqual(window.check(0xFFFFFFFF), command_table.REPEATED)
        self.assertEqual(window.check(0xFFFFFFFE), 0)
        self.assertEqual(window.check(0), command_table.OLD)


class Signed(Base):
    def test_a_new_board_is_closed_until_its_challenge_is_answered(self):
        world = World()
        self.assertIsNone(world.keys.next(0))
        self.assertEqual(world.give(world.owner.sign(0, world.change())), (REFUSED, command_table.CLOSED))
        self.assertEqual(world.recover(), (COMPLETED, b"\x02"))
        self.assertIsNone(world.keys.challenge(0))
        self.assertEqual(world.give(world.owner.sign(0, world.change(7))), (COMPLETED, b"\x12\x34"))
        self.assertEqual(world.ran, [(7, "x")])

    def test_a_replay_is_not_run_and_gets_the_first_reply_again(self):
        world = self.world()
        frame = world.owner.sign(world.keys.next(0), world.change(3))
        first = world.give(frame)
        count = len(world.ran)
        self.assertEqual(world.give(frame), first)
        self.assertEqual(len(world.ran), count)
        self.assertEqual(world.commands.refusals[command_table.REPEATED], 1)
        world.give(world.owner.sign(world.keys.next(0), world.change(4)))
        self.assertEqual(world.give(frame), (REFUSED, command_table.REPEATED))
        self.assertEqual(len(world.ran), count + 1)

    def test_every_flipped_bit_is_refused_with_a_reason_that_is_counted(self):
        world = self.world()
        frame = world.owner.sign(world.keys.next(0), world.change(3))
        ran = len(world.ran)
        for bit in range(8 * len(frame)):
            forged = bytearray(frame)
            forged[bit // 8] ^= 1 << bit % 8
            before = world.commands.refused
            status, reason = world.give(bytes(forged))
            self.assertEqual(status, REFUSED)
            # a flip in the slot's byte names another slot, which is empty or unknown
            self.assertEqual(reason, command_table.NO_KEY if bit < 8 else command_table.FORGED)
            self.assertEqual(world.commands.refused, before + 1)
            world.second()
        self.assertEqual(len(world.ran), ran)
        self.assertEqual(world.commands.refusals[command_table.FORGED], 8 * (len(frame) - 1))
        self.assertEqual(world.give(frame)[0], COMPLETED)

    def test_another_source_destination_or_port_is_refused(self):
        world = self.world()
        number = world.keys.next(0)
        frame = world.owner.sign(number, world.change())
        for forged, src, sport in (
            (frame, 3, 20),
            (frame, BENCH, 20),
            (frame, GROUND, 21),
            (world.owner.sign(number, world.change(), dst=3), GROUND, 20),
            (world.owner.sign(number, world.change(), dport=12), GROUND, 20),
        ):
            self.assertEqual(world.give(forged, src, sport), (REFUSED, command_table.FORGED))
        self.assertEqual(world.give(frame)[0], COMPLETED)

    def test_another_key_or_slot_is_refused(self):
        world = self.world()
        stranger = Owner(OTHER_KEY)
        self.assertEqual(world.give(stranger.sign(world.keys.next(0), world.change())), (REFUSED, command_table.FORGED))
        for slot in (1, 3, 4, 254):
            frame = world.owner.sign(0, world.change(), slot=slot)
            self.assertEqual(world.give(frame), (REFUSED, command_table.NO_KEY))
        self.assertTrue(world.obeys())

    def test_numbers_far_behind_or_ahead_are_refused_with_the_reason(self):
        world = self.world()
        start = world.keys.next(0)
        self.assertEqual(world.give(world.owner.sign(start + 70_000, world.change())), (REFUSED, command_table.AHEAD))
        self.assertEqual(world.give(world.owner.sign(start + 200, world.change()))[0], COMPLETED)
        self.assertEqual(world.give(world.owner.sign(start + 1, world.change())), (REFUSED, command_table.OLD))
        self.assertEqual(world.give(world.owner.sign(start + 150, world.change()))[0], COMPLETED)

    def test_wrong_macs_cost_only_so_much_work_a_second(self):
        world = self.world()
        stranger = Owner(OTHER_KEY)
        reasons = [world.give(stranger.sign(k, world.change()))[1] for k in range(20)]
        self.assertEqual(reasons, [command_table.FORGED] * 16 + [command_table.TOO_MANY] * 4)
        world.second()
        self.assertTrue(world.obeys())

    def test_each_slot_counts_for_itself(self):
        provision(((0, bytes(range(32))), (2, OTHER_KEY)))
        world = self.world()
        bench = Owner(OTHER_KEY, 2, BENCH)
        for _ in range(5):
            self.assertTrue(world.obeys(bench))
        self.assertTrue(world.obeys())
        self.assertEqual((world.keys.next(0), world.keys.next(1), world.keys.next(2)), (2, None, 5))

    def test_the_state_of_each_slot_is_told(self):
        world = self.world()
        told = world.give(b"\xff\x00\x00\x00\x01\x60", BENCH)[1]
        self.assertEqual(told[:15], b"\x02\x00\x00\x00\x00\x00\x01" + bytes(8))
        self.assertEqual(told[15:], bytes(45))
        world = World()
        told = world.give(b"\xff\x00\x00\x00\x01\x60", BENCH)[1]
        self.assertEqual((told[0], told[7:15]), (keys.SHUT, world.keys.challenge(0)))

    def test_housekeeping_shows_the_next_number_and_what_was_done(self):
        world = World()
        for closed in (True, False):
            if not closed:
                world.obeys()
                world.give(b"\xff\x00\x00\x00\x01\xee", 3)
            for hook in world.board.hooks:
                hook()
            values = dict(zip(world.board.table.names, world.board.hk))
            shown = (values["next_seq"], values["commands"], values["refused"])
            self.assertEqual(shown, (None, 0, 0) if closed else (1, 2, 1))

    def test_refusals_are_told_by_reason(self):
        world = self.world()
        world.give(b"\xff\x00\x00\x00\x01\xee", 3)
        told = world.give(b"\xff\x00\x00\x00\x01\x61", BENCH)[1]
        self.assertEqual(told[:8], b"\x00\x00\x00\x02\x00\x00\x00\x01")  # recovery and change done
        self.assertEqual(told[8 + 2 * command_table.OPCODE : 10 + 2 * command_table.OPCODE], b"\x00\x01")

    def test_without_keys_only_the_unsigned_rules_hold(self):
        forget()
        world = World()
        self.assertEqual(world.board.faults, 0)
        self.assertEqual(world.give(world.owner.sign(0, world.change())), (REFUSED, command_table.NO_KEY))
        self.assertEqual(world.give(b"\xff\x00\x00\x00\x01" + world.change(), 3)[0], COMPLETED)


class Kept(Base):
    def test_after_a_reset_it_goes_on_beyond_every_number_that_was_used(self):
        world = self.world()
        used = []
        for _ in range(100):
            used.append(world.owner.sign(world.keys.next(0), world.change()))
            self.assertEqual(world.give(used[-1])[0], COMPLETED)
        count = len(world.ran)
        world.boot()
        for frame in used:
            status, reason = world.give(frame)
            self.assertEqual((status, reason), (REFUSED, command_table.OLD))
        self.assertEqual(len(world.ran), count)
        self.assertLess(world.keys.next(0) - 101, 65)
        self.assertTrue(world.obeys())

    def test_a_power_cut_at_any_byte_of_a_reservation_reopens_nothing_and_locks_nobody_out(self):
        for cut in range(76):
            memory = Memory(layout.END)
            world = World(memory)
            self.assertTrue(world.obeys())
            for _ in range(63):
                self.assertTrue(world.obeys())
            frames = [world.owner.sign(world.keys.next(0) + k, world.change()) for k in range(3)]
            memory.budget = cut
            answered = []
            for frame in frames:
                answer = world.give(frame)
                if world.board.node.handler_errors:  # the cut
                    break
                if answer[0] == COMPLETED:
                    answered.append(frame)
            self.assertEqual(len(answered), 0 if cut < 72 else 3)  # nothing before it is promised twice
            count = len(world.ran)
            memory.budget = None
            world.boot()
            for frame in answered:
                self.assertEqual(world.give(frame)[0], REFUSED)
            self.assertEqual(len(world.ran), count)
            self.assertTrue(world.obeys())

    def test_counters_that_are_wiped_or_broken_close_the_slot(self):
        for fill in (0x00, 0xFF, 0x5A):
            world = self.world()
            frame = world.owner.sign(world.keys.next(0), world.change())
            self.assertEqual(world.give(frame)[0], COMPLETED)
            address = layout.region("keys")[0]
            for k in range(72):
                world.memory.cells[address + k] = fill
            world.boot()
            self.assertEqual(world.give(frame), (REFUSED, command_table.CLOSED))
            # the owner kept count
            self.assertEqual(world.recover(following=2), (COMPLETED, b"\x02"))
            self.assertEqual(world.give(frame), (REFUSED, command_table.OLD))
            self.assertTrue(world.obeys())

    def test_a_flipped_bit_in_either_copy_of_the_promise_reopens_no_number(self):
        world = self.world()
        frames = []
        for _ in range(150):
            frames.append(world.owner.sign(world.keys.next(0), world.change()))
            self.assertEqual(world.give(frames[-1])[0], COMPLETED)
        at = layout.region("keys")[0]
        kept = bytes(world.memory.cells)
        for copy in (0, 1):
            world.memory.cells[:] = kept
            world.memory.cells[at + copy * 36 + 12] ^= 1
            world.boot()
            del world.ran[:]
            for frame in frames:
                world.second()
                world.give(frame)
            self.assertEqual(world.ran, [])
            self.assertTrue(world.obeys())

    def test_a_dead_memory_never_ends_commanding(self):
        world = World(dead=True)
        for boot in range(3):
            self.assertIsNone(world.keys.next(0))
            self.assertEqual(world.recover(following=boot * 1000), (COMPLETED, b"\x03"))
            for _ in range(200):
                self.assertTrue(world.obeys())
            world.boot()

    def test_a_memory_that_fails_in_flight_closes_the_slot_and_the_owner_opens_it_again(self):
        world = self.world()
        world.memory.protected = True
        frames = []
        while world.keys.next(0) is not None:
            frames.append(world.owner.sign(world.keys.next(0), world.change()))
            last = world.give(frames[-1])
        self.assertEqual(last, (REFUSED, command_table.STORAGE))
        self.assertEqual(world.give(frames[-1]), (REFUSED, command_table.CLOSED))
        self.assertEqual(world.recover(), (COMPLETED, b"\x03"))
        for _ in range(200):
            frames.append(world.owner.sign(world.keys.next(0), world.change()))
            self.assertEqual(world.give(frames[-1])[0], COMPLETED)
        count = len(world.ran)
        # the memory works again, with the numbers of the time before
        world.memory.protected = False
        world.boot()
        self.assertIsNone(world.keys.next(0))
        for frame in frames:
            self.assertEqual(world.give(frame), (REFUSED, command_table.CLOSED))
        self.assertEqual(world.recover(following=1000), (COMPLETED, b"\x02"))
        for frame in frames:
            self.assertEqual(world.give(frame), (REFUSED, command_table.OLD))
        self.assertEqual(len(world.ran), count)
        world.boot()
        self.assertEqual(world.keys.next(0), 1000)

    def test_a_memory_that_recovers_keeps_the_numbers_again(self):
        world = self.world()
        world.memory.protected = True
        while world.keys.next(0) is not None:
            world.give(world.owner.sign(world.keys.next(0), world.change()))
        world.recover()
        world.memory.protected = False
        for _ in range(70):
            self.assertTrue(world.obeys())
        following = world.keys.next(0)
        world.boot()
        self.assertTrue(following <= world.keys.next(0) <= following + 64)

    def test_what_is_provisioned_anew_takes_the_place_of_all_that_was_kept(self):
        provision(((0, KEY), (2, OTHER_KEY)))
        world = self.world()
        bench = Owner(OTHER_KEY, 2, BENCH)
        self.assertTrue(world.obeys(bench))
        rotate = world.commands.encode("key_rotate", 0, 1)
        self.assertEqual(world.give(world.owner.sign(world.keys.next(0), rotate))[0], COMPLETED)
        provision(((0, OTHER_KEY),))  # for another owner, and no more for the bench
        with open(KEYS_FILE + ".fresh", "wb"):
            pass
        for _ in range(2):  # the next boot, and the one after it
            world.boot()
            self.assertTrue(world.obeys(Owner(OTHER_KEY)))
            self.assertFalse(world.give(world.owner.sign(world.keys.next(0), world.change()))[0] == COMPLETED)
            self.assertEqual(world.keys._slots[2].state, keys.EMPTY)
            self.assertEqual(world.give(bench.sign(500, world.change()), BENCH), (REFUSED, command_table.NO_KEY))
        with self.assertRaises(OSError):
            os.stat(KEYS_FILE + ".fresh")

    def test_keys_are_found_in_the_memory_when_the_file_is_lost_and_in_the_file_when_the_memory_is(self):
        world = self.world()
        forget()
        world.boot()
        self.assertTrue(world.obeys())
        with open(KEYS_FILE, "rb") as file:  # mended
            self.assertEqual(file.read()[2:34], bytes(range(32)))
        with open(KEYS_FILE, "wb") as file:
            file.write(b"broken")
        world.boot()
        self.assertEqual(world.board.faults, 1)
        self.assertTrue(world.obeys())
        world = World()  # another memory, empty
        self.assertTrue(world.obeys())


class Recovery(Base):
    def test_only_the_key_and_the_challenge_of_now_open_a_slot(self):
        world = World()
        challenge = world.keys.challenge(0)
        body = world.commands.encode("slot_recover", 5, challenge)
        self.assertEqual(world.give(Owner(OTHER_KEY).sign(5, body)), (REFUSED, command_table.FORGED))
        wrong = world.commands.encode("slot_recover", 5, bytes(8))
        self.assertEqual(world.give(world.owner.sign(5, wrong)), (REFUSED, command_table.CONTENT))
        self.assertEqual(world.give(b"\xff\x00\x00\x00\x01" + body, 3), (REFUSED, command_table.UNSIGNED))
        self.assertEqual(world.keys.challenge(0), challenge)
        good = world.owner.sign(5, body)
        self.assertEqual(world.give(good)[0], COMPLETED)
        self.assertEqual(world.give(good), (REFUSED, command_table.STATE))
        # closed again by what happens to the memory, with another challenge
        world.memory.cells[:] = bytes(len(world.memory.cells))
        world.boot()
        self.assertNotEqual(world.keys.challenge(0), challenge)
        self.assertEqual(world.give(good), (REFUSED, command_table.CONTENT))
        self.assertTrue(world.obeys())

    def test_never_goes_back_behind_numbers_that_the_board_knows(self):
        world = self.world()
        world.memory.protected = True
        while world.keys.next(0) is not None:
            world.give(world.owner.sign(world.keys.next(0), world.change()))
        self.assertEqual(world.recover(following=1), (REFUSED, command_table.CONTENT))
        self.assertTrue(world.obeys())


class Rotation(Base):
    def rotate(self, world, owner, slot, generation):
        body = world.commands.encode("key_rotate", slot, generation)
        return world.give(owner.sign(world.keys.next(owner.slot), body, src=owner.src), owner.src)

    def test_the_new_key_is_in_force_and_the_old_one_is_not(self):
        world = self.world()
        old = world.owner
        frame = old.sign(world.keys.next(0), world.change())
        world.give(frame)
        self.assertEqual(self.rotate(world, old, 0, 1), (COMPLETED, b"\x02"))
        world.owner = Owner(mac.rotated(old.both, 0, 1))
        self.assertEqual(world.keys.next(0), 0)
        self.assertEqual(world.give(old.sign(0, world.change())), (REFUSED, command_table.FORGED))
        self.assertEqual(world.give(frame), (REFUSED, command_table.FORGED))
        self.assertTrue(world.obeys())
        world.boot()
        self.assertTrue(world.obeys())

    def test_survives_the_loss_of_the_file_and_of_the_memory(self):
        for lost in ("file", "memory"):
            provision()
            world = self.world()
            self.rotate(world, world.owner, 0, 1)
            new = Owner(mac.rotated(world.owner.both, 0, 1))
            if lost == "file":
                provision()  # an old file
                world.boot()
            else:
                world = World()
            world.owner = new
            self.assertTrue(world.obeys())

    def test_goes_one_generation_at_a_time_and_needs_a_signature(self):
        world = self.world()
        for generation in (2, 65_534):
            self.assertEqual(self.rotate(world, world.owner, 0, generation), (REFUSED, command_table.STATE))
        body = world.commands.encode("key_rotate", 0, 1)
        self.assertEqual(world.give(b"\xff\x00\x00\x00\x01" + body, 3), (REFUSED, command_table.UNSIGNED))
        self.assertTrue(world.obeys())

    def test_the_owner_of_another_slot_replaces_a_key_that_was_stolen(self):
        provision(((0, bytes(range(32))), (1, OTHER_KEY)))
        world = self.world()
        second = Owner(OTHER_KEY, 1)
        self.assertTrue(world.obeys(second))
        self.assertEqual(self.rotate(world, second, 0, 1)[0], COMPLETED)
        thief = Owner(mac.rotated(world.owner.both, 0, 1))
        self.assertEqual(world.give(thief.sign(0, world.change())), (REFUSED, command_table.FORGED))
        world.owner = Owner(mac.rotated(second.both, 0, 1))
        self.assertTrue(world.obeys())
        self.assertTrue(world.obeys(second))

    def test_a_power_cut_at_any_byte_leaves_the_old_key_or_the_new(self):
        for cut in range(0, 200, 3):
            forget()
            provision()
            memory = Memory(layout.END)
            world = World(memory)
            self.assertTrue(world.obeys())
            old = world.owner
            new = Owner(mac.rotated(old.both, 0, 1))
            memory.budget = cut
            self.rotate(world, old, 0, 1)
            memory.budget = None
            world.boot()
            good = [owner for owner in (old, new) if world.obeys(owner)]
            self.assertEqual(len(good), 1)

    def test_fails_when_nothing_keeps_the_new_key(self):
        world = World(dead=True)
        world.recover()
        world.keys._path = "no_such_folder/keys.bin"
        self.assertEqual(self.rotate(world, world.owner, 0, 1), (command_table.FAILED, command_table.STORAGE))
        self.assertTrue(world.obeys())


class Border(Base):
    """The radio comes in at this board; others are behind it."""

    def setUp(self):
        super().setUp()
        self.at = self.world()
        self.at.wire.border = self.at.keys.border()

    def test_admits_a_signed_command_and_its_repetition_and_nothing_else(self):
        world = self.at
        frame = world.owner.sign(world.keys.next(0), world.change())
        self.assertEqual(world.give(frame)[0], COMPLETED)
        self.assertEqual(world.give(frame)[0], COMPLETED)  # the reply was lost
        self.assertEqual(world.commands.refusals[command_table.REPEATED], 1)
        world.give(world.owner.sign(world.keys.next(0), world.change()))
        forged = world.wire.border.forged
        for spoof, src, dport, flags in (
            (frame, GROUND, 11, 1),                                                   # an old one
            (frame, EPS + 1, 11, 1),                                                  # from inside
            (frame, BENCH, 11, 1),                                                    # from the bench
            (frame, GROUND, 12, 1),                                                   # to another port
            (frame, GROUND, 11, 3),                                                   # as part of a connection
            (frame[:21], GROUND, 11, 1),                                              # without an opcode
            (b"\xff\x00\x00\x00\x01\x60", GROUND, 11, 1),                             # unsigned
            (b"\xff\x00\x00\x00\x01" + world.change(), EPS + 1, 11, 1),               # unsigned, "from a board"
            (Owner(OTHER_KEY).sign(world.keys.next(0), world.change()), GROUND, 11, 1),
            (world.owner.sign(world.keys.next(0), world.change(), src=EPS + 1), EPS + 1, 11, 1),
        ):
            ran = len(world.ran)
            self.assertIsNone(world.give(spoof, src, dport=dport, flags=flags))
            self.assertEqual(len(world.ran), ran)
        border = world.wire.border
        self.assertEqual((border.foreign, border.forged - forged), (4, 6))
        self.assertTrue(world.obeys())

    def test_looks_at_so_many_a_second_and_no_more(self):
        world = self.at
        stranger = Owner(OTHER_KEY)
        for k in range(40):
            self.assertIsNone(world.give(stranger.sign(k, world.change())))
        self.assertIsNone(world.give(world.owner.sign(world.keys.next(0), world.change())))
        world.second()
        self.assertTrue(world.obeys())

    def test_lets_a_command_for_another_board_pass_by_its_signature(self):
        world = self.at
        behind = []

        class Bus(type(world.wire)):
            def send(self, packet, via=-1):
                behind.append((packet.src, packet.dst))
                return True

        bus = Bus("BUS")
        world.board.node.add_interface(bus)
        world.board.node.route("4/14 BUS")
        world.give(world.owner.sign(77, world.change(), dst=4), dst=4)
        world.give(Owner(OTHER_KEY).sign(78, world.change(), dst=4), dst=4)
        world.give(world.owner.sign(79, world.change(), dst=2), dst=4)
        self.assertEqual(behind, [(GROUND, 4)])

    def test_a_closed_slot_is_opened_by_radio(self):
        world = World(dead=True)
        world.wire.border = world.keys.border()
        self.assertIsNone(world.give(world.owner.sign(0, world.change())))
        told = world.give(world.owner.sign(0, b"\x60"))[1]
        self.assertEqual((told[0], told[7:15]), (keys.SHUT, world.keys.challenge(0)))
        self.assertEqual(world.recover()[0], COMPLETED)
        self.assertTrue(world.obeys())
