# Whole boards on a common bus: what they tell each other, and what they survive.
import asyncio
import json
import sys
import unittest

import machine
import twin
from core import board as core_board
from core import config, heartbeat, i2c_bus, ports
from core.board import Board
from core.dictionary import Dictionary
from core.event_table import EVENTS
from core.events import Events
from core.heard import NEVER
from core.hold import RF_S
from core.start import start
from core.hk_table import COMMON
from core.telemetry import Set
from dragonet.flatsat.devices import fram as fram_model

_FRAME_US = 250

GOOD_CONFIG = '{"callsign": "XV9AA", "satellite": "NANODRAGON", "frequency_hz": 437375000}'
CONFIG = "core_board_config.json"

EPS = Set("eps", COMMON + (("battery_v", "u16", "V", 0.001, "battery"), ("level", "u8", "", 1, "power level")))
BEACON = Set("beacon", COMMON + (("frames", "u32", "", 1, "frames sent"),))
SENSOR = Set("sensor", COMMON + (("field_x", "i32", "nT", 1, "magnetic field"),))
TABLES = {"eps": EPS, "beacon": BEACON, "sensor": SENSOR}
BATTERY_V = EPS.index("battery_v")
FIELD_X = SENSOR.index("field_x")


class Irq:
    def __init__(self, can):
        self.can = can

    def flags(self):
        return self.can.events.pop(0) if self.can.events else 0


class Can:
    """The part of machine.CAN that CSP uses; every frame reaches all others on the bus."""

    FLAG_RTR = 1
    FLAG_EXT_ID = 2
    FLAG_UNORDERED = 16
    RECV_ERR_FULL = 1
    RECV_ERR_OVERRUN = 2
    IRQ_TX = 1
    IRQ_RX = 2
    IRQ_TX_FAILED = 4
    IRQ_STATE = 8
    IRQ_TX_IDX_SHIFT = 16
    IRQ_TX_IDX_MASK = 0xFF
    STATE_STOPPED = 0
    STATE_ACTIVE = 1
    STATE_BUS_OFF = 4
    TX_QUEUE_LEN = 3

    def __init__(self, bus):
        self.bus = bus
        self.events = []
        self.received = []
        self.handler = None
        self.waiting = 0
        bus.append(self)

    def irq(self, handler=None, trigger=0, hard=False):
        self.handler = handler
        return Irq(self)

    def set_filters(self, filters):
        pass

    def state(self):
        return self.STATE_ACTIVE

    def restart(self):
        pass

    def cancel_send(self, index):
        return False

    def send(self, id, data, flags=0):
        if self.waiting:
            return None
        self.waiting = 1
        frame = (id, bytes(data), flags)
        twin.board.at(twin.board.now() + _FRAME_US, lambda: self.deliver(frame))
        return 0

    def deliver(self, frame):
        self.waiting = 0
        for other in self.bus:
            if other is not self:
                other.received.append(frame)
                other.signal(self.IRQ_RX)
        self.signal(self.IRQ_TX)

    def signal(self, event):
        self.events.append(event)
        if self.handler is not None:
            twin.board.kernel.interrupt(self.handler, self)

    def recv(self, into):
        if not self.received:
            return None
        into[0], data, into[2] = self.received.pop(0)
        into[1] = memoryview(data)
        into[3] = 0
        return into


class Parts:
    MODEL = "test board"

    def __init__(self, role):
        self.ROLE = role
        self.FRAM = 0x50 + ports.ADDRESSES[role]


class Pins:
    def __init__(self, bus):
        self.bus = bus

    def make_can(self, number, bitrate):
        if self.bus is None:
            raise OSError(19)
        return Can(self.bus)


def write_config(text):
    with open(CONFIG, "w") as file:
        file.write(text)


def fit_fram(*roles):
    env = twin.board
    for role in roles:
        env.i2c(0, 0x50 + ports.ADDRESSES[role], fram_model.FRAM(env, role))


def board(role, bus, table=None):
    return Board(Parts(role), Pins(bus), table or TABLES[role], CONFIG)


def fly(seconds, *boards):
    """Runs boards for so many seconds, then stops them."""

    async def main():
        tasks = [asyncio.create_task(one.main()) for one in boards]
        await asyncio.sleep_ms(seconds * 1000)
        for task in tasks:
            task.cancel()
        for task in tasks:
            try:
                await task
            except asyncio.CancelledError:
                pass

    asyncio.run(main())


