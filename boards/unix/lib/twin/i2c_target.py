# machine.I2CTarget of the virtual board: MicroPython's documentation, and what its rp2 port makes of the RP2040's
# peripheral (datasheet 4.3): FIFOs of 16 bytes, a clock that is held while they are full or empty.
#
# One peripheral cannot be both: making an I2CTarget clears the controller of that id, whose transfers then end in
# ETIMEDOUT; making an I2C of that id disables the target. STM32F4's are no better (there each controller transfer
# disables the target), so boards that need both take two peripherals.
import micropython
import twin

from . import kernel as _kernel
from .i2c_wires import NOBODY, Cleared

_PERIPHERALS = 4
_FIFO_BYTES = 16
_IDLE = 0
_ADDRESSED = 1  # for a write of which no byte came yet
_READ_ADDRESSED = 2
_SELECTING = 3  # the memory's address comes in
_READING = 4
_WRITING = 5

_HARD = 1 | 2 | 4 | 8
_ENDS = 16 | 32
_SAME = "same"  # an argument that was not given


class _Irq:
    def __init__(self, target):
        self._target = target

    def flags(self):
        """Of the newest event: a soft handler that runs late sees what happened last."""
        return self._target.newest

    def trigger(self, *new):
        """The events that call the handler before; sets them when one is given."""
        before = self._target.wanted
        if new:
            self._target.newest = 0
            self._target.wanted = new[0]
            self._target.tell()
        return before


