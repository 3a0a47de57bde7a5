# machine.UART of the virtual board: bytes arrive one bit time after another into a ring that can overflow.
import io

import twin
from dragonet.flatsat.devices import records

_POLL = 3  # stream ioctl
_READ = 1
_WRITE = 4



class UART(io.IOBase):
    """machine.UART. Characters that find the ring full are lost and counted in .overruns, as hardware does silently."""

    IRQ_RX = 1
    IRQ_RXIDLE = 64
    RTS = 2
    CTS = 1

    def __init__(self, id=0, baudrate=115_200, bits=8, parity=None, stop=1, **settings):
        self._board = twin.board
        self._id = id
        self._arriving = []  # (first byte at us, bytes): on the wire
        self._ring = bytearray()
        self._handler = None
        self._trigger = 0
        self.overruns = 0
        if not self._board.uarts:
            self._board.on_record(records.UART_RECEIVED, _received)
        self._board.uarts[id] = self
        self.init(baudrate, bits, parity, stop, **settings)

    def init(self, baudrate=115_200, bits=8, parity=None, stop=1, *, tx=None, rx=None, txbuf=256, rxbuf=256,
             timeout=0, timeout_char=0, flow=0, invert=0):
        self._byte_ns = (1 + bits + (0 if parity is None else 1) + stop) * 1_000_000_000 // baudrate
        self._size = max(32, rxbuf)
        self._timeout_us = timeout * 1000

    def deinit(self):
        self._board.uarts.pop(self._id, None)

    def irq(self, handler=None, trigger=0, hard=False):
        self._handler, self._trigger = handler, trigger

    # --- the wire ---

    def _arrive(self, data):
        """data begins on the wire now: the idle line after its last byte interrupts."""
        kernel = self._board.kernel
        start = kernel.now
        if self._arriving:
            last_start, last = self._arriving[-1]
            start = max(start, last_start + len(last) * self._byte_ns // 1000)
        self._arriving.append((start, data))
        kernel.at(start + len(data) * self._byte_ns // 1000, self._idle)

    def _idle(self):
        self._absorb()
        kernel = self._board.kernel
        if self._handler is not None and self._trigger & (self.IRQ_RXIDLE | self.IRQ_RX):
            kernel.interrupt(self._handler, self)
        else:
            kernel.interrupts += 1  # a stream waits for it

    def _absorb(self):
        """Take what has arrived by now into the ring."""
        kernel = self._board.kernel
        while self._arriving:
            start, data = self._arriving[0]
            whole = (kernel.now - start) * 1000 // self._byte_ns
            if whole <= 0:
                return
            here = data[:whole]
            room = self._size - len(self._ring)
            if len(here) > room:
                self.overruns += len(here) - room
                here = here[:room]
            self._ring.extend(here)
            kernel.now += len(here) * self._board.costs["uart_byte"]
            if whole < len(data):
                self._arriving[0] = (start + whole * self._byte_ns // 1000, data[whole:])
                return
            self._arriving.pop(0)

    # --- stream ---

    def any(self):
        self._absorb()
        return len(self._ring)

    def _take(self, count):
        self._board.kernel.charge(self._board.costs["uart_call"])
        self._absorb()
        if not self._ring and self._timeout_us:
            kernel = self._board.kernel
            limit = kernel.now + self._timeout_us
            while not self._ring and kernel.now < limit:
                kernel.sleep_until(min(limit, kernel.now + 1000))
                self._absorb()
        data = bytes(self._ring[:count])
        self._ring = self._ring[len(data) :]
        return data

    def read(self, nbytes=-1):
        return self._take(self._size if nbytes < 0 else nbytes) or None

    def readinto(self, buf, nbytes=-1):
        data = self._take(len(buf) if nbytes < 0 else min(nbytes, len(buf)))
        if not data:
            return None
        memoryview(buf)[: len(data)] = data
        return len(data)

    def readline(self):
        self._absorb()
        end = self._ring.find(b"\n")
        return self._take(end + 1 if end >= 0 else len(self._ring)) or None

    def write(self, buf):
        kernel = self._board.kernel
        kernel.charge(self._board.costs["uart_call"])
        self._board.emit(records.UART_SEND, bytes((self._id,)) + bytes(buf))
        kernel.sleep_until(kernel.now + len(buf) * self._byte_ns // 1000)
        return len(buf)

    def flush(self):
        pass

    def txdone(self):
        return True

    def ioctl(self, request, arg):
        if request != _POLL:
            return 0
        ready = 0
        if arg & _READ and self.any():
            ready |= _READ
        if arg & _WRITE:
            ready |= _WRITE
        return ready


def _received(time_us, data):
    uart = twin.board.uarts.get(data[0])
    if uart is not None:
        uart._arrive(bytes(data[1:]))
