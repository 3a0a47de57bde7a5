# SX1276/77/78 transceiver, Semtech datasheet DS_SX1276-7-8-9_W_APP rev. 4: FSK and OOK packets of unlimited length.
#
# Transmits only: what a receiver needs (RegRxConfig ...) joins _COMMON, PayloadReady comes on DIO0.
# Not yet run on silicon: the datasheet leaves open what the modulator sends once the FIFO is empty in unlimited mode
# (4.2.13.2), so the end of a transmission is told by FifoEmpty and the time of the last byte, never by PacketSent.
import asyncio
import time

from machine import Pin
from micropython import const

_FIFO = const(0x00)
_OP_MODE = const(0x01)         # 6.2  modulation, low-frequency mode, operating mode
_IRQ_FLAGS_2 = const(0x3F)     # 6.2  FifoFull, FifoEmpty, FifoLevel, FifoOverrun ...
_VERSION = const(0x42)         # 6.2  0x12
_VERSION_1B = const(0x12)

_SLEEP = const(0x08)           # 4.2.4  FSK, LowFrequencyModeOn: the pins of the 137 to 525 MHz band
_STANDBY = const(0x09)
_TRANSMIT = const(0x0B)
_MODE = const(0x07)
_OOK = const(0x20)
_WRITE = const(0x80)           # 4.3  first bit of a transfer: 1 = write

_EMPTY = const(0x40)           # RegIrqFlags2
_OVERRUN = const(0x10)         # writing 1 clears the flag and the FIFO

_CRYSTAL_HZ = const(32_000_000)
_HALF = const(32)              # bytes: half of the FIFO (4.2.10)

# Registers that are the same for every transmission, each written and read back before it.
_COMMON = (
    (0x0B, 0x2B),  # RegOcp: over-current limit 100 mA; 17 dBm on PA_BOOST takes 87 mA (table 10, IDDT)
    (0x25, 0x00),  # RegPreambleMsb, Lsb: none, the source brings its own
    (0x26, 0x00),
    (0x27, 0x00),  # RegSyncConfig: no sync word
    (0x30, 0x00),  # RegPacketConfig1: fixed format, no whitening, no CRC, no address
    (0x31, 0x40),  # RegPacketConfig2: packet mode, PayloadLength 10:8 = 0
    (0x32, 0x00),  # RegPayloadLength 0 with the fixed format = unlimited length (4.2.13.2)
    (0x35, 0x80 | (_HALF - 1)),  # RegFifoThresh: start when not empty; FifoLevel = more than 31 bytes
    (0x36, 0x00),  # RegSeqConfig1: the sequencer stays off
    (0x40, 0x00),  # RegDioMapping1: DIO1 = FifoLevel (table 29)
    (0x4B, 0x09),  # RegTcxo: crystal
    (0x4D, 0x84),  # RegPaDac: no +20 dBm, which allows 1 % of the time only (5.4.3)
)  # fmt: skip

_IDLE = const(0)
_SENDING = const(1)
_FAILED = const(2)

_STEP_MS = const(250)  # at least so often a transmission looks after itself and lets its task check in