class Silent:
    """A memory that does not answer."""

    def read_into(self, address, buffer):
        raise OSError(5)

    def write(self, address, data):
        raise OSError(5)


class Base(unittest.TestCase):
    def setUp(self):
        write_config(GOOD_CONFIG)
        fit_fram("eps", "beacon", "sensor")

    def tearDown(self):
        import os

        os.remove(CONFIG)


class Together(Base):
    def setUp(self):
        super().setUp()
        bus = []
        self.eps, self.beacon, self.sensor = (board(role, bus) for role in ports.BOARDS)

    def test_each_board_hears_the_housekeeping_of_the_others(self):
        self.eps.hk[BATTERY_V] = 7412
        self.sensor.hk[FIELD_X] = -31_234
        for listener in (self.beacon, self.sensor):
            listener.expect("eps", EPS)
        self.beacon.expect("sensor", SENSOR)
        fly(25, self.eps, self.beacon, self.sensor)
        self.assertEqual(self.beacon.heard["eps"].value(BATTERY_V), 7412)
        self.assertEqual(self.sensor.heard["eps"].value(BATTERY_V), 7412)
        self.assertEqual(self.beacon.heard["sensor"].value(FIELD_X), -31_234)
        raw = EPS.unpack(self.beacon.heard["eps"].hk)
        self.assertEqual(raw["battery_v"], 7412)
        self.assertIsNone(raw["level"])
        self.assertEqual((raw["seq"], raw["boots"], raw["reset_cause"]), (1, 1, machine.reset_cause()))
        self.assertEqual((raw["uptime_s"], raw["mission_s"]), (20, 20))
        self.assertLess(self.eps.heard["beacon"].heartbeat_age_s, 3)
        for one in (self.eps, self.beacon, self.sensor):
            self.assertEqual((one.faults, one.unsent, one.supervisor.restarts), (0, 0, 0))

    def test_the_eps_tells_the_mode_and_its_age_grows_when_it_is_gone(self):
        self.assertEqual((self.beacon.mode, self.beacon.mode_age_s), (ports.SILENT, NEVER))
        self.eps.set_mode(ports.NOMINAL)
        self.sensor.set_mode(ports.SAFE)  # says so of itself: nobody obeys it
        fly(5, self.eps, self.beacon, self.sensor)
        self.assertEqual(self.beacon.mode, ports.NOMINAL)
        self.assertLessEqual(self.beacon.mode_age_s, 1)
        self.assertEqual(self.eps.mode_age_s, 0)
        fly(60, self.beacon)
        self.assertEqual(self.beacon.mode, ports.NOMINAL)
        self.assertGreaterEqual(self.beacon.mode_age_s, 58)
        self.assertGreaterEqual(self.beacon.heard["eps"].hk_age_s, 58)

    def test_housekeeping_of_another_dictionary_is_counted_and_not_read(self):
        other = Set("eps", COMMON + (("battery_v", "u16", "V", 0.01, "battery"), ("level", "u8", "", 1, "")))
        self.beacon.expect("eps", other)
        self.eps.hk[BATTERY_V] = 7412
        fly(12, self.eps, self.beacon)
        heard = self.beacon.heard["eps"]
        self.assertIsNone(heard.value(BATTERY_V))
        self.assertGreater(heard.mismatches, 5)
        self.assertEqual(len(heard.hk), EPS.size)

    def test_nothing_is_made_up_before_anything_was_heard(self):
        self.beacon.expect("eps", EPS)
        heard = self.beacon.heard["eps"]
        self.assertIsNone(heard.value(BATTERY_V))
        self.assertEqual((heard.hk_age_s, heard.heartbeat_age_s, len(heard.hk)), (NEVER, NEVER, 0))


