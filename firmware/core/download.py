# A file on its way from the board: the blocks that one request names, as many replies, as fast as the link takes them.
#
#  byte  type  field            reply to file_get
#   0    6                      core/commands.py: opcode, sequence, ACCEPTED
#   6    u16   index
#   8    n     data             BLOCK bytes; the last block of a file has what is left
#
# Big-endian. Nothing is remembered between requests, so a reset of the board costs the rest of one request.
import os
import struct
from core import ports
from core.command_codes import ACCEPTED, BUSY, STORAGE
from core.commands import REPLY_LAYOUT, REPLY_SIZE, Refused
from micropython import const

BLOCK = const(202)         # bytes: a reply of one block is 220, the largest payload of a radio frame
WINDOW = const(64)         # blocks that one request can name
WANTED = const(8)          # bytes of their bits
BUFFER = const(210)

_TRIES = const(20)         # of all blocks of a request, while the bus has no room
_GAP_LEAST_MS = const(5)


class Download:
    """One request at a time. buffer: memoryview of BUFFER bytes, used within calls only. sent, unsent: blocks."""

    def __init__(self, board, buffer):
        self._board = board
        self._buffer = buffer
        self._request = None
        self._file = None
        self._path = ""
        self._wanted = bytearray(WANTED)
        self._base = self._at = self._size = self._gap_ms = self._tries = 0
        self.sent = self.unsent = 0

    def begin(self, request, path, gap_ms, base, wanted):
        """Sends blocks base + k with bit k of wanted. Refused: somebody else is being served."""
        if self._request is not None and self._request.src != request.src:
            raise Refused(BUSY)
        self._end(True)  # who asks anew has given up what was
        self._wanted[:] = wanted
        self._gap_ms = max(gap_ms, _GAP_LEAST_MS)
        self._base = base
        self._at = self._tries = 0
        self._size = os.stat(path)[6]
        self._path = path
        self._request = request

    def step(self):
        """Sends the next block: milliseconds until the one after it, None when there is none."""
        request = self._request
        if request is None:
            return None
        k = self._at
        while k < WINDOW and not self._wanted[k >> 3] >> (k & 7) & 1:
            k += 1
        self._at = k
        index = self._base + k
        if k == WINDOW or index * BLOCK >= self._size or self._tries >= _TRIES:
            self._end(True)
            return None
        buffer = self._buffer
        try:
            if self._file is None:
                self._file = open(self._path, "rb")
            self._file.seek(index * BLOCK)
            count = self._file.readinto(buffer[REPLY_SIZE + 2 : REPLY_SIZE + 2 + BLOCK])
        except OSError:
            self._end(False)
            return None
        struct.pack_into(REPLY_LAYOUT, buffer, 0, request.opcode, request.sequence, ACCEPTED)
        struct.pack_into(">H", buffer, REPLY_SIZE, index)
        packet = buffer[: REPLY_SIZE + 2 + count]
        if self._board.node.send(request.src, request.sport, packet, ports.COMMAND):
            self.sent += 1
            self._at += 1
        else:  # no room in the bus's queue
            self.unsent += 1
            self._tries += 1
        return self._gap_ms

    def _end(self, good):
        request = self._request
        self._request = None
        if self._file is not None:
            self._file.close()
            self._file = None
        if request is None:
            return
        if good:
            request.complete(struct.pack(">I", self._size))
        else:
            request.fail(STORAGE)
