# Microchip MCP2515 CAN controller, as seen from its SPI and INT pins; datasheet DS20001801J.
#
# Modelled: all registers with their access in each mode, all instructions, the oscillator's start, masks, filters,
# rollover and overflow, the order of the transmit buffers, aborts, error counters and flags, bus-off and the return
# from it, configuration, normal, sleep, loopback and listen-only mode, INT. Not modelled: the pins TXnRTS, RXnBF and
# CLKOUT, wake-up, one-shot mode, MERRF.
# The bus is the hub's: records CAN_* (devices/records.py), everything accepted there and filtered here.
import struct

from dragonet.flatsat.devices import records
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR, arbitration_key, frame_bits

_TEC, _REC = 0x1C, 0x1D
_CNF3, _CNF2, _CNF1 = 0x28, 0x29, 0x2A
_CANINTE, _CANINTF, _EFLG = 0x2B, 0x2C, 0x2D
_CANSTAT, _CANCTRL = 0x0E, 0x0F
_TXB = (0x30, 0x40, 0x50)  # TXBnCTRL; SIDH is the next
_RXB = (0x60, 0x70)

NORMAL, SLEEP, LOOPBACK, LISTEN, CONFIGURATION = 0x00, 0x20, 0x40, 0x60, 0x80
_MODES = (NORMAL, SLEEP, LOOPBACK, LISTEN, CONFIGURATION)
_HUB_MODE = {NORMAL: 0, SLEEP: 1, LISTEN: 3}  # machine.CAN.MODE_*; others are off the bus
_OFF = 255

_TXREQ, _TXERR, _ABTF = 0x08, 0x10, 0x40
_ABAT = 0x10
_BUKT = 0x04
_RX0OVR, _RX1OVR, _TXBO, _TXEP, _RXEP, _TXWAR, _RXWAR, _EWARN = 0x40, 0x80, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01
_RX0IF, _RX1IF, _TX0IF, _ERRIF = 0x01, 0x02, 0x04, 0x20

# 12.10 and table 11-1: registers that BIT MODIFY can work on; with others it is a WRITE.
_MODIFIABLE = (0x0C, 0x0D, _CANCTRL, _CNF3, _CNF2, _CNF1, _CANINTE, _CANINTF, _EFLG) + _TXB + _RXB
# Bits that the processor can write, by register; transmit buffers, filters and masks are looked at apart.
_WRITABLE = {
    0x0C: 0x3F, 0x0D: 0x07, _CANCTRL: 0xFF, _CNF3: 0xC7, _CNF2: 0xFF, _CNF1: 0xFF, _CANINTE: 0xFF, _CANINTF: 0xFF,
    _EFLG: 0xC0, 0x30: 0x0B, 0x40: 0x0B, 0x50: 0x0B, 0x60: 0x64, 0x70: 0x60,
}  # fmt: skip
_CONFIGURATION_ONLY = (0x0D, _CNF3, _CNF2, _CNF1)

_START_PERIODS = 128  # of the oscillator, after power and reset, 8.1
_RECOVERY_BITS = 128 * 11  # 6.6
_LEAST_BITS = 47