class I2CTarget:
    """machine.I2CTarget. As on rp2, a controller's last byte of a read asks for one more, which nobody gets:
    a raw handler sees one READ_REQ too many, and a memory's place moves on by one."""

    IRQ_ADDR_MATCH_READ = 1
    IRQ_ADDR_MATCH_WRITE = 2
    IRQ_READ_REQ = 4
    IRQ_WRITE_REQ = 8
    IRQ_END_READ = 16
    IRQ_END_WRITE = 32

    def __init__(self, id, addr, *, addrsize=7, mem=None, mem_addrsize=8, scl=None, sda=None):
        if not 0 <= id < _PERIPHERALS:
            raise ValueError("I2CTarget(%d) doesn't exist" % id)
        if addrsize not in (7, 10) or not 0 <= addr < 1 << addrsize:
            raise ValueError("addr %r of %r bits" % (addr, addrsize))
        self._memory = None
        if mem is not None:
            if mem_addrsize not in (0, 8, 16, 24, 32):
                raise ValueError("mem_addrsize must be 0, 8, 16, 24 or 32")
            self._memory = memoryview(mem)
            if not len(self._memory):
                raise ValueError("mem is empty")
            self._memory[0] = self._memory[0]  # TypeError: it cannot be written
        self._board = twin.board
        self.id = id
        self.address = addr if addrsize == 7 else NOBODY  # machine.I2C speaks 7 bits: nobody calls a longer address
        self.room_at = 0  # us: when the receive FIFO had room for the last byte written
        self.newest = 0  # flags of the newest event
        self.wanted = 0
        self._address_bytes = mem_addrsize // 8
        self._missing = 0  # bytes of a memory address still to come
        self._place = 0
        self._selected = 0
        self._state = _IDLE
        self._irq = _Irq(self)
        self._handler = None
        self._hard = False
        self._active = True
        self._serving = False  # the peripheral's interrupt runs
        self._received = bytearray(_FIFO_BYTES)
        self._first = self._count = 0
        self._masked = False  # a byte was announced and not read yet: no further one is announced
        self._stop_pending = False  # STOP came before the FIFO was read
        self._answer = bytearray(_FIFO_BYTES)
        self._answer_first = self._answer_count = 0
        self._take_peripheral()
        self.tell()

    def _take_peripheral(self):
        """Clear the controller of this id, put a former target of it to rest, join the wires it is on."""
        buses = self._board.i2c_buses
        devices = buses.setdefault(self.id, {})
        rest = devices.get(None)
        if isinstance(rest, Cleared):
            if rest.target is not None:
                rest.target.disable()
        else:
            rest = Cleared(dict(devices))
            devices.clear()
            devices[None] = rest
        rest.target = self
        self._wires = rest.before.get(None)

    def tell(self):
        if self._wires is not None and self._active:
            self._wires.listen(self)

    @property
    def bytewise(self):
        """A handler runs for each byte."""
        return self._handler is not None and self.wanted & (self.IRQ_READ_REQ | self.IRQ_WRITE_REQ) != 0

    @property
    def memaddr(self):
        """Where in `mem` the controller last began."""
        return self._selected

    def disable(self):
        """A machine.I2C, or another target, took the peripheral."""
        if self._active:
            self._active = False
            if self._wires is not None:
                self._wires.leave(self)

    def deinit(self):
        """Hear nobody any more. The peripheral stays cleared until an I2C or I2CTarget is made of it."""
        self.disable()
        self._handler = None

    # --- interrupts ---

    def irq(self, handler=_SAME, trigger=_SAME, hard=_SAME):
        """irq(handler=None, trigger=IRQ_END_READ | IRQ_END_WRITE, hard=False); without arguments changes nothing."""
        if handler is _SAME and trigger is _SAME and hard is _SAME:
            return self._irq  # allocates nothing: handlers ask for flags() by it
        trigger = _ENDS if trigger is _SAME else trigger
        hard = hard is not _SAME and bool(hard)
        if trigger & _HARD and not hard:
            raise ValueError("hard IRQ required")
        self._handler, self.wanted, self._hard = None if handler is _SAME else handler, trigger, hard
        self.newest = 0
        self.tell()
        return self._irq

    def _happened(self, event):
        """True when the handler has taken it."""
        handler = self._handler
        if handler is None or not event & self.wanted:
            return False
        self.newest = event
        kernel = self._board.kernel
        if not self._hard:
            kernel.interrupt(handler, self)
            return True
        kernel.now += self._board.costs["hard_interrupt"]
        micropython.heap_lock()  # as in a real one: nothing can be allocated
        try:
            handler(self)
        except Exception as error:
            micropython.heap_unlock()
            self._handler = None  # MicroPython says so and calls it no more
            _kernel._report(error)
        else:
            micropython.heap_unlock()
        return True

    # --- what firmware reads and writes ---

    def readinto(self, buf):
        """Bytes that came; rp2 announces the next one after this."""
        taken = 0
        size = len(buf)
        while taken < size and self._count:
            buf[taken] = self._received[self._first]
            self._first = self._first + 1 & _FIFO_BYTES - 1
            self._count -= 1
            taken += 1
        self._masked = False
        if not self._serving:
            self._serving = True
            self._announce()
            self._serving = False
            if self._stop_pending and not self._count:
                self.stopped()
        return taken

    def write(self, buf):
        """Bytes for the controller, as many as the FIFO takes."""
        given = 0
        size = len(buf)
        while given < size and self._answer_count < _FIFO_BYTES:
            self._answer[self._answer_first + self._answer_count & _FIFO_BYTES - 1] = buf[given]
            self._answer_count += 1
            given += 1
        return given

    # --- the wire ---

    def written(self, data):
        """START, address and bytes of a write. False: the FIFO is full and nobody reads it; the clock is held."""
        kernel = self._board.kernel
        self._start()
        self.room_at = kernel.now
        if not len(data):
            self._matched(False)
            return True
        last_with_room = len(data) - 1 - _FIFO_BYTES
        self._serving = True
        for k in range(len(data)):
            if self._count == _FIFO_BYTES:
                self._serving = False
                return False
            self._received[self._first + self._count & _FIFO_BYTES - 1] = data[k]
            self._count += 1
            kernel.now += self._board.costs["i2c_target_byte"]
            self._announce()
            if k <= last_with_room:
                self.room_at = kernel.now
        self._serving = False
        return True

    def read(self, into):
        """START, address and bytes of a read. False: the handler writes nothing; the clock is held."""
        kernel = self._board.kernel
        self._start()
        self._serving = True
        served = True
        for k in range(len(into)):
            kernel.now += self._board.costs["i2c_target_byte"]
            if not self._answer_count:
                self._asked()
            if not self._answer_count:
                served = False
                break
            into[k] = self._answer[self._answer_first]
            self._answer_first = self._answer_first + 1 & _FIFO_BYTES - 1
            self._answer_count -= 1
        if served:
            self._asked()  # the one too many; the hardware throws it away
        self._answer_count = 0
        self._serving = False
        return served

    def stopped(self):
        """STOP or a repeated START."""
        if self._count:
            self._stop_pending = True
            return
        self._stop_pending = False
        self._end()

    def _start(self):
        if self._state != _IDLE:
            self._end()
        self._stop_pending = False

    def _end(self):
        state, self._state = self._state, _IDLE
        if state == _READING:
            self._happened(self.IRQ_END_READ)
        elif state == _ADDRESSED or state == _WRITING:
            self._happened(self.IRQ_END_WRITE)

    def _matched(self, read):
        self._happened(self.IRQ_ADDR_MATCH_READ if read else self.IRQ_ADDR_MATCH_WRITE)
        self._state = _READ_ADDRESSED if read else _ADDRESSED

    def _announce(self):
        """The interrupt of a byte that came."""
        while self._count and not self._masked:
            self._masked = True
            if self._state == _IDLE:
                self._matched(False)
            handled = self._happened(self.IRQ_WRITE_REQ)
            if self._memory is not None:
                while self._count:
                    self._remember(self._pop())
                self._masked = False
            else:
                self._state = _WRITING
                if not handled:
                    self._pop()
                    self._masked = False

    def _pop(self):
        byte = self._received[self._first]
        self._first = self._first + 1 & _FIFO_BYTES - 1
        self._count -= 1
        return byte

    def _remember(self, byte):
        if self._state == _ADDRESSED:
            self._state = _SELECTING
            self._place = 0
            self._missing = self._address_bytes
        if self._state == _SELECTING and self._missing:
            self._place = self._place << 8 | byte
            self._missing -= 1
            if not self._missing:
                self._place %= len(self._memory)
                self._selected = self._place
            return
        self._state = _WRITING
        self._memory[self._place] = byte
        self._place = (self._place + 1) % len(self._memory)

    def _asked(self):
        """The interrupt that wants a byte for the controller."""
        if self._state == _IDLE:
            self._matched(True)
        handled = self._happened(self.IRQ_READ_REQ)
        self._state = _READING
        if self._memory is not None:
            self._place %= len(self._memory)  # a memory address that was cut short
            self._put(self._memory[self._place])
            self._place = (self._place + 1) % len(self._memory)
        elif not handled:
            self._put(0)

    def _put(self, byte):
        if self._answer_count < _FIFO_BYTES:
            self._answer[self._answer_first + self._answer_count & _FIFO_BYTES - 1] = byte
            self._answer_count += 1
