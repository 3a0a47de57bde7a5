# Commands of a board: one door and one check (DESIGN, "Trust"). Who may command: core/keys.py; what: *_table.py.
#
#  byte  type  field             request, to port COMMAND
#   0    u8    key slot          of the commander; UNSIGNED_SLOT: no MAC follows
#   1    u32   sequence          of the slot; unsigned: any, the reply repeats it
#   5    16    MAC               only with a key slot: core/mac.py
#   +0   u8    opcode
#   +1   n     arguments         core/arguments.py
#
#  byte  type  field             reply, to the sender's port
#   0    u8    opcode
#   1    u32   sequence          of the request
#   5    u8    status            ACCEPTED (more follows), COMPLETED, REFUSED (nothing was done), FAILED
#   6    n     data              COMPLETED: what the command returns; REFUSED, FAILED: reason u8, detail u8
#
# All big-endian. Unsigned commands come by the bus only: those that READ from anyone, others from boards of this
# satellite. A request whose sequence was used is never run again; the newest one of a slot gets its reply again.
import asyncio
import struct
from core import arguments, ports
from core import command_codes as codes
from core.event_codes import COMMAND_REFUSED
from core.lines import position
from core.record import SCRATCH
from csp.output import NO_REPLY
from csp.packet import DATA
from micropython import const

UNSIGNED_SLOT = const(255)
UNSIGNED_SIZE = const(5)   # bytes before the opcode
SIGNED_SIZE = const(21)
HEADER = ">BI"             # of both
REPLY_SIZE = const(6)      # bytes before the data
REPLY_LAYOUT = ">BIB"
REPLY_LAST = const(252)    # bytes of a packet with CRC
PENDING = object()         # returned by a handler that answers later

_REQUESTS = const(4)       # that may be pending at a time
_LONGEST_S = const(600)    # that a pending one may take before its place is given away
_NAME = const(1)           # positions in a command's line
_ARGUMENTS = const(2)
_FLAGS = const(3)
_INSIDE = tuple([ports.ADDRESSES[role] for role in ("eps", "beacon", "sensor", "obc")])


class Refused(Exception):
    """From a handler: nothing was changed. reason: of command_table.REASONS; detail: u8, what the reason says."""

    def __init__(self, reason, detail=0):
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Failed(Refused):
    """From a handler: it was begun, and did not succeed."""


class Request:
    """One command that is being done. A handler that returns PENDING keeps it, and must end it once."""

    def __init__(self, door):
        self._door = door
        self.src = 0
        self.sport = NO_REPLY
        self.slot = UNSIGNED_SLOT
        self.sequence = 0
        self.opcode = 0
        self.free = True
        self.due_s = 0

    @property
    def signed(self):
        """A key slot stands behind it, in place of a board of this satellite."""
        return self.slot != UNSIGNED_SLOT

    def complete(self, data=b""):
        """It succeeded. data: up to 246 bytes."""
        if not self.free:
            self._door.answer(self, codes.COMPLETED, data)
            self.free = True

    def fail(self, reason, detail=0):
        """It did not succeed."""
        if not self.free:
            self._door.answer(self, codes.FAILED, bytes((reason, detail)))
            self.free = True


