# What boots: the guard's choice among slot a, slot b and the golden app.
import sys
import unittest

import csp  # noqa: F401  first: the 32-bit port's stack holds few imports within imports
import guard
import twin
from core import i2c_bus, manifest, update_record
from core.slots import GOLDEN
from drivers.fram import FRAM
from update_world import GOLDEN_ID, OTHER_ID, World, image, manifest_of, record_address

IMAGE = image(1, 300)
OTHER = image(2, 200)


def confirmed(data=IMAGE):
    """A world that runs `data` from slot a, confirmed."""
    world = World()
    world.boot()
    world.install(data)
    world.machine.confirm()
    world.boot()
    return world


class Choice(unittest.TestCase):
    def test_a_board_that_never_had_an_update_runs_golden(self):
        world = World()
        self.assertEqual(world.boot(), GOLDEN)
        self.assertFalse(any(world.cells), "a blank record is left blank")

    def test_a_trial_runs_and_its_boots_are_counted_before(self):
        world = World()
        world.boot()
        self.assertEqual(world.install(IMAGE), 0)
        self.assertTrue(world.trial)
        self.assertEqual(world.machine.state.boots, 1)

    def test_a_trial_that_is_never_confirmed_ends_after_three_boots(self):
        world = World()
        world.boot()
        world.install(IMAGE)
        self.assertEqual([world.boot() for _ in range(4)], [0, 0, GOLDEN, GOLDEN])
        self.assertEqual(world.machine.state.state, update_record.IDLE)
        self.assertEqual(world.machine.state.result, update_record.CRASHED)

    def test_a_failed_trial_goes_back_to_the_confirmed_slot(self):
        world = confirmed()
        self.assertEqual(world.install(OTHER), 1)
        self.assertEqual([world.boot() for _ in range(4)], [1, 1, 0, 0])
        self.assertFalse(world.trial)

    def test_a_confirmed_slot_boots_from_then_on(self):
        world = confirmed()
        self.assertEqual((world.running, world.trial), (0, False))

    def test_a_confirmed_slot_that_does_not_stay_up_is_left_for_golden_until_a_command(self):
        world = confirmed()
        boots = [world.boot() for _ in range(6)]
        self.assertEqual(boots, [0, 0, 0, 0, GOLDEN, GOLDEN])
        self.assertEqual(world.machine.state.result, update_record.GAVE_UP)
        world.machine.choose(0)
        self.assertEqual(world.boot(), 0)

    def test_boots_do_not_count_once_the_board_has_stayed_up(self):
        world = confirmed()
        for _ in range(20):
            world.boot()
            world.machine.healthy()
        self.assertEqual(world.running, 0)

    def test_a_slot_with_a_wrong_bit_does_not_run(self):
        world = confirmed()
        world.flash[200] ^= 1
        self.assertEqual(world.boot(), GOLDEN)
        self.assertEqual(world.machine.state.result, update_record.BAD_IMAGE)
        world.flash[200] ^= 1
        self.assertEqual(world.boot(), 0, "and runs again when it reads right")

    def test_a_slot_with_a_wrong_bit_gives_way_to_the_other_that_was_confirmed(self):
        world = confirmed()
        world.install(OTHER)
        world.machine.confirm()
        self.assertEqual(world.boot(), 1)
        world.flash[world.slot_bytes] ^= 1
        self.assertEqual([world.boot(), world.boot()], [0, 0])

    def test_an_image_that_does_not_mount_does_not_run(self):
        world = World()
        world.boot()
        broken = b"no file system" * 10
        world.machine.begin(manifest_of(broken))
        world.send(broken)
        world.verify()
        world.machine.activate()
        self.assertEqual(world.boot(), GOLDEN)
        self.assertEqual(world.machine.state.result, update_record.NO_MOUNT)

    def test_an_overlay_of_this_golden_app_runs(self):
        world = World()
        world.boot()
        self.assertEqual(world.install(IMAGE, base=GOLDEN_ID), 0)
        world.machine.confirm()
        self.assertEqual(world.boot(), 0)

    def test_an_overlay_does_not_run_on_another_golden_app(self):
        for confirm in (False, True):
            world = World()
            world.boot()
            world.install(IMAGE, base=GOLDEN_ID)
            if confirm:
                world.machine.confirm()
            world.golden = OTHER_ID  # new firmware
            self.assertEqual([world.boot(), world.boot()], [GOLDEN, GOLDEN])
            self.assertEqual(world.machine.state.result, update_record.BASE)
            self.assertEqual(world.mounted, [])

    def test_a_whole_image_gives_way_to_no_golden_app(self):
        world = confirmed()
        world.golden = OTHER_ID
        self.assertEqual(world.boot(), 0)

    def test_what_cannot_be_counted_does_not_run(self):
        for trial in (True, False):
            world = confirmed()
            if trial:
                world.machine.begin(manifest_of(OTHER))
                world.send(OTHER)
                world.verify()
                world.machine.activate()
            world.fram.write = lambda address, data: None  # write-protected
            state = world.state()
            self.assertTrue(state.load())
            self.assertEqual(guard.choose(state, world.slot), (GOLDEN, False))
            self.assertEqual(world.mounted, [0], "nothing after the boot before")

    def test_an_unreadable_record_runs_golden(self):
        world = confirmed()
        for at in range(400):
            world.cells[record_address() + at] ^= 0x55
        self.assertEqual(world.boot(), GOLDEN)

    def test_a_record_that_makes_no_sense_runs_golden(self):
        for field, value in (("state", 5), ("active", 2), ("other", 0), ("other", 7), ("active", 99)):
            world = confirmed()
            state = world.state()
            state.load()
            setattr(state, field, value)
            self.assertTrue(state.save())
            self.assertEqual(world.boot(), GOLDEN, (field, value))


