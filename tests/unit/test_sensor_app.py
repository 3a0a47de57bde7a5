# The sensor board on its wires: what it measures, hears and tells, and what it survives.
import asyncio
import struct
import sys
import unittest

sys.path.append(__file__.rsplit("/", 1)[0] + "/../../boards/sensor")
sys.modules["pins"] = __import__("pins_unix")

import parts  # noqa: E402
import pins  # noqa: E402
import twin  # noqa: E402
from core import hold, ports  # noqa: E402
from core.board import Board  # noqa: E402
from dragonet.flatsat.devices import records as kinds  # noqa: E402
from dragonet.flatsat.devices import wiring_sensor, world  # noqa: E402
from sensor import app, event_table, receiver, records  # noqa: E402
from sensor.hk import HK  # noqa: E402

CALM = {
    "board_t": 21.0, "panel_xp_t": 45.5, "panel_xm_t": -30.25, "payload_t": 25.0, "field_x": 20.0, "field_y": -30.0,
    "field_z": 5.0, "rate_x": 1.0, "rate_y": -2.0, "rate_z": 10.0,
}  # fmt: skip
POSITION = b"!AIVDM,1,1,,A,18SJ@DPris7WQ;05iop7lF>1P000,0*01\r\n"
STATIC = (
    b"!AIVDM,2,1,3,A,58SJ@DP2;=`1QK40000p4pt00000000000000016000000h00L5S`4ikP000,0*1E\r\n"
    b"!AIVDM,2,2,3,A,00000000000,2*27\r\n"
)
LATE_S = hold.DEPLOY_S


def at_hold(env, elapsed_s):
    """Puts the mission clock of a board that has not been made yet."""
    from core import layout
    from core.record import Record
    from drivers.fram import FRAM
    from machine import I2C

    record = Record(FRAM(I2C(0), parts.FRAM), layout.region("hold")[0], hold.SIZE)
    record.load()
    struct.pack_into(">IH", record.data, 0, elapsed_s, 0)
    record.save()


class Flight(unittest.TestCase):
    def setUp(self):
        values = [CALM.get(name, 0.0) for name in world.CHANNELS["sensor"]]
        self.env = twin.bench(world=values, seed=4, role="sensor")
        wiring_sensor.wire(self.env)
        self.sent = []
        self.bus_is_up = True
        self.board = None

    def make(self, elapsed_s=0):
        if elapsed_s:
            at_hold(self.env, elapsed_s)
        self.board = Board(parts, pins, HK, "no_config.json")
        self.board.node.send = self.send
        app.start(self.board)

    def send(self, dst, dport, data, *settings):
        if self.bus_is_up:
            self.sent.append((dst, dport, bytes(data)))
        return self.bus_is_up

    def told(self):
        """A list that gets each event from now on."""
        events = []
        self.board.event = lambda number, a=0, b=0: events.append((number, a, b))
        return events

    def set(self, name, value):
        self.env.world[world.index("sensor", name)] = value
        self.env._world(self.env.now(), struct.pack("<%df" % len(self.env.world), *self.env.world))

    def hear(self, data, at_s=0.0):
        """Bytes on the AIS receiver's wire."""
        uart = self.env.uarts[pins.AIS_UART]
        self.env.at(self.env.now() + int(at_s * 1000000), lambda: uart._arrive(data))

    def fly(self, seconds):
        async def main():
            task = asyncio.create_task(self.board.main())
            await asyncio.sleep_ms(seconds * 1000)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass

        asyncio.run(main())
        self.board.publish()
        packet = bytearray(HK.size)
        HK.pack_into(packet, self.board.hk)
        return HK.unpack(packet)

    def ships(self):
        """Records of all packets told so far: positions, static."""
        told = ([], [])
        for dst, dport, data in self.sent:
            if dport != ports.SHIPS:
                continue
            self.assertEqual(dst, 10)
            kind, count, _, _ = records.unpack_header(data)
            for k in range(count):
                if kind == records.POSITIONS:
                    told[0].append(records.unpack_position(data, 8 + 16 * k))
                else:
                    told[1].append(records.unpack_static(data, 8 + 57 * k))
        return told

    def pins_driven(self):
        """(us, pin, level) of what left the board."""
        return [(t,) + struct.unpack("<HB", data) for t, kind, data in self.env.emitted if kind == kinds.PIN]