class Strangers(Base):
    def _packet(self, src, data):
        class Packet:
            pass

        packet = Packet()
        packet.src = src
        packet.data = memoryview(data)
        return packet

    def test_packets_of_nobody_we_know_or_of_no_form_change_nothing(self):
        one = board("beacon", None)
        beat = bytearray(heartbeat.SIZE)
        heartbeat.pack_into(beat, ports.NOMINAL, 1, 1, 1)
        for src in (0, 1, 3, 10, 30, 31, 32, 16383):
            one._on_heartbeat(self._packet(src, beat))
            one._on_hk(self._packet(src, bytes(20)))
        self.assertEqual(one.mode_age_s, NEVER)
        for data in (b"", beat[:-1], bytes([7]) + beat[1:], beat + b"\0"):
            one._on_heartbeat(self._packet(2, data))
        one._on_hk(self._packet(2, bytes(250)))
        self.assertEqual(one.mode_age_s, NEVER)
        self.assertEqual(one.heard["eps"].refused, 5)
        one._on_heartbeat(self._packet(2, beat))
        self.assertEqual(one.mode, ports.NOMINAL)


class Alone(Base):
    def test_a_board_without_a_bus_runs_on_and_says_what_it_could_not_send(self):
        one = board("beacon", None)
        fly(25, one)
        self.assertAlmostEqual(one.uptime_s, 25, delta=1)
        self.assertAlmostEqual(one.unsent, 26 + 2, delta=1)
        self.assertEqual(one.faults, 1)
        self.assertEqual(one.supervisor.restarts, 0)

    def test_a_bus_that_fails_in_any_way_keeps_no_hold_from_ending(self):
        one = board("beacon", [])

        def fail(*values, **settings):
            raise RuntimeError("bus")

        one.node.broadcast = fail
        one.dictionary = Dictionary("beacon", BEACON, events=EVENTS)
        one.events = Events(one)  # it tells of the boot
        fly(RF_S + 3, one)
        self.assertTrue(one.rf_allowed)
        self.assertEqual(one.supervisor.restarts, 0)
        self.assertGreater(one.faults, RF_S)

    def test_a_board_whose_bus_could_not_be_made_at_boot_makes_it_within_a_minute_of_its_return(self):
        bus = []
        pins = Pins(None)
        deaf = Board(Parts("beacon"), pins, BEACON, CONFIG)
        other = board("eps", bus)

        fly(150, deaf, other)
        self.assertEqual(other.heard["beacon"].heartbeat_age_s, NEVER)
        self.assertEqual(deaf.faults, 3)
        pins.bus = bus
        fly(70, deaf, other)
        self.assertLess(other.heard["beacon"].heartbeat_age_s, 3)
        self.assertLess(deaf.heard["eps"].heartbeat_age_s, 3)
        self.assertEqual((deaf.faults, deaf.supervisor.restarts), (3, 0))

    def test_a_board_without_fram_ends_its_hold(self):
        twin.bench()
        one = board("beacon", [])
        self.assertIsNone(one.fram)
        self.assertIsNone(one.boots)
        fly(RF_S + 1, one)
        self.assertTrue(one.rf_allowed)
        self.assertGreater(one.all_faults(), 2000)
        self.assertIsNone(BEACON.unpack(one._packet)["boots"])

    def test_a_board_without_i2c_ends_its_hold(self):
        real = machine.I2C

        def broken(*args, **settings):
            raise OSError(19)

        machine.I2C = broken
        try:
            one = board("beacon", [])
        finally:
            machine.I2C = real
        self.assertIsNone(one.i2c)
        fly(RF_S + 1, one)
        self.assertTrue(one.rf_allowed)

    def test_a_bus_on_which_the_memory_falls_silent_is_made_anew_each_minute(self):
        one = board("beacon", [])
        made = []
        real = i2c_bus.make
        i2c_bus.make = lambda parts, pins: made.append(one.uptime_s)
        try:
            fly(130, one)
            self.assertEqual(made, [])
            one.hold.record._memory = Silent()
            fly(150, one)
            one.hold.record._memory = one.fram
            fly(150, one)
        finally:
            i2c_bus.make = real
        self.assertEqual(len(made), 2)
        self.assertEqual(made[1] - made[0], 60)

    def test_the_pins_say_which_i2c_the_sensors_are_on(self):
        real = machine.I2C
        asked = []

        def bus(number, **settings):
            asked.append(number)
            return real(0)

        machine.I2C = bus
        try:
            board("beacon", [])
            pins = Pins([])
            pins.I2C_ID = 2
            Board(Parts("beacon"), pins, TABLES["beacon"], CONFIG)
        finally:
            machine.I2C = real
        self.assertEqual(asked, [0, 2])

    def test_an_unreadable_configuration_inhibits_rf_for_ever(self):
        write_config('{"callsign": "XV9')
        one = board("beacon", [])
        fly(RF_S + 1, one)
        self.assertTrue(one.hold.rf_allowed)
        self.assertFalse(one.rf_allowed)
        self.assertEqual(one.faults, 1)

    def test_a_lost_file_system_does_not_make_a_board_forget_its_callsign(self):
        self.assertEqual(board("beacon", []).config["errors"], 0)
        for text in ("", '{"callsign": "XV9', "[]"):
            write_config(text)
            one = board("beacon", [])
            self.assertEqual((one.config["callsign"], one.config["satellite"]), ("XV9AA", "NANODRAGON"))
            self.assertFalse(one.config["rf_inhibited"])
            self.assertEqual(one.faults, 1)
        write_config(GOOD_CONFIG.replace("XV9AA", ""))  # readable, and wrong: that is an order not to transmit
        self.assertTrue(board("beacon", []).config["rf_inhibited"])
        write_config(GOOD_CONFIG.replace("XV9AA", "XV9BB"))
        self.assertEqual(board("beacon", []).config["callsign"], "XV9BB")
        write_config("")
        self.assertEqual(board("beacon", []).config["callsign"], "XV9BB")

    def test_the_longest_configuration_fits_its_record(self):
        one = board("beacon", [])
        longest = {key[0]: "X" * key[3] if key[1] is str else key[3] for key in config.KEYS}
        record = one.record("config", config.KEPT)
        write_config(json.dumps(longest))
        config.load(CONFIG, record)
        write_config("")
        self.assertEqual(config.load(CONFIG, record)["callsign"], "X" * 9)

    def test_boots_and_mission_time_go_on_through_resets(self):
        for boot in range(1, 5):
            one = board("eps", [])
            self.assertEqual(one.boots, boot)
            fly(20, one)
        self.assertAlmostEqual(one.mission_s, 4 * 20, delta=4)
        self.assertEqual(one.all_faults(), 0)

    def test_a_hook_that_fails_does_not_stop_housekeeping(self):
        one = board("eps", [])

        def broken():
            raise KeyError("hook")

        one.before_hk(broken)
        fly(25, one)
        self.assertEqual(one.hk[0], 1)
        self.assertEqual(one.faults, 2)

    def test_inputs_of_the_pins_stop_the_hold(self):
        one_pins = Pins([])
        one_pins.RBF = 20
        twin.board.wire(20).level = 1
        one = Board(Parts("eps"), one_pins, EPS, CONFIG)
        fly(10, one)
        self.assertTrue(one.hold.stopped)
        self.assertEqual(one.mission_s, 0)
        twin.board.wire(20).drive(0)
        fly(10, one)
        self.assertFalse(one.hold.stopped)

    def test_a_record_that_does_not_fit_its_region_is_refused(self):
        one = board("eps", [])
        one.record("eps", 200, 0x100)
        for name, size, offset in (("eps", 400, 0), ("eps", 4, 0x300), ("eps", 4, -1)):
            with self.assertRaises(ValueError):
                one.record(name, size, offset)

    def test_the_mode_must_exist(self):
        with self.assertRaises(ValueError):
            board("eps", []).set_mode(len(ports.MODES))

    def test_the_heartbeat_carries_the_boards_dictionary(self):
        one = board("eps", [])
        one.second()
        self.assertEqual(heartbeat.unpack(one._beat)[3], EPS.hash & 0xFFFF)

    def test_heartbeat_and_housekeeping_leave_before_the_seconds_work_and_garbage_is_collected_between(self):
        one = board("eps", [])
        done = []
        one.node.broadcast = lambda port, data, **settings: done.append(port) or True
        one.collect = lambda: done.append("collection")
        one.on_second(lambda: done.append("work"))
        one.second()
        self.assertEqual(done, [ports.HEARTBEAT, ports.HK, "collection", "work"])

    def test_a_seconds_work_knows_whether_housekeeping_went_before_it(self):
        one = board("eps", [])
        told = []
        one.on_second(lambda: told.append(one.published))
        for second in (0, 1, 19, 20, 21):
            one.clock.seconds = second
            one.clock.update = lambda: 1000
            one.second()
        self.assertEqual(told, [True, False, False, True, False])

    def test_garbage_is_collected_each_four_seconds_away_from_housekeeping_but_not_while_a_stream_is_sent(self):
        one = board("eps", [])
        made = []
        collect = one.collect

        def counted():
            made.append(one.clock.seconds)
            collect()

        one.collect = counted
        for second in range(24):
            one.streaming = 10 <= second < 13
            one.clock.seconds = second
            one.clock.update = lambda: 1000
            one.second()
        self.assertEqual(made, [0, 6, 13, 18, 22])

    def test_around_a_stream_garbage_is_collected_and_within_it_only_when_the_heap_is_full(self):
        one = board("eps", [])
        done = []
        one.collect = lambda: done.append("collection")
        gc_of_board = core_board.gc
        core_board.gc = Threshold(done)
        try:
            one.stream(True)
            self.assertTrue(one.streaming)
            one.stream(False)
            one.stream(False)
        finally:
            core_board.gc = gc_of_board
        self.assertFalse(one.streaming)
        self.assertEqual(done, ["collection", -1, "collection", 65_536, "collection"])