class MCP2515:
    """env: the virtual board. number: of the CAN bus. interrupt: number of the wire at INT."""

    def __init__(self, env, number, interrupt, crystal_hz=16_000_000):
        self._env = env
        self.number = number
        self._int = env.wire(interrupt)
        self._int.level = 1
        self._crystal_hz = crystal_hz
        self.registers = bytearray(0x80)
        self.sticky_errors = False  # True: ERRIF cannot be cleared while an error state lasts (7.7, read strictly)
        self.dead = False  # does not answer: MISO floats high
        self._mode = CONFIGURATION
        self._life = 0  # what was planned before a reset or a change of mode is void
        self._hub_off = True
        self._at_hub = [0, 0, 0]  # 1: the hub has this buffer's frame, 2: it was asked to give it back
        self._abort = [False, False, False]
        self._command = None  # the instruction that runs, by its first byte
        self._address = -1  # -1: comes with the next byte
        self._mask = -1
        self._reading = 0
        env.cans[number] = self
        cans = env.cans
        env.on_record(records.CAN_RECEIVED, lambda time_us, data: cans[data[0]].received(data))
        env.on_record(records.CAN_SENT, lambda time_us, data: cans[data[0]].sent(data[1], data[2]))
        env.on_record(records.CAN_STATE, lambda time_us, data: cans[data[0]].state(data))
        self.reset()

    def reset(self):
        """By power, by the RESET pin or by its instruction."""
        registers = self.registers
        for at in range(len(registers)):
            registers[at] = 0
        registers[_CANCTRL] = 0x87
        self._mode = CONFIGURATION
        self._life += 1
        self._at_hub = [0, 0, 0]
        self._abort = [False, False, False]
        self._deaf_until = self._env.now() + _START_PERIODS * 1_000_000 // self._crystal_hz
        if not self._hub_off:
            self._tell_hub(_OFF)
        self._hub_off = True
        self._update_int()

    # --- SPI: section 12 ---

    def select(self):
        self._command = None

    def transfer(self, out, into):
        if self.dead or self._env.now() < self._deaf_until:
            if into is not None:
                for i in range(len(into)):
                    into[i] = 0xFF
            return
        for i in range(len(out)):
            value = self._byte(out[i])
            if into is not None:
                into[i] = value

    def _byte(self, value):
        """One byte in; returns the one that goes out at the same time."""
        command = self._command
        if command is None:
            self._begin(value)
            return 0
        if command == 0x03:
            if self._address < 0:
                self._address = value & 0x7F
                return 0
            self._address = self._address + 1 & 0x7F
            return self.peek(self._address - 1 & 0x7F)
        if command == 0x02:
            if self._address < 0:
                self._address = value & 0x7F
            else:
                self.poke(self._address, value, 0xFF)
                self._address = self._address + 1 & 0x7F
        elif command == 0x90:
            self._address += 1
            return self.registers[self._address - 1]
        elif command == 0x40:
            if self._address & 15 < 14 and not self.registers[self._address & 0x70] & _TXREQ:
                self.registers[self._address] = value
            self._address += 1
        elif command == 0x05:
            if self._address < 0:
                self._address = value & 0x7F
            elif self._mask < 0:
                self._mask = value
            else:
                modifiable = self._address in _MODIFIABLE or self._address & 15 == 15
                self.poke(self._address, value, self._mask if modifiable else 0xFF)
                self._command = 0x00
        elif command == 0xA0:
            return self._status()
        elif command == 0xB0:
            return self._rx_status()
        return 0

    def _begin(self, value):
        self._command = value
        self._address = self._mask = -1
        if value == 0xC0:
            self.reset()
        elif value & 0xF9 == 0x90:  # READ RX BUFFER: from SIDH or from D0
            self._command = 0x90
            self._reading = value >> 2 & 1
            self._address = _RXB[self._reading] + (6 if value & 2 else 1)
        elif value & 0xF8 == 0x40:  # LOAD TX BUFFER: from SIDH or from D0
            self._command = 0x40
            self._address = _TXB[min(value >> 1 & 3, 2)] + (6 if value & 1 else 1)
        elif value & 0xF8 == 0x80:  # RTS
            for slot in range(3):
                if value & 1 << slot:
                    self.poke(_TXB[slot], _TXREQ, _TXREQ)

    def deselect(self):
        if self._command == 0x90:
            self._clear(1 << self._reading)
        self._command = None

    def _status(self):
        """READ STATUS, figure 12-8."""
        registers = self.registers
        status = registers[_CANINTF] & 3
        for slot in range(3):
            if registers[_TXB[slot]] & _TXREQ:
                status |= 4 << 2 * slot
            if registers[_CANINTF] & _TX0IF << slot:
                status |= 8 << 2 * slot
        return status

    def _rx_status(self):
        """RX STATUS, figure 12-9: of RXB0 if both are full."""
        full = self.registers[_CANINTF] & 3
        if not full:
            return 0
        base = _RXB[0] if full & 1 else _RXB[1]
        low, length, control = self.registers[base + 2], self.registers[base + 5], self.registers[base]
        extended = low & 8
        remote = length & 0x40 if extended else low & 0x10
        hit = control & 1 if full & 1 else control & 7
        if not full & 1 and hit < 2:
            hit += 6  # rolled over
        return full << 6 | (0x10 if extended else 0) | (0x08 if remote else 0) | hit

    # --- registers: section 11 ---

    def peek(self, register):
        """What a READ gives."""
        if register & 15 == 14:
            return self._mode | self._interrupt_code() << 1
        if register & 15 == 15:
            return self.registers[_CANCTRL]
        if self._is_filter(register) and self._mode != CONFIGURATION:
            return 0
        return self.registers[register]

    def _is_filter(self, register):
        return register < 0x0C or 0x10 <= register < 0x1C or 0x20 <= register < 0x28

    def _interrupt_code(self):
        """CANSTAT.ICOD, table 7-1."""
        pending = self.registers[_CANINTF] & self.registers[_CANINTE]
        for code, bit in ((1, _ERRIF), (2, 0x40), (3, 4), (4, 8), (5, 16), (6, 1), (7, 2)):
            if pending & bit:
                return code
        return 0

    def poke(self, register, value, mask):
        """What a WRITE or a BIT MODIFY does."""
        if register & 15 == 15:
            register = _CANCTRL
        registers = self.registers
        if self._is_filter(register):
            if self._mode == CONFIGURATION:
                registers[register] = value & (0xEB if register & 3 == 1 and register < 0x20 else
                                               0xE3 if register & 3 == 1 else 0xFF)
            return
        if 0x30 <= register < 0x60 and 0 < register & 15 < 14:
            if not registers[register & 0x70] & _TXREQ:
                registers[register] = value
            return
        if register in _CONFIGURATION_ONLY and self._mode != CONFIGURATION:
            return
        mask &= _WRITABLE.get(register, 0)
        before = registers[register]
        registers[register] = before & ~mask | value & mask
        if register in _TXB:
            self._control_tx(_TXB.index(register), before)
        elif register == _CANCTRL:
            self._control()
        elif register == _RXB[0]:
            registers[register] = registers[register] & ~2 | (registers[register] & _BUKT) >> 1
        elif register == _CANINTF and before & ~registers[register] & _ERRIF:
            if registers[_EFLG] & 0xC0 or self.sticky_errors and registers[_EFLG]:
                registers[_CANINTF] |= _ERRIF
        self._update_int()

    def _set(self, bits):
        self.registers[_CANINTF] |= bits
        self._update_int()

    def _clear(self, bits):
        self.registers[_CANINTF] &= ~bits & 0xFF
        self._update_int()

    def _update_int(self):
        self._int.drive(0 if self.registers[_CANINTF] & self.registers[_CANINTE] else 1)

    # --- modes: section 10 ---

    def _control(self):
        registers = self.registers
        if registers[_CANCTRL] & _ABAT:
            for slot in range(3):
                if registers[_TXB[slot]] & _TXREQ:
                    self._stop_sending(slot)
        self._settle()

    def _settle(self):
        """Take the mode that is asked for, once nothing waits to be sent any more."""
        wanted = self.registers[_CANCTRL] & 0xE0
        if wanted == self._mode or wanted not in _MODES:
            return
        if any(self.registers[base] & _TXREQ for base in _TXB) and self._mode in (NORMAL, LOOPBACK):
            return
        if self._mode == SLEEP:
            return  # only the bus, WAKIF or a reset wakes it
        self._mode = wanted
        self._life += 1
        if wanted == CONFIGURATION:
            self._counters(0, 0, False)
        bitrate = self.bitrate()
        self._tell_hub(_HUB_MODE.get(wanted, _OFF) if bitrate else _OFF)
        if wanted == LOOPBACK:
            self._loop_back()

    def bitrate(self):
        """Bits per second by CNF1 to CNF3, 0 when they make no bit that the chip could read (section 5)."""
        cnf3, cnf2, cnf1 = self.registers[_CNF3 : _CNF1 + 1]
        phase1 = (cnf2 >> 3 & 7) + 1
        phase2 = (cnf3 & 7) + 1 if cnf2 & 0x80 else max(phase1, 2)
        first = (cnf2 & 7) + 1 + phase1
        sjw = (cnf1 >> 6) + 1
        quanta = 1 + first + phase2
        if not 5 <= quanta <= 25 or phase2 < 2 or phase2 > first or sjw >= phase2:
            return 0
        return self._crystal_hz // (2 * ((cnf1 & 63) + 1) * quanta)

    def _tell_hub(self, mode):
        self._hub_off = mode == _OFF
        self._at_hub = [0, 0, 0]
        env, number = self._env, self.number
        env.emit(records.CAN_MODE, struct.pack("<BBI", number, mode, 0 if mode == _OFF else self.bitrate()))
        if mode != _OFF:
            env.emit(records.CAN_FILTERS, bytes((number, 1)))
            self._arrange()

    # --- transmit: section 3 ---

    def _control_tx(self, slot, before):
        control = self.registers[_TXB[slot]]
        if control & _TXREQ and not before & _TXREQ:
            self.registers[_TXB[slot]] = control & 0x0B  # ABTF, MLOA, TXERR
            self._abort[slot] = False
            if self._mode == LOOPBACK:
                self._loop_back()
            else:
                self._arrange()
        elif before & _TXREQ and not control & _TXREQ:
            self.registers[_TXB[slot]] = control | _TXREQ
            self._stop_sending(slot)

    def _stop_sending(self, slot):
        if self._at_hub[slot]:
            self._abort[slot] = True
            if self._at_hub[slot] == 1:
                self._withdraw(slot)
        else:
            self._finish(slot, False)

    def frame(self, slot):
        """(identifier, flags, data) in a transmit buffer."""
        high, low, mid, end, length = self.registers[_TXB[slot] + 1 : _TXB[slot] + 6]
        identifier = high << 3 | low >> 5
        flags = FLAG_RTR if length & 0x40 else 0
        if low & 8:
            identifier = identifier << 18 | (low & 3) << 16 | mid << 8 | end
            flags |= FLAG_EXT_ID
        return identifier, flags, bytes(self.registers[_TXB[slot] + 6 : _TXB[slot] + 6 + min(length & 15, 8)])

    def waiting(self):
        """Transmit buffers in the order in which they leave: TXP, then number, the highest first, 3.2."""
        slots = [slot for slot in (2, 1, 0) if self.registers[_TXB[slot]] & _TXREQ]
        slots.sort(key=lambda slot: -(self.registers[_TXB[slot]] & 3) * 3 - slot)
        return slots

    def _arrange(self):
        """Let the hub have what waits, as far as its order, by identifier, is the chip's own."""
        if self._hub_off or self._mode != NORMAL:
            return
        last = -1
        ordered = True
        for slot in self.waiting():
            identifier, flags, data = self.frame(slot)
            key = arbitration_key(identifier, flags)
            ordered = ordered and key > last
            last = key
            if not ordered:
                if self._at_hub[slot] == 1:
                    self._withdraw(slot)
            elif not self._at_hub[slot]:
                self._at_hub[slot] = 1
                self._env.emit(records.CAN_SEND, struct.pack("<BBIB", self.number, slot, identifier, flags) + data)
                kernel = self._env.kernel  # nothing comes of it before the frame can have left
                kernel.stop_at(kernel.now + (_LEAST_BITS + 8 * len(data)) * 1_000_000 // self.bitrate())

    def _withdraw(self, slot):
        self._at_hub[slot] = 2
        self._env.emit(records.CAN_CANCEL, bytes((self.number, slot)))

    def _finish(self, slot, sent):
        self.registers[_TXB[slot]] &= ~_TXREQ & 0xFF
        self._abort[slot] = False
        self._at_hub[slot] = 0
        if sent:
            self._set(_TX0IF << slot)
        elif self.registers[_CANCTRL] & _ABAT:
            self.registers[_TXB[slot]] |= _ABTF
        self._settle()

    def sent(self, slot, ok):
        """The hub is done with a frame: sent, or given back."""
        if not self._at_hub[slot]:
            return
        self._at_hub[slot] = 0
        if ok or self._abort[slot]:
            self._finish(slot, ok)
        self._arrange()

    def _loop_back(self):
        """10.5: the frame stays inside; each takes its time."""
        life = self._life
        slots = self.waiting()
        if not slots or not self.bitrate():
            return
        slot = slots[0]
        frame = self.frame(slot)

        def done():
            if life == self._life and self.registers[_TXB[slot]] & _TXREQ:
                self._life += 1
                self.take(*frame)
                self._finish(slot, True)
                if self._mode == LOOPBACK:
                    self._loop_back()

        self._env.at(self._env.now() + frame_bits(*frame) * 1_000_000 // self.bitrate(), done)

    # --- receive: section 4 ---

    def received(self, data):
        if self._mode in (NORMAL, LISTEN):
            identifier, flags = struct.unpack_from("<IB", data, 2)
            self.take(identifier, flags, bytes(data[7:]))

    def take(self, identifier, flags, data):
        """A frame from the bus, by figure 4-3."""
        full = self.registers[_CANINTF]
        hit = self._matches(0, identifier, flags, data)
        if hit is not None:
            if not full & _RX0IF:
                self._store(0, hit, identifier, flags, data)
            elif not self.registers[_RXB[0]] & _BUKT:
                self._overflow(_RX0OVR)
            elif not full & _RX1IF:
                self._store(1, hit, identifier, flags, data)
            else:
                self._overflow(_RX1OVR)
            return
        hit = self._matches(1, identifier, flags, data)
        if hit is not None:
            if full & _RX1IF:
                self._overflow(_RX1OVR)
            else:
                self._store(1, hit, identifier, flags, data)

    def _overflow(self, bit):
        self.registers[_EFLG] |= bit
        self._set(_ERRIF)

    def _matches(self, which, identifier, flags, data):
        """Number of the filter of this receive buffer that lets the frame in, or None."""
        if self.registers[_RXB[which]] & 0x60 == 0x60:
            return 0 if which == 0 else 2
        registers = self.registers
        mask = registers[0x20 + 4 * which : 0x24 + 4 * which]
        if flags & FLAG_EXT_ID:
            head = (identifier >> 21, identifier >> 13 & 0xE0 | identifier >> 16 & 3, identifier >> 8 & 0xFF,
                    identifier & 0xFF)
        else:  # 4.5.1: the first two data bytes are filtered too
            head = (identifier >> 3, identifier << 5 & 0xE0, data[0] if len(data) > 0 else 0,
                    data[1] if len(data) > 1 else 0)
        extended = 8 if flags & FLAG_EXT_ID else 0
        for number in (0, 1) if which == 0 else (2, 3, 4, 5):
            base = 4 * number if number < 3 else 0x10 + 4 * (number - 3)
            if registers[base + 1] & 8 != extended:
                continue
            for at in range(4):
                bits = mask[at] if at != 1 else mask[1] & (0xE3 if extended else 0xE0)
                if (head[at] ^ registers[base + at]) & bits:
                    break
            else:
                return number
        return None

    def _store(self, which, hit, identifier, flags, data):
        registers = self.registers
        base = _RXB[which]
        remote = flags & FLAG_RTR
        if flags & FLAG_EXT_ID:
            registers[base + 1] = identifier >> 21
            registers[base + 2] = identifier >> 13 & 0xE0 | 8 | identifier >> 16 & 3
            registers[base + 3] = identifier >> 8 & 0xFF
            registers[base + 4] = identifier & 0xFF
            registers[base + 5] = len(data) | (0x40 if remote else 0)
        else:
            registers[base + 1] = identifier >> 3
            registers[base + 2] = identifier << 5 & 0xE0 | (0x10 if remote else 0)
            registers[base + 3] = registers[base + 4] = 0
            registers[base + 5] = len(data)
        if not remote:
            registers[base + 6 : base + 6 + len(data)] = data
        keep = 0x66 if which == 0 else 0x60
        registers[base] = registers[base] & keep | (8 if remote else 0) | (hit & 1 if which == 0 else hit)
        self._set(1 << which)

    # --- errors: section 6 ---

    def state(self, data):
        """The hub's count of errors."""
        _, state, tx, rx = struct.unpack("<BBHH", data)
        if self._mode in (NORMAL, LISTEN):
            self._counters(tx, rx, state == 4)

    def _counters(self, tx, rx, off):
        registers = self.registers
        registers[_TEC], registers[_REC] = min(tx, 255), min(rx, 255)
        flags = registers[_EFLG] & 0xC0
        flags |= (_TXBO if off else 0) | (_TXEP if tx >= 128 else 0) | (_RXEP if rx >= 128 else 0)
        flags |= (_TXWAR if tx >= 96 else 0) | (_RXWAR if rx >= 96 else 0) | (_EWARN if tx >= 96 or rx >= 96 else 0)
        worse = flags & ~registers[_EFLG]
        registers[_EFLG] = flags
        if worse & _TXBO:
            self._recover()
        if worse:
            self._set(_ERRIF)

    def _recover(self):
        """6.6: back by itself after 128 times 11 recessive bits. What waits stays."""
        self._at_hub = [0, 0, 0]
        self._life += 1
        life = self._life
        self._hub_off = True
        for slot in range(3):
            if self._abort[slot]:
                self._finish(slot, False)

        def back():
            if life == self._life:
                self._counters(0, 0, False)
                self._tell_hub(_OFF)
                self._tell_hub(_HUB_MODE[self._mode])

        self._env.at(self._env.now() + _RECOVERY_BITS * 1_000_000 // self.bitrate(), back)
