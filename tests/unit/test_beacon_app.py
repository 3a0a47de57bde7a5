# The beacon board on its wires: what it says and when, alone and with others, and what it survives.
import asyncio
import struct
import sys
import unittest

sys.path.append(__file__.rsplit("/", 1)[0] + "/../../boards/beacon")
sys.modules["pins"] = __import__("pins_unix")

import json  # noqa: E402

import machine  # noqa: E402
import parts  # noqa: E402
import pins  # noqa: E402
import twin  # noqa: E402
from beacon import app, text  # noqa: E402
from beacon.hk import HK  # noqa: E402
from beacon_ear import transmissions  # noqa: E402
from core import config, heartbeat, hold, layout, ports  # noqa: E402
from core.board import Board  # noqa: E402
from core.hashes import HASHES  # noqa: E402
from core.record import Record  # noqa: E402
from dragonet.flatsat.devices import records, wiring_beacon, world  # noqa: E402
from drivers.fram import FRAM  # noqa: E402
from eps.hk import HK as EPS  # noqa: E402
from machine import I2C  # noqa: E402
from sensor.hk import HK as SENSOR  # noqa: E402

CALM = {"supply_v": 7.4, "pa_t": 21.4, "antenna": 1.0}
CONFIG = {
    "callsign": "N0CALL", "satellite": "NANODRAGON", "country": "VIETNAM", "frequency_hz": 437_365_000,
    "tx_power_dbm": 17,
}  # fmt: skip
START = b"NANODRAGON VIETNAM "


class Packet:
    def __init__(self, role, data):
        self.src = ports.ADDRESSES[role]
        self.data = data


class Flight(unittest.TestCase):
    def setUp(self):
        self.values = dict(CALM)
        self.env = None
        self.power_up()

    def power_up(self, fram=None):
        """A new processor and chips; fram: the memory's content from before."""
        world_ = [self.values.get(name, 0.0) for name in world.CHANNELS["beacon"]]
        self.env = twin.bench(world=world_, seed=4, role="beacon")
        if fram is not None:
            self.env.persist = lambda name, size, fill=0xFF, _persist=self.env.persist: fram
        wiring_beacon.wire(self.env)
        self.fram = self.env.i2c_buses[0][parts.FRAM]._cells
        self.board = None

    def make(self, elapsed_s=hold.RF_S, **settings):
        record = Record(FRAM(I2C(0), parts.FRAM), layout.region("hold")[0], hold.SIZE)
        record.load()
        struct.pack_into(">IH", record.data, 0, elapsed_s, 0)
        record.save()
        self.boot(**settings)

    def boot(self, **settings):
        chosen = dict(CONFIG)
        chosen.update(settings)
        load = config.load
        config.load = lambda *where: config.check(json.loads(json.dumps(chosen)))
        try:
            self.board = Board(parts, pins, HK)
        finally:
            config.load = load
        self.beacon = app.start(self.board)

    def set(self, name, value):
        self.env.world[world.index("beacon", name)] = value
        self.env._world(self.env.now(), struct.pack("<%df" % len(self.env.world), *self.env.world))

    def fly(self, seconds, also=None):
        async def main():
            task = asyncio.create_task(self.board.main())
            other = asyncio.create_task(also()) if also is not None else None
            await asyncio.sleep_ms(seconds * 1000)
            for each in (task, other):
                if each is not None:
                    each.cancel()
                    try:
                        await each
                    except asyncio.CancelledError:
                        pass

        asyncio.run(main())

    def hear_eps(self, mode=ports.NOMINAL, seq=1234, **values):
        """The EPS tells its housekeeping and its heartbeat."""
        table = EPS.values()
        table[EPS.index("seq")] = seq
        table[EPS.index("mode")] = mode
        for name, value in values.items():
            table[EPS.index(name)] = value
        packet = bytearray(EPS.size)
        EPS.pack_into(packet, table)
        self.board._on_hk(Packet("eps", packet))
        beat = bytearray(heartbeat.SIZE)
        heartbeat.pack_into(beat, mode, 1, 7, HASHES["eps"][1])
        self.board._on_heartbeat(Packet("eps", beat))

    def sent(self):
        return transmissions(self.env.emitted)

    def texts(self):
        return [one.text() for one in self.sent() if one.ook and one.seconds > 30]

    def infos(self):
        found = []
        for one in self.sent():
            if not one.ook:
                found.extend([bytes(frame[16:]) for frame in one.frames()])
        return found

    def burns(self):
        """(us at which ARM and FIRE were both on, for how long), from the levels that left the board."""
        levels = {pins.ARM: 0, pins.FIRE: 0}
        since = None
        found = []
        for us, kind, data in self.env.emitted:
            if kind != records.PIN:
                continue
            number, level = struct.unpack("<HB", data)
            if number not in levels:
                continue
            levels[number] = level
            both = levels[pins.ARM] and levels[pins.FIRE]
            if both and since is None:
                since = us
            elif not both and since is not None:
                found.append((since, us - since))
                since = None
        return found


