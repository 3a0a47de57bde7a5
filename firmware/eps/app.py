# EPS app: one task a second reads the monitors, keeps the battery's state, sets power level and mode, switches loads.
#
# The battery's monitor averages most of that second by itself. Temperatures every 5 s. A monitor that does not answer
# shows "not available" and is counted; the pack's voltage is then taken behind a switch that is on.
import asyncio
import struct
import time
from core import ports, settings
from core.clock import Every
from eps import event_codes
from eps.battery import Battery, Charging
from eps.heater import Heater
from eps.compact import HK
from eps.levels import LOW, Level
from eps.loads import Loads, size as loads_size
from eps.modes import Modes
from eps.monitors import Monitor, Thermometer
from eps.compact import PARAMETERS
from eps.trend import Trend
from micropython import const

_PERIOD_MS = const(1_000)
_DEADLINE_MS = const(5_000)
_TEMPERATURE_TICKS = const(5)
_LOOK_TICKS = const(10)   # loads that are off, and one monitor's configuration
_SAVE_TICKS = const(80)   # at most so many seconds of charge are forgotten at a reset
_ALIVE_MV = const(4_000)  # below this the EPS itself would not run: such a reading is a broken wire
_MOST_MV = const(4_500)   # of a cell: no pack shows more
_IDLE_MA = const(20)
_RATE_AGE_S = const(60)

#  byte  type  field           record "state", in region eps after the loads' record
#   0    i32   charge          uAh, -1 unknown
#   4    u8    level           power level
#   5    u8    detumbled       1: the body has turned slowly since separation
#   6          trend           eps/trend.py
_STATE_AT = const(64)
_TREND_AT = const(6)
_STATE = ">iBB"

_VOLTAGES = ("low", "safe", "critical")  # parameters: NAME_enter, NAME_leave

_LEVEL = HK.index("level")
_FLAGS = HK.index("flags")
_SOC = HK.index("soc")
_ORBIT_MIN = HK.index("soc_orbit_min")
_TREND = HK.index("soc_trend")
_ERROR = HK.index("model_error")
_CHARGE_LIMIT = HK.index("charge_limit")
_ON = HK.index("loads_on")
_SHED = HK.index("loads_shed")
_TRIPPED = HK.index("loads_tripped")
_STUCK = HK.index("loads_stuck")
_TRIPS = HK.index("trips_beacon")
_NOT_ANSWERING = HK.index("not_answering")
_READ_ERRORS = HK.index("read_errors")


