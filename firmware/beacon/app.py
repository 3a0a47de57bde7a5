# Beacon app: one task sends, another releases the antenna. Neither needs bus, FRAM, thermometer or another board.
import asyncio
import time

from beacon import ax25, event_codes
from beacon.compact import HK
from beacon.compact import PARAMETERS
from beacon.radio import Radio
from beacon.text import DESTINATION, FRAMES, Texts, source
from core import burn_wire, ports, settings
from drivers.tmp117 import TMP117
from machine import ADC, Pin
from micropython import const

_DEADLINE_MS = const(15_000)
_STEP_MS = const(4_000)        # the longest sleep between two check-ins
_MODE_STALE_S = const(120)     # an EPS silent for so long does not lengthen the period any more

# One period: (s after its start, what). A CW message lasts about 40 s.
_CW = const(0)
_BURST = const(1)
_SCHEDULE = ((0, _CW), (45, _BURST), (75, _BURST))

# Parameters, by spacecraft mode: longer periods when power is short, never silent.
_PERIODS = {ports.LOW_POWER: "period_low_power", ports.SAFE: "period_safe", ports.CRITICAL: "period_critical"}

_RETRIES_MS = (1_000, 3_000)   # pauses before a failed transmission is tried again; then the schedule goes on

_SUPPLY = HK.index("supply_v")
_PA = HK.index("pa_t")
_ANTENNA = HK.index("antenna")
_BURNS = HK.index("burns")
_RF = HK.index("rf")
_PERIOD = HK.index("period_s")
_CYCLES = HK.index("cycles")
_CW_SENT = HK.index("cw_sent")
_FRAMES_SENT = HK.index("frames_sent")
_ERRORS = HK.index("tx_errors")
_UNDERRUNS = HK.index("underruns")
_RESETS = HK.index("radio_resets")