class _Input:
    """pins with a remove-before-flight pin, and one for the prompt."""

    RBF = 20
    SAFE = 5


class Start(unittest.TestCase):
    """guard.run() on a virtual board; parts and pins are the test's own."""

    def setUp(self):
        self.env = twin.bench()
        self.kept = {name: sys.modules.get(name) for name in ("parts", "pins", "slot_flash")}
        self.path = list(sys.path)
        parts = _Input()
        parts.FRAM = 0x50
        sys.modules["parts"] = parts
        sys.modules["pins"] = _Input()

    def tearDown(self):
        for name in self.kept:
            if self.kept[name] is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = self.kept[name]
        sys.path[:] = self.path
        guard.running, guard.trial, guard.safe, guard._quick = GOLDEN, False, False, None

    def fram(self):
        from dragonet.flatsat.devices import fram

        return fram.attach(self.env, 0, 0x50)

    def test_a_board_without_fram_runs_golden_under_a_watchdog(self):
        guard.run()
        self.assertEqual((guard.running, guard.safe, guard.error), (GOLDEN, False, None))
        self.assertTrue(self.env.kernel._bite_at < 9_000_000)

    def test_in_flight_neither_the_pin_nor_quick_resets_reach_the_prompt(self):
        self.fram()
        self.env.wire(_Input.SAFE).drive(0)
        for _ in range(5):
            guard.run()
            self.assertFalse(guard.safe)

    def test_on_the_bench_three_quick_resets_reach_the_prompt_without_a_watchdog(self):
        self.fram()
        self.env.wire(_Input.RBF).drive(1)
        self.env.wire(_Input.SAFE).drive(1)
        found = []
        for _ in range(4):
            guard.run()
            found.append(guard.safe)
        self.assertEqual(found, [False, False, True, False])

    def test_resets_that_are_not_quick_do_not_reach_the_prompt(self):
        self.fram()
        self.env.wire(_Input.RBF).drive(1)
        self.env.wire(_Input.SAFE).drive(1)
        for _ in range(6):
            guard.run()
            self.assertFalse(guard.safe)
            guard.settled()

    def test_on_the_bench_the_pin_reaches_the_prompt(self):
        self.env.wire(_Input.RBF).drive(1)
        self.env.wire(_Input.SAFE).drive(0)
        guard.run()
        self.assertTrue(guard.safe)
        self.assertTrue(self.env.kernel._bite_at > 1 << 50, "no watchdog")

    def test_files_on_littlefs_come_last(self):
        sys.path.insert(0, "")
        guard.run()
        self.assertEqual(sys.path[-1], "")
        self.assertNotEqual(sys.path[0], "")

    def run_with(self, choose, base):
        """guard.run(), whose record has a manifest of this base for slot a, and whose choice is the test's."""
        memory = FRAM(i2c_bus.make(sys.modules["parts"], sys.modules["pins"]), 0x50)
        state = update_record.State(update_record.make(memory))
        state.entry(0)[:] = manifest_of(IMAGE, base=base)[: manifest.BODY]
        self.assertTrue(state.save())
        kept = guard.choose, guard._forget
        guard.choose, guard._forget = choose, lambda: None
        try:
            guard.run()
        finally:
            guard.choose, guard._forget = kept

    def test_an_overlay_that_cannot_be_put_in_place_is_what_main_raises(self):
        self.fram()
        self.run_with(lambda state, open_slot: (0, True), GOLDEN_ID)  # there is no module `overlay`
        self.assertEqual((guard.running, guard.trial), (0, True))
        self.assertTrue(isinstance(guard.error, ImportError), guard.error)

    def test_a_whole_image_needs_no_overlay(self):
        self.fram()
        self.run_with(lambda state, open_slot: (0, False), manifest.WHOLE)
        self.assertEqual((guard.running, guard.error, guard.result), (0, None, 0))
        self.assertTrue(guard.PATH in sys.path)

    def test_why_a_slot_was_left_is_told_at_the_boot_that_left_it(self):
        self.fram()

        def leaves(state, open_slot):
            state.end(update_record.BASE)
            state.save()
            return GOLDEN, False

        self.run_with(leaves, GOLDEN_ID)
        self.assertEqual(guard.result, update_record.BASE)
        guard.run()
        self.assertEqual((guard.running, guard.result), (GOLDEN, update_record.NONE))

    def test_parts_that_cannot_be_imported_run_golden(self):
        sys.modules["parts"] = object()
        guard.run()
        self.assertEqual(guard.running, GOLDEN)