class Power:
    """Everything the EPS does, one tick at a time."""

    def __init__(self, board):
        parts = board.parts
        self._board = board
        capacity_mah = board.config.get("battery_mah", parts.BATTERY_MAH)
        # the switches before anything that could fail or take time
        self.loads = Loads(parts.LOADS, board.pins.load, board.record("eps", loads_size(len(parts.LOADS))))
        self.battery = Battery(parts.CELLS, capacity_mah)
        self._most_mv = parts.CELLS * _MOST_MV
        self.charging = Charging(parts, capacity_mah)
        self.heater = Heater(parts)
        self.level = Level(parts)
        self._params = settings.of(board, PARAMETERS)
        for name in _VOLTAGES:
            self._params.on_change(name + "_enter", self._set_levels)
            self._params.on_change(name + "_leave", self._set_levels)
        self._set_levels()
        self.trend = Trend(parts)
        self.modes = Modes(parts)
        self._state = board.record("eps", _TREND_AT + self.trend.size(), _STATE_AT)
        self._restore()
        self._saved_level = self._effective = self.level.value
        self._silent = 0   # mask of the parts that did not answer when last told

        self._monitors = [Monitor(board.i2c, entry) for entry in parts.MONITORS]
        self._thermometers = [Thermometer(board.i2c, entry) for entry in parts.THERMOMETERS]
        names = [entry[0] for entry in parts.MONITORS]
        self._pack = self._monitors[names.index("battery")]
        self._panels = [self._monitors[k] for k, name in enumerate(names) if name.startswith("panel_")]
        self._load_monitors = [self._monitors[names.index("load_" + entry[0])] for entry in parts.LOADS]
        self._hk_at = [(HK.index(name + "_v"), HK.index(name + "_a")) for name in names]
        self._hk_t = [HK.index(entry[0] + "_t") for entry in parts.THERMOMETERS]
        load_names = [entry[0] for entry in parts.LOADS]
        self._always = 1 << load_names.index("beacon") | 1 << load_names.index("sensor")
        self._ais = 1 << load_names.index("ais")
        self._heat = 1 << load_names.index("heater")
        self._rates = ()
        self._rate_mdeg = 1
        self._tick = 0
        self._last = time.ticks_ms()
        for monitor in self._monitors:
            monitor.check()

    def _set_levels(self, value=None):
        for k, name in enumerate(_VOLTAGES):
            self.level.set_voltages(k + 1, self._params.get(name + "_enter"), self._params.get(name + "_leave"))

    def expect_rates(self, table):
        """table: the sensor board's telemetry.Set, by which its body rates are read."""
        self._board.expect("sensor", table)
        self._rates = tuple([table.index(name) for name in ("rate_x", "rate_y", "rate_z")])
        self._rate_mdeg = round(table.fields[self._rates[0]][3] * 1000)

    async def run(self, checkin):
        every = Every(_PERIOD_MS)
        self._last = time.ticks_ms()
        while True:
            await asyncio.sleep_ms(every.ms())
            checkin()
            self.tick()

    def tick(self):
        """A second's work."""
        now = time.ticks_ms()
        passed_ms = time.ticks_diff(now, self._last)
        self._last = now
        n = self._tick
        self._tick = n + 1 if n < _SAVE_TICKS - 1 else 0

        if n % _TEMPERATURE_TICKS == 0:
            for thermometer in self._thermometers:
                thermometer.read()
        mdeg = self._thermometers[0].mdeg
        self._pack.read()
        mv = self._pack_mv()
        battery = self.battery
        battery.update(mv, self._pack.ma, mdeg, passed_ms)
        level = self.level.update(mv, battery.soc, passed_ms)
        self.trend.update(battery.soc, passed_ms)
        if self.trend.falling and level < LOW:
            level = LOW
        if level != self._effective:
            self._board.event(event_codes.LEVEL, level, self._effective)
            self._effective = level
        for panel in self._panels:
            panel.read()
        self._read_loads(n % _LOOK_TICKS == 0)
        self.charging.update(mv, mdeg)
        self._decide(level, mdeg, passed_ms)
        if n % _LOOK_TICKS == 3:
            self._monitors[n // _LOOK_TICKS % len(self._monitors)].check()
        if n == _SAVE_TICKS - 1 or self.level.value != self._saved_level:
            self._save()

    def publish(self):
        """Fills the housekeeping, just before it is packed."""
        hk = self._board.hk
        battery = self.battery
        silent = errors = 0
        for k, monitor in enumerate(self._monitors):
            hk[self._hk_at[k][0]] = monitor.mv
            hk[self._hk_at[k][1]] = monitor.ma
            errors += monitor.errors
            if not monitor.answers:
                silent |= 1 << k
        for k, thermometer in enumerate(self._thermometers):
            hk[self._hk_t[k]] = None if thermometer.mdeg is None else (thermometer.mdeg + 5) // 10
            errors += thermometer.errors
            if not thermometer.answers:
                silent |= 1 << len(self._monitors) + k
        hk[_LEVEL] = self._effective
        hk[_FLAGS] = (
            self.charging.allowed | self.charging.limited << 1 | self.trend.falling << 2
            | self.modes.detumbled << 3 | battery.restored << 4
        )
        hk[_SOC] = battery.soc
        hk[_ORBIT_MIN] = self.trend.least
        hk[_TREND] = self.trend.per_day
        hk[_ERROR] = battery.error_mv
        hk[_CHARGE_LIMIT] = self.charging.limit_ma
        loads = self.loads
        hk[_ON] = loads.on
        hk[_SHED] = loads.shed
        hk[_TRIPPED] = loads.tripped
        hk[_STUCK] = loads.stuck
        for k, load in enumerate(loads.loads):
            hk[_TRIPS + k] = load.trips
        hk[_NOT_ANSWERING] = silent
        if silent != self._silent:
            self._board.event(event_codes.PARTS, silent, self._silent)
            self._silent = silent
        hk[_READ_ERRORS] = min(errors, 0xFFFE)

    def _pack_mv(self):
        # The pack's voltage: its own monitor's, else that behind a switch that is on; None when nobody knows.
        most = self._most_mv
        mv = self._pack.mv
        if mv is not None and _ALIVE_MV <= mv <= most:
            return mv
        on = self.loads.on
        for k, monitor in enumerate(self._load_monitors):
            if on >> k & 1 and monitor.mv is not None and _ALIVE_MV <= monitor.mv <= most:
                return monitor.mv
        return None

    def _read_loads(self, all_of_them):
        # A load that is off and draws nothing is looked at every ten seconds.
        on = self.loads.on
        now_s = self._board.uptime_s
        for k, monitor in enumerate(self._load_monitors):
            if all_of_them or on >> k & 1 or monitor.ma is None or monitor.ma > _IDLE_MA:
                monitor.read()
                if self.loads.measured(k, monitor.ma, now_s):
                    self._board.event(event_codes.LOAD_TRIP, k, monitor.ma)

    def _decide(self, level, mdeg, passed_ms):
        board = self._board
        before = self.modes.mode
        mode = self.modes.update(board.hold, level, self._rate(), passed_ms)
        board.set_mode(mode)
        if mode != before:
            board.event(event_codes.MODE, mode, before)
        wanted = self._always
        if mode == ports.NOMINAL:
            wanted |= self._ais
        if self.heater.update(mdeg, self.battery.soc):
            wanted |= self._heat
        self.loads.update(wanted, level, board.uptime_s)

    def _rate(self):
        # Largest body rate that the sensor board told in the last minute, m deg/s; None when it did not.
        heard = self._board.heard["sensor"]
        if not self._rates or heard.hk_age_s > _RATE_AGE_S:
            return None
        largest = 0
        for position in self._rates:
            value = heard.value(position)
            if value is None:
                return None
            largest = max(largest, abs(value))
        return largest * self._rate_mdeg

    def _restore(self):
        if not self._state.load():
            return
        charge_uah, level, detumbled = struct.unpack_from(_STATE, self._state.data, 0)
        self.battery.restore(charge_uah)
        self.level.restore(level)
        self.modes.detumbled = detumbled == 1
        self.trend.unpack_from(self._state.data, _TREND_AT)

    def _save(self):
        self._saved_level = self.level.value
        charge_uah = self.battery.charge_uah
        charge_uah = -1 if charge_uah is None else charge_uah
        struct.pack_into(_STATE, self._state.data, 0, charge_uah, self._saved_level, self.modes.detumbled)
        self.trend.pack_into(self._state.data, _TREND_AT)
        self._state.save()


def start(board):
    power = Power(board)
    try:
        from sensor.compact import HK as SENSOR

        power.expect_rates(SENSOR)
    except (ImportError, ValueError):  # an image without the sensor's table: detumbling ends by its limit
        board.fault()
    board.before_hk(power.publish)
    board.supervisor.task("power", power.run, _DEADLINE_MS)
    return power
