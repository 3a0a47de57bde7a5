# AX.25 v2.2 unnumbered information (UI) frames, as every amateur packet receiver reads them.
#
#  byte   field
#   0     destination     6 characters, space padded, each << 1; then C 1 1 SSID(4) 0      3.12.2
#   7     source          the same, its last bit 1: the address field ends here            3.12.2
#  14     control 0x03    UI, P/F = 0                                                      4.3.3.6
#  15     PID 0xF0        no layer 3                                                       3.4
#  16     information     up to 256 bytes                                                  3.5
#  last 2 FCS             CRC-16/X.25 of all before it, low byte first                     3.8
#
# A command has C = 1 in the destination and C = 0 in the source (6.1.2). On the line: flag 0x7E, each byte least
# significant bit first, a 0 after five 1s between flags (3.6), then NRZI: a 0 changes the level, a 1 holds it.
from micropython import const

INFO_SIZE = const(256)  # 6.7.2.3: N1, the default length of an information field
FRAME_SIZE = const(16 + 256 + 2)

_HEADER = const(16)
_FLAG = const(0x7E)

# CRC-16/X.25, reflected polynomial 0x8408, four bits at a time: 32 bytes of table instead of 512.
_CRC = (
    0x0000, 0x1081, 0x2102, 0x3183, 0x4204, 0x5285, 0x6306, 0x7387,
    0x8408, 0x9489, 0xA50A, 0xB58B, 0xC60C, 0xD68D, 0xE70E, 0xF78F,
)  # fmt: skip


def fcs(data, size):
    """Frame check sequence of the first `size` bytes."""
    crc = 0xFFFF
    table = _CRC
    for i in range(size):
        crc ^= data[i]
        crc = crc >> 4 ^ table[crc & 15]
        crc = crc >> 4 ^ table[crc & 15]
    return crc ^ 0xFFFF


def address_into(buffer, offset, callsign, command, last):
    """Write seven bytes of address. callsign: "N0CALL" or "N0CALL-11"; ValueError when AX.25 cannot carry it."""
    call, dash, ssid = callsign.partition("-")
    number = 0
    if dash:
        if not 1 <= len(ssid) <= 2 or not _all_in(ssid, "0123456789") or int(ssid) > 15:
            raise ValueError("call sign %r: SSID is 0 to 15" % callsign)
        number = int(ssid)
    if not 1 <= len(call) <= 6 or not _all_in(call, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"):
        raise ValueError("call sign %r: one to six of A-Z and 0-9, then -SSID if any" % callsign)
    for i in range(6):
        buffer[offset + i] = (ord(call[i]) if i < len(call) else 0x20) << 1
    buffer[offset + 6] = (0x80 if command else 0) | 0x60 | number << 1 | (1 if last else 0)


def _all_in(text, characters):
    for character in text:
        if character not in characters:
            return False
    return True


class Frame:
    """One UI frame in a buffer of its own, from one station to another; only the information changes.

    ValueError: a call sign that AX.25 cannot carry.
    """

    def __init__(self, destination, source):
        self.buffer = bytearray(FRAME_SIZE)
        self.size = 0  # bytes of a complete frame; 0 = nothing to send
        self.info = memoryview(self.buffer)[_HEADER : _HEADER + INFO_SIZE]
        address_into(self.buffer, 0, destination, True, False)
        address_into(self.buffer, 7, source, False, True)
        self.buffer[14] = 0x03
        self.buffer[15] = 0xF0

    def close(self, info_size):
        """The first info_size bytes of .info are the message: append the FCS. ValueError when too long."""
        if not 0 <= info_size <= INFO_SIZE:
            raise ValueError("information of %d bytes, at most %d" % (info_size, INFO_SIZE))
        end = _HEADER + info_size
        check = fcs(self.buffer, end)
        self.buffer[end] = check & 0xFF
        self.buffer[end + 1] = check >> 8
        self.size = end + 2


class Line:
    """The levels on the line, one bit at a time: flags, the frames with stuffing, flags, all in NRZI.

    frames: Frame objects, those of size 0 are passed over. before, between, after: flags around them (a receiver's
    clock and squelch need some before the first; one flag may end one frame and begin the next).
    """

    def __init__(self, frames, before=45, between=8, after=4):
        self._frames = frames
        self._before = before
        self._between = between
        self._after = after
        self.restart()

    def restart(self):
        """Begin again with the first frame."""
        self._frame = -1  # index of the frame on the line; -1 = flags before the first
        self._flags = self._before
        self._data = None
        self._size = 0
        self._at = 0
        self._byte = 0
        self._left = 0  # bits of _byte not yet sent
        self._ones = 0  # 1s in a row, to stuff after five
        self._level = 0

    def next(self):
        """The next level, 0 or 1; -1 at the end."""
        if self._ones == 5 and self._data is not None:
            self._ones = 0  # the stuffed 0, due also after a frame's very last bit (3.6)
            self._level ^= 1
            return self._level
        if not self._left and not self._load():
            return -1
        bit = self._byte & 1
        self._byte >>= 1
        self._left -= 1
        if bit:
            self._ones += 1
        else:
            self._ones = 0
            self._level ^= 1
        return self._level

    def _load(self):
        # The next byte: of the frame, of the flags that follow it, or of the next frame.
        self._left = 8
        if self._data is not None:
            if self._at < self._size:
                self._byte = self._data[self._at]
                self._at += 1
                return True
            self._data = None
            self._flags = self._between if self._following() else self._after
        if not self._flags:
            self._frame += 1
            while self._frame < len(self._frames) and not self._frames[self._frame].size:
                self._frame += 1
            if self._frame >= len(self._frames):
                self._left = 0
                return False
            frame = self._frames[self._frame]
            self._data = frame.buffer
            self._size = frame.size
            self._byte = self._data[0]
            self._at = 1
            self._ones = 0
            return True
        self._flags -= 1
        self._byte = _FLAG
        self._ones = 0
        return True

    def _following(self):
        for i in range(self._frame + 1, len(self._frames)):
            if self._frames[i].size:
                return True
        return False
