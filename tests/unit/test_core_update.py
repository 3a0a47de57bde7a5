# The update's rules: which command is legal when, what of an image is refused, what a lossy way leaves to send.
import unittest

import csp  # noqa: F401  first: the 32-bit port's stack holds few imports within imports
from binascii import crc32
from byte_memory import Memory
from core import layout, update_machine, update_record
from core.command_table import BUSY, CONTENT, LENGTH, NO_ROOM, NOT_FOUND, STATE, STORAGE
from core.commands import Failed, Refused
from core.slots import GOLDEN
from update_world import GOLDEN_ID, OTHER_ID, ROLE, UID, World, image, manifest_of

IMAGE = image(1, 9_000)
OTHER = image(2, 300)


def made(block=4096, blocks=4):
    world = World(block, blocks)
    world.boot()
    return world


class Update(unittest.TestCase):
    def refused(self, reason, function, *values):
        """The detail of the refusal; nothing was changed by it."""
        before = bytes(self.world.cells), bytes(self.world.flash)
        try:
            function(*values)
        except Refused as error:
            self.assertEqual(error.reason, reason)
            self.assertFalse(isinstance(error, Failed))
            self.assertEqual((bytes(self.world.cells), bytes(self.world.flash)), before)
            return error.detail
        self.fail("it was not refused")

    def setUp(self):
        self.world = made()

    def test_an_image_goes_through_every_state_to_confirmed(self):
        world = self.world
        machine = world.machine
        seen = [machine.state.state]
        machine.begin(manifest_of(IMAGE))
        seen.append(machine.state.state)
        world.send(IMAGE)
        world.verify()
        seen.append(machine.state.state)
        machine.activate()
        self.assertEqual(world.boot(), 0)
        seen.append(world.machine.state.state)
        world.machine.confirm()
        seen.append(world.machine.state.state)
        self.assertEqual(seen, [0, 1, 2, 3, 4])
        self.assertEqual(world.content(0, len(IMAGE)), IMAGE)
        self.assertEqual((world.machine.state.active, world.machine.state.good), (0, 1))

    def test_an_image_for_another_board_is_refused_with_what_differs(self):
        begin = self.world.machine.begin
        for wrong, detail in (
            ({"role": "eps"}, update_machine.ROLE),
            ({"target": "pyboard"}, update_machine.TARGET),
            ({"mpy": 0x0005}, update_machine.MPY),
            ({"uid": b"\1\2\3\4\5\6\7\x09"}, update_machine.UID),
            ({"trial_min": 0}, update_machine.EMPTY),
            ({"base": OTHER_ID}, update_machine.BASE),
        ):
            self.assertEqual(self.refused(CONTENT, begin, manifest_of(IMAGE, **wrong)), detail)
        self.assertEqual(self.refused(CONTENT, begin, b"\0" * 107), update_machine.NO_MANIFEST)
        self.assertEqual(self.refused(CONTENT, begin, manifest_of(b"")), update_machine.EMPTY)
        self.refused(NO_ROOM, begin, manifest_of(image(1, 16_385)))
        begin(manifest_of(IMAGE, uid=UID))

    def test_a_board_that_does_not_know_its_golden_app_takes_whole_images_only(self):
        self.world.golden = bytes(8)
        machine = self.world.make()
        self.assertEqual(self.refused(CONTENT, machine.begin, manifest_of(IMAGE, base=GOLDEN_ID)), update_machine.BASE)
        machine.begin(manifest_of(IMAGE))

    def test_an_overlay_whose_golden_app_was_replaced_meanwhile_is_not_verified(self):
        world = self.world
        world.machine.begin(manifest_of(IMAGE, base=GOLDEN_ID))
        world.send(IMAGE)
        world.golden = OTHER_ID
        world.boot()
        self.assertEqual(self.refused(CONTENT, world.machine.may_verify), update_machine.BASE)
        world.machine.abort()
        world.machine.begin(manifest_of(IMAGE, base=OTHER_ID))

    def test_commands_in_the_wrong_state_change_nothing(self):
        machine = self.world.machine
        for function, values in (
            (machine.put, (0, IMAGE[:128])), (machine.keep, (0, 0)), (machine.may_verify, ()), (machine.activate, ()),
            (machine.confirm, ()), (machine.abort, ()), (machine.judge, (b"",)),
        ):  # fmt: skip
            self.refused(STATE, function, *values)
        self.refused(NOT_FOUND, machine.choose, 0)
        self.refused(NOT_FOUND, machine.choose, 7)
        machine.begin(manifest_of(IMAGE))
        for function, values in ((machine.may_verify, ()), (machine.activate, ()), (machine.confirm, ()),
                                 (machine.choose, (GOLDEN,))):  # fmt: skip
            self.refused(STATE, function, *values)
        self.refused(BUSY, machine.begin, manifest_of(OTHER))

    def test_blocks_may_come_in_any_order_within_an_erase_block_and_twice(self):
        machine = self.world.machine
        machine.begin(manifest_of(IMAGE))
        order = [k * 7 % 32 for k in range(32)]
        for k in order[:20] + order[:5]:
            machine.put(128 * k, IMAGE[128 * k : 128 * k + 128])
        missing = [k for k in range(32) if not machine.here[k >> 3] & 1 << (k & 7)]
        self.assertEqual(sorted(missing), sorted(order[20:]))
        for k in missing:
            machine.put(128 * k, IMAGE[128 * k : 128 * k + 128])
        self.assertEqual(machine.window(), (4096, 4096))
        self.assertEqual(bytes(machine.here), bytes(4))
        machine.put(0, IMAGE[:128])
        self.refused(BUSY, machine.put, 8192, IMAGE[8192:8320])

    def test_blocks_of_a_wrong_size_or_place_are_refused(self):
        machine = self.world.machine
        machine.begin(manifest_of(IMAGE))
        self.refused(LENGTH, machine.put, 0, IMAGE[:127])
        self.refused(LENGTH, machine.put, 64, IMAGE[64:192])
        self.refused(LENGTH, machine.put, 8960, IMAGE[8960:] + b"x")
        self.refused(LENGTH, machine.put, 1 << 20, IMAGE[:128])

    def test_a_reset_loses_one_erase_block_at_most(self):
        world = self.world
        world.machine.begin(manifest_of(IMAGE))
        world.send(IMAGE, 0, 70)
        world.boot()
        machine = world.machine
        self.assertEqual((machine.state.state, machine.window()[0]), (update_record.RECEIVING, 8192))
        machine.begin(manifest_of(IMAGE))
        world.send(IMAGE, 64)
        world.verify()
        self.assertEqual(machine.state.state, update_record.VERIFIED)

    def test_erase_blocks_that_are_right_already_need_not_be_sent(self):
        world = self.world
        world.install(IMAGE)
        world.machine.abort()
        world.boot()
        changed = IMAGE[:5000] + b"~" + IMAGE[5001:]
        machine = world.machine
        machine.begin(manifest_of(changed))
        machine.keep(0, crc32(changed[:4096]) & 0xFFFFFFFF)
        self.refused(CONTENT, machine.keep, 4096, crc32(changed[4096:8192]) & 0xFFFFFFFF)
        world.send(changed, 32, 64)
        machine.keep(8192, crc32(changed[8192:]) & 0xFFFFFFFF)
        world.verify()
        self.assertEqual(world.content(0, len(changed)), changed)

    def test_an_image_that_is_not_its_manifests_is_not_verified(self):
        world = self.world
        world.machine.begin(manifest_of(IMAGE))
        world.send(IMAGE[:200] + b"?" + IMAGE[201:])
        with self.assertRaises(Failed):
            world.verify()
        self.assertEqual(world.machine.state.state, update_record.RECEIVING)
        self.assertEqual(world.machine.window()[0], 0)
        self.refused(STATE, world.machine.activate)

    def test_the_slot_that_runs_is_never_the_one_that_is_written(self):
        world = self.world
        world.install(OTHER)
        world.machine.confirm()
        self.assertEqual(world.boot(), 0)
        world.install(IMAGE)
        world.machine.confirm()
        self.assertEqual(world.boot(), 1)
        world.machine.choose(0)
        self.refused(BUSY, world.machine.begin, manifest_of(IMAGE))  # 1 runs, 0 boots next
        self.assertEqual(world.boot(), 0)
        world.machine.begin(manifest_of(IMAGE))
        self.assertEqual(world.machine.state.other, 1)

    def test_only_what_runs_can_be_confirmed(self):
        world = self.world
        world.machine.begin(manifest_of(OTHER))
        world.send(OTHER)
        world.verify()
        world.machine.activate()
        self.refused(STATE, world.machine.confirm)  # the reset is still due

    def test_commands_repeated_are_harmless(self):
        world = self.world
        for _ in range(2):
            world.machine.begin(manifest_of(OTHER))
        for _ in range(2):
            world.send(OTHER)
        for _ in range(2):
            world.verify()
        world.machine.begin(manifest_of(OTHER))
        world.machine.activate()
        self.refused(STATE, world.machine.activate)
        world.boot()
        for _ in range(2):
            world.machine.confirm()
        self.assertEqual(world.machine.state.state, update_record.CONFIRMED)

    def test_an_aborted_trial_wants_a_reset_and_an_aborted_upload_none(self):
        world = self.world
        world.machine.begin(manifest_of(OTHER))
        self.assertFalse(world.machine.abort())
        world.install(OTHER)
        self.assertTrue(world.machine.abort())
        self.assertEqual(world.boot(), GOLDEN)

    def test_dead_memory_refuses_an_update_and_changes_nothing(self):
        world = self.world
        world.fram.write = lambda address, data: None
        machine = world.make()
        with self.assertRaises(Failed):
            machine.begin(manifest_of(OTHER))
        self.assertEqual((machine.state.state, machine.state.other), (update_record.IDLE, GOLDEN))

    def test_a_slot_that_stays_up_is_written_down_as_soon_as_the_memory_takes_it(self):
        memory = Memory(layout.END)
        state = update_record.State(update_record.make(memory))
        state.state, state.active, state.boots, state.good = update_record.CONFIRMED, 0, 4, 1
        self.assertTrue(state.save())
        machine = update_machine.Machine(update_record.State(update_record.make(memory)), None, 0, ROLE, UID)
        memory.failures = 1
        for _ in range(2):
            machine.healthy()
        kept = update_record.State(update_record.make(memory))
        self.assertTrue(kept.load())
        self.assertEqual(kept.boots, 0)

    def test_flash_that_does_not_take_a_block_is_erased_again(self):
        world = self.world
        machine = world.machine
        machine.begin(manifest_of(OTHER))
        slot = machine.slot()
        program, slot.program = slot.program, lambda offset, page: None
        try:
            machine.put(0, OTHER[:128])
            self.fail("it was not noticed")
        except Failed as error:
            self.assertEqual(error.reason, STORAGE)
        slot.program = program
        world.send(OTHER)
        world.verify()

    def test_a_board_without_slots_refuses(self):
        def none(number):
            raise ImportError("slot_flash")

        machine = update_machine.Machine(self.world.state(), none, GOLDEN, ROLE, UID)
        self.refused(NOT_FOUND, machine.begin, manifest_of(OTHER))
