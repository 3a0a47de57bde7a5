# The I2C wires between boards, as one board sees them. With a hub they lead to the other boards (dragonet.flatsat.
# i2cbus); on a bench without one they join this board's own peripherals.
#
#   I2C_TARGET    board to hub  u8 peripheral, u16 address or NOBODY, u8 served byte by byte by a handler
#   I2C_TRANSFER  board to hub  u8 peripheral, u8 sequence, u8 address, u8 reads, u8 ends with STOP, u16 bytes to read,
#                               u32 bit ns, u32 time-out us, data to write
#   I2C_DONE      hub to board  u8 peripheral, u8 sequence, u8 status, data read
#   I2C_REQUEST   hub to board  u8 peripheral, u8 sequence, u8 reads, u16 bytes to read, data written
#   I2C_SERVED    board to hub  u8 peripheral, u8 sequence, u8 held the clock for ever,
#                               u32 us since the FIFO had room for the last byte, data read
import struct

from dragonet.flatsat.devices import records

TARGET = "<BHB"
TRANSFER = "<BBBBBHII"
DONE = "<BBB"
REQUEST = "<BBBH"
SERVED = "<BBBI"
TRANSFER_SIZE = 15
DONE_SIZE = 3
REQUEST_SIZE = 5
SERVED_SIZE = 7
NOBODY = 0xFFFF

OK = 0
NACK = 1
LOST = 2  # arbitration
TIMEOUT = 3
_EIO = 5
_ETIMEDOUT = 110
# rp2's I2C: EIO for whatever the controller aborts, lost arbitration too; an STM32F4 answers that with a time-out.
_ERRORS = (0, _EIO, _EIO, _ETIMEDOUT)

LONGEST = 4096  # bytes of one transfer: a record has to fit the pipe
_GRACE_US = 100_000  # the hub ends what takes too long; only a dead hub lets this pass


class Cleared:
    """The controller of a peripheral that is, or was, a target: its transfers end in a time-out."""

    def __init__(self, devices):
        self.before = devices  # what this peripheral was wired to
        self.target = None

    def far(self, i2c, address, stop, last):
        i2c._board.kernel.charge(i2c.timeout_us)
        raise OSError(_ETIMEDOUT)


class Wires:
    """Joins the peripherals of `ids` (machine.I2C and I2CTarget) to the wires between boards."""

    def __init__(self, board, ids):
        self._board = board
        self._targets = {}  # by peripheral
        self._sequence = 0
        self._answer = None
        for each in ids:
            board.i2c_buses.setdefault(each, {})[None] = self
        board.on_record(records.I2C_DONE, self._done)
        board.on_record(records.I2C_REQUEST, self._request)

    # --- controller ---

    def far(self, i2c, address, stop, last):
        """The device that a transfer addresses; stop, last: a write, a read ends with STOP."""
        return _Far(self, i2c, address, stop, last)

    def transfer(self, i2c, address, out, into, stop):
        """OSError: EIO, ETIMEDOUT."""
        count = 0 if into is None else len(into)
        if len(out) > LONGEST or count > LONGEST:
            raise ValueError("I2C transfer of %d bytes: the virtual wires take %d" % (max(len(out), count), LONGEST))
        if self._board.kernel.link is None:
            status = self._locally(i2c, address, out, into, stop)
        else:
            status = self._by_hub(i2c, address, out, into, stop)
        if status != OK:
            raise OSError(_ERRORS[status])

    def _by_hub(self, i2c, address, out, into, stop):
        board = self._board
        kernel = board.kernel
        self._sequence = self._sequence + 1 & 0xFF
        reads = 0 if into is None else 1
        head = struct.pack(TRANSFER, i2c.id, self._sequence, address, reads, 1 if stop else 0,
                           0 if into is None else len(into), i2c.bit_ns, i2c.timeout_us)
        self._answer = None
        board.emit(records.I2C_TRANSFER, head + bytes(out))
        limit = kernel.now + i2c.timeout_us + _GRACE_US
        while self._answer is None and kernel.now < limit:
            kernel.ask(limit)
        answer = self._answer
        if answer is None:
            return TIMEOUT
        if into is not None and answer[DONE_SIZE - 1] == OK:
            into[:] = answer[DONE_SIZE:]
        return answer[DONE_SIZE - 1]

    def _locally(self, i2c, address, out, into, stop):
        kernel = self._board.kernel
        bits = 10 + 9 * (len(out) + (0 if into is None else len(into)))
        for target in self._targets.values():
            if target.address == address:
                kernel.charge(bits * i2c.bit_ns // 1000)
                if into is None:
                    served = target.written(out)
                else:
                    served = target.read(into)
                if served and stop:
                    target.stopped()
                if not served:
                    kernel.charge(i2c.timeout_us)
                return OK if served else TIMEOUT
        kernel.charge(10 * i2c.bit_ns // 1000)
        return NACK

    def _done(self, time_us, data):
        if data[1] == self._sequence:
            self._answer = bytes(data)

    # --- target ---

    def listen(self, target):
        """The target, or its handler, is new."""
        self._targets[target.id] = target
        self._tell(target.id, target.address, target.bytewise)

    def leave(self, target):
        if self._targets.get(target.id) is target:
            del self._targets[target.id]
            self._tell(target.id, NOBODY, False)

    def _tell(self, peripheral, address, bytewise):
        self._board.emit(records.I2C_TARGET, struct.pack(TARGET, peripheral, address, 1 if bytewise else 0))
        self._board.kernel.stop_at(self._board.kernel.now)

    def _request(self, time_us, data):
        self._board.kernel.interrupt(self._serve, bytes(data))

    def _serve(self, request):
        """A transfer that another board began, or this board's own controller: in interrupts of this board."""
        peripheral, sequence, reads, count = struct.unpack_from(REQUEST, request)
        target = self._targets.get(peripheral)
        kernel = self._board.kernel
        early = 0
        data = b""
        if target is None:
            served = False
        elif reads:
            data = bytearray(count)
            served = target.read(data)
        else:
            served = target.written(memoryview(request)[REQUEST_SIZE:])
            early = kernel.now - target.room_at
        if served:
            target.stopped()  # a repeated START ends a transfer as STOP does
        head = struct.pack(SERVED, peripheral, sequence, 0 if served else 1, early)
        self._board.emit(records.I2C_SERVED, head + bytes(data))
        kernel.stop_at(kernel.now)


class _Far:
    """What a machine.I2C talks to on the wires: looks like a device model."""

    def __init__(self, wires, i2c, address, stop, last):
        self._wires = wires
        self._i2c = i2c
        self._address = address
        self._stop = stop
        self._last = last

    def write(self, data):
        self._wires.transfer(self._i2c, self._address, data, None, self._stop)

    def readinto(self, buf):
        self._wires.transfer(self._i2c, self._address, b"", memoryview(buf), self._last)
