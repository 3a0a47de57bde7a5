# The update service: a new image for the free slot, its trial and confirmation (DESIGN, "Update"). States and rules:
# core/update_machine.py; what boots: guard.py; the image's manifest: core/manifest.py.
#
#  command           arguments              reply
#  update_status     -                      status: core/update_status.py
#  update_board      -                      what an image must fit: there too
#  update_begin      manifest               status; the manifest's MAC is checked against the commander's key
#  update_block      offset u32, data       window u32, here 4: see the status
#  update_keep       offset u32, CRC u32    the same: this erase block of the slot is right already
#  update_verify     -                      status, when the slot was read back and hashed
#  update_activate   -                      -; the board resets into the trial
#  update_confirm    -                      status; what runs on trial is kept
#  update_abort      -                      status; a trial ends with a reset
#  update_choose     slot u8                -; the board resets into a slot that was confirmed once, or golden (255)
#  update_push       node u8, path          status; a file of this board, manifest and image, goes to another board
import asyncio
import struct
import sys
import guard
import machine
from core import update_record as kept
from core.command_codes import ABSENT, BUSY, FORGED, STORAGE
from core.commands import PENDING, Failed, Refused
from core.manifest import BODY, MAC, SIGNED, WHOLE
from core.slots import GOLDEN, open_slot
from core.update_machine import Machine
from core.update_status import BOARD, NO_PUSH, PUSHING, STATUS
from micropython import const

HEALTHY_S = const(600)     # a confirmed slot that runs so long stays up
_RESET_S = const(2)        # from the reply to the reset
_HASH = const(50)          # where the manifest's hash stands
_VERSION = const(34)
_UID = const(8)


