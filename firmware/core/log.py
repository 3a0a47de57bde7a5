# A log on littlefs: entries with a CRC each in segment files of bounded size, the oldest of which is deleted (DESIGN,
# "Storage").
#
#  byte  type  field            each entry
#   0    u8    0xA7
#   1    u8    n                bytes of data
#   2    u32   sequence
#   6    n     data
#   6+n  u32   CRC-32           IEEE 802.3 (binascii.crc32) over bytes 0 .. 6+n
#
# All big-endian. A segment's name is the sequence of its first entry in eight hex digits, so names sort by age.
# littlefs takes an append as a whole when the file is closed, or not at all. A segment that does not end with a whole
# entry is left as it is, and the next append begins another one.
import os
import struct
from binascii import crc32
from micropython import const

OVERHEAD = const(10)  # bytes of an entry beside its data
LARGEST = const(170)  # bytes of data

_MARK = const(0xA7)
_HEADER = ">BBI"
_HEADER_SIZE = const(6)
_NAME = const(8)
_WALK = const(8)      # entries that verify() looks at before it lets others work


class Log:
    """Entries in `segments` files of about `segment_bytes` in `folder`, which append() makes.

    last: sequence of the newest entry, -1 when there is none. errors: appends that failed.
    """

    def __init__(self, folder, segment_bytes, segments):
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._segments = segments
        self._buffer = memoryview(bytearray(LARGEST + OVERHEAD))
        self._current = None   # name of the segment that is appended to
        self._size = 0
        self._file = None
        self.last = -1
        self.errors = 0

    def open(self):
        """Finds the newest entry."""
        names = self.names()
        while names:
            name = names.pop()
            self.last = int(name, 16) - 1
            self._current = name
            self._size = os.stat(self._path(name))[6]
            for _ in self._walk(name):
                pass
            if self.last >= int(name, 16):
                break
            self._current = None  # nothing in it is readable

    def names(self):
        """Segments, oldest first."""
        try:
            found = os.listdir(self._folder)
        except OSError:
            return []
        return sorted([name for name in found if len(name) == _NAME and _is_hex(name)])

    def room(self):
        """Bytes that the log may still grow by before it deletes."""
        used = 0
        for name in self.names():
            used += os.stat(self._path(name))[6]
        return max(0, (self._segments + 1) * self._segment_bytes - used)

    def begin(self, sequence):
        """Entries from this sequence on are to be put. OSError: the flash does not take them."""
        if self._current is None or self._size >= self._segment_bytes:
            self._make_room()
            self._current = "%08x" % sequence
            self._size = 0
        self._file = open(self._path(self._current), "ab")

    def put(self, sequence, data):
        """One entry of up to LARGEST bytes; it is kept when end() was reached. OSError: as begin()."""
        size = len(data)
        buffer = self._buffer
        end = _HEADER_SIZE + size
        struct.pack_into(_HEADER, buffer, 0, _MARK, size, sequence)
        buffer[_HEADER_SIZE:end] = data
        struct.pack_into(">I", buffer, end, crc32(buffer[:end]))
        self._file.write(buffer[: end + 4])

    def end(self, sequence):
        """Entries up to this one are kept. OSError: none is."""
        file = self._file
        self._file = None
        file.close()
        self._size = os.stat(self._path(self._current))[6]
        self.last = sequence

    def failed(self):
        """After an OSError: what is there is looked at again, and another segment begun."""
        self.errors += 1
        try:
            if self._file is not None:
                self._file.close()
        except OSError:
            pass
        self._file = None
        self._current = None

    def verify(self):
        """Generator: looks at every entry; yields now and then: 0, or minus the number of broken ones since."""
        for name in self.names():
            broken = 0
            count = 0
            try:
                for good in self._walk(name):
                    broken -= not good
                    count += 1
                    if count % _WALK == 0:
                        yield broken
                        broken = 0
            except OSError:  # deleted meanwhile
                pass
            yield broken

    def _walk(self, name):
        # Generator: True for each whole entry of a segment, False for a broken one; `last` follows what is whole.
        buffer = self._buffer
        at = 0
        with open(self._path(name), "rb") as file:
            while True:
                file.seek(at)  # the buffer may have been used meanwhile
                count = file.readinto(buffer)
                if not count:
                    return
                end = _HEADER_SIZE + buffer[1]
                if count < _HEADER_SIZE or buffer[0] != _MARK or count < end + 4:
                    if name == self._current:
                        self._size = self._segment_bytes  # it does not end with a whole entry: no more goes in
                    yield False
                    return
                good = struct.unpack_from(">I", buffer, end)[0] == crc32(buffer[:end])
                if good:
                    self.last = max(self.last, struct.unpack_from(">I", buffer, 2)[0])
                at += end + 4
                yield good

    def _make_room(self):
        names = self.names()
        if not names:
            try:
                os.mkdir(self._folder)
            except OSError:  # it is there
                pass
        for k in range(len(names) - self._segments + 1):
            os.remove(self._path(names[k]))

    def _path(self, name):
        return "%s/%s" % (self._folder, name)


def unpack(data):
    """List of (sequence, data) of a segment's whole entries; a broken one is left out, and what follows a torn one."""
    found = []
    at = 0
    while at + OVERHEAD <= len(data) and data[at] == _MARK:
        end = at + _HEADER_SIZE + data[at + 1]
        if end + 4 > len(data):
            break
        if struct.unpack_from(">I", data, end)[0] == crc32(data[at:end]):
            found.append((struct.unpack_from(">I", data, at + 2)[0], bytes(data[at + _HEADER_SIZE : end])))
        at = end + 4
    return found


def _is_hex(name):
    try:
        return int(name, 16) >= 0
    except ValueError:
        return False