class Measuring(Flight):
    def test_measures_temperatures_field_and_rates(self):
        self.make()
        hk = self.fly(12)
        self.assertAlmostEqual(hk["board_t"], 2100, delta=20)
        self.assertAlmostEqual(hk["panel_xp_t"], 4550, delta=20)
        self.assertAlmostEqual(hk["panel_xm_t"], -3025, delta=20)
        self.assertAlmostEqual(hk["payload_t"], 2500, delta=20)
        self.assertAlmostEqual(hk["field_x"], 20_000, delta=700)
        self.assertAlmostEqual(hk["field_y"], -30_000, delta=700)
        self.assertAlmostEqual(hk["field_z"], 5_000, delta=700)
        self.assertAlmostEqual(hk["rate_x"], 1_000, delta=150)  # what is left of the offset, noise, 1 % of gain
        self.assertAlmostEqual(hk["rate_z"], 10_000, delta=250)
        self.assertEqual((hk["not_answering"], hk["read_errors"], hk["faults"]), (0, 0, 1))  # the missing config

    def test_a_dead_sensor_is_not_available_and_the_others_go_on(self):
        self.make()
        self.env.i2c_buses[0][parts.MAGNETOMETER].dead = True
        self.env.i2c_buses[0][parts.THERMOMETERS[1][1]].dead = True
        hk = self.fly(20)
        self.assertIsNone(hk["field_x"])
        self.assertIsNone(hk["panel_xp_t"])
        self.assertAlmostEqual(hk["board_t"], 2100, delta=20)
        self.assertEqual(hk["not_answering"], 0b010010)
        self.assertGreater(hk["read_errors"], 20)
        self.assertEqual(hk["restarts"], 0)

    def test_a_sensor_that_comes_back_is_available_again(self):
        self.make()
        gyroscope = self.env.i2c_buses[0][parts.GYROSCOPE]
        gyroscope.dead = True
        self.assertIsNone(self.fly(5)["rate_x"])
        gyroscope.dead = False
        gyroscope.power_on()
        self.assertIsNotNone(self.fly(5)["rate_x"])

    def test_sensors_that_fall_silent_or_come_back_are_events(self):
        self.make()
        told = self.told()
        self.fly(12)
        self.assertEqual(told, [])
        gyroscope = self.env.i2c_buses[0][parts.GYROSCOPE]
        gyroscope.dead = True
        self.fly(12)
        gyroscope.dead = False
        gyroscope.power_on()
        self.fly(12)
        self.assertEqual(told, [(event_table.PARTS, 32, 0), (event_table.PARTS, 0, 32)])

    def test_a_full_table_of_ships_is_told_once_an_hour(self):
        self.make()
        told = self.told()
        hearing = receiver.Receiver(self.board, None, parts.AIS_RXBUF)
        for _ in range(3700):
            self.board.clock.seconds += 1
            hearing.ships.evicted += 1
            hearing.tell_full()
        self.assertEqual(told, [(event_table.SHIPS_FULL, 1, 0), (event_table.SHIPS_FULL, 3601, 0)])

    def test_flies_without_an_i2c_bus(self):
        self.make()
        self.board.i2c = None
        self.env.i2c_buses[0].clear()
        hk = self.fly(12)
        self.assertIsNone(hk["board_t"])
        self.assertEqual(hk["not_answering"], 0b111111)


