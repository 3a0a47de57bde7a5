# Registers, modes, buffers and errors of the MCP2515, datasheet DS20001801J; what is modelled: mcp2515.py.
import struct

from dragonet.flatsat.devices import records
from dragonet.flatsat.devices.can_frames import FLAG_EXT_ID, FLAG_RTR, arbitration_key, frame_bits
from dragonet.flatsat.devices.mcp2515_map import (
    ABAT, ABTF, BUKT, CANCTRL, CANINTE, CANINTF, CNF1, CNF3, CONFIGURATION, CONFIGURATION_ONLY, EFLG, ERRIF,
    EWARN, LISTEN, LOOPBACK, MODES, NORMAL, REC, RX0IF, RX0OVR, RX1IF, RX1OVR, RXB, RXEP, RXWAR, SLEEP, TEC, TX0IF,
    TXB, TXBO, TXEP, TXREQ, TXWAR, WRITABLE,
)  # fmt: skip
from dragonet.flatsat.devices.mcp2515_receive import matches, store

_HUB_MODE = {NORMAL: 0, SLEEP: 1, LISTEN: 3}  # machine.CAN.MODE_*; others are off the bus
_OFF = 255

_START_PERIODS = 128  # of the oscillator, after power and reset, 8.1
_RECOVERY_BITS = 128 * 11  # 6.6
_LEAST_BITS = 47