class Threshold:
    """Stands for the module gc."""

    def __init__(self, done):
        self._done = done

    def threshold(self, amount=None):
        if amount is None:
            return 65_536
        self._done.append(amount)


class Module:
    """Stands for a module of the app."""


class Starting(Base):
    """core.start with a role that is only a module made here."""

    def setUp(self):
        super().setUp()
        self.module = Module()
        self.table = Module()
        self.table.dictionary = lambda: Dictionary("eps", EPS)
        self.kept = {}
        for name, module in (("eps", Module()), ("eps.app", self.module), ("eps.compact", self.table)):
            self.kept[name] = sys.modules.get(name)
            sys.modules[name] = module

    def tearDown(self):
        super().tearDown()
        for name in self.kept:
            if self.kept[name] is None:
                del sys.modules[name]
            else:
                sys.modules[name] = self.kept[name]

    def test_the_apps_tasks_are_started(self):
        ran = []

        def begin(one):
            async def app(checkin):
                while True:
                    checkin()
                    ran.append(1)
                    await asyncio.sleep_ms(1000)

            one.supervisor.task("app", app, 3000)

        self.module.start = begin
        one = start(Parts("eps"), Pins([]))
        fly(5, one)
        self.assertEqual(len(ran), 5)
        self.assertEqual(one.supervisor.names()[-1], "app")
        self.assertEqual(one.supervisor.last_failed, "")

    def test_an_app_that_cannot_start_leaves_the_core_running_and_resets_after_a_minute(self):
        def begin(one):
            raise ImportError("no module named 'x'")

        self.module.start = begin
        one = start(Parts("eps"), Pins([]))
        self.assertEqual(one.supervisor.last_failed, "start")
        with self.assertRaises(SystemExit):
            fly(100, one)
        self.assertAlmostEqual(one.mission_s, 60, delta=1)  # the hold went on
        self.assertGreater(one.hk[0], 2)                    # and so did housekeeping

    def test_a_dictionary_that_cannot_be_read_leaves_the_core_running(self):
        del self.table.dictionary
        one = start(Parts("eps"), Pins([]))
        self.assertEqual(one.table.names, tuple([field[0] for field in COMMON]))
        fly(5, one)
        self.assertAlmostEqual(one.mission_s, 4, delta=1)


class Ports(unittest.TestCase):
    def test_addresses_fit_the_five_bits_of_csp_1_and_are_unique(self):
        addresses = list(ports.ADDRESSES.values())
        self.assertEqual(len(set(addresses)), len(addresses))
        self.assertTrue(all(0 < address < 31 for address in addresses))
        self.assertEqual((ports.ADDRESSES["eps"], ports.ADDRESSES["beacon"], ports.ADDRESSES["sensor"]), (2, 3, 4))

    def test_constants_of_modes_stand_where_their_names_stand(self):
        for name in ("silent", "deploy", "detumble", "nominal", "low_power", "safe", "critical"):
            self.assertEqual(ports.MODES[getattr(ports, name.upper())], name)

    def test_our_ports_leave_the_services_of_csp_alone(self):
        for port in (ports.HEARTBEAT, ports.HK):
            self.assertTrue(6 < port < 17)
