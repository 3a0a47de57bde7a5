# The receiving half of drivers/mcp2515.py: two receive buffers, read in the order in which they were filled,
# Microchip DS20001801J sections 4 and 12.4. Nothing is allocated for a list that was used before.
import micropython
from micropython import const

from drivers.mcp2515_chip import talk
from drivers.mcp2515_send import Sender

_READ_RX = const(0x90)        # 12.4  from RXBnSIDH; 4 further; its end clears RXnIF
_RX_BITS = const(0x03)        # CANINTF.RXnIF, 7.0
_LISTS = const(4)             # given to recv(), whose memory is known


class Receiver(Sender):
    def __init__(self, spi, select, interrupt):
        super().__init__(spi, select, interrupt)
        self._in = bytearray(6)
        self._take = (bytearray((_READ_RX, 0, 0, 0, 0, 0)), bytearray((_READ_RX | 4, 0, 0, 0, 0, 0)))
        self._lists = []  # (list, its memory cut to 0 .. 8 bytes)

    @micropython.native
    def recv(self, arg=None):
        if not self._state or self._layout.deaf:
            return None
        if arg is None:
            arg = [0, memoryview(bytearray(8)), 0, 0]
        talk.busy = True
        try:
            return self._receive(arg)
        finally:
            talk.done()

    @micropython.native
    def _receive(self, arg):
        rx = self._rx
        if not rx:
            if self._looked and self._enabled & _RX_BITS and self._pin.value():
                self._looked = False
                return None
            self._look()
            rx = self._rx
            if not rx:
                self._looked = False
                self._call_again()
                return None
        which = 1 if rx == 2 or rx == 3 and self._older1 else 0
        views = self._views(arg)
        head = self._in
        self._select(0)
        self._spi.write_readinto(self._take[which], head)
        low = head[2]
        size = head[5] & 15
        if size > 8:
            size = 8
        view = views[size]
        extended = low & 0x08
        remote = head[5] & 0x40 if extended else low & 0x10
        if size and not remote:
            self._spi.readinto(view)
        self._select(1)  # this clears RXnIF
        if remote:
            for at in range(size):
                view[at] = 0
        arg[0] = head[1] << 3 | low >> 5
        if extended:
            arg[0] = arg[0] << 18 | (low & 3) << 16 | head[3] << 8 | head[4]
        arg[1] = view
        arg[2] = (2 if extended else 0) | (1 if remote else 0)
        arg[3] = (1 if rx == 3 else 0) | (2 if self._overrun else 0)
        self._overrun = False
        self._moved = True
        self._rx = rx = rx & ~(1 << which)
        if not rx and not (self._enabled & _RX_BITS and self._pin.value()):
            self._look()
            self._older1 = self._rx > 1 and not which  # it was there before RXB0 was free again
        self._looked = True
        self._call_again()
        return arg

    @micropython.native
    def _views(self, arg):
        """The memory of a list given to recv(), cut to each size: its own view was cut to the frame before."""
        for known in self._lists:
            if known[0] is arg:
                return known[1]
        return self._cut(arg)

    def _cut(self, arg):
        room = arg[1]
        if len(room) < 8:
            room = memoryview(bytearray(8))
        views = [room[:size] for size in range(9)]
        if len(self._lists) >= _LISTS:
            self._lists.pop(0)
        self._lists.append((arg, views))
        return views

    @micropython.native
    def _call_again(self):
        """INT stays low without an edge: call the handler when this is done."""
        if self._handler is not None and not self._inside and not self.late and not self._pin.value():
            self.late = True
            self.behind = talk.late
            talk.late = self
