# The update service: a new image for the free slot, its trial and confirmation (DESIGN, "Update"). States and rules:
# core/update_machine.py; what boots: guard.py; the image's manifest: core/manifest.py.
#
#  command           arguments              reply
#  update_status     -                      the status below
#  update_board      -                      what an image must fit, below
#  update_begin      manifest               status; the manifest's MAC is checked against the commander's key
#  update_block      offset u32, data       window u32, here 4: see the status
#  update_keep       offset u32, CRC u32    the same: this erase block of the slot is right already
#  update_verify     -                      status, when the slot was read back and hashed
#  update_activate   -                      -; the board resets into the trial
#  update_confirm    -                      status; what runs on trial is kept
#  update_abort      -                      status; a trial ends with a reset
#  update_choose     slot u8                -; the board resets into a slot that was confirmed once, or golden (255)
#  update_push       node u8, path          status; a file of this board, manifest and image, goes to another board
#
#  byte  type  field            status
#   0    u8    state            STATES of core/update_record.py
#   1    u8    running          slot that runs, 255 = golden
#   2    u8    active           slot that boots while none is on trial
#   3    u8    other            slot being received or tried, 255 = none
#   4    u8    boots            of a slot in a row without a sign of health
#   5    u8    result           how the last trial ended, RESULTS
#   6    u8    good             bit n: slot n was confirmed once
#   7    u8    push             0 none yet, 1 under way, 2 done, 3 failed
#   8    u32   window           first byte of the erase block being received; the image's length when all is here
#  12    4     here             bit n (LSB first): block n of it is here
#  16    u32   length           of the image being received or tried
#  20    u32   seconds          left to confirm the trial, 0 = none runs
#  24    u32   pushed           bytes of the push that arrived
#  28    8     hash             first bytes of the image's in slot a, zeros = none
#  36    8     hash             in slot b
#  44    16    version          of the image that runs, empty = golden
#
#  byte  type  field            board
#   0    8     role
#   8    8     target           sys.platform
#  16    u16   mpy              sys.implementation._mpy
#  18    8     uid
#  26    u32   slot             bytes of a slot, 0 = this board has none
#  30    u16   block            bytes erased at a time
import asyncio
import struct
import sys
import guard
import machine
from core import update_record as kept
from core.command_table import ABSENT, BUSY, FORGED, STORAGE
from core.commands import PENDING, Failed, Refused
from core.manifest import BODY, MAC, SIGNED
from core.slots import GOLDEN, open_slot
from core.update_machine import Machine
from micropython import const

STATUS_SIZE = const(60)
_STATUS = ">BBBBBBBBI4sIII8s8s16s"
BOARD_SIZE = const(32)
_BOARD = ">8s8sH8sIH"

HEALTHY_S = const(600)     # a confirmed slot that runs so long stays up
_RESET_S = const(2)        # from the reply to the reset
_HASH = const(50)          # where the manifest's hash stands
_VERSION = const(34)
_UID = const(8)

_NO_PUSH, PUSHING, PUSHED, PUSH_FAILED = const(0), const(1), const(2), const(3)


class Update:
    """board: core.board.Board with its commands."""

    def __init__(self, board):
        self._board = board
        self.uid = (machine.unique_id() + b"\0" * _UID)[:_UID]
        record = kept.make(board.fram)
        self.machine = Machine(kept.State(record), open_slot, guard.running, board.role, self.uid)
        self.push = _NO_PUSH
        self.pushed = 0
        self._reset_in_s = -1
        self._hashing = None
        self._block_reply = memoryview(bytearray(8))
        handle = board.commands.handle
        handle("update_status", lambda values, request: self.status())
        handle("update_board", lambda values, request: self.describe())
        handle("update_begin", self._begin)
        handle("update_block", self._block)
        handle("update_keep", self._keep)
        handle("update_verify", self._verify)
        handle("update_activate", self._activate)
        handle("update_confirm", self._confirm)
        handle("update_abort", self._abort)
        handle("update_choose", self._choose)
        handle("update_push", self._push)
        board.on_second(self._second)

    # --- what is told ---

    @property
    def state(self):
        """Index into core.update_record.STATES."""
        return self.machine.state.state

    def seconds_left(self):
        """To confirm the trial that runs; 0 when none does."""
        if self.machine.state.state != kept.TRIAL or self.machine.running != self.machine.state.other:
            return 0
        return max(1, self.machine.manifest().trial_min * 60 - self._board.uptime_s)

    def status(self):
        """STATUS_SIZE bytes."""
        machine = self.machine
        state = machine.state
        manifest = machine.manifest()
        start, size = machine.window()
        length = manifest.length if manifest is not None else 0
        version = bytes(state.entry(machine.running)[_VERSION : _VERSION + 16]) if machine.running != GOLDEN else b""
        return struct.pack(
            _STATUS, state.state, machine.running, state.active, state.other, state.boots, state.result, state.good,
            self.push, start if size else length, bytes(machine.here), length, self.seconds_left(), self.pushed,
            bytes(state.entry(0)[_HASH : _HASH + 8]), bytes(state.entry(1)[_HASH : _HASH + 8]), version,
        )  # fmt: skip

    def describe(self):
        """BOARD_SIZE bytes."""
        size = block = 0
        try:
            slot = open_slot(0)
            size, block = slot.size, slot.block
        except (ImportError, OSError):
            pass
        mpy = getattr(sys.implementation, "_mpy", 0) & 0xFFFF
        return struct.pack(_BOARD, self._board.role.encode(), sys.platform.encode(), mpy, self.uid, size, block)

    # --- commands ---

    def _begin(self, values, request):
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

    def _block(self, values, request):
        self._idle()
        self.machine.put(values[0], values[1])
        return self._here()

    def _keep(self, values, request):
        self._idle()
        self.machine.keep(values[0], values[1])
        return self._here()

    def _here(self):
        machine = self.machine
        start, size = machine.window()
        struct.pack_into(">I", self._block_reply, 0, start if size else machine.manifest().length)
        self._block_reply[4:] = machine.here
        return self._block_reply

    def _verify(self, values, request):
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

    def _activate(self, values, request):
        self._idle()
        self.machine.activate()
        self._reset_in_s = _RESET_S

    def _confirm(self, values, request):
        self.machine.confirm()
        self._event(kept.CONFIRMED_IT)
        return self.status()

    def _abort(self, values, request):
        self._idle()
        if self.machine.abort():
            self._reset_in_s = _RESET_S
        return self.status()

    def _choose(self, values, request):
        self._idle()
        self.machine.choose(values[0])
        self._reset_in_s = _RESET_S

    def _push(self, values, request):
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

    # --- each second ---

    def _second(self):
        uptime_s = self._board.uptime_s
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
        from core.event_table import UPDATE

        self._board.event(UPDATE, result, self.machine.running)
