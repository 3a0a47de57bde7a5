# A file on its way to the board: blocks in any order, over any number of passes and resets (DESIGN, "Storage").
#
# Blocks wait in a window of FRAM, each in the slot index % WINDOW, until the first RUN of them are there: those are
# appended to a hidden file at once (littlefs copies a file's last block for each append: one erase for 16 blocks, in
# place of 16). So whatever the status shows is kept: the file's length tells how far it is, the slots tell the rest.
#
#  byte  type  field            a slot
#   0    u8    session
#   1    u16   index
#   3    n     data             BLOCK bytes; the last block of a file has what is left
#   3+n  u32   CRC-32           IEEE 802.3 (binascii.crc32) over bytes 0 .. 3+n, begun with the first bytes of the hash
#
#  byte  type  field            record "files"
#   0    u8    state            NONE, RECEIVING, DONE
#   1    u8    session          counts uploads
#   2    u32   size             bytes of the file
#   6    32    hash             its SHA-256
#   38   u8    n                bytes of the name
#   39   n     name
#
#  byte  type  field            status
#   0    u8    session
#   1    u8    state
#   2    u16   base             blocks on flash: all before this one are there
#   4    u8    window           blocks from base on that are taken now
#   5    6     here             bit k (LSB first): block base + k is here
#
# All big-endian. Without FRAM the window is WINDOW_RAM blocks in RAM: slower, and a reset forgets them.
import os
import struct
from binascii import crc32
from core import layout
from core.command_codes import STATE, STORAGE
from core.commands import Refused
from micropython import const

BLOCK = const(185)         # bytes: a signed command of one block is 220, the largest payload of a radio frame
WINDOW = const(48)
WINDOW_RAM = const(5)
RUN = const(16)
STATUS_SIZE = const(11)
HASH_SIZE = const(32)
NAME_LAST = const(32)
SIZE_LAST = const(0xFFFF * 185)
NONE, RECEIVING, DONE = const(0), const(1), const(2)
HIDDEN = "/.upload"

_HERE = const(5)
_HEAD = ">BH"
_HEAD_SIZE = const(3)
_SLOT = const(192)
_RECORD = ">BBI32sB"
_NAME_AT = const(39)
_RECORD_SIZE = const(71)
_FAILURES = const(3)


class _Ram:
    """A window where there is no FRAM."""

    def __init__(self):
        self._bytes = bytearray(WINDOW_RAM * _SLOT)

    def read_into(self, address, buffer):
        buffer[:] = self._bytes[address : address + len(buffer)]

    def write(self, address, data):
        self._bytes[address : address + len(data)] = data


