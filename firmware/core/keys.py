# Who may command: key slots, their sequence numbers, and how a closed slot is opened (DESIGN, "Trust").
#
#  byte  type  field            record "keys" 0, four times: what was promised
#   0    u16   generation       of the key to which the number belongs
#   2    u32   reserved         no number from here on was used
#
#  byte  type  field            record "keys" 1, four times; the file: the same and a CRC-32 (binascii.crc32) of it
#   0    u16   generation       rotations of this key
#   2    32    key              all zero: the slot is empty
#
# All big-endian. The file is written when the board is provisioned; of record and file the higher generation counts,
# and each is mended from the other. Where a file FRESH stands beside it, what the record holds is forgotten: keys that
# were rotated, and those of slots that are empty now, would live on.
# A number is promised before it is used, AHEAD numbers at a time and in both copies of the record: after a power cut
# the slot goes on with `reserved`, and so it does when a bit of one copy has flipped.
# A promise that cannot be read closes the slot, and one that cannot be kept too. A closed slot shows a challenge;
# slot_recover, whose MAC covers it, opens the slot, and tells the number to go on with. If the memory does not take
# that, the slot opens nevertheless, and the file MARK closes all slots at the next boot: the record is out of date.
import os
import struct
from binascii import crc32
from core import mac, ports, record
from core import command_codes as codes
from core.event_codes import KEY_SLOT
from core.commands import HEADER, SIGNED_SIZE, UNSIGNED_SIZE, Failed, Refused
from core.window import Window
from csp.border import Border
from csp.packet import DATA, FLAG_CRC32
from micropython import const

SLOTS = ("ground_a", "ground_b", "bench", "spare")
PATH = "/keys.bin"
MARK = "/keys.open"
FRESH = ".fresh"           # behind the file's name
CHALLENGE = const(8)       # bytes
STATUS = ">BHI8s"          # of each slot, from the command slots: state, generation, next number, challenge
STATUS_SIZE = const(15)
EMPTY, SHUT, OPEN, UNKEPT = const(0), const(1), const(2), const(3)  # UNKEPT: open, with nothing in memory
STATES = ("empty", "closed", "open", "open until reset")

_AHEAD = const(64)
_FORGED_EACH_S = const(16)   # wrong MACs a second, then no more is looked at
_RADIO_EACH_S = const(20)    # MACs a second that the radio's border computes: 10 ms of work
_REMEMBERED = const(64)      # bytes of a reply that are kept
_COUNTER = ">HI"
_COUNTER_SIZE = const(6)
_KEY = ">H32s"
_ENTRY = const(34)
_TABLE = const(136)          # four entries
_COUNTERS = const(24)
_CRC_SIZE = const(4)
_NO_KEY = bytes(mac.KEY_SIZE)


class _Slot:
    def __init__(self):
        self.generation = 0
        self.key = _NO_KEY
        self.pads = None
        self.window = Window()
        self.reserved = 0
        self.state = EMPTY
        self.challenge = None
        self.replied = -1      # number of the newest command
        self.reply = memoryview(bytearray(_REMEMBERED))
        self.reply_size = 0

    def load(self, generation, key):
        self.generation = generation
        self.key = bytes(key)
        self.pads = None if self.key == _NO_KEY else mac.pads(key)
        self.shut()

    def shut(self):
        self.state = EMPTY if self.pads is None else SHUT
        self.challenge = None if self.pads is None else os.urandom(CHALLENGE)

    def open(self, following, state=OPEN):
        self.window.start(following)
        self.reserved = following
        self.state = state
        self.challenge = None
        self.replied = -1


