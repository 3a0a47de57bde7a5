# The AIS receiver: sentences from its UART into the table of ships, and what is new in the table onto the bus.
import asyncio
from array import array

from core import ports, settings
from core.clock import Every
from core.record import SCRATCH
from micropython import const

from sensor import ais, drops, event_codes, nmea, records, ships
from sensor.compact import PARAMETERS

_LOOK_MS = const(400)    # 1,536 bytes at 38,400 baud, less than parts.AIS_RXBUF
_PACKETS = const(2)
_TYPES = const(28)
_POSITIONS = const(14)   # records of a packet: 232 bytes
_STATIC = const(4)       # 236 bytes
_FULL_AGAIN_S = const(3_600)


class Receiver:
    """uart: machine.UART whose reads never wait, or None. rxbuf: its buffer, bytes.

    types: messages by type, at 0 those beyond 27, which is the highest. full: how often the UART's buffer was found
    full, so that bytes were lost.
    """

    def __init__(self, board, uart, rxbuf):
        self._board = board
        self._uart = uart
        self._rxbuf = rxbuf
        self._report = [0] * 8
        self.types = array("I", (0 for _ in range(_TYPES)))
        self.ships = ships.Ships()
        self._params = settings.of(board, PARAMETERS)
        self.ships.resend_s = self._params.get("ships_again")
        self._params.on_change("ships_again", self._resend)
        self.nmea = nmea.Receiver(self._message)
        self.full = 0
        longest = max(_POSITIONS * records.POSITION_SIZE, _STATIC * records.STATIC_SIZE)
        self._packet = bytearray(records.HEADER_SIZE + longest)
        self._view = memoryview(self._packet)
        self._unsent = 0  # bytes of the packet that the bus did not take
        self._sequence = 0
        self.packets = 0
        self._evicted = 0  # when it was told that the table is full
        self._full_s = 0   # from then on it may be told again

    async def run(self, checkin):
        """The task: reads what came, tells what is new."""
        every = Every(_LOOK_MS)
        now_ms = 0
        send_s = 0
        while True:
            checkin()
            if self._uart is not None:
                if self._uart.any() >= self._rxbuf - 1:
                    self.full += 1
                while True:
                    count = self._uart.readinto(SCRATCH)
                    if not count:
                        break
                    self.nmea.feed(SCRATCH, count, now_ms)
                    if count < len(SCRATCH):
                        break
                    await asyncio.sleep_ms(0)  # 512 bytes at a time; in between, others run
            self.nmea.expire(now_ms)
            if self._board.uptime_s >= send_s:
                send_s = self._board.uptime_s + self._params.get("ships_period")
                for _ in range(_PACKETS):
                    if not self.tell():
                        break
            await asyncio.sleep_ms(every.ms())
            now_ms = (now_ms + _LOOK_MS) & 0x3FFFFFFF

    def _resend(self, seconds):
        self.ships.resend_s = seconds

    def _message(self, sixes, bits, channel, own):
        kind = sixes[0]
        self.types[kind if kind < _TYPES else 0] += 1
        now_s = self._board.uptime_s
        if ais.is_position(kind):
            if not ais.position(sixes, bits, self._report):
                self.nmea.dropped[drops.LENGTH] += 1
                return
            self.ships.position(self._report, now_s)
        if kind == 5 or kind == 24 or kind == 19:
            try:
                self.ships.static(sixes, bits, now_s)
            except ValueError:
                self.nmea.dropped[drops.PART if kind == 24 and bits >= 160 else drops.LENGTH] += 1

    def tell(self):
        """Sends a packet of records. False when there is nothing to tell, or the bus does not take it now."""
        size = self._unsent or self._fill()
        if not size:
            return False
        if not self._board.node.send(ports.ADDRESSES["ground"], ports.SHIPS, self._view[:size]):
            self._unsent = size
            return False
        self._unsent = 0
        self.packets += 1
        return True

    def tell_full(self):
        """Tells that the table of ships is full, when ships gave way to others, once an hour."""
        evicted = self.ships.evicted
        if evicted != self._evicted and self._board.uptime_s >= self._full_s:
            self._evicted = evicted
            self._full_s = self._board.uptime_s + _FULL_AGAIN_S
            self._board.event(event_codes.SHIPS_FULL, evicted, self.ships.unsent)

    def _fill(self):
        """The next packet: its size, or 0."""
        table = self.ships
        at = records.HEADER_SIZE
        kind = records.STATIC
        count = table.take_static(self._packet, at, _STATIC)
        size = at + count * records.STATIC_SIZE
        if not count:
            kind = records.POSITIONS
            count = table.take_positions(self._packet, at, _POSITIONS, self._board.uptime_s)
            size = at + count * records.POSITION_SIZE
        if not count:
            return 0
        self._sequence = (self._sequence + 1) & 0xFFFF
        records.pack_header(self._packet, kind, count, self._sequence, self._board.mission_s)
        return size
