# The sending half of drivers/mcp2515.py: three transmit buffers that leave by identifier, Microchip DS20001801J
# section 3.
from micropython import const

from drivers.mcp2515_chip import talk
from drivers.mcp2515_receive import SENT
from drivers.mcp2515_state import Watched

_CANINTF = const(0x2C)
_TXB0CTRL = const(0x30)       # TXBnCTRL is 0x10 further each
_TXREQ = const(0x08)
_LOAD_TX = const(0x40)        # 12.6  from TXBnSIDH; 2 further each
_MIDDLE = (6, 7, 8)           # place of the first frame that waits, by its buffer
_IRQ_TX = const(1)
_IRQ_TX_FAILED = const(4)
_EIO = const(5)


class Sender(Watched):
    def __init__(self, spi, select, interrupt):
        super().__init__(spi, select, interrupt)
        self._out = bytearray(6)  # LOAD TX BUFFER, identifier, length: data go from the caller's buffer
        self._high = [0, 0, 0]  # arbitration field of what waits, by transmit buffer: see _load
        self._low = [0, 0, 0]
        self._place = [0, 0, 0]

    def send(self, id, data, flags=0):
        size = len(data)
        if not 0 <= id <= (0x1FFFFFFF if flags & 2 else 0x7FF):
            raise ValueError("invalid id")
        if size > 8:
            raise ValueError("CAN data too long")
        if not 0 < self._state < 4 or self._mode & 1:  # asleep and silent ones send nothing
            raise OSError(_EIO)
        talk.busy = True
        try:
            if self._loaded and (self._leaving or not self.triggers & _IRQ_TX):
                self._look()
                self._collect()
            return self._load(id, data, size, flags) if self._loaded != 7 else None
        finally:
            talk.done()

    def _load(self, identifier, data, size, flags):
        # The arbitration field in two parts: base identifier, RTR or SRR, IDE | extension, RTR. Lower is sooner.
        if flags & 2:
            high = identifier >> 18 << 2 | 3
            low = (identifier & 0x3FFFF) << 1 | flags & 1
        else:
            high = identifier << 2 | (flags & 1) << 1
            low = 0
        place = self._find_place(high, low, flags)
        if place < 0:
            return None
        slot = place % 3
        out = self._out
        out[0] = _LOAD_TX | slot << 1
        if flags & 2:
            out[1] = identifier >> 21
            out[2] = identifier >> 13 & 0xE0 | 0x08 | identifier >> 16 & 3
            out[3] = identifier >> 8 & 0xFF
            out[4] = identifier & 0xFF
        else:
            out[1] = identifier >> 3
            out[2] = identifier << 5 & 0xE0
            out[3] = out[4] = 0
        out[5] = size | (flags & 1) << 6
        self._select(0)
        self._spi.write(out)
        if size and not flags & 1:
            self._spi.write(data)
        self._select(1)
        self._chip.write(_TXB0CTRL + 16 * slot, _TXREQ | place // 3)
        self._high[slot] = high
        self._low[slot] = low
        self._place[slot] = place
        self._loaded |= 1 << slot
        return slot

    def _find_place(self, high, low, flags):
        """Where a frame belongs among those that wait: 3 * TXP + buffer, the highest leaves first (3.2). -1: nowhere.

        Among equals the newcomer goes last. What waits stays where it is (3.1), so a gap may be missing.
        """
        waiting = self._loaded & ~self._done
        if not waiting:
            used = self._loaded & 3
            return _MIDDLE[2 if used == 3 else used & 1]  # of the first buffer that is free
        below, above = -1, 12
        for slot in range(3):
            if waiting & 1 << slot:
                place = self._place[slot]
                other = self._high[slot] - high or self._low[slot] - low
                if other > 0:
                    below = max(below, place)
                elif other < 0 or not flags & 16:
                    above = min(above, place)
        middle = below + above
        best = -1
        least = 99
        for place in range(below + 1, above):
            if not self._loaded & 1 << place % 3:
                off = abs(2 * place - middle)
                if off < least:
                    best, least = place, off
        return best

    def cancel_send(self, index):
        if not 0 <= index < 3:
            raise ValueError("index %d" % index)
        bit = 1 << index
        if not self._loaded & ~self._done & bit:
            return False
        talk.busy = True
        try:
            chip = self._chip
            chip.modify(_TXB0CTRL + 16 * index, _TXREQ, 0)  # 3.6
            if chip.read(_TXB0CTRL + 16 * index)[2] & _TXREQ:
                self._leaving |= bit  # on the wire: it leaves, or gives up when it is disturbed
                return False
            if (chip.read(_CANINTF)[2] | self.notes[SENT]) & 4 << index:
                return False
            self._give_up(index)
            return True
        finally:
            talk.done()

    def _give_up(self, index):
        """A frame that will not be sent. Setting its flag makes the interrupt, 7.0."""
        bit = 1 << index
        self._leaving &= ~bit
        if self.triggers & _IRQ_TX:
            self._failed |= bit
            self._chip.modify(_CANINTF, 4 << index, 0xFF)
        else:
            self._loaded &= ~bit

    def _collect(self):
        """Take note of what the transmit buffers have finished; after _look()."""
        chip = self._chip
        notes = self.notes
        finished = notes[SENT]
        if self._leaving:
            for slot in range(3):
                if self._leaving & 1 << slot and not chip.read(_TXB0CTRL + 16 * slot)[2] & _TXREQ:
                    self._leaving &= ~(1 << slot)
                    if not (chip.read(_CANINTF)[2] | finished) & 4 << slot:
                        self._failed |= 1 << slot
                        finished |= 4 << slot
        if finished:
            notes[SENT] = 0
            self._moved = True
            finished = finished >> 2 & self._loaded
            if self.triggers & _IRQ_TX:
                self._done |= finished
            else:
                self._loaded &= ~finished
                self._failed &= ~finished

    def _next_sent(self):
        """Flags of the next buffer that is finished, and free from now on; 0: none."""
        done = self._done
        if not done:
            return 0
        slot = 0 if done & 1 else 1 if done & 2 else 2
        keep = ~(1 << slot)
        flags = _IRQ_TX | slot << 16
        if self._failed & 1 << slot:
            flags |= _IRQ_TX_FAILED
        self._done = done & keep
        self._failed &= keep
        self._leaving &= keep
        self._loaded &= keep
        return flags
