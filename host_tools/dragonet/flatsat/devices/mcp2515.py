# Microchip MCP2515 CAN controller, as seen from its SPI and INT pins; datasheet DS20001801J.
#
# Modelled: all registers with their access in each mode, all instructions, the oscillator's start, masks, filters,
# rollover and overflow, the order of the transmit buffers, aborts, error counters and flags, bus-off and the return
# from it, configuration, normal, sleep, loopback and listen-only mode, INT. Not modelled: the pins TXnRTS, RXnBF and
# CLKOUT, wake-up, one-shot mode, MERRF.
# The bus is the hub's: records CAN_* (devices/records.py), everything accepted there and filtered here.
from dragonet.flatsat.devices.mcp2515_controller import Controller
from dragonet.flatsat.devices.mcp2515_map import CANINTF, MODIFIABLE, RXB, TX0IF, TXB, TXREQ


class MCP2515(Controller):
    """env: the virtual board. number: of the CAN bus. interrupt: number of the wire at INT."""

    def __init__(self, env, number, interrupt, crystal_hz=16_000_000):
        self._command = None  # the instruction that runs, by its first byte
        self._address = -1  # -1: comes with the next byte
        self._mask = -1
        self._reading = 0
        super().__init__(env, number, interrupt, crystal_hz)

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
            if self._address & 15 < 14 and not self.registers[self._address & 0x70] & TXREQ:
                self.registers[self._address] = value
            self._address += 1
        elif command == 0x05:
            if self._address < 0:
                self._address = value & 0x7F
            elif self._mask < 0:
                self._mask = value
            else:
                modifiable = self._address in MODIFIABLE or self._address & 15 == 15
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
            self._address = RXB[self._reading] + (6 if value & 2 else 1)
        elif value & 0xF8 == 0x40:  # LOAD TX BUFFER: from SIDH or from D0
            self._command = 0x40
            self._address = TXB[min(value >> 1 & 3, 2)] + (6 if value & 1 else 1)
        elif value & 0xF8 == 0x80:  # RTS
            for slot in range(3):
                if value & 1 << slot:
                    self.poke(TXB[slot], TXREQ, TXREQ)

    def deselect(self):
        if self._command == 0x90:
            self._clear(1 << self._reading)
        self._command = None

    def _status(self):
        """READ STATUS, figure 12-8."""
        registers = self.registers
        status = registers[CANINTF] & 3
        for slot in range(3):
            if registers[TXB[slot]] & TXREQ:
                status |= 4 << 2 * slot
            if registers[CANINTF] & TX0IF << slot:
                status |= 8 << 2 * slot
        return status

    def _rx_status(self):
        """RX STATUS, figure 12-9: of RXB0 if both are full."""
        full = self.registers[CANINTF] & 3
        if not full:
            return 0
        base = RXB[0] if full & 1 else RXB[1]
        low, length, control = self.registers[base + 2], self.registers[base + 5], self.registers[base]
        extended = low & 8
        remote = length & 0x40 if extended else low & 0x10
        hit = control & 1 if full & 1 else control & 7
        if not full & 1 and hit < 2:
            hit += 6  # rolled over
        return full << 6 | (0x10 if extended else 0) | (0x08 if remote else 0) | hit
