# MCP2515 CAN controller, Microchip DS20001801J: its SPI instructions (section 12) and registers (section 11), as far as
# drivers/mcp2515.py needs them. Nothing here allocates once made, but for write_block.
import time

import micropython
from micropython import const

_READ = const(0x03)   # 12.3  the address goes up by itself
_WRITE = const(0x02)  # 12.5
_MODIFY = const(0x05)  # 12.10

_CNF3 = const(0x28)
_CANINTE = const(0x2B)
_CANSTAT = const(0x0E)
_CANCTRL = const(0x0F)
_RXB0CTRL = const(0x60)
_RXB1CTRL = const(0x70)

CONFIGURATION = const(0x80)  # CANCTRL.REQOP and CANSTAT.OPMOD, 10.0
_MODE = const(0xE0)
_ABORT_ALL = const(0x10)     # CANCTRL.ABAT, 3.6
_BUKT = const(0x04)          # RXB0CTRL: what finds RXB0 full goes to RXB1

_RESET_TRIES = const(10)     # of 1 ms: the oscillator starts, then 128 of its periods (8.1)
_MODE_TRIES = const(20)      # of 16 bits: a frame that is under way, and 11 recessive bits (10.0)


_CHIPS = const(4)            # that may share the pins' interrupts: those whose handlers were set last


class Talk:
    """Whoever talks to a chip sets `busy` first and calls done() at the end: no interrupt of a chip, hard or soft,
    uses their bus meanwhile; it is served by done(). Drivers of other parts on the same SPI have to do so too."""

    def __init__(self):
        self.busy = False
        self.knocked = False  # the INT of a chip fell meanwhile; written by hard interrupts
        self.chips = []   # that may have
        self.inside = 0   # handlers that run
        self.late = None  # the first chip whose handler waits; each knows the next

    def know(self, chip):
        if chip not in self.chips:
            self.chips = self.chips[1 - _CHIPS :] + [chip]

    @micropython.native
    def done(self):
        self.busy = False
        while self.knocked:  # whatever knocks while this is done, finds either `busy` or no work left undone
            self.busy = True
            self.knocked = False
            for chip in self.chips:
                if chip.knocked:
                    chip.knocked = False
                    chip.pull()
            self.busy = False
        while self.late is not None and not self.inside:
            chip = self.late
            self.late, chip.behind, chip.late = chip.behind, None, False
            chip.serve(None)


talk = Talk()

# What is said to a chip and what it answers: one for all of them, as only who set talk.busy talks to one.
_OUT = memoryview(bytearray(4))
_THREE = _OUT[:3]
_ASK = memoryview(bytearray((_READ, 0) + (0,) * 8))
_ASKS = [_ASK[: 2 + size] for size in range(9)]
_ANSWER = memoryview(bytearray(10))
_ANSWERS = [_ANSWER[: 2 + size] for size in range(9)]


class Chip:
    """One chip on an SPI (mode 0, 10 MHz at most) that others may share. select: machine.Pin, output, high."""

    def __init__(self, spi, select):
        self._spi = spi
        self._select = select
        self._step_us = 100  # of waiting for a mode

    @micropython.native
    def read(self, register, count=1):
        """Registers from this one on, 8 at most; they begin at index 2. Valid until the next read of any chip."""
        ask = _ASKS[count]
        answer = _ANSWERS[count]
        ask[1] = register
        self._select(0)
        self._spi.write_readinto(ask, answer)
        self._select(1)
        return answer

    def write(self, register, value):
        out = _OUT
        out[0] = _WRITE
        out[1] = register
        out[2] = value
        self._select(0)
        self._spi.write(_THREE)
        self._select(1)

    def modify(self, register, mask, value):
        """Changes the bits of mask."""
        out = _OUT
        out[0] = _MODIFY
        out[1] = register
        out[2] = mask
        out[3] = value
        self._select(0)
        self._spi.write(out)
        self._select(1)

    def write_block(self, register, data):
        self._select(0)
        self._spi.write(bytes((_WRITE, register)) + data)
        self._select(1)

    def reset(self):
        """True when the chip then answers in configuration mode."""
        self._select(0)
        self._spi.write(b"\xc0")  # RESET, 12.2
        self._select(1)
        for _ in range(_RESET_TRIES):
            time.sleep_ms(1)
            answer = self.read(_CANSTAT, 2)
            if answer[2] == CONFIGURATION and answer[3] == CONFIGURATION | 0x07:  # registers 10-1 and 10-2
                return True
        return False

    def configuration(self):
        """Into configuration mode, whatever waits to be sent is dropped. False: the chip does not get there."""
        return self.enter(CONFIGURATION | _ABORT_ALL) and self.enter(CONFIGURATION)

    def enter(self, control):
        """Set CANCTRL and wait, not for long, for its mode."""
        self.write(_CANCTRL, control)
        for _ in range(_MODE_TRIES):
            if self.read(_CANSTAT)[2] & _MODE == control & _MODE:
                return True
            time.sleep_us(self._step_us)
        return False

    def configure(self, timing, layout):
        """Write the settings, in configuration mode, and read them back. False: the chip did not keep them."""
        self._step_us = 16_000_000 // timing.bitrate
        self.write(_CANINTE, 0)
        self.write_block(_CNF3, timing.cnf)
        self.write(_RXB0CTRL, _BUKT)
        self.write(_RXB1CTRL, 0)
        for register, data in layout.blocks:
            self.write_block(register, data)
        if self.read(_CNF3, 3)[2:] != timing.cnf or self.read(_RXB0CTRL)[2] & 0x64 != _BUKT:
            return False
        for register, data in layout.blocks:
            for at in range(0, len(data), 4):
                if self.read(register + at, 4)[2:] != data[at : at + 4]:
                    return False
        return True

    def keeps(self, timing, enabled, mode, status):
        """True when `status`, the eight registers from CNF3 on, are as they were set."""
        cnf = timing.cnf
        return (
            status[2] == cnf[0] and status[3] == cnf[1] and status[4] == cnf[2] and status[5] == enabled
            and status[8] & _MODE == mode and status[9] == mode
        )
