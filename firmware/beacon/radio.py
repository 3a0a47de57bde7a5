# The beacon's transmitter: CW and AFSK1200 through one SX1278. Encoders and buffers are made once.
from beacon import afsk, ax25, morse
from drivers.sx1278 import SX1278, Modulation
from machine import Pin
from micropython import const

WORDS_PER_MINUTE = const(20)
DEVIATION_HZ = const(3000)      # one-bit tones: +-3.8 kHz of the fundamental, inside a 15 kHz channel
FRAMES = const(3)               # at most so many in one transmission

_CW_LIMIT_MS = const(100_000)   # longest time on air: the longest names that a configuration may have take 97 s
_FRAMES_LIMIT_MS = const(12_000)


class Radio:
    """parts, pins: of the beacon board. power_dbm: of the chip, held to parts.TX_POWER_MAX_DBM.

    ValueError: a frequency that the chip does not reach.
    """

    def __init__(self, parts, pins, frequency_hz, power_dbm):
        self.chip = SX1278(
            pins.spi(parts.SPI_HZ),
            Pin(pins.RADIO_CS, Pin.OUT, value=1),
            Pin(pins.RADIO_RESET, Pin.OUT, value=1),
            Pin(pins.RADIO_DIO1, Pin.IN),
            frequency_hz=frequency_hz,
            power_dbm=min(power_dbm, parts.TX_POWER_MAX_DBM),
        )
        self.cw_limit_ms = _CW_LIMIT_MS
        self._cw = Modulation(morse.BIT_RATE)
        self._fsk = Modulation(afsk.BIT_RATE, DEVIATION_HZ)
        self._keyer = morse.Keyer(WORDS_PER_MINUTE)
        self._frames = []
        self._modulator = afsk.Modulator(ax25.Line(self._frames))

    async def send_cw(self, text, checkin=None):
        """Key a text (ASCII bytes); True when all of it was sent."""
        self._keyer.load(text)
        return await self.chip.transmit(self._keyer, self._cw, self.cw_limit_ms, checkin)

    async def send_frames(self, frames, checkin=None):
        """Send up to FRAMES ax25.Frame in one transmission; True when all of it was sent."""
        self._frames.clear()
        self._frames.extend(frames[:FRAMES])
        self._modulator.restart()
        return await self.chip.transmit(self._modulator, self._fsk, _FRAMES_LIMIT_MS, checkin)
