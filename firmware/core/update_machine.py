# The update's states and what leads from one to the other (DESIGN, "Update"). Every call is legal in some states and
# changes nothing in the others; what a power cut leaves behind is one of the states again.
#
#   state        begin     put, keep   verify      activate  confirm    abort        choose
#   IDLE         RECEIVING  -           -           -         -          -            other slot or golden
#   RECEIVING    the same:  RECEIVING   VERIFIED    -         -          IDLE         -
#                goes on                or blocks 0
#   VERIFIED     the same:  -           VERIFIED    TRIAL     -          IDLE         -
#                goes on
#   TRIAL        -          -           -           -         CONFIRMED  IDLE, reset  -
#   CONFIRMED    RECEIVING  -           -           -         CONFIRMED  -            other slot or golden
#
# - is Refused(STATE). The guard counts the boots of a trial. Only the slot that neither runs nor is the one to boot
# next is ever written.
import sys
from core import update_record as kept
from core.command_codes import BUSY, CONTENT, LENGTH, NO_ROOM, NOT_FOUND, STATE, STORAGE
from core.commands import Failed, Refused
from core.manifest import BODY, Manifest
from core.record import SCRATCH
from core.slots import GOLDEN, PAGE
from micropython import const

BLOCK = const(128)     # bytes of a put: with the command around it, it fits a radio frame of 220 bytes

# Details of Refused(CONTENT): what of the manifest does not fit this board.
NO_MANIFEST, ROLE, TARGET, MPY, UID, EMPTY, BASE = const(1), const(2), const(3), const(4), const(5), const(6), const(7)
DETAILS = ("", "no manifest", "for another role", "for another target", "for another MicroPython",
           "for another board", "no image, or no time for its trial", "stands on another golden app")  # fmt: skip
_ARCHITECTURE = const(0xFC00)  # of mpy