class Modulation:
    """What the chip does with each bit: bits/s, and for FSK the deviation in Hz (0 = OOK).

    ValueError: outside of what the datasheet allows (table 9, BRF, BRO, FDA).
    """

    def __init__(self, bit_rate, deviation_hz=0):
        if not 1200 <= bit_rate <= (300_000 if deviation_hz else 32_768):
            raise ValueError("%d bit/s" % bit_rate)
        if deviation_hz and not 600 <= deviation_hz <= 200_000:
            raise ValueError("deviation of %d Hz" % deviation_hz)
        self.bit_rate = bit_rate
        self.op_mode = 0 if deviation_hz else _OOK
        sixteenths = (16 * _CRYSTAL_HZ + bit_rate // 2) // bit_rate  # 4.2.1: Fxosc / (BitRate + Frac/16), Frac: FSK
        divider = sixteenths >> 4 if deviation_hz else sixteenths + 8 >> 4
        step = (deviation_hz * 256 + 7812) // 15625  # 4.1.4: steps of Fxosc / 2^19 = 61.035 Hz
        self.registers = (
            (0x02, divider >> 8),
            (0x03, divider & 0xFF),
            (0x04, step >> 8),
            (0x05, step & 0xFF),
            # RegPaRamp: FSK Gaussian BT 0.5, OOK filtered at the bit rate (no key clicks); ramp of 40 us
            (0x0A, 0x49 if deviation_hz else 0x29),
            (0x5D, sixteenths & 15 if deviation_hz else 0),
        )


class SX1278:
    """One transmitter. It is silent unless transmit() runs, and whatever ends that, the transmitter is off after it.

    spi: machine.SPI, mode 0, at most 10 MHz. select, reset, level: machine.Pin of NSS, RESET and DIO1.
    frequency_hz: 410 to 525 MHz. power_dbm: at PA_BOOST, held to 2 .. 17. ValueError: another frequency.
    """

    def __init__(self, spi, select, reset, level, *, frequency_hz, power_dbm=17):
        if not 410_000_000 <= frequency_hz <= 525_000_000:  # table 33: band 2 of the SX1278
            raise ValueError("%d Hz is not in the SX1278's band 2" % frequency_hz)
        self._spi = spi
        self._select = select
        self._reset = reset
        self._level = level
        power_dbm = min(17, max(2, power_dbm))
        frf = (frequency_hz * 256 + 7812) // 15625
        self._station = (
            (0x06, frf >> 16),
            (0x07, frf >> 8 & 0xFF),
            (0x08, frf & 0xFF),  # taken over when the chip enters FSTX
            (0x09, 0xF0 | (power_dbm - 2)),  # RegPaConfig: PA_BOOST, Pout = 17 - (15 - OutputPower)
        )
        self._out = bytearray(2)
        self._in = bytearray(2)
        self._fifo_write = bytearray((_WRITE | _FIFO,))
        self._byte = bytearray(1)
        self._block = bytearray(_HALF)
        self._made = 0         # bytes waiting in _block
        self._source = None
        self._state = _IDLE
        self._ended = False    # the source has given its last byte and the FIFO has it
        self._talking = False  # a task is in the middle of an SPI exchange: an interrupt must wait
        self._waiting = False  # an interrupt did wait
        self._start = 0
        self._limit_ms = 0
        self._refilled = 0
        self.transmissions = 0  # complete
        self.underruns = 0      # the FIFO ran empty before the source did
        self.stalls = 0         # the chip stopped taking bytes
        self.overtimes = 0      # cut off by the on-air limit
        self.failures = 0       # the chip did not answer, or not keep its settings, after a reset too
        self.resets = 0         # by the reset pin
        self._select(1)
        self._hard_reset()
        level.irq(self._on_level, Pin.IRQ_FALLING)

    async def transmit(self, source, modulation, limit_ms, checkin=None):
        """Send what source.fill(buffer) makes until it comes back short; True when all of it was sent.

        limit_ms: the longest time on air, whatever the source does. checkin: called at least every 250 ms.
        Failures are counted in the attributes, never raised.
        """
        if self._state != _IDLE:
            return False
        try:
            if not await self._prepare(modulation):
                self.failures += 1
                return False
            self._begin(source, modulation, limit_ms)
            half_ms = _HALF * 8 * 1000 // modulation.bit_rate
            step_ms = min(_STEP_MS, 3 * half_ms + 1)
            while self._state == _SENDING and not self._ended:
                await asyncio.sleep_ms(step_ms)
                if checkin is not None:
                    checkin()
                self._look(3 * half_ms + step_ms)
            if self._state == _SENDING:
                await self._drain(modulation.bit_rate, checkin)
            if self._state != _SENDING:
                return False
            self.transmissions += 1
            return True
        finally:
            self.off()

    def off(self):
        """Transmitter off and chip asleep; by its reset pin when it does not obey. Never raises."""
        self._state = _IDLE
        self._source = None
        self._talking = True
        try:
            self._write(_OP_MODE, _SLEEP)
            silent = self._read(_OP_MODE) & _MODE == 0 and self._read(_VERSION) == _VERSION_1B
        except OSError:
            silent = False
        self._talking = False
        if not silent:
            self._hard_reset()

    # --- before a transmission ---

    def _hard_reset(self):
        # 7.2.2: low for 100 us; the chip wakes in standby and answers 5 ms later.
        self._reset(0)
        time.sleep_us(200)
        self._reset(1)
        self._waking = True
        self.resets += 1

    async def _prepare(self, modulation):
        # The whole configuration, every time: a chip that lost it by a latch-up or a bit flip has it again.
        for attempt in range(2):
            if attempt:
                self._hard_reset()
            if self._waking:
                self._waking = False
                await asyncio.sleep_ms(10)  # 7.2: 5 ms after a reset, 10 ms after power came
            try:
                if self._configure(modulation):
                    return True
            except OSError:
                pass
        return False

    def _configure(self, modulation):
        if self._read(_VERSION) != _VERSION_1B:
            return False
        self._write(_OP_MODE, _SLEEP)  # 4.2.4: the modulation changes in sleep mode
        self._write(_OP_MODE, _SLEEP | modulation.op_mode)
        self._write(_OP_MODE, _STANDBY | modulation.op_mode)
        for table in (_COMMON, self._station, modulation.registers):
            for register, value in table:
                self._write(register, value)
        for table in (_COMMON, self._station, modulation.registers):
            for register, value in table:
                if self._read(register) != value:
                    return False
        self._write(_IRQ_FLAGS_2, _OVERRUN)
        return self._read(_OP_MODE) == _STANDBY | modulation.op_mode

    def _begin(self, source, modulation, limit_ms):
        self._source = source
        self._ended = False
        self._waiting = False
        self._limit_ms = limit_ms
        self._talking = True
        self._made = source.fill(self._block)
        self._push()
        if not self._ended:
            self._push()
        self._start = self._refilled = time.ticks_ms()
        self._state = _SENDING
        self._write(_OP_MODE, _TRANSMIT | modulation.op_mode)
        self._release()

    # --- while transmitting ---

    def _on_level(self, pin):
        # FifoLevel fell: half of the FIFO is free. Soft interrupt: between two bytecodes of any task.
        if self._talking:
            self._waiting = True
        else:
            self._refill()

    def _release(self):
        self._talking = False
        if self._waiting:
            self._waiting = False
            self._refill()

    def _refill(self):
        if self._state != _SENDING or self._ended or self._level():
            return
        try:
            now = time.ticks_ms()
            if time.ticks_diff(now, self._start) > self._limit_ms:
                self.overtimes += 1
                self._fail()
            elif self._read(_IRQ_FLAGS_2) & _EMPTY:
                # Ran empty, or the chip was reset: then it is no longer transmitting.
                if self._read(_OP_MODE) & _MODE == _TRANSMIT & _MODE:
                    self.underruns += 1
                else:
                    self.stalls += 1
                self._fail()
            else:
                self._refilled = now
                self._push()
        except Exception:  # a source that breaks must not keep the transmitter on
            self.stalls += 1
            self._fail()

    def _push(self):
        # The block made before goes to the chip first, then the next one is made: the FIFO never waits for the encoder.
        made = self._made
        spi = self._spi
        self._select(0)
        spi.write(self._fifo_write)
        if made == _HALF:
            spi.write(self._block)
        else:
            for i in range(made):
                self._byte[0] = self._block[i]
                spi.write(self._byte)
        self._select(1)
        if made < _HALF:
            self._ended = True
        else:
            self._made = self._source.fill(self._block)
            if not self._made:
                self._ended = True

    def _fail(self):
        self._state = _FAILED
        self._write(_OP_MODE, _STANDBY)

    def _look(self, stall_ms):
        # From the task: limits that hold without interrupts, and an edge that was missed.
        if self._state != _SENDING:
            return
        now = time.ticks_ms()
        self._talking = True
        if time.ticks_diff(now, self._start) > self._limit_ms:
            self.overtimes += 1
            self._fail()
        elif not self._ended and time.ticks_diff(now, self._refilled) > stall_ms:
            self.stalls += 1
            self._fail()
        elif not self._ended and not self._level():
            self._waiting = True
        self._release()

    async def _drain(self, bit_rate, checkin):
        # All bytes are in the FIFO: at most 64 of them and the one being sent.
        byte_ms = (8000 + bit_rate - 1) // bit_rate
        for _ in range(8):
            await asyncio.sleep_ms(10 * byte_ms)
            if checkin is not None:
                checkin()
            self._talking = True
            flags = self._read(_IRQ_FLAGS_2)
            sending = self._read(_OP_MODE) & _MODE == _TRANSMIT & _MODE
            self._talking = False
            if not sending:
                break
            if flags & _EMPTY:
                await asyncio.sleep_ms(byte_ms + 1)
                return
        self.stalls += 1
        self._state = _FAILED

    # --- registers ---

    def _read(self, register):
        self._out[0] = register
        self._out[1] = 0
        self._select(0)
        self._spi.write_readinto(self._out, self._in)
        self._select(1)
        return self._in[1]

    def _write(self, register, value):
        self._out[0] = _WRITE | register
        self._out[1] = value
        self._select(0)
        self._spi.write(self._out)
        self._select(1)