class Says(Flight):
    def test_with_nobody_else_alive_it_says_its_own_values(self):
        self.make()
        self.fly(90)
        cw = self.texts()[0]
        self.assertEqual(cw[:41], "VVV DE N0CALL NANODRAGON VIETNAM B- S- M-")
        self.assertEqual(cw[-8:], " T- R1 +")
        self.assertAlmostEqual(int(cw[43:47]), 7400, delta=20)
        infos = self.infos()
        self.assertEqual(len(infos), 6)
        for info in infos:
            self.assertEqual(info[: len(START)], START)
            self.assertLessEqual(len(info), 256)
        self.assertEqual(infos[0], START + b"POWER EPS NA")
        self.assertEqual(infos[1], START + b"ENVIRONMENT SENSOR NA")
        self.assertEqual(infos[2][:60], START + b"STATUS BEACON seq=2 mission_s=2743s uptime_s"[:41])
        self.assertIn(b" supply_v=7.", infos[2])
        self.assertIn(b"V pa_t=21.4", infos[2])
        self.assertIn(b"C antenna=1 ", infos[2])
        self.assertEqual(infos[2][-16:], b" EPS NA SENSOR NA"[-16:])

    def test_what_it_heard_of_the_eps_is_told_with_the_number_of_its_packet(self):
        self.make()
        self.hear_eps(battery_v=7412, battery_a=-120, soc=8712, battery_t=-550)
        self.fly(60)
        self.assertEqual(self.texts(), ["VVV DE N0CALL NANODRAGON VIETNAM B7412 S87 M3 N1234 T- R1 +"])
        info = self.infos()[0]
        self.assertEqual(info[: len(START) + 6], START + b"POWER ")
        power = (b"soc=87.12%", b"battery_v=7.412V", b"battery_a=-0.120A", b"battery_t=-5.50C", b"board_t=NA")
        for word in (b"seq=1234", b"mode=nominal") + power:
            self.assertIn(word, info.split(b" "))

    def test_a_failed_task_and_the_last_warning_are_told_once_there_are_any(self):
        self.make()
        self.fly(60)
        status = self.infos()[2]
        self.assertNotIn(b"failed_task", status)
        self.assertNotIn(b"last_event", status)
        self.board.hk[HK.index("failed_task")] = 0
        self.board.hk[HK.index("last_event")] = 17
        frame = bytearray(256)
        size = self.beacon._texts.frame_into(2, memoryview(frame))
        self.assertIn(b" failed_task=0 last_event=17 slot=", bytes(frame[:size]))

    def test_values_older_than_a_minute_are_not_available(self):
        self.make()
        self.hear_eps(battery_v=7412)
        self.fly(150)
        self.assertIn(" B- S- M- U", self.texts()[1])
        self.assertEqual(self.infos()[3], START + b"POWER EPS NA")

    def test_frames_come_from_the_configured_call_with_ssid_11(self):
        self.make()
        self.fly(60)
        frame = self.sent()[1].frames()[0]
        self.assertEqual(bytes(frame[:16]), b"\x84\x8a\x82\x86\x9e\x9c\xe0\x9c\x60\x86\x82\x98\x98\x77\x03\xf0")

    def test_every_other_status_shows_how_each_key_slot_can_be_used(self):
        class Keys:
            count = 4

            def next(self, slot):
                return 1_795_264_861 if slot == 1 else None

            def challenge(self, slot):
                return b"\xc6\x14\x9f\xf6\x05\x31\x1e\xd2" if slot == 0 else None

        self.make()
        self.board.keys = Keys()
        self.fly(90)
        shown = [info[len(START) : len(START) + 48] for info in self.infos() if b" STATUS " in info]
        self.assertEqual(shown[0][:13], b"STATUS BEACON")
        self.assertEqual(shown[1], b"STATUS CMD A!c6149ff605311ed2 B1795264861 BEACON")

    def test_the_longest_texts_fit(self):
        self.make(satellite="0" * 16, country="0" * 16)  # no character takes longer as CW
        values = {}
        for name, kind, _, _, _ in EPS.fields:
            if name not in ("seq", "mode"):
                values[name] = {"u8": 254, "u16": 65534, "i16": -32767, "u32": 0xFFFFFFFE, "i32": -0x7FFFFFFF}[kind]
        self.hear_eps(seq=65000, **values)
        self.fly(180)
        for info in self.infos():
            self.assertLessEqual(len(info), 256)
        self.assertGreater(len(self.infos()), 2)
        self.assertEqual(self.texts()[0][-2:], " +")
        self.assertEqual(self.beacon.errors, 0)

    def test_values_that_cannot_be_written_silence_nothing(self):
        self.make()

        def fail(*values):
            raise RuntimeError("values")

        self.beacon._texts._whole = fail
        self.fly(89)
        self.assertEqual([one.ook for one in self.sent()], [True, False, False])
        self.assertIn("DE N0CALL NANODRAGON VIETNAM", transmissions(self.env.emitted)[0].text())
        self.assertEqual(self.board.supervisor.restarts, 0)
        self.assertEqual(self.board.faults, 1)

    def test_the_schedule_is_cw_then_two_bursts_in_90_s(self):
        self.make()
        self.fly(270)
        starts = [(one.ook, one.start_us / 1000000) for one in self.sent()]
        self.assertEqual([ook for ook, _ in starts], [True, False, False] * 3)
        for number, (_, start) in enumerate(starts):
            self.assertAlmostEqual(start - starts[0][1], number // 3 * 90 + (0, 45, 75)[number % 3], delta=0.5)

    def test_a_whole_message_is_heard_as_cw_within_45_s(self):
        self.make()
        self.hear_eps(battery_v=8400, soc=10000, seq=65000)
        self.fly(60)
        self.assertLess(self.sent()[0].seconds, 44)
        self.assertGreater(self.sent()[0].seconds, 30)


class Silence(Flight):
    def test_no_carrier_before_45_minutes_and_within_a_period_after(self):
        self.make(elapsed_s=hold.RF_S - 100)
        self.fly(96)
        self.assertEqual(self.sent(), [])
        self.fly(8)
        self.assertEqual(len(self.sent()), 1)

    def test_none_without_a_call_sign(self):
        self.make(callsign=None)
        self.fly(200)
        self.assertEqual(self.sent(), [])
        self.assertEqual(self.board.hk[HK.index("rf")], 1)

    def test_a_call_sign_that_ax25_cannot_carry_leaves_cw(self):
        self.make(callsign="3W/XV1VN")
        self.fly(89)
        self.assertEqual([one.ook for one in self.sent()], [True])
        self.assertIn("DE 3W/XV1VN NANO", self.texts()[0])

    def test_the_remove_before_flight_pin_stops_it(self):
        self.make()
        self.set("rbf", 1.0)
        self.fly(200)
        self.assertLess(len(self.sent()), 2)

    def test_the_remove_before_flight_pin_ends_a_transmission_within_five_seconds(self):
        self.make()

        async def insert():
            await asyncio.sleep_ms(10_000)
            self.set("rbf", 1.0)

        self.fly(200, insert)
        self.assertEqual([one.ook for one in self.sent()], [True])
        self.assertLess(self.sent()[0].seconds, 15)

    def test_the_remove_before_flight_pin_stops_what_failed_from_being_tried_again(self):
        self.make()
        chip = self.env.spi_buses[0][0][1]
        answer = chip.transfer
        chip.transfer = lambda out, into: None

        async def insert():
            await asyncio.sleep_ms(200)
            self.set("rbf", 1.0)
            while not self.board.hold.stopped:
                await asyncio.sleep_ms(100)
            self.assertLess(self.beacon.errors, 3)
            chip.transfer = answer

        self.fly(20, insert)
        self.assertTrue(self.board.hold.stopped)
        self.assertEqual(self.sent(), [])

    def periods(self, mode, seconds):
        """Starts of the CW messages while the EPS tells this mode."""
        self.make()

        async def tell():
            while True:
                self.hear_eps(mode)
                await asyncio.sleep_ms(10_000)

        self.fly(seconds, tell)
        starts = [one.start_us / 1000000 for one in self.sent() if one.ook]
        return [second - first for first, second in zip(starts, starts[1:])]

    def test_low_power_makes_the_period_two_minutes(self):
        self.assertAlmostEqual(self.periods(ports.LOW_POWER, 150)[0], 120, delta=1)

    def test_safe_mode_makes_it_three(self):
        self.assertAlmostEqual(self.periods(ports.SAFE, 200)[0], 180, delta=1)

    def test_even_critical_mode_leaves_a_message_in_six(self):
        periods = self.periods(ports.CRITICAL, 730)
        self.assertEqual(len(periods), 2)
        for period in periods:
            self.assertAlmostEqual(period, 360, delta=1)

    def test_an_eps_that_died_in_critical_mode_does_not_lengthen_it_for_long(self):
        self.make()
        self.hear_eps(ports.CRITICAL)
        self.fly(400)
        starts = [one.start_us / 1000000 for one in self.sent() if one.ook]
        self.assertLess(starts[1] - starts[0], 130)
        self.assertAlmostEqual(starts[2] - starts[1], 90, delta=1)

    def test_silent_mode_does_not_silence_it(self):
        self.make()

        async def tell():
            while True:
                self.hear_eps(ports.SILENT)
                await asyncio.sleep_ms(1_000)

        self.fly(140, tell)
        self.assertEqual(len(self.texts()), 2)


class Survives(Flight):
    def test_a_thermometer_and_a_memory_that_do_not_answer(self):
        self.make()
        self.env.i2c_buses[0].clear()
        self.fly(140)
        self.assertEqual(len(self.texts()), 2)
        self.assertIn(b"pa_t=NA", self.infos()[2])

    def test_buses_that_cannot_even_be_made(self):
        self.make()
        fram = self.fram

        def broken(*settings):
            raise OSError(19)

        self.power_up(fram=fram)
        pins.make_can = broken
        i2c = machine.I2C
        machine.I2C = broken
        try:
            self.boot()
        finally:
            del pins.make_can
            machine.I2C = i2c
        self.board.hold.elapsed_s = hold.RF_S  # without a memory the hold is a full one
        self.fly(140)
        self.assertEqual(len(self.texts()), 2)
        self.assertEqual(len(self.infos()), 9)

    def test_an_analog_input_that_cannot_be_made(self):
        self.make()
        self.env.analog.clear()
        self.fly(1)
        self.beacon._supply = None
        self.beacon.supply_mv = None
        self.fly(80)
        self.assertIn(" U- ", self.texts()[0])

    def test_being_back_on_the_air_within_a_period_after_its_power_was_cut(self):
        self.make()
        self.fly(130)
        kept = self.fram
        self.power_up(fram=kept)
        self.boot()
        self.fly(90)
        self.assertGreaterEqual(len(self.sent()), 3)
        self.assertLess(self.sent()[0].start_us, 10_000_000)
        self.assertIn(" R2 +", self.texts()[0])

    def test_a_chip_that_fails_is_tried_again_and_counted(self):
        self.make()
        chip = self.env.spi_buses[0][0][1]
        answer = chip.transfer
        chip.transfer = lambda out, into: None
        self.fly(100)
        self.assertEqual(self.sent(), [])
        self.assertGreaterEqual(self.beacon.errors, 9)
        chip.transfer = answer
        self.fly(90)
        self.assertGreater(len(self.sent()), 1)

    def test_a_chip_that_loses_its_registers_on_the_air_costs_one_message(self):
        self.make()
        chip = self.env.spi_buses[0][0][1]

        async def upset():
            await asyncio.sleep_ms(10_000)
            chip.power_on_reset()

        self.fly(89, upset)
        self.assertEqual([one.ook for one in self.sent()], [True, True, False, False])
        self.assertEqual(self.texts()[0][-2:], " +")

    def test_a_hot_amplifier_gets_longer_pauses(self):
        self.make()
        self.set("pa_t", 80.0)
        self.fly(360)
        starts = [one.start_us / 1000000 for one in self.sent() if one.ook]
        self.assertAlmostEqual(starts[1] - starts[0], 180, delta=1)

    def test_housekeeping_tells_what_was_sent(self):
        self.make()
        self.fly(215)
        hk = self.board.hk
        counts = [hk[HK.index(name)] for name in ("cycles", "cw_sent", "frames_sent", "tx_errors", "underruns")]
        self.assertEqual(counts, [2, 2, 12, 0, 0])
        self.assertEqual([hk[HK.index(name)] for name in ("rf", "period_s", "antenna")], [2, 90, 1])
        self.assertAlmostEqual(hk[HK.index("supply_v")], 7400, delta=20)

    def test_it_checks_in_while_it_sends(self):
        self.make()
        self.fly(400)
        self.assertEqual(self.board.supervisor.restarts, 0)


class AntennaRelease(Flight):
    def setUp(self):
        super().setUp()
        self.set("antenna", 0.0)

    def make(self, elapsed_s=hold.RF_S, callsign=None):
        super().make(elapsed_s, callsign=callsign)

    def test_no_heat_before_30_minutes_and_within_a_minute_after(self):
        self.make(elapsed_s=hold.DEPLOY_S - 100)
        self.fly(96)
        self.assertEqual(self.burns(), [])
        self.fly(60)
        self.assertEqual(len(self.burns()), 1)

    def test_heats_again_and_again_while_the_switch_says_stowed(self):
        self.make()
        self.fly(parts.BURN_ATTEMPTS * (parts.BURN_PAUSE_S + 15))
        burns = self.burns()
        self.assertEqual(len(burns), parts.BURN_ATTEMPTS)
        for _, length in burns:
            self.assertAlmostEqual(length, parts.BURN_MS * 1000, delta=300_000)
        self.assertEqual(self.board.hk[HK.index("burns")], parts.BURN_ATTEMPTS)

    def test_the_carrier_does_not_wait_for_the_antenna(self):
        self.make(callsign="N0CALL")
        self.fly(90)
        self.assertGreaterEqual(len(self.sent()), 3)

    def test_a_switch_that_always_said_deployed_does_not_keep_the_wire_cold(self):
        self.set("antenna", 1.0)
        self.make()
        self.fly(300)
        self.assertEqual(len(self.burns()), 1)
        kept = self.fram
        self.values["antenna"] = 1.0
        self.power_up(fram=kept)
        self.boot(callsign=None)
        self.fly(300)
        self.assertEqual(self.burns(), [])

    def test_waits_for_a_better_battery_but_not_for_ever(self):
        self.set("supply_v", 6.2)
        self.make()
        self.fly(1500)
        self.assertEqual(self.burns(), [])
        self.fly(500)
        self.assertGreaterEqual(len(self.burns()), 1)


class Source(unittest.TestCase):
    def test_every_value_of_the_frames_stands_in_its_boards_table(self):
        tables = {"eps": EPS, "sensor": SENSOR, "beacon": HK}
        for _, boards in text.FRAMES:
            for role, fields in boards:
                for field in fields:
                    self.assertIn(field, tables[role].names)
                self.assertEqual(fields[0], "seq")

    def test_a_configured_ssid_is_kept(self):
        self.assertEqual(text.source("XV1VN"), "XV1VN-11")
        self.assertEqual(text.source("XV1VN-3"), "XV1VN-3")