class Commands:
    """Takes commands from port COMMAND and hands them to whoever handles them.

    done, refused: counted since boot; refusals: by reason, below COUNTED.
    """

    def __init__(self, board):
        self._board = board
        self._table = board.dictionary.commands
        self._services = [self]
        self._opcodes = bytearray(len(self._table))
        self._flags = bytearray(len(self._table))
        for k, line in enumerate(self._table):
            self._opcodes[k] = line[0]
            self._flags[k] = line[_FLAGS]
        self._known = (-1, "", ())  # of the command that came last: position, its method, its arguments
        self._requests = [Request(self) for _ in range(_REQUESTS)]
        self._reply = memoryview(SCRATCH)[:REPLY_LAST]
        self.done = 0
        self.refused = 0
        self.refusals = [0] * codes.COUNTED
        if board.keys is not None:
            self.add(board.keys)
        self._hk_at = board.table.index("next_seq")
        board.before_hk(self._tell)
        board.node.bind(ports.COMMAND, self._on_packet)

    def _tell(self):
        hk = self._board.hk
        at = self._hk_at
        hk[at] = None if self._board.keys is None else self._board.keys.next(0)
        hk[at + 1] = self.done & 0x7FFF
        hk[at + 2] = self.refused & 0x7FFF

    def add(self, service):
        """A service does commands: do_NAME(values, request) the one of this name, whose arguments are `values`.

        It returns bytes for the reply or None, or PENDING, or raises Refused or Failed. Who was added first does it.
        """
        self._services.append(service)

    def position(self, name):
        """Place of a command in the dictionary. KeyError: there is none of this name."""
        return position(self._table, _NAME, name)

    def encode(self, name, *values):
        """opcode and arguments, as run() takes them. KeyError: no such command; ValueError: wrong arguments."""
        line = self._table[self.position(name)]
        return bytes((line[0],)) + arguments.pack(line[_ARGUMENTS], values)

    def run(self, body):
        """Do a command of this board's own: opcode and arguments. Returns (status, reason or 0)."""
        request = self._free()
        if request is None:
            return codes.REFUSED, codes.BUSY
        request.src = self._board.address
        request.sport = NO_REPLY
        request.slot = UNSIGNED_SLOT
        request.sequence = 0
        status, data = self._do(request, memoryview(body))
        return status, data[0] if status >= codes.REFUSED else 0

    # --- packets ---

    def _on_packet(self, packet):
        size = packet.size
        node = self._board.node
        if size <= UNSIGNED_SIZE or packet.dst == node.broadcast_address:
            self.refuse(codes.FORM, packet.src, UNSIGNED_SLOT)
            return
        data = packet.data
        slot, sequence = struct.unpack_from(HEADER, data, 0)
        start = UNSIGNED_SIZE if slot == UNSIGNED_SLOT else SIGNED_SIZE
        if size <= start:
            self.refuse(codes.FORM, packet.src, slot)
            return
        request = self._free()
        if request is None:
            self._turn_away(packet, data[start], sequence, slot, codes.BUSY)
            return
        request.src = packet.src
        request.sport = packet.sport
        request.slot = slot
        request.sequence = sequence
        body = data[start:]
        reason = self._may(packet, slot, body[0])
        if reason == codes.REPEATED:
            self.refuse(reason, packet.src, slot)
            again = self._board.keys.reply_of(slot, sequence)
            if again is not None:
                if packet.sport != NO_REPLY:
                    node.send(packet.src, packet.sport, again, ports.COMMAND)
                return
        if reason:
            self._turn_away(packet, body[0], sequence, slot, reason, reason != codes.REPEATED)
            return
        status, result = self._do(request, body)
        self.answer(request, status, result)

    def _may(self, packet, slot, opcode):
        # 0 when the packet's sender may command this, or the reason why not.
        if slot != UNSIGNED_SLOT:
            keys = self._board.keys
            return codes.ABSENT if keys is None else keys.admit(packet)
        if packet.interface is not None and packet.interface.border is not None:
            return codes.UNSIGNED
        at = self._opcodes.find(bytes((opcode,)))
        if at >= 0 and self._flags[at] & codes.READ or packet.src in _INSIDE:
            return 0
        return codes.UNSIGNED

    def _turn_away(self, packet, opcode, sequence, slot, reason, count=True):
        if count:
            self.refuse(reason, packet.src, slot)
        if packet.sport == NO_REPLY:
            return
        buffer = packet.buffer
        struct.pack_into(REPLY_LAYOUT, buffer, DATA, opcode, sequence, codes.REFUSED)
        buffer[DATA + REPLY_SIZE] = reason
        buffer[DATA + REPLY_SIZE + 1] = 0
        packet.size = REPLY_SIZE + 2
        self._board.node.reply(packet)

    def refuse(self, reason, src, slot):
        """Counts a refusal."""
        self.refused += 1
        if reason < codes.COUNTED:
            self.refusals[reason] += 1
        if self._board.events is not None:
            self._board.events.emit(COMMAND_REFUSED, reason, src << 8 | slot)

    # --- doing ---

    def _free(self):
        now = self._board.clock.seconds
        for request in self._requests:
            if not request.free and now > request.due_s:
                request.fail(codes.TIMEOUT)
            if request.free:
                return request
        return None

    def _do(self, request, body):
        # (status, data of the reply); the request is free again unless it is pending.
        request.opcode = body[0]
        request.due_s = self._board.clock.seconds + _LONGEST_S
        request.free = False
        pending = False
        try:
            result = self._call(request, body)
            if result is PENDING:
                pending = True
                return codes.ACCEPTED, b""
            self.done += 1
            return codes.COMPLETED, b"" if result is None else result
        except Refused as error:
            status = codes.FAILED if isinstance(error, Failed) else codes.REFUSED
            reason, detail = error.reason, error.detail
        except arguments.BadLength:
            status, reason, detail = codes.REFUSED, codes.LENGTH, 0
        except arguments.BadValue as error:
            status, reason, detail = codes.REFUSED, codes.ARGUMENT, error.args[0]
        except Exception as error:  # one bad handler must not stop the door
            self._board.survive("command", error)
            status, reason, detail = codes.FAILED, codes.ERROR, 0
        finally:
            request.free = not pending
        self.refuse(reason, request.src, request.slot)
        return status, bytes((reason, detail))

    def _call(self, request, body):
        at = self._opcodes.find(bytes((body[0],)))
        if at < 0:
            raise Refused(codes.OPCODE)
        if self._known[0] != at:
            line = self._table[at]
            self._known = (at, "do_" + line[_NAME], line[_ARGUMENTS])
        _, method, fields = self._known
        for service in self._services:
            does = getattr(service, method, None)
            if does is not None:
                return does(arguments.unpack(fields, body[1:]), request)
        raise Refused(codes.ABSENT)

    def answer(self, request, status, data):
        """Sends a reply and keeps it, so that a repeated request gets it again."""
        size = len(data)
        reply = self._reply[: REPLY_SIZE + size]
        struct.pack_into(REPLY_LAYOUT, reply, 0, request.opcode, request.sequence, status)
        reply[REPLY_SIZE:] = data
        if request.slot != UNSIGNED_SLOT:
            self._board.keys.keep_reply(request.slot, request.sequence, reply)
        if request.sport != NO_REPLY:
            self._board.node.send(request.src, request.sport, reply, ports.COMMAND)

    def do_noop(self, values, request):
        return values[0]

    def do_refusals(self, values, request):
        answer = bytearray(8 + 2 * codes.COUNTED)
        struct.pack_into(">II", answer, 0, self.done, self.refused)
        for k in range(codes.COUNTED):
            struct.pack_into(">H", answer, 8 + 2 * k, min(self.refusals[k], 0xFFFF))
        return answer

    def do_reset(self, values, request):
        asyncio.create_task(self._board.reset_after(lambda: None, 1))  # the reply leaves first