class Upload:
    """One file being received into `folder`. buffer: memoryview of _SLOT bytes or more, used within calls only.

    session, state, size, base (blocks): see above. repeated, outside, broken: blocks that were not used, and why.
    """

    def __init__(self, board, folder, buffer):
        self._folder = folder
        self._hidden = folder + HIDDEN
        self._buffer = buffer
        self._record = board.record("files", _RECORD_SIZE)
        if board.fram is not None:
            self._memory, self._address, self.window = board.fram, layout.region("window")[0], WINDOW
        else:
            self._memory, self._address, self.window = _Ram(), 0, WINDOW_RAM
        self._bits = bytearray((WINDOW + 7) // 8)  # bit index % window: the block is in its slot
        self._status = bytearray(STATUS_SIZE)
        self._file = None
        self._at = self._end = 0                   # blocks being appended
        self._failures = 0
        self.state, self.session, self.size, self.base = NONE, 0, 0, 0
        self.repeated = self.outside = self.broken = 0
        self._load()

    @property
    def blocks(self):
        """Of the whole file."""
        return (self.size + BLOCK - 1) // BLOCK

    @property
    def hidden(self):
        """Path of what was received so far."""
        return self._hidden

    def hash(self):
        """SHA-256 that the file must have."""
        return bytes(self._record.data[6:38])

    def name(self):
        """Its name when it is whole."""
        data = self._record.data
        return bytes(data[_NAME_AT : _NAME_AT + data[38]]).decode()

    def is_for(self, size, digest, name):
        """True when this is what is being received, or was received last."""
        return self.state != NONE and size == self.size and digest == self.hash() and name == self.name()

    def begin(self, size, digest, name):
        """A new file comes; what was begun before is dropped. Refused: the memory does not take it."""
        self.drop()
        session = self.session + 1 & 0xFF
        self._save(RECEIVING, session, size, digest, name)
        for k in range(len(self._bits)):
            self._bits[k] = 0
        self.base = 0

    def finish(self):
        """The file is whole and has its name."""
        self._save(DONE, self.session, self.size, self.hash(), self.name())

    def drop(self):
        """Forgets what was begun."""
        self._close()
        if self.state == RECEIVING:
            self._save(NONE, self.session, 0, bytes(HASH_SIZE), "")
        self.base = 0
        try:
            os.remove(self._hidden)
        except OSError:  # there was none
            pass

    def take(self, session, index, data):
        """A block arrived. Refused: it is not of this upload, or the memory does not take it."""
        if self.state != RECEIVING or session != self.session or index >= self.blocks:
            raise Refused(STATE)
        if len(data) != self._length(index):
            raise Refused(STATE, 1)
        if index >= self.base + self.window:
            self.outside += 1
            return
        if index < self.base or self.has(index):
            self.repeated += 1
            return
        count = len(data)
        buffer = self._buffer
        struct.pack_into(_HEAD, buffer, 0, session, index)
        buffer[_HEAD_SIZE : _HEAD_SIZE + count] = data
        struct.pack_into(">I", buffer, _HEAD_SIZE + count, self._crc(count))
        try:
            self._memory.write(self._slot(index), buffer[: _HEAD_SIZE + count + 4])
        except OSError:
            raise Refused(STORAGE)
        self._mark(index, True)

    def status(self):
        """STATUS_SIZE bytes."""
        status = self._status
        struct.pack_into(">BBHB", status, 0, self.session, self.state, self.base, self.window)
        for k in range(_HERE, STATUS_SIZE):
            status[k] = 0
        if self.state == RECEIVING:
            for k in range(min(self.window, self.blocks - self.base)):
                if self.has(self.base + k):
                    status[_HERE + k // 8] |= 1 << k % 8
        return status

    def step(self):
        """Appends one block, or begins or ends a run: True while there is more to do. Ask may_write() before."""
        if self.state != RECEIVING:
            return False
        try:
            if self._file is None:
                return self._begin_run()
            if self._at < self._end:
                self._append()
            else:
                self._close()
        except OSError:
            self._fail()
        return True

    # Inside.

    def _begin_run(self):
        end = self.base
        while end < self.blocks and end < self.base + self.window and self.has(end):
            end += 1
        least = min(RUN, self.window)
        if end == self.base or end - self.base < least and end < self.blocks:
            return False
        self._at, self._end = self.base, min(end, self.base + RUN)
        self._file = open(self._hidden, "ab")
        return True

    def _append(self):
        index = self._at
        count = self._length(index)
        if self._read(index, count):
            self._file.write(self._buffer[_HEAD_SIZE : _HEAD_SIZE + count])
            self._at += 1
        else:
            self.broken += 1
            self._mark(index, False)
            self._end = index

    def _close(self):
        # What was appended is kept from here on.
        file = self._file
        if file is None:
            return
        self._file = None
        file.close()
        for index in range(self.base, self._at):
            self._mark(index, False)
        self.base = self._at
        self._failures = 0

    def _fail(self):
        # The flash did not take it: what it did take tells how to go on.
        self._failures += 1
        try:
            if self._file is not None:
                self._file.close()
        except OSError:
            pass
        self._file = None
        if self._failures >= _FAILURES or not self._measure():
            self.drop()

    def _load(self):
        if not self._record.load():
            return
        self.state, self.session, self.size = struct.unpack_from(">BBI", self._record.data, 0)
        if self.state != RECEIVING:
            return
        if not self._measure():
            self.drop()
            return
        for index in range(self.base, min(self.blocks, self.base + self.window)):
            try:
                self._mark(index, self._read(index, self._length(index)))
            except OSError:
                return

    def _measure(self):
        # How far the hidden file is; False when it is not a number of whole blocks.
        try:
            size = os.stat(self._hidden)[6]
        except OSError:
            size = 0
        self.base = self.blocks if size == self.size else size // BLOCK
        return size == self.size or size < self.size and size % BLOCK == 0

    def _save(self, state, session, size, digest, name):
        # Refused: the memory does not take it. Without FRAM it is kept in RAM only.
        name = name.encode()
        data = self._record.data
        struct.pack_into(_RECORD, data, 0, state, session, size, digest, len(name))
        data[_NAME_AT : _NAME_AT + len(name)] = name
        if not self._record.save() and self.window == WINDOW:
            self.state = NONE
            raise Refused(STORAGE)
        self.state, self.session, self.size = state, session, size

    def _length(self, index):
        return min(BLOCK, self.size - index * BLOCK)

    def _slot(self, index):
        return self._address + index % self.window * _SLOT

    def _read(self, index, count):
        # True when the buffer holds this block, whole and of this upload.
        buffer = self._buffer
        end = _HEAD_SIZE + count
        self._memory.read_into(self._slot(index), buffer[: end + 4])
        if struct.unpack_from(_HEAD, buffer, 0) != (self.session, index):
            return False
        return struct.unpack_from(">I", buffer, end)[0] == self._crc(count)

    def _crc(self, count):
        return crc32(self._buffer[: _HEAD_SIZE + count], struct.unpack_from(">H", self._record.data, 6)[0])

    def has(self, index):
        """True when this block waits in its slot."""
        k = index % self.window
        return self._bits[k >> 3] >> (k & 7) & 1

    def _mark(self, index, here):
        k = index % self.window
        if here:
            self._bits[k >> 3] |= 1 << (k & 7)
        else:
            self._bits[k >> 3] &= ~(1 << (k & 7)) & 0xFF
