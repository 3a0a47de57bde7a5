import sys
import unittest

sys.path.append(__file__.rsplit("/", 1)[0] + "/../../boards/eps")
sys.modules["pins"] = __import__("pins_unix")

import machine  # noqa: E402
import parts  # noqa: E402
import pins  # noqa: E402
import twin  # noqa: E402
from core import hold, layout, ports  # noqa: E402
from core.record import Record  # noqa: E402
from dragonet.flatsat.devices import records, wiring_eps, world  # noqa: E402
from drivers.fram import FRAM  # noqa: E402
from eps import app, event_table  # noqa: E402
from eps.hk import HK  # noqa: E402

BEACON, SENSOR, AIS, HEATER = 1, 2, 4, 8
CALM = {
    "battery_v": 7.76, "battery_a": 0.05, "panel_x_v": 8.0, "panel_x_a": 0.3, "battery_t": 18.0, "board_t": 21.0,
    "load_beacon_v": 7.76, "load_beacon_a": 0.05, "load_sensor_v": 7.76, "load_sensor_a": 0.06,
}  # fmt: skip


class Held:
    """core.hold.Hold as far as the app looks at it."""

    elapsed_s = 0
    stopped = False

    @property
    def deploy_allowed(self):
        return self.elapsed_s >= hold.DEPLOY_S

    @property
    def rf_allowed(self):
        return self.elapsed_s >= hold.RF_S


class Heard:
    """core.heard.Heard of a sensor board that turns at `rate` (raw)."""

    hk_age_s = 1 << 28
    rate = 0

    def value(self, position):
        return self.rate


class Board:
    """core.board.Board without bus and supervisor, on the virtual EPS board's wires."""

    parts = parts
    pins = pins

    def __init__(self, i2c, hold, config=None):
        self.i2c = i2c
        self.hold = hold
        self.config = config or {}
        self.hk = HK.values()
        self.heard = {"sensor": Heard()}
        self.mode = None
        self.faults = 0
        self._fram = None
        try:
            self._fram = FRAM(i2c, parts.FRAM)
        except (OSError, AttributeError):
            pass
        self.boot_us = twin.board.now()
        self.hooks = []
        self.events = []
        self.supervisor = self

    @property
    def uptime_s(self):
        return (twin.board.now() - self.boot_us) // 1_000_000

    def record(self, name, size, offset=0, version=1):
        return Record(self._fram, layout.region(name)[0] + offset, size, version)

    def set_mode(self, mode):
        self.mode = mode

    def expect(self, role, table):
        self.expected = table

    def before_hk(self, function):
        self.hooks.append(function)

    def task(self, name, function, deadline_ms):
        self.tasks = (name, deadline_ms)

    def fault(self):
        self.faults += 1

    def event(self, number, a=0, b=0):
        self.events.append((number, a, b))