class Beacon:
    """Everything the beacon says and measures. board: core.board.Board; tables: role -> telemetry.Set of the others."""

    def __init__(self, board, tables):
        self._board = board
        config = board.config
        self.radio = Radio(board.parts, board.pins, config["frequency_hz"], config["tx_power_dbm"])
        self._texts = Texts(board, tables)
        self._params = settings.of(board, PARAMETERS)
        self._frames = []
        try:
            call = source(config["callsign"])
            self._frames = [ax25.Frame(DESTINATION, call) for _ in FRAMES]
        except ValueError:  # a call sign that AX.25 cannot carry, or none: CW remains
            board.fault()
        self._supply = self._make("supply", lambda: ADC(board.pins.SUPPLY))
        self._thermometer = TMP117(board.i2c, board.parts.PA_THERMOMETER) if board.i2c is not None else None
        self._pa_mdeg = None
        self.supply_mv = None
        self.cycles = 0
        self.cw_sent = 0
        self.frames_sent = 0
        self.errors = 0
        self.measure()

    def _make(self, name, function):
        try:
            return function()
        except (OSError, ValueError):
            self._board.fault()
            return None

    @property
    def hot(self):
        """The power amplifier needs longer pauses. False when its temperature is not known."""
        return self._pa_mdeg is not None and self._pa_mdeg > self._board.parts.PA_HOT_MDEG

    def supply_is_low(self):
        """The burn wire's heater would brown out the board. False when the supply is not known."""
        return self.supply_mv is not None and self.supply_mv < self._board.parts.BURN_MIN_MV

    def period_s(self):
        """By the mode last heard, for as long as the EPS is heard, and by the amplifier's temperature."""
        board = self._board
        name = _PERIODS.get(board.mode, "period") if board.mode_age_s < _MODE_STALE_S else "period"
        period = self._params.get(name)
        return period * 2 if self.hot and period < 180 else period

    async def run(self, checkin):
        """The task: for ever."""
        while True:
            while not self._board.rf_allowed:
                checkin()
                await asyncio.sleep_ms(1000)
            start = time.ticks_ms()
            for offset_s, what in _SCHEDULE:
                if offset_s:
                    await self._until(start, offset_s, checkin)
                await self._send(what, checkin)
            await self._until(start, 0, checkin)
            self.cycles += 1

    async def _until(self, start, offset_s, checkin):
        # offset_s 0: the end of the period, which changes when the mode does.
        while True:
            checkin()
            left = (offset_s or self.period_s()) * 1000 - time.ticks_diff(time.ticks_ms(), start)
            if left <= 0:
                return
            await asyncio.sleep_ms(min(left, _STEP_MS))

    async def _send(self, what, checkin):
        def watch():
            checkin()
            if not self._board.rf_allowed:  # the pin was inserted, on a bench
                self.radio.chip.off()

        for pause_ms in (0,) + _RETRIES_MS:
            if pause_ms:
                checkin()
                await asyncio.sleep_ms(pause_ms)
            if not self._board.rf_allowed or what != _CW and not self._frames:
                return
            self._board.transmitting = True  # no flash is written now: an erase would run the FIFO dry
            try:
                if what == _CW:
                    text = self._texts.cw()
                    checkin()
                    good = await self.radio.send_cw(text, watch)
                    count = 0
                else:
                    count = self._compose()
                    checkin()
                    self._board.stream(True)  # half of its FIFO lasts for 19 ms, a collection for 20
                    try:
                        good = await self.radio.send_frames(self._frames, watch)
                    finally:
                        self._board.stream(False)
            finally:
                self._board.transmitting = False
            if good:
                if what == _CW:
                    self.cw_sent += 1
                self.frames_sent += count
                return
            self.errors += 1
            self._board.event(event_codes.TX_ERROR, self.errors, what)

    def _compose(self):
        count = 0
        for kind, frame in enumerate(self._frames):
            frame.size = 0
            try:
                frame.close(self._texts.frame_into(kind, frame.info))
                count += 1
            except Exception:  # one text that cannot be written must not silence the others
                self._board.fault()
        return count

    def measure(self):
        """Supply and amplifier; called before each housekeeping packet."""
        if self._supply is not None:
            parts = self._board.parts
            self.supply_mv = self._supply.read_u16() * parts.ADC_REFERENCE_MV * parts.SUPPLY_DIVIDER // 65535
        self._pa_mdeg = None
        if self._thermometer is not None:
            try:
                self._pa_mdeg = self._thermometer.millidegrees()
            except (OSError, ValueError):
                pass

    def report(self, antenna):
        """Measure, and copy what is known into the board's housekeeping."""
        self.measure()
        board = self._board
        hk = board.hk
        chip = self.radio.chip
        hk[_SUPPLY] = self.supply_mv
        hk[_PA] = None if self._pa_mdeg is None else (self._pa_mdeg + 5) // 10
        hk[_ANTENNA] = antenna.deployed
        hk[_BURNS] = antenna.attempts
        hk[_RF] = 1 if board.config["rf_inhibited"] else 2 if board.rf_allowed else 0
        hk[_PERIOD] = self.period_s()
        hk[_CYCLES] = self.cycles & 0x7FFF
        hk[_CW_SENT] = self.cw_sent & 0x7FFF
        hk[_FRAMES_SENT] = self.frames_sent & 0x7FFF
        hk[_ERRORS] = self.errors & 0x7FFF
        hk[_UNDERRUNS] = chip.underruns & 0x7FFF
        hk[_RESETS] = chip.resets & 0x7FFF


def start(board):
    """Make the objects, register the tasks, return at once. The transmitter is off from here on."""
    tables = {}
    for role, module in (("eps", "eps.compact"), ("sensor", "sensor.compact")):
        try:
            tables[role] = __import__(module, None, None, ("HK",)).HK
            board.expect(role, tables[role])
        except Exception:  # a table that is missing silences that board's values, not the beacon
            board.fault()
    beacon = Beacon(board, tables)
    pins = board.pins
    antenna = burn_wire.BurnWire(
        board,
        Pin(pins.ARM, Pin.OUT, value=0),
        Pin(pins.FIRE, Pin.OUT, value=0),
        Pin(pins.ANTENNA, Pin.IN),
        board.record("beacon", burn_wire.SIZE),
        beacon.supply_is_low,
    )
    board.before_hk(lambda: beacon.report(antenna))
    board.supervisor.task("beacon", beacon.run, _DEADLINE_MS)
    board.supervisor.task("antenna", antenna.run, _DEADLINE_MS)
    return beacon
