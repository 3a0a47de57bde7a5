# The two pipes between a virtual board and the hub. Little-endian.
#
# Board to hub, when it must wait:           Hub to board, a grant of time:
#  byte  type  field                          byte  type  field
#   0    u64   now, board's us                 0    u64   now, board's us
#   8    u64   wake at, NEVER = not by itself  8    u64   horizon: may run until then by itself
#  16    u32   bytes of records that follow   16    u32   bytes of records that follow
#
# Record:  0  u64  time, board's us   8  u8  kind (dragonet.flatsat.devices.records)   9  u16  length   11  data
import struct

HEADER = "<QQI"
HEADER_SIZE = 20
RECORD = "<QBH"
RECORD_SIZE = 11
_OUT_BYTES = 8192
_IN_BYTES = 8192


class Link:
    """deliver(time_us, kind, data) is called for each record from the hub, data valid only during the call."""

    def __init__(self, reader, writer, deliver):
        self._reader = reader
        self._writer = writer
        self._deliver = deliver
        self._out = bytearray(_OUT_BYTES)
        self._out_view = memoryview(self._out)
        self._used = HEADER_SIZE
        self._header = bytearray(HEADER_SIZE)
        self._waiting = 0
        self._in = memoryview(bytearray(_IN_BYTES))

    def put(self, time_us, kind, data):
        """Keep a record for the next exchange. False when there is no room: the caller must exchange first."""
        size = len(data)
        at = self._used
        if at + RECORD_SIZE + size > _OUT_BYTES:
            return False
        struct.pack_into(RECORD, self._out, at, time_us, kind, size)
        at += RECORD_SIZE
        self._out[at : at + size] = data
        self._used = at + size
        return True

    def exchange(self, now_us, wake_us):
        """Tell the hub and wait for its grant: (now, horizon) in board's us. Its records wait for deliver()."""
        struct.pack_into(HEADER, self._out, 0, now_us, wake_us, self._used - HEADER_SIZE)
        self._writer.write(self._out_view[: self._used])
        self._used = HEADER_SIZE
        if self._reader.readinto(self._header) != HEADER_SIZE:
            raise SystemExit  # the hub has gone: so does the board
        now_us, horizon_us, self._waiting = struct.unpack(HEADER, self._header)
        if self._waiting:
            self._reader.readinto(self._in[: self._waiting])
        return now_us, horizon_us

    def deliver(self):
        """Hand over the records that came with the last grant."""
        records = self._in
        at = 0
        size, self._waiting = self._waiting, 0
        while at < size:
            time_us, kind, length = struct.unpack_from(RECORD, records, at)
            at += RECORD_SIZE
            self._deliver(time_us, kind, records[at : at + length])
            at += length
