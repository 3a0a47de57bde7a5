# What a board keeps of its own housekeeping: a packet each minute, staged in FRAM, moved to a log on flash (DESIGN,
# "Storage").
#
#  byte  type  field            an entry, in the FRAM ring behind a u8 with its length, in the log as core/log.py says
#   0    u32   table            hash of the telemetry.Set it was packed by
#   4    u32   time             s since 2000-01-01 UTC; 0: the board did not know it
#   8    n     packet           housekeeping, as it is broadcast
#
# Big-endian. Ring and log share the sequence, so after any cut the entries still to be moved are those that the log
# lacks; a reset forgets none. A dead FRAM leaves one packet in ten minutes, written to the log at once.
#
# Wear (W25Q16JV: 100,000 erases a block; tests/host/test_store_wear.py counts them on littlefs): PER_FLUSH packets
# each ten minutes copy the log's last block, 144 erases a day, and the directory's blocks take half as many again.
# Over two years the 160 blocks of a Pico's file system see 930 erases each, the worst of them 1,500; with half of the
# file system full of other files 1,900, the worst 5,400.
import os
import struct
from core import event_codes, layout
from core.command_codes import STATE, STORAGE
from core.commands import Refused
from core.log import Log
from core.ring import Ring
from micropython import const

FOLDER = "/log"
SEGMENT_BYTES = const(16_384)
SEGMENTS = const(12)       # 192 kB: 20 hours of the largest housekeeping, 2.5 days of the beacon's
PER_FLUSH = const(10)

_PERIOD_S = const(60)
DATA = const(160)          # of an entry in the ring: length, table, time, packet
ENTRY_HEAD = const(8)
_HEAD = const(9)
_FOUND = const(4)          # the ring's sequence stands before it
_STATUS = ">IIHHHHII"


class Store:
    """board.store. lost: packets that were overwritten before flash took them. deferred: flushes that had to wait."""

    def __init__(self, board, root=""):
        self._board = board
        self._root = root or "/"
        address, room = layout.region("log")
        self.ring = Ring(board.fram, address, room, DATA)
        self.log = Log(root + FOLDER, SEGMENT_BYTES, SEGMENTS)
        self._opened = False
        self._due_s = 0
        self._unstaged = 0
        self.flushes = 0
        self.lost = 0
        self.deferred = 0
        self.errors = 0
        board.after_hk(self.keep)
        board.commands.add(self)

    def may_write(self):
        """False while this board's radio transmits: an erase stops the processor for 45 ms, and the FIFO runs dry."""
        return not self._board.transmitting

    def keep(self, packet):
        """Each housekeeping packet; one a minute is kept."""
        now = self._board.uptime_s
        if now < self._due_s or len(packet) > DATA - _HEAD:
            return
        self._due_s = now - now % _PERIOD_S + _PERIOD_S
        if not self._opened:
            self._open()
        ring = self.ring
        clock = self._board.time
        utc = clock.seconds if clock is not None and clock.synchronised else 0
        struct.pack_into(">BII", ring.data, 0, ENTRY_HEAD + len(packet), self._board.table.hash, utc)
        ring.data[_HEAD : _HEAD + len(packet)] = packet
        if ring.append():
            if ring.next - 1 - self.log.last >= PER_FLUSH:
                self.flush()
            return
        self._unstaged += 1
        if self._unstaged % PER_FLUSH == 1:
            self._write_newest()

    def flush(self):
        """Moves what is staged to flash: True when nothing is left to move."""
        if not self._opened:
            self._open()
        ring = self.ring
        log = self.log
        first = log.last + 1
        if first >= ring.next:
            return True
        if not self.may_write():
            self.deferred += 1
            return False
        if ring.oldest > first:
            self._lose(ring.oldest - first)
            first = ring.oldest
        try:
            log.begin(first)
            for sequence in range(first, ring.next):
                if ring.read(sequence):
                    log.put(sequence, ring.found[_FOUND + 1 : _FOUND + 1 + min(ring.found[_FOUND], DATA - 1)])
                else:
                    self._lose(1)
            log.end(ring.next - 1)
        except OSError:
            self._fail()
            return False
        self.flushes += 1
        return True

    def do_store_status(self, values, request):
        """Answer: u32 last sequence on flash + 1, u32 staged up to here, u16 flushes, u16 lost,
        u16 deferred, u16 errors, u32 bytes free, u32 bytes of the file system."""
        free, size = space(self._root)
        return struct.pack(
            _STATUS, self.log.last + 1, self.ring.next, self.flushes & 0xFFFF, min(self.lost, 0xFFFF),
            min(self.deferred, 0xFFFF), min(self.errors, 0xFFFF), min(free, 0xFFFFFFFF), min(size, 0xFFFFFFFF),
        )  # fmt: skip

    # Inside.

    def _open(self):
        self._opened = True
        try:
            self.log.open()
        except OSError:
            self._fail()
        self.ring.open()
        if self.ring.next <= self.log.last:  # the FRAM lost what it had: go on behind what flash holds
            self.ring.next = self.log.last + 1

    def _write_newest(self):
        # Without FRAM: the packet that the ring did not take, by the sequence it would have had.
        ring = self.ring
        log = self.log
        if not self.may_write():
            self.deferred += 1
            return
        try:
            log.begin(ring.next - 1)
            log.put(ring.next - 1, ring.data[1 : 1 + ring.data[0]])
            log.end(ring.next - 1)
        except OSError:
            self._fail()
            return
        self.flushes += 1

    def do_store_flush(self, values, request):
        if not self.flush():
            raise Refused(STATE if not self.may_write() else STORAGE)
        return self.do_store_status(values, request)

    def _lose(self, count):
        self.lost += count
        self._board.event(event_codes.LOG_LOST, count, self.lost)

    def _fail(self):
        self.errors += 1
        self.log.failed()


def space(folder):
    """(bytes free, bytes in all) of the file system there; (0, 0) when it does not answer."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0, 0
    return found[1] * found[4], found[1] * found[2]