class Machine:
    """state: update_record.State. open_slot(number): core.slots.Slot. running: slot that runs, or GOLDEN.

    role, uid: of this board.
    """

    def __init__(self, state, open_slot, running, role, uid):
        self.state = state
        self.running = running
        self.role = role
        self.uid = uid
        self._open = open_slot
        self._slot = None
        self._manifest = None
        self._page = memoryview(SCRATCH)[:PAGE]
        self._erased = False           # the erase block that is being received
        self.here = bytearray(4)       # bit n (LSB first): block n of it is here
        if not state.load():
            state.clear()

    # --- what is known ---

    def manifest(self):
        """The Manifest of the image that is being received or tried, or None."""
        if self.state.other == GOLDEN:
            return None
        if self._manifest is None:
            self._manifest = self.state.manifest(self.state.other)
        return self._manifest

    def window(self):
        """(first byte of the erase block that is being received, its bytes that belong to the image)."""
        manifest = self.manifest()
        if manifest is None:
            return 0, 0
        block = self.slot().block
        start = self.state.blocks * block
        return start, max(0, min(block, manifest.length - start))

    def slot(self, number=None):
        """The Slot that is being received, or slot `number`. Refused(NOT_FOUND): this board has none."""
        number = self.state.other if number is None else number
        if self._slot is None or self._slot.number != number:
            try:
                self._slot = self._open(number)
            except (ImportError, OSError):
                raise Refused(NOT_FOUND)
        return self._slot

    def free_slot(self):
        """The slot that may be written. Refused(BUSY): a reset to the other slot is due."""
        running, active = self.running, self.state.active
        if running == GOLDEN:
            running = active
        if active == GOLDEN:
            active = running
        if running != active:
            raise Refused(BUSY)
        return 1 - running if running != GOLDEN else 0

    # --- receiving ---

    def check(self, data):
        """Manifest of `data` when this board may take it. Refused(CONTENT, what) or Refused(NO_ROOM) otherwise."""
        try:
            manifest = Manifest(data)
        except ValueError:  # UnicodeError is one
            raise Refused(CONTENT, NO_MANIFEST)
        mpy = getattr(sys.implementation, "_mpy", 6)
        native = manifest.mpy & _ARCHITECTURE
        if manifest.role != self.role:
            raise Refused(CONTENT, ROLE)
        if manifest.target != sys.platform:
            raise Refused(CONTENT, TARGET)
        if (manifest.mpy ^ mpy) & (0xFFFF if native else 0xFF):
            raise Refused(CONTENT, MPY)
        if manifest.uid != b"\0" * 8 and manifest.uid != self.uid:
            raise Refused(CONTENT, UID)
        if not manifest.length or not manifest.trial_min:
            raise Refused(CONTENT, EMPTY)
        slot = self.slot(self.free_slot())
        if not slot.carries(manifest):
            raise Refused(CONTENT, BASE)
        if manifest.length > slot.size:
            raise Refused(NO_ROOM)
        return manifest

    def begin(self, data):
        """An image with this manifest comes. The same one that was begun before goes on where it was."""
        state = self.state
        if state.state == kept.TRIAL:
            raise Refused(STATE)
        manifest = self.check(data)
        if state.state in (kept.RECEIVING, kept.VERIFIED):
            if bytes(state.entry(state.other)) != bytes(data[:BODY]):
                raise Refused(BUSY)
            return
        number = self.free_slot()
        before = bytes(state.record.data)
        fields = state.state, state.good
        state.state = kept.RECEIVING
        state.other = number
        state.blocks = 0
        state.good &= ~(1 << number)
        state.entry(number)[:] = data[:BODY]
        if not state.save():
            state.record.data[:] = before
            state.state, state.good = fields
            state.other = GOLDEN
            raise Failed(STORAGE)
        self._manifest = manifest
        self._start_block()

    def put(self, offset, data):
        """One block of the image: BLOCK bytes at a multiple of BLOCK, the last one what is left. Any order within the
        erase block that is being received; blocks that are here already are no error.
        """
        self._must_be(kept.RECEIVING)
        start, size = self.window()
        if offset % BLOCK or len(data) != min(BLOCK, self.manifest().length - offset):
            raise Refused(LENGTH)
        if offset < start:
            return
        if offset >= start + size:
            raise Refused(BUSY)
        number = (offset - start) // BLOCK
        byte, bit = number >> 3, 1 << (number & 7)
        if self.here[byte] & bit:
            return
        slot = self.slot()
        page = self._page
        try:
            if not self._erased:
                slot.erase(start)
                self._erased = True
            at = offset % PAGE
            for k in range(PAGE):
                page[k] = 0xFF
            page[at : at + len(data)] = data
            slot.program(offset - at, page)
            slot.read_into(offset - at, page)
        except OSError:
            raise Failed(STORAGE)
        if page[at : at + len(data)] != data:
            self._start_block()  # it does not read as written: erase again
            raise Failed(STORAGE)
        self.here[byte] |= bit
        if self._all_here(size):
            self._next_block()

    def keep(self, offset, crc):
        """The erase block at offset holds what the image has there, if its CRC-32 says so: it need not be sent."""
        self._must_be(kept.RECEIVING)
        start, size = self.window()
        if offset < start:
            return
        if offset != start or not size or self._erased:
            raise Refused(BUSY)
        if self.slot().crc(start, size) != crc:
            raise Refused(CONTENT)
        self._next_block()

    def complete(self):
        """True when every block is here."""
        return self.state.state == kept.RECEIVING and self.window()[1] == 0

    def may_verify(self):
        """Refused unless the image is here, and this board has what it stands on."""
        if self.state.state != kept.VERIFIED and not self.complete():
            raise Refused(STATE)
        if not self.slot().carries(self.manifest()):
            raise Refused(CONTENT, BASE)

    def judge(self, digest):
        """digest: SHA-256 of the slot as it reads now. Failed(CONTENT): it is not the image; all blocks are due again,
        those that are right may be kept.
        """
        self.may_verify()
        state = self.state
        good = digest == self.manifest().digest
        if good and state.state == kept.VERIFIED:
            return
        state.state = kept.VERIFIED if good else kept.RECEIVING
        if not good:
            state.blocks = 0
            self._start_block()
        saved = state.save()
        if not good:
            raise Failed(CONTENT)
        if not saved:
            state.state = kept.RECEIVING
            raise Failed(STORAGE)

    # --- trial ---

    def activate(self):
        """From the next boot on the image is on trial: the caller resets the board."""
        self._must_be(kept.VERIFIED)
        state = self.state
        boots = state.boots
        state.state = kept.TRIAL
        state.boots = 0
        if not state.save():
            state.state = kept.VERIFIED
            state.boots = boots
            raise Failed(STORAGE)

    def confirm(self):
        """The slot that is on trial, and runs, is the one to boot from now on."""
        state = self.state
        if state.state == kept.CONFIRMED and self.running == state.active:
            return
        self._must_be(kept.TRIAL)
        if self.running != state.other:
            raise Refused(STATE)
        before = state.active, state.other, state.boots, state.result, state.good
        state.state = kept.CONFIRMED
        state.active = state.other
        state.other = GOLDEN
        state.boots = 0
        state.result = kept.CONFIRMED_IT
        state.good |= 1 << state.active
        if not state.save():
            state.state = kept.TRIAL
            state.active, state.other, state.boots, state.result, state.good = before
            raise Failed(STORAGE)

    def abort(self, result=kept.ABORTED):
        """Ends the update. True when the board must be reset, since what runs was on trial."""
        state = self.state
        if state.state not in (kept.RECEIVING, kept.VERIFIED, kept.TRIAL):
            raise Refused(STATE)
        reset = self.running == state.other
        before = state.state, state.other, state.blocks, state.boots, state.result
        state.end(result)
        if not state.save():
            state.state, state.other, state.blocks, state.boots, state.result = before
            raise Failed(STORAGE)
        self._manifest = None
        return reset

    def choose(self, number):
        """From the next boot on slot `number`, which was confirmed once, or GOLDEN: the caller resets the board."""
        state = self.state
        if state.state not in (kept.IDLE, kept.CONFIRMED):
            raise Refused(STATE)
        if number != GOLDEN and (number > 1 or not state.good & 1 << number):
            raise Refused(NOT_FOUND)
        before = state.active, state.boots, state.result, state.state
        state.state = kept.IDLE
        state.active = number
        state.boots = 0
        state.result = kept.CHOSEN
        if not state.save():
            state.active, state.boots, state.result, state.state = before
            raise Failed(STORAGE)

    def healthy(self):
        """What runs stays up: boots before it no longer count. A trial has its own end."""
        state = self.state
        boots = state.boots
        if boots and state.state != kept.TRIAL and self.running == state.active != GOLDEN:
            state.boots = 0
            if not state.save():
                state.boots = boots  # again in a second

    # --- helpers ---

    def _must_be(self, wanted):
        if self.state.state != wanted:
            raise Refused(STATE)

    def _start_block(self):
        self._erased = False
        for k in range(len(self.here)):
            self.here[k] = 0

    def _all_here(self, size):
        for number in range((size + BLOCK - 1) // BLOCK):
            if not self.here[number >> 3] & 1 << (number & 7):
                return False
        return True

    def _next_block(self):
        # A save that fails costs at a reset what was received since the last one.
        self.state.blocks += 1
        self._start_block()
        self.state.save()