class Manifests(unittest.TestCase):
    def test_a_manifest_is_what_its_table_says(self):
        made = bytearray(manifest.SIZE)
        manifest.pack_into(
            made, 0x12345, "beacon", "rp2", 0x1306, b"\1\2\3\4\5\6\7\x08", 90, "0.2.0", bytes(range(32)), GOLDEN_ID
        )
        self.assertEqual(
            bytes(made[: manifest.BODY]),
            b"\xd9\x02\x00\x01\x23\x45beacon\0\0rp2\0\0\0\0\0\x13\x06\1\2\3\4\5\6\7\x08\x00\x5a0.2.0" + bytes(11)
            + bytes(range(32)) + GOLDEN_ID,
        )
        read = manifest.Manifest(made)
        self.assertEqual((read.length, read.role, read.target, read.mpy), (0x12345, "beacon", "rp2", 0x1306))
        self.assertEqual((read.uid, read.trial_min, read.version), (b"\1\2\3\4\5\6\7\x08", 90, "0.2.0"))
        self.assertEqual((read.digest, read.base), (bytes(range(32)), GOLDEN_ID))
        self.assertEqual(manifest.Manifest(manifest_of(IMAGE)).base, manifest.WHOLE)

    def test_what_is_no_manifest_is_refused(self):
        good = manifest_of(IMAGE)
        for bad in (b"", good[:89], b"\0" + good[1:], good[:1] + b"\1" + good[2:], good[:6] + b"\xff" + good[7:]):
            with self.assertRaises(ValueError):
                manifest.Manifest(bad)


