# Semtech SX1276/77/78 in its FSK/OOK modem, as seen from its SPI and DIO pins; datasheet rev. 4.
#
# Modelled: registers with their reset values, operating modes and their times, the 64-byte FIFO emptied at the bit
# rate, its flags and DIO0 to DIO2, preamble and sync word, packets of unlimited length, the reset pin.
# Not modelled: LoRa, reception, CRC, whitening, Manchester, length-limited packets (RegOpMode may be set to them; the
# carrier is then on without data). Once the FIFO is empty in transmit mode the modulator sends zeros: key up in OOK,
# the lower frequency in FSK, until more is written.
#
# RADIO record, big-endian; the hub stamps each with the time at which it was emitted:
#  byte   field
#   0     u8 kind: 1 = carrier on, 2 = data, 3 = carrier off
#  kind 1
#   1     registers 0x01 to 0x70 as they are when the transmitter is ready
#  kind 2
#   1     u32 us between the first bit of the data and this record
#   5     the bytes, most significant bit first, one after the other at the bit rate
import struct

from dragonet.flatsat.devices import records

CARRIER_ON = 1
DATA = 2
CARRIER_OFF = 3
SNAPSHOT = 0x70  # registers 0x01 to this one are in the record

_FIFO_SIZE = 64

_OP_MODE = 0x01
_FRF = 0x06
_PA_RAMP = 0x0A
_PREAMBLE = 0x25
_SYNC_CONFIG = 0x27
_PACKET_1 = 0x30
_PACKET_2 = 0x31
_LENGTH = 0x32
_FIFO_THRESHOLD = 0x35
_IRQ_1 = 0x3E
_IRQ_2 = 0x3F
_DIO_1 = 0x40
_VERSION = 0x42
_BIT_RATE_FRACTION = 0x5D
_READ_ONLY = (0x11, 0x1B, 0x1C, 0x1D, 0x1E, _IRQ_1, _VERSION)

SLEEP = 0
STANDBY = 1
SYNTHESIZER = 2  # FSTX
TRANSMIT = 3

# Table 41: values after a reset (FSK/OOK), from 0x00; what is not listed reads 0.
_RESET = {
    0x01: 0x09, 0x02: 0x1A, 0x03: 0x0B, 0x05: 0x52, 0x06: 0x6C, 0x07: 0x80, 0x09: 0x4F, 0x0A: 0x09, 0x0B: 0x2B,
    0x0C: 0x20, 0x0D: 0x08, 0x0E: 0x02, 0x0F: 0x0A, 0x10: 0xFF, 0x12: 0x15, 0x13: 0x0B, 0x14: 0x28, 0x15: 0x0C,
    0x16: 0x12, 0x17: 0x47, 0x18: 0x32, 0x19: 0x3E, 0x1F: 0x40, 0x24: 0x05, 0x26: 0x03, 0x27: 0x93, 0x28: 0x55,
    0x29: 0x55, 0x2A: 0x55, 0x2B: 0x55, 0x2C: 0x55, 0x2D: 0x55, 0x2E: 0x55, 0x2F: 0x55, 0x30: 0x90, 0x31: 0x40,
    0x32: 0x40, 0x35: 0x0F, 0x39: 0xF5, 0x3A: 0x20, 0x3B: 0x82, 0x3D: 0x02, 0x42: 0x12, 0x44: 0x2D, 0x4B: 0x09,
    0x4D: 0x84, 0x61: 0x19, 0x62: 0x0C, 0x63: 0x4B, 0x64: 0xCC, 0x70: 0xD0,
}  # fmt: skip

# Table 7 and 4.2.4: crystal oscillator and synthesizer wake-up, us. 7.2: answers 10 ms after power, 5 ms after a reset.
_TS_OSC = 250
_TS_FS = 60
_POWER_UP = 10_000
_RESET_END = 5_000
_RAMP_US = (3400, 2000, 1000, 500, 250, 125, 100, 62, 50, 40, 31, 25, 20, 15, 12, 10)  # RegPaRamp 3-0