class Hearing(Flight):
    def test_tells_the_ground_each_ship_it_heard(self):
        self.make()
        self.hear(POSITION, 1)
        self.hear(STATIC, 2)
        hk = self.fly(12)
        positions, static = self.ships()
        self.assertEqual(len(positions), 1)
        got = [positions[0][name] for name in ("mmsi", "lon", "lat")]
        self.assertEqual(got, [574001234, 63900000, 6060000])
        self.assertEqual(static[0]["shipname"], "NANO")
        self.assertEqual((hk["ships"], hk["ais_1"], hk["ais_5"], hk["ais_other"], hk["sentences"]), (1, 1, 1, 0, 3))
        self.assertEqual((hk["ship_packets"], hk["ships_unsent"]), (2, 0))

    def test_keeps_up_with_both_channels_full(self):
        self.make()
        for k in range(20):
            self.hear(POSITION * 75, k)
        hk = self.fly(25)
        self.assertEqual(hk["ais_1"], 1500)
        self.assertEqual((hk["uart_full"], self.env.uarts[pins.AIS_UART].overruns), (0, 0))

    def test_counts_noise_and_goes_on(self):
        self.make()
        noise = bytes([k * 7919 >> 3 & 0xFF for k in range(4000)])
        self.hear(noise, 1)
        self.hear(b"\r\n" + POSITION, 4)
        hk = self.fly(12)
        self.assertEqual(hk["ais_1"], 1)
        self.assertGreater(sum([hk["drop_garbage"], hk["drop_checksum"], hk["drop_too_long"]]), 10)

    def test_keeps_records_until_the_bus_takes_them(self):
        self.make()
        self.bus_is_up = False
        self.hear(POSITION + STATIC, 1)
        self.fly(20)
        self.bus_is_up = True
        self.fly(20)
        positions, static = self.ships()
        self.assertEqual((len(positions), len(static)), (1, 1))


class Antenna(Flight):
    def heats(self):
        """(start s, end s) of each time both pins were up."""
        level = {pins.ARM: 0, pins.FIRE: 0}
        since = None
        times = []
        for t, pin, value in self.pins_driven():
            if pin in level:
                level[pin] = value
                hot = level[pins.ARM] and level[pins.FIRE]
                if hot and since is None:
                    since = t
                elif not hot and since is not None:
                    times.append((since / 1e6, t / 1e6))
                    since = None
        self.assertIsNone(since)
        return times

    def test_is_heated_a_minute_after_the_hold_and_again_while_the_switch_says_stowed(self):
        self.make(LATE_S - 300)
        self.fly(299 + parts.BURN_AFTER_HOLD_S)
        self.assertEqual(self.heats(), [])
        hk = self.fly(parts.BURN_ATTEMPTS * (parts.BURN_PAUSE_S + 15))
        heats = self.heats()
        self.assertEqual(len(heats), parts.BURN_ATTEMPTS)
        for start, end in heats:
            self.assertAlmostEqual(end - start, parts.BURN_MS / 1000, delta=0.5)
        self.assertEqual((hk["burns"], hk["ais_antenna"], hk["restarts"]), (parts.BURN_ATTEMPTS, 0, 0))

    def test_stops_heating_when_the_antenna_is_out(self):
        self.make(LATE_S)
        first = self.env.now() + (parts.BURN_PAUSE_S + 4) * 1000000
        self.env.at(first, lambda: self.set("ais_antenna", 1.0))
        hk = self.fly(600)
        heats = self.heats()
        self.assertEqual(len(heats), 1)
        self.assertLess(heats[0][1] - heats[0][0], 6)
        self.assertEqual((hk["burns"], hk["ais_antenna"]), (1, 1))

    def test_waits_while_the_battery_is_low(self):
        self.make(LATE_S)
        self.board._mode = ports.SAFE
        self.board._mode_at = 400
        self.fly(400)
        self.assertEqual(self.heats(), [])
        self.fly(200)
        self.assertGreater(len(self.heats()), 0)