class Keys:
    """Checks signed commands. Made before the commands. count: of slots."""

    count = len(SLOTS)

    def __init__(self, board, path=PATH, mark=MARK):
        self._board = board
        self._path = path
        self._mark = mark
        self._slots = tuple([_Slot() for _ in SLOTS])
        self._counters = board.record("keys", _COUNTERS)
        self._table = board.record("keys", _TABLE, record.space(_COUNTERS))
        self._head = bytearray(mac.HEAD_SIZE)
        self._forged_left = _FORGED_EACH_S
        self._radio_left = _RADIO_EACH_S
        self._load_keys()
        self._load_counters()
        board.on_second(self._second)

    def next(self, slot):
        """The next acceptable number of a slot, None while it is closed or empty."""
        one = self._slots[slot]
        return one.window.next if one.state >= OPEN else None

    def challenge(self, slot):
        """What slot_recover must bring, None unless the slot is closed."""
        return self._slots[slot].challenge

    # --- checking ---

    def admit(self, packet):
        """0 and its number is used, or the reason why this signed command may not be done.

        packet: without CRC, longer than SIGNED_SIZE, so that there is an opcode.
        """
        buffer = packet.buffer
        slot, number = struct.unpack_from(HEADER, buffer, DATA)
        if slot >= len(SLOTS) or self._slots[slot].pads is None:
            return codes.NO_KEY
        if self._forged_left == 0:
            return codes.TOO_MANY
        one = self._slots[slot]
        if not self._is_signed(packet, packet.size, slot, number):
            self._forged_left -= 1
            return codes.FORGED
        if buffer[DATA + SIGNED_SIZE] == codes.SLOT_RECOVER:
            return 0 if one.state == SHUT else codes.STATE
        if one.state == SHUT:
            # so that a challenge is told by radio
            return 0 if buffer[DATA + SIGNED_SIZE] == codes.SLOT_STATUS else codes.CLOSED
        reason = one.window.check(number)
        if reason:
            return reason
        if number >= one.reserved and not self._reserve(slot, number + _AHEAD):
            return codes.STORAGE
        one.window.take(number)
        if number == one.window.next - 1:
            one.replied = -1
        return 0

    def authentic(self, packet):
        """For csp.border: True for a command from the radio that is signed and not repeated. Nothing is kept.

        packet: with its CRC. A command for another board is checked there once more, against its own numbers.
        """
        size = packet.size - _CRC_SIZE
        if packet.dport != ports.COMMAND or packet.flags != FLAG_CRC32 or size <= SIGNED_SIZE or not self._radio_left:
            return False
        slot, number = struct.unpack_from(HEADER, packet.buffer, DATA)
        if slot >= len(SLOTS) or self._slots[slot].pads is None:
            return False
        self._radio_left -= 1
        if not self._is_signed(packet, size, slot, number):
            return False
        if packet.dst != self._board.address:
            return True
        one = self._slots[slot]
        opcode = packet.buffer[DATA + SIGNED_SIZE]
        if one.state == SHUT or opcode == codes.SLOT_RECOVER:
            return one.state == SHUT and (opcode == codes.SLOT_RECOVER or opcode == codes.SLOT_STATUS)
        reason = one.window.check(number)
        return reason == 0 or reason == codes.REPEATED and number == one.replied

    def border(self):
        """The border of a radio interface: csp.border.Border."""
        return Border(ports.ADDRESSES["ground"], self.authentic)

    def _is_signed(self, packet, size, slot, number):
        mac.head_into(self._head, packet.src, packet.dst, packet.dport, packet.sport, slot, number)
        view = memoryview(packet.buffer)
        tag = mac.hmac(self._slots[slot].pads, self._head, view[DATA + SIGNED_SIZE : DATA + size])
        return mac.same(tag, view[DATA + UNSIGNED_SIZE : DATA + SIGNED_SIZE])

    def vouches(self, slot, data, tag):
        """True when tag is the MAC over data by the slot's key: of what may be shown again, as an image's manifest.

        data must not begin as a command's MAC does: with an address.
        """
        if slot >= len(SLOTS) or self._slots[slot].pads is None:
            return False
        return mac.same(mac.hmac(self._slots[slot].pads, data, b""), tag)

    def reply_of(self, slot, number):
        """The reply to the newest command of a slot, None when it was another one or too long to keep."""
        one = self._slots[slot]
        return one.reply[: one.reply_size] if number == one.replied else None

    def keep_reply(self, slot, number, reply):
        """Remembers it for a commander whom it did not reach."""
        one = self._slots[slot]
        size = len(reply)
        if number != one.window.next - 1 or size > _REMEMBERED:
            return
        one.reply[:size] = reply
        one.reply_size = size
        one.replied = number

    def _second(self):
        self._forged_left = _FORGED_EACH_S
        self._radio_left = _RADIO_EACH_S

    # --- numbers ---

    def _reserve(self, slot, reserved):
        # Promises the numbers below `reserved`; False, and the slot is closed, when nothing keeps the promise.
        one = self._slots[slot]
        unkept = one.state == UNKEPT
        before = one.reserved
        saved = False
        try:
            one.reserved = reserved
            saved = self._save_counters()
        finally:
            if not saved and not unkept:
                one.reserved = before
                one.shut()
        if saved != unkept:
            return True
        self._change(slot)
        return unkept

    def _save_counters(self):
        for k, one in enumerate(self._slots):
            # of a slot that is closed nothing is promised
            known = one.state >= OPEN
            struct.pack_into(
                _COUNTER,
                self._counters.data,
                k * _COUNTER_SIZE,
                one.generation if known else 0xFFFF,
                min(one.reserved, 0xFFFFFFFF) if known else 0xFFFFFFFF,
            )
        for _ in range(2):  # both copies: with one of them spoiled, the other is no older promise
            if not self._counters.save():
                return False
        for one in self._slots:
            if one.state == UNKEPT:
                one.state = OPEN
        _remove(self._mark)
        return True

    def _load_counters(self):
        if _exists(self._mark):
            return  # numbers were used that the record does not know
        if not self._counters.load():
            return
        for k, one in enumerate(self._slots):
            generation, reserved = struct.unpack_from(_COUNTER, self._counters.data, k * _COUNTER_SIZE)
            if one.pads is not None and generation == one.generation and reserved < 0xFFFFFFFF:
                one.open(reserved)

    def _change(self, slot):
        one = self._slots[slot]
        if self._board.events is not None:
            self._board.events.emit(KEY_SLOT, slot, one.state)

    # --- keys ---

    def _load_keys(self):
        file = self._from_file()
        fresh = file is not None and _exists(self._path + FRESH)
        for table in (file, self._table.data if self._table.load() and not fresh else None):
            if table is None:
                continue
            for k, one in enumerate(self._slots):
                generation, key = struct.unpack_from(_KEY, table, k * _ENTRY)
                if one.pads is None or generation > one.generation:
                    one.load(generation, key)
        if self._save_table() and fresh:
            _remove(self._path + FRESH)
        if file is None or file[:_TABLE] != self._table.data:
            for one in self._slots:
                if one.pads is not None:
                    self._write_file()
                    break

    def _from_file(self):
        try:
            with open(self._path, "rb") as file:
                data = file.read(_TABLE + _CRC_SIZE + 1)
        except OSError:
            return None
        if len(data) != _TABLE + _CRC_SIZE or struct.unpack_from(">I", data, _TABLE)[0] != crc32(data[:_TABLE]):
            self._board.fault()
            return None
        return data

    def _save_table(self):
        # True when the record holds the keys.
        before = bytes(self._table.data)
        self._pack_table()
        return self._table.data == before or self._table.save()

    def _pack_table(self):
        for k, one in enumerate(self._slots):
            struct.pack_into(_KEY, self._table.data, k * _ENTRY, one.generation, one.key)

    def _write_file(self):
        data = bytes(self._table.data)
        try:
            with open(self._path + ".new", "wb") as file:
                file.write(data)
                file.write(struct.pack(">I", crc32(data)))
            os.rename(self._path + ".new", self._path)
            return True
        except OSError:
            return False

    # --- commands ---

    def do_slots(self, values, request):
        answer = bytearray(STATUS_SIZE * len(SLOTS))
        for k, one in enumerate(self._slots):
            challenge = one.challenge or bytes(CHALLENGE)
            following = min(one.window.next, 0xFFFFFFFF)
            struct.pack_into(STATUS, answer, k * STATUS_SIZE, one.state, one.generation, following, challenge)
        return answer

    def do_slot_recover(self, values, request):
        if not request.signed:
            raise Refused(codes.UNSIGNED)
        following, challenge = values
        slot = request.slot
        one = self._slots[slot]
        if one.state != SHUT:
            raise Refused(codes.STATE)
        if bytes(challenge) != one.challenge or following < one.window.next:
            raise Refused(codes.CONTENT)
        one.open(following)
        if not self._save_counters():
            one.state = UNKEPT
            try:
                open(self._mark, "wb").close()
            except OSError:
                pass
        self._change(slot)
        return bytes((one.state,))

    def do_key_rotate(self, values, request):
        if not request.signed:
            raise Refused(codes.UNSIGNED)
        slot, generation = values
        one = self._slots[slot]
        if generation != one.generation + 1:
            raise Refused(codes.STATE)
        before = one.generation, one.key
        one.load(generation, mac.rotated(self._slots[request.slot].pads, slot, generation))
        saved = self._save_table()
        if not self._write_file() and not saved:
            one.load(*before)
            self._pack_table()
            raise Failed(codes.STORAGE)
        one.open(0)
        if not self._save_counters():
            one.shut()
        self._change(slot)
        return bytes((one.state,))


def _exists(path):
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def _remove(path):
    try:
        os.remove(path)
    except OSError:  # it was not there
        pass