class Update:
    """board: core.board.Board with its commands."""

    def __init__(self, board):
        self._board = board
        self.uid = (machine.unique_id() + b"\0" * _UID)[:_UID]
        record = kept.make(board.fram)
        self.machine = Machine(kept.State(record), open_slot, guard.running, board.role, self.uid)
        self.push = NO_PUSH
        self.pushed = 0
        self._reset_in_s = -1
        self._hashing = None
        self._scrubbing = None
        self._block_reply = memoryview(bytearray(8))
        board.commands.add(self)
        if getattr(board, "scrub", None) is not None:
            board.scrub.add(self._scrub)
        self._hk = board.table.index("slot")
        board.before_hk(self._report)
        board.on_second(self._second)

    # --- what is told ---

    @property
    def state(self):
        """Index into core.update_record.STATES."""
        return self.machine.state.state

    def _report(self):
        hk = self._board.hk
        hk[self._hk] = 2 if self.machine.running == GOLDEN else self.machine.running
        hk[self._hk + 1] = self.state

    def seconds_left(self):
        """To confirm the trial that runs; 0 when none does."""
        if self.machine.state.state != kept.TRIAL or self.machine.running != self.machine.state.other:
            return 0
        return max(1, self.machine.manifest().trial_min * 60 - self._board.uptime_s)

    def status(self):
        """The status, packed."""
        machine = self.machine
        state = machine.state
        manifest = machine.manifest()
        start, size = machine.window()
        length = manifest.length if manifest is not None else 0
        version = bytes(state.entry(machine.running)[_VERSION : _VERSION + 16]) if machine.running != GOLDEN else b""
        return struct.pack(
            STATUS, state.state, machine.running, state.active, state.other, state.boots, state.result, state.good,
            self.push, start if size else length, bytes(machine.here), length, self.seconds_left(), self.pushed,
            bytes(state.entry(0)[_HASH : _HASH + 8]), bytes(state.entry(1)[_HASH : _HASH + 8]), version,
        )  # fmt: skip

    def do_update_board(self, values, request):
        """What an image must fit, packed."""
        size = block = 0
        base = WHOLE
        try:
            slot = open_slot(0)
            size, block, base = slot.size, slot.block, slot.base
        except (ImportError, OSError):
            pass
        mpy = getattr(sys.implementation, "_mpy", 0) & 0xFFFF
        return struct.pack(BOARD, self._board.role.encode(), sys.platform.encode(), mpy, self.uid, size, block, base)

    # --- commands ---

    def do_update_status(self, values, request):
        return self.status()

    def do_update_begin(self, values, request):
        data = values[0]
        self._idle()
        self.machine.check(data)
        self._authentic(data)
        self.machine.begin(data[:BODY])
        return self.status()

    def _authentic(self, data):
        keys = getattr(self._board, "keys", None)
        if keys is None:
            raise Refused(ABSENT)
        if not keys.vouches(data[SIGNED - 1], data[:SIGNED], data[SIGNED : SIGNED + MAC]):
            raise Refused(FORGED)

    def do_update_block(self, values, request):
        self._idle()
        if self._board.transmitting:  # flash holds the interrupts off: its FIFO would run dry
            raise Refused(BUSY)
        self.machine.put(values[0], values[1])
        return self._here()

    def do_update_keep(self, values, request):
        self._idle()
        self.machine.keep(values[0], values[1])
        return self._here()

    def _here(self):
        machine = self.machine
        start, size = machine.window()
        struct.pack_into(">I", self._block_reply, 0, start if size else machine.manifest().length)
        self._block_reply[4:] = machine.here
        return self._block_reply

    def do_update_verify(self, values, request):
        self._idle()
        self.machine.may_verify()
        self._hashing = asyncio.create_task(self._hash(request))
        return PENDING

    async def _hash(self, request):
        # An erase block at a time, so that the bus and the others run in between.
        machine = self.machine
        try:
            slot = machine.slot()
            for _ in slot.hashing(machine.manifest().length):
                await asyncio.sleep_ms(0)
            machine.judge(slot.digest)
        except Refused as error:
            request.fail(error.reason, error.detail)
            return
        except OSError:
            request.fail(STORAGE)
            return
        finally:
            self._hashing = None
        request.complete(self.status())

    def do_update_activate(self, values, request):
        self._idle()
        self.machine.activate()
        self._reset_in_s = _RESET_S

    def do_update_confirm(self, values, request):
        self.machine.confirm()
        self._event(kept.CONFIRMED_IT)
        return self.status()

    def do_update_abort(self, values, request):
        self._idle()
        if self.machine.abort():
            self._reset_in_s = _RESET_S
        return self.status()

    def do_update_choose(self, values, request):
        self._idle()
        self.machine.choose(values[0])
        self._reset_in_s = _RESET_S

    def do_update_push(self, values, request):
        from core.update_push import Push

        if self.push == PUSHING:
            raise Refused(BUSY)
        job = Push(self, self._board, values[0], values[1])
        self.push = PUSHING
        self.pushed = 0
        asyncio.create_task(job.run())
        return self.status()

    def _idle(self):
        if self._hashing is not None:
            raise Refused(BUSY)

    # --- daily ---

    def _scrub(self):
        # A step of the scrub: 0 go on, -1 a slot's image has changed, None all was looked at. The guard falls back.
        if self._scrubbing is None:
            self._scrubbing = self._check_slots()
        found = next(self._scrubbing, None)
        if found is None:
            self._scrubbing = None
        return found

    def _check_slots(self):
        state = self.machine.state
        for number in (0, 1):
            if not state.good & 1 << number:
                continue
            slot = open_slot(number)
            manifest = state.manifest(number)
            for _ in slot.hashing(manifest.length):
                yield 0
            yield 0 if slot.digest == manifest.digest else -1

    # --- each second ---

    def _second(self):
        uptime_s = self._board.uptime_s
        if guard.result:
            self._event(guard.result)
            guard.result = kept.NONE
        if uptime_s >= guard.SETTLED_S:
            guard.settled()
        if uptime_s >= HEALTHY_S:
            self.machine.healthy()
        if self.seconds_left() == 1 and self._reset_in_s < 0:
            try:
                self.machine.abort(kept.SILENT)
            except Failed:  # the guard ends the trial by its count of boots
                self._board.fault()
            self._event(kept.SILENT)
            self._reset_in_s = _RESET_S
        if self._reset_in_s >= 0:
            if self._reset_in_s == 0:
                machine.reset()
            self._reset_in_s -= 1

    def _event(self, result):
        from core.event_codes import UPDATE

        self._board.event(UPDATE, result, self.machine.running)