class SX1278:
    """env: the virtual board. reset, dio0, dio1, dio2: numbers of the wires, None = not connected."""

    def __init__(self, env, reset=None, dio0=None, dio1=None, dio2=None):
        self._env = env
        self._dio = [None if n is None else env.wire(n) for n in (dio0, dio1, dio2)]
        self.registers = bytearray(0x80)
        self._run = 0  # counts transmissions and modes: a planned event of another run is void
        self._plan = 0  # counts plans of FIFO events
        self._on_air = False
        self._deaf_until = env.now() + _POWER_UP
        self._address = None
        self._writing = False
        self._restore()
        if reset is not None:
            wire = env.wire(reset)
            wire.level = 1  # 7.2.2: the pin has a pull-up
            wire.watch(self._reset_pin)

    # --- SPI (4.3): address byte, its first bit set to write, then data; the address goes up but in the FIFO ---

    def select(self):
        self._address = None

    def deselect(self):
        self._address = None

    def transfer(self, out, into):
        if self._deaf_until is None or self._env.now() < self._deaf_until:
            if into is not None:
                for i in range(len(into)):
                    into[i] = 0
            return
        first = 0
        if self._address is None:
            self._writing = bool(out[0] & 0x80)
            self._address = out[0] & 0x7F
            first = 1
            if into is not None:
                into[0] = 0
        size = len(out)
        if self._address == 0 and self._writing:
            if first < size:
                self._push(out[first:])
            return
        for i in range(first, size):
            if into is not None:
                into[i] = self._read(self._address)
            if self._writing:
                self._write(self._address, out[i])
            if self._address:
                self._address = self._address + 1 & 0x7F

    def _read(self, register):
        if register == _IRQ_1:
            return self._flags_1()
        if register == _IRQ_2:
            return self._flags_2()
        return self.registers[register]

    def _write(self, register, value):
        if register == _OP_MODE:
            self._mode(value)
        elif register == _IRQ_2:
            if value & 0x10 and not self._on_air:
                self._clear()
                self._signal()
            elif value & 0x10:
                self._overrun = False
        elif register not in _READ_ONLY:
            self.registers[register] = value
            if register == _DIO_1 or register == _FIFO_THRESHOLD:
                self._signal()

    # --- reset ---

    def power_on_reset(self):
        """Everything as after power came back, within the board's life: for brown-outs and latch-ups."""
        self._stop()
        self._restore()
        self._signal()

    def _reset_pin(self, level):
        if level:
            self._deaf_until = self._env.now() + _RESET_END
        else:
            self._deaf_until = None
            self.power_on_reset()

    def _restore(self):
        for i in range(len(self.registers)):
            self.registers[i] = _RESET.get(i, 0)
        self._clear()

    # --- operating modes (4.2.4) ---

    def _mode(self, value):
        before = self.registers[_OP_MODE] & 7
        self.registers[_OP_MODE] = value
        mode = value & 7
        if mode == before:
            return
        self._run += 1
        if before == TRANSMIT:
            self._stop()
            self._clear()  # table 27: from Tx to any other mode the FIFO is cleared
            self._signal()
        if mode == TRANSMIT:
            wait = (_TS_OSC + _TS_FS, _TS_FS, 0)[before] if before < 3 else _TS_FS
            bit_us = self._byte_64us() >> 9
            wait += 5 + bit_us // 2  # table 7: TS_TR
            if not value & 0x20:
                wait += _RAMP_US[self.registers[_PA_RAMP] & 15] * 5 // 4
            run = self._run
            self._env.at(self._env.now() + wait, lambda: self._start(run))

    def _byte_64us(self):
        # Length of a byte in 1/64 us: 8 * (BitRate + Frac/16) / 32 MHz; Frac counts in FSK only (4.2.1).
        registers = self.registers
        sixteenths = (registers[2] << 8 | registers[3]) << 4
        if not registers[_OP_MODE] & 0x20:
            sixteenths += registers[_BIT_RATE_FRACTION] & 15
        return max(16, sixteenths)

    def _start(self, run):
        if run != self._run:
            return
        self._on_air = True
        self._emit_on()
        registers = self.registers
        plain = not (
            registers[_OP_MODE] & 0x80
            or registers[_PACKET_1] & 0xF0
            or not registers[_PACKET_2] & 0x40
            or registers[_PACKET_2] & 7
            or registers[_LENGTH]
        )
        self._byte = self._byte_64us()
        self._started = False
        if plain:
            self._begin()
        self._signal()

    def _begin(self):
        # The packet starts when TxStartCondition is met: after its preamble and sync word the FIFO's bytes.
        registers = self.registers
        count = len(self._waiting)
        if not count or not (registers[_FIFO_THRESHOLD] & 0x80) and count <= registers[_FIFO_THRESHOLD] & 63:
            return
        self._started = True
        self._sent = False
        head = bytearray()
        preamble = registers[_PREAMBLE] << 8 | registers[_PREAMBLE + 1]
        for _ in range(preamble):
            head.append(0x55 if registers[_SYNC_CONFIG] & 0x20 else 0xAA)
        if registers[_SYNC_CONFIG] & 0x10:
            head.extend(registers[_SYNC_CONFIG + 1 : _SYNC_CONFIG + 2 + (registers[_SYNC_CONFIG] & 7)])
        now = self._env.now()
        if head:
            self._env.emit(records.RADIO, struct.pack(">BI", DATA, 0) + head)
        self._origin = now * 64 + len(head) * self._byte  # when the first byte leaves the FIFO, 1/64 us
        self._written = count
        self._reported = 0
        self._next_event()

    def _stop(self):
        if self._on_air:
            self._report()
            self._on_air = False
            self._env.emit(records.RADIO, bytes((CARRIER_OFF,)))

    def _emit_on(self):
        self._env.emit(records.RADIO, bytes((CARRIER_ON,)) + bytes(self.registers[1 : SNAPSHOT + 1]))

    # --- FIFO. In _waiting: bytes written and not yet reported to the hub; those sent meanwhile are at its front ---

    def _clear(self):
        self._waiting = bytearray()
        self._written = 0  # bytes of this packet
        self._reported = 0  # of them, told to the hub
        self._origin = 0
        self._byte = 0
        self._started = False  # a packet is on its way
        self._sent = False  # PacketSent
        self._overrun = False
        self._plan += 1

    def _taken(self):
        # Bytes of this packet that have left the FIFO by now: the first one at _origin.
        if not self._started:
            return 0
        passed = self._env.now() * 64 - self._origin
        return min(self._written, passed // self._byte + 1) if passed >= 0 else 0

    def _count(self):
        return self._written - self._taken() if self._started else len(self._waiting)

    def _push(self, data):
        free = _FIFO_SIZE - self._count()
        if len(data) > free:
            self._overrun = True  # the bytes too many are lost
            data = data[:free]
        self._waiting.extend(data)
        if self._started:
            self._written += len(data)
            self._next_event()
        elif self._on_air:
            self._begin()
        self._signal()

    def _report(self):
        # Tell the hub of the bytes that have left since the last time.
        taken = self._taken()
        count = taken - self._reported
        if count <= 0:
            return
        age = self._env.now() - (self._origin + self._reported * self._byte) // 64
        self._env.emit(records.RADIO, struct.pack(">BI", DATA, age) + self._waiting[:count])
        self._waiting = self._waiting[count:]
        self._reported = taken

    def _next_event(self):
        # The next moment at which a flag changes: FifoLevel falls, FifoEmpty rises, the last bit is out.
        self._plan += 1
        plan = self._plan
        taken = self._taken()
        level = self._written - (self.registers[_FIFO_THRESHOLD] & 63)
        at = level if level > taken else self._written if self._written > taken else self._written + 1
        self._env.at((self._origin + (at - 1) * self._byte + 63) // 64, lambda: self._event(plan))

    def _event(self, plan):
        if plan != self._plan or not self._on_air:
            return
        self._report()
        if self._env.now() * 64 >= self._origin + self._written * self._byte:
            self._started = False
            self._sent = True
        else:
            self._next_event()
        self._signal()

    # --- flags and DIO pins (4.2.10, table 29) ---

    def _flags_1(self):
        mode = self.registers[_OP_MODE] & 7
        flags = 0x80 if mode != TRANSMIT or self._on_air else 0
        if mode == TRANSMIT and self._on_air:
            flags |= 0x20 | 0x10
        elif mode == SYNTHESIZER:
            flags |= 0x10
        return flags

    def _flags_2(self):
        count = self._count()
        return (
            (0x80 if count >= _FIFO_SIZE else 0)
            | (0x40 if count == 0 else 0)
            | (0x20 if count > self.registers[_FIFO_THRESHOLD] & 63 else 0)
            | (0x10 if self._overrun else 0)
            | (0x08 if self._sent else 0)
        )

    def _signal(self):
        flags = self._flags_2()
        mapping = self.registers[_DIO_1]
        full = flags >> 7
        # Mappings 00, 01, 10, 11 of DIO0, DIO1, DIO2; packet mode, Tx.
        self._drive(0, (flags >> 3 & 1, 0, 0, 0)[mapping >> 6])
        self._drive(1, (flags >> 5 & 1, flags >> 6 & 1, full, 0)[mapping >> 4 & 3])
        self._drive(2, (full, 0, full, full)[mapping >> 2 & 3])

    def _drive(self, number, level):
        wire = self._dio[number]
        if wire is not None:
            wire.drive(level)