class Flight(unittest.TestCase):
    def setUp(self):
        self.env = twin.bench(world=[0.0] * len(world.CHANNELS["eps"]), seed=3, role="eps")
        wiring_eps.wire(self.env)
        self.hold = Held()
        self.set(**CALM)
        self.boot()

    def set(self, **values):
        for name, value in values.items():
            self.env.world[world.index("eps", name)] = value

    def boot(self):
        self.board = Board(machine.I2C(0), self.hold)
        self.power = app.start(self.board)

    def device(self, address):
        return self.env.i2c_buses[0][address]

    def fly(self, seconds, check=None):
        """Ticks of the real task body, time moving between them."""
        due = self.env.now()
        for _ in range(seconds):
            due += 1_000_000
            self.env.kernel.sleep_until(due)
            self.power.tick()
            if check is not None:
                check()

    def hk(self):
        self.power.publish()
        packet = bytearray(HK.size)
        HK.pack_into(packet, self.board.hk)
        return HK.unpack(packet)

    def edges(self, pin):
        return len([1 for _, kind, data in self.env.emitted if kind == records.PIN and data[0] == pin])

    def mode(self):
        return ports.MODES[self.board.mode]

    def test_shows_what_the_monitors_measure(self):
        self.fly(12)
        hk = self.hk()
        for name, value, tolerance in (
            ("battery_v", 7760, 8), ("battery_a", 50, 2), ("panel_x_v", 8000, 8), ("panel_x_a", 300, 4),
            ("panel_y_a", 0, 2), ("load_beacon_a", 50, 2), ("battery_t", 1800, 15), ("board_t", 2100, 15),
        ):
            self.assertAlmostEqual(hk[name], value, delta=tolerance)
        self.assertEqual((hk["not_answering"], hk["read_errors"], hk["level"]), (0, 0, 0))
        self.assertAlmostEqual(hk["soc"], 7000, delta=100)

    def test_housekeeping_fits_what_boards_keep_of_each_other(self):
        self.assertTrue(HK.size <= 240)

    def test_silent_deploy_detumble_nominal_and_ais_only_in_nominal(self):
        for elapsed_s, mode, on in ((0, "silent", 3), (1802, "deploy", 3), (2703, "detumble", 3), (4503, "nominal", 7)):
            self.hold.elapsed_s = elapsed_s
            self.fly(3)
            self.assertEqual((self.mode(), self.hk()["loads_on"]), (mode, on))

    def test_the_sensor_boards_low_rate_ends_detumbling(self):
        self.hold.elapsed_s = 3000
        if not self.power._rates:  # stands in until the image has a sensor table
            self.power._rates = (0, 1, 2)
            self.power._rate_mdeg = 10
        self.board.heard["sensor"].hk_age_s = 5
        self.board.heard["sensor"].rate = 0
        self.fly(50)
        self.assertEqual(self.mode(), "detumble")
        self.fly(15)
        self.assertEqual(self.mode(), "nominal")

    def test_a_reset_does_not_forget_that_the_body_turned_slowly(self):
        self.test_the_sensor_boards_low_rate_ends_detumbling()
        self.fly(80)  # until it is saved
        self.boot()
        self.board.heard["sensor"].rate = 500
        self.fly(5)
        self.assertEqual(self.mode(), "nominal")

    def test_an_old_rate_is_no_rate(self):
        self.hold.elapsed_s = 3000
        self.board.heard["sensor"].hk_age_s = 61
        self.fly(120)
        self.assertEqual(self.mode(), "detumble")

    def test_sheds_when_the_pack_is_low_and_the_beacon_stays_on_until_the_floor(self):
        self.hold.elapsed_s = 9000
        self.fly(5)
        self.assertEqual(self.hk()["loads_on"], BEACON | SENSOR | AIS)
        for volts, mode, on in ((6.8, "low_power", BEACON | SENSOR), (6.6, "safe", BEACON), (6.2, "critical", BEACON)):
            self.set(battery_v=volts, battery_a=-0.3)
            self.fly(25)
            self.assertEqual((self.mode(), self.hk()["loads_on"]), (mode, on))
        self.set(battery_v=5.9)
        self.fly(9)
        self.assertEqual(self.hk()["loads_on"], BEACON)
        self.fly(5)
        self.assertEqual(self.hk()["loads_on"], 0)
        self.set(battery_v=6.6)
        self.fly(15)
        self.assertEqual(self.hk()["loads_on"], BEACON)

    def test_heats_a_cold_battery_with_charge(self):
        self.set(battery_t=-3.0)
        self.fly(20)
        self.assertEqual(self.hk()["loads_on"] & HEATER, HEATER)
        self.assertEqual(self.hk()["charge_limit"], 0)
        self.set(battery_t=8.0)
        self.fly(20)
        self.assertEqual(self.hk()["loads_on"] & HEATER, 0)
        self.assertEqual(self.hk()["charge_limit"], 1040)

    def test_a_dead_monitor_costs_its_own_values_and_no_loop(self):
        self.fly(5)
        self.device(0x41).dead = True
        self.device(0x48).dead = True
        self.fly(30)
        hk = self.hk()
        self.assertEqual((hk["panel_x_v"], hk["panel_x_a"], hk["battery_t"]), (None, None, None))
        self.assertEqual(hk["not_answering"], 1 << 1 | 1 << 8)
        self.assertTrue(0 < hk["read_errors"] < 15)  # asked less often while dead
        self.assertAlmostEqual(hk["battery_v"], 7760, delta=8)
        self.device(0x41).dead = self.device(0x48).dead = False
        self.fly(120)
        self.assertEqual(self.hk()["not_answering"], 0)
        self.assertAlmostEqual(self.hk()["panel_x_a"], 300, delta=4)

    def test_without_the_battery_monitor_the_voltage_behind_a_switch_serves(self):
        self.hold.elapsed_s = 9000
        self.device(0x40).dead = True
        self.fly(30)
        self.assertEqual((self.mode(), self.hk()["battery_v"]), ("nominal", None))
        self.set(load_beacon_v=6.5, load_sensor_v=6.5)
        self.fly(15)
        self.assertEqual(self.mode(), "safe")

    def test_a_monitor_that_shows_zero_volts_is_not_believed(self):
        self.hold.elapsed_s = 9000
        self.set(battery_v=0.0)
        self.fly(120)
        self.assertEqual((self.mode(), self.hk()["loads_on"]), ("nominal", BEACON | SENSOR | AIS))

    def test_a_monitor_that_shows_more_than_any_pack_has_is_not_believed(self):
        self.hold.elapsed_s = 9000
        self.fly(30)
        self.set(battery_v=40.0, load_beacon_v=6.5, load_sensor_v=6.5)
        self.fly(15)
        self.assertEqual((self.mode(), self.hk()["loads_on"]), ("safe", BEACON))

    def test_without_any_monitor_the_beacon_stays_on_and_the_power_is_low(self):
        self.hold.elapsed_s = 9000
        for address in range(0x40, 0x4A):
            self.device(address).dead = True
        self.fly(90)
        self.assertEqual((self.mode(), self.hk()["loads_on"]), ("low_power", BEACON | SENSOR))
        self.assertEqual(self.hk()["not_answering"], 0x3FF)

    def test_a_board_without_i2c_still_switches_and_tells_its_mode(self):
        self.board = Board(None, self.hold)
        self.power = app.start(self.board)
        self.hold.elapsed_s = 2000
        self.fly(90)
        self.assertEqual((self.mode(), self.hk()["loads_on"]), ("deploy", BEACON | SENSOR))

    def test_a_monitor_that_browns_out_is_configured_again(self):
        self.fly(5)
        self.device(0x44).power_on()
        self.device(0x40).power_on()
        self.fly(4)
        self.assertAlmostEqual(self.hk()["battery_a"], 50, delta=2)
        self.assertAlmostEqual(self.hk()["load_beacon_a"], 50, delta=2)

    def test_an_over_current_is_off_at_its_second_reading_and_told(self):
        self.hold.elapsed_s = 9000
        self.fly(5)
        self.set(load_ais_v=7.7, load_ais_a=0.9)
        self.fly(3)
        hk = self.hk()
        self.assertEqual((hk["loads_on"] & AIS, hk["loads_tripped"], hk["trips_ais"]), (0, AIS, 1))

    def test_modes_levels_trips_and_silent_parts_are_events(self):
        self.hold.elapsed_s = 9000
        self.fly(5)
        self.assertEqual(self.board.events, [(event_table.MODE, ports.NOMINAL, ports.SILENT)])
        self.set(load_ais_v=7.7, load_ais_a=0.9)
        self.fly(3)
        number, load, milliamps = self.board.events.pop()
        self.assertEqual((number, load), (event_table.LOAD_TRIP, 2))
        self.assertAlmostEqual(milliamps, 900, delta=10)
        self.set(battery_v=6.8, battery_a=-0.3)
        self.fly(15)
        self.assertEqual(self.board.events[1:], [
            (event_table.LEVEL, 1, 0), (event_table.MODE, ports.LOW_POWER, ports.NOMINAL),
        ])
        self.device(0x41).dead = True
        self.fly(2)
        self.hk()
        self.hk()
        self.assertEqual(self.board.events[3:], [(event_table.PARTS, 2, 0)])

    def test_a_reset_keeps_charge_counters_and_switches_and_the_beacons_enable_has_no_edge(self):
        self.hold.elapsed_s = 9000
        self.fly(5)
        self.set(load_ais_v=7.7, load_ais_a=0.9)
        self.fly(3)
        self.set(load_ais_a=0.0)
        self.fly(100)
        before = self.hk()
        edges = self.edges(pins.LOADS[0])
        self.env.wire(pins.LOADS[0]).level = 1
        self.boot()
        self.fly(3)
        after = self.hk()
        self.assertEqual(self.edges(pins.LOADS[0]), edges)
        self.assertEqual(after["trips_ais"], before["trips_ais"])
        self.assertAlmostEqual(after["soc"], before["soc"], delta=5)
        self.assertTrue(after["flags"] & 16)
        self.assertEqual(after["loads_on"], before["loads_on"])

    def test_a_reset_keeps_the_power_level_and_the_trend(self):
        self.hold.elapsed_s = 9000
        self.fly(5)
        self.set(battery_v=6.6, battery_a=-0.3)
        self.fly(15)
        self.set(battery_v=6.95)
        for least in [5800 - 200 * k for k in range(8)]:
            self.power.trend.update(least, 5_700_000)
        self.fly(80)
        self.boot()
        self.fly(2)
        hk = self.hk()
        self.assertEqual((hk["level"], hk["flags"] & 4, self.mode()), (2, 4, "safe"))

    def test_the_hub_hears_of_every_switch_at_the_first_drive(self):
        heard = [(data[0], data[2]) for _, kind, data in self.env.emitted if kind == records.PIN]
        self.assertEqual(heard, [(10, 1), (11, 1), (12, 0), (13, 0)])

    def test_the_capacity_of_the_configuration_is_used(self):
        self.board = Board(machine.I2C(0), self.hold, {"battery_mah": 2600})
        self.power = app.start(self.board)
        self.fly(3)
        self.assertTrue(self.power.battery.charge_uah <= 2_600_000)
        self.assertEqual(self.hk()["charge_limit"], 1300)

    def test_a_trend_of_days_calls_for_low_power_at_a_good_voltage(self):
        self.hold.elapsed_s = 9000
        self.fly(5)
        for least in [5800 - 200 * k for k in range(8)]:
            self.power.trend.update(least, 5_700_000)
        self.fly(12)
        self.assertEqual((self.mode(), self.hk()["loads_on"] & AIS, self.hk()["level"]), ("low_power", 0, 1))


class Wiring(unittest.TestCase):
    def test_every_part_of_the_list_answers_at_its_address(self):
        env = twin.bench(world=[0.0] * len(world.CHANNELS["eps"]), seed=3, role="eps")
        wiring_eps.wire(env)
        found = machine.I2C(0).scan()
        wanted = [entry[1] for entry in parts.MONITORS + parts.THERMOMETERS] + [parts.FRAM]
        for address in wanted:
            self.assertIn(address, found)

    def test_the_separation_switches_follow_the_world(self):
        values = [0.0] * len(world.CHANNELS["eps"])
        values[world.index("eps", "sep1")] = 1.0
        env = twin.bench(world=values, seed=3, role="eps")
        wiring_eps.wire(env)
        levels = [machine.Pin(pin, machine.Pin.IN).value() for pin in (pins.RBF, pins.SEP1, pins.SEP2)]
        self.assertEqual(levels, [0, 1, 0])


if __name__ == "__main__":
    unittest.main()