class Controller:
    """All but its SPI. env: the virtual board. number: of the CAN bus. interrupt: number of the wire at INT."""

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
        registers[CANCTRL] = 0x87
        self._mode = CONFIGURATION
        self._life += 1
        self._at_hub = [0, 0, 0]
        self._abort = [False, False, False]
        self._deaf_until = self._env.now() + _START_PERIODS * 1_000_000 // self._crystal_hz
        if not self._hub_off:
            self._tell_hub(_OFF)
        self._hub_off = True
        self._update_int()

    # --- registers: section 11 ---

    def peek(self, register):
        """What a READ gives."""
        if register & 15 == 14:
            return self._mode | self._interrupt_code() << 1
        if register & 15 == 15:
            return self.registers[CANCTRL]
        if self._is_filter(register) and self._mode != CONFIGURATION:
            return 0
        return self.registers[register]

    def _is_filter(self, register):
        return register < 0x0C or 0x10 <= register < 0x1C or 0x20 <= register < 0x28

    def _interrupt_code(self):
        """CANSTAT.ICOD, table 7-1."""
        pending = self.registers[CANINTF] & self.registers[CANINTE]
        for code, bit in ((1, ERRIF), (2, 0x40), (3, 4), (4, 8), (5, 16), (6, 1), (7, 2)):
            if pending & bit:
                return code
        return 0

    def poke(self, register, value, mask):
        """What a WRITE or a BIT MODIFY does."""
        if register & 15 == 15:
            register = CANCTRL
        registers = self.registers
        if self._is_filter(register):
            if self._mode == CONFIGURATION:
                registers[register] = value & (0xEB if register & 3 == 1 and register < 0x20 else
                                               0xE3 if register & 3 == 1 else 0xFF)
            return
        if 0x30 <= register < 0x60 and 0 < register & 15 < 14:
            if not registers[register & 0x70] & TXREQ:
                registers[register] = value
            return
        if register in CONFIGURATION_ONLY and self._mode != CONFIGURATION:
            return
        mask &= WRITABLE.get(register, 0)
        before = registers[register]
        registers[register] = before & ~mask | value & mask
        if register in TXB:
            self._control_tx(TXB.index(register), before)
        elif register == CANCTRL:
            self._control()
        elif register == RXB[0]:
            registers[register] = registers[register] & ~2 | (registers[register] & BUKT) >> 1
        elif register == CANINTF and before & ~registers[register] & ERRIF:
            if registers[EFLG] & 0xC0 or self.sticky_errors and registers[EFLG]:
                registers[CANINTF] |= ERRIF
        self._update_int()

    def _set(self, bits):
        self.registers[CANINTF] |= bits
        self._update_int()

    def _clear(self, bits):
        self.registers[CANINTF] &= ~bits & 0xFF
        self._update_int()

    def _update_int(self):
        self._int.drive(0 if self.registers[CANINTF] & self.registers[CANINTE] else 1)

    # --- modes: section 10 ---

    def _control(self):
        registers = self.registers
        if registers[CANCTRL] & ABAT:
            for slot in range(3):
                if registers[TXB[slot]] & TXREQ:
                    self._stop_sending(slot)
        self._settle()

    def _settle(self):
        """Take the mode that is asked for, once nothing waits to be sent any more."""
        wanted = self.registers[CANCTRL] & 0xE0
        if wanted == self._mode or wanted not in MODES:
            return
        if any(self.registers[base] & TXREQ for base in TXB) and self._mode in (NORMAL, LOOPBACK):
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
        cnf3, cnf2, cnf1 = self.registers[CNF3 : CNF1 + 1]
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
        control = self.registers[TXB[slot]]
        if control & TXREQ and not before & TXREQ:
            self.registers[TXB[slot]] = control & 0x0B  # ABTF, MLOA, TXERR
            self._abort[slot] = False
            if self._mode == LOOPBACK:
                self._loop_back()
            else:
                self._arrange()
        elif before & TXREQ and not control & TXREQ:
            self.registers[TXB[slot]] = control | TXREQ
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
        high, low, mid, end, length = self.registers[TXB[slot] + 1 : TXB[slot] + 6]
        identifier = high << 3 | low >> 5
        flags = FLAG_RTR if length & 0x40 else 0
        if low & 8:
            identifier = identifier << 18 | (low & 3) << 16 | mid << 8 | end
            flags |= FLAG_EXT_ID
        return identifier, flags, bytes(self.registers[TXB[slot] + 6 : TXB[slot] + 6 + min(length & 15, 8)])

    def waiting(self):
        """Transmit buffers in the order in which they leave: TXP, then number, the highest first, 3.2."""
        slots = [slot for slot in (2, 1, 0) if self.registers[TXB[slot]] & TXREQ]
        slots.sort(key=lambda slot: -(self.registers[TXB[slot]] & 3) * 3 - slot)
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
        self.registers[TXB[slot]] &= ~TXREQ & 0xFF
        self._abort[slot] = False
        self._at_hub[slot] = 0
        if sent:
            self._set(TX0IF << slot)
        elif self.registers[CANCTRL] & ABAT:
            self.registers[TXB[slot]] |= ABTF
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
            if life == self._life and self.registers[TXB[slot]] & TXREQ:
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
        full = self.registers[CANINTF]
        hit = matches(self.registers, 0, identifier, flags, data)
        if hit is not None:
            if not full & RX0IF:
                self._keep(0, hit, identifier, flags, data)
            elif not self.registers[RXB[0]] & BUKT:
                self._overflow(RX0OVR)
            elif not full & RX1IF:
                self._keep(1, hit, identifier, flags, data)
            else:
                self._overflow(RX1OVR)
            return
        hit = matches(self.registers, 1, identifier, flags, data)
        if hit is not None:
            if full & RX1IF:
                self._overflow(RX1OVR)
            else:
                self._keep(1, hit, identifier, flags, data)

    def _overflow(self, bit):
        self.registers[EFLG] |= bit
        self._set(ERRIF)

    def _keep(self, which, hit, identifier, flags, data):
        store(self.registers, which, hit, identifier, flags, data)
        self._set(1 << which)

    # --- errors: section 6 ---

    def state(self, data):
        """The hub's count of errors."""
        _, state, tx, rx = struct.unpack("<BBHH", data)
        if self._mode in (NORMAL, LISTEN):
            self._counters(tx, rx, state == 4)

    def _counters(self, tx, rx, off):
        registers = self.registers
        registers[TEC], registers[REC] = min(tx, 255), min(rx, 255)
        flags = registers[EFLG] & 0xC0
        flags |= (TXBO if off else 0) | (TXEP if tx >= 128 else 0) | (RXEP if rx >= 128 else 0)
        flags |= (TXWAR if tx >= 96 else 0) | (RXWAR if rx >= 96 else 0) | (EWARN if tx >= 96 or rx >= 96 else 0)
        worse = flags & ~registers[EFLG]
        registers[EFLG] = flags
        if worse & TXBO:
            self._recover()
        if worse:
            self._set(ERRIF)

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
