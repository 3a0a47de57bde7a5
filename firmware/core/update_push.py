# One board updates another over the bus: a file of this board, a manifest and the image behind it, goes block by block
# to the other's update service, and is verified there. The manifest's MAC is the commander's; the other checks it.
import asyncio
import struct
from core import commands, ports
from core import update_record as kept
from core.command_codes import ACCEPTED, BUSY, CONTENT, COMPLETED, NOT_FOUND
from core.manifest import SIZE as MANIFEST_SIZE
from core.manifest import Manifest
from core.update_machine import BLOCK
from core.update_status import PUSH_FAILED, PUSHED
from micropython import const

_TRIES = const(40)         # of one command
_TIMEOUT_MS = const(1_500)
_PAUSE_MS = const(1_000)   # after a refusal: the other board may be transmitting
_VERIFY_TRIES = const(30)


class Push:
    """update: the service, whose push and pushed say how it goes. path: the file. Refused: it is no image."""

    def __init__(self, update, board, dst, path):
        self._update = update
        self._board = board
        self._dst = dst
        self._path = path
        try:
            with open(path, "rb") as file:
                self._manifest = file.read(MANIFEST_SIZE)
            self._length = Manifest(self._manifest).length
        except OSError:
            raise commands.Refused(NOT_FOUND)
        except ValueError:
            raise commands.Refused(CONTENT)

    async def run(self):
        """The task: until the image is verified there, or nothing more can be done."""
        update = self._update
        try:
            with open(self._path, "rb") as file:
                await self._send(file)
            update.push = PUSHED
        except Exception as error:  # the file, the bus, the other board: the push is over, the board flies on
            update.push = PUSH_FAILED
            if not isinstance(error, _Stopped):
                self._board.survive("push", error)

    async def _send(self, file):
        status = await self._ask("update_begin", self._manifest)
        state, window = status[0], struct.unpack_from(">I", status, 8)[0]
        here = status[12:16]
        while state == kept.RECEIVING and window < self._length:
            self._update.pushed = window
            start = window
            number = 0
            while window == start:
                if here[number >> 3] & 1 << (number & 7):
                    number += 1
                    continue
                offset = start + number * BLOCK
                file.seek(MANIFEST_SIZE + offset)
                data = file.read(min(BLOCK, self._length - offset))
                reply = await self._ask("update_block", offset, data)
                window = struct.unpack_from(">I", reply, 0)[0]
                here = reply[4:8]
                number = 0
        await self._verify()
        self._update.pushed = self._length

    async def _verify(self):
        await self._ask("update_verify", reply=False)
        for _ in range(_VERIFY_TRIES):
            await asyncio.sleep_ms(_PAUSE_MS)
            if (await self._ask("update_status"))[0] == kept.VERIFIED:
                return
        raise _Stopped("not verified")

    async def _ask(self, name, *values, reply=True):
        # Data of the reply that completes the command. _Stopped: refused, or no answer.
        table = self._board.commands
        body = struct.pack(commands.HEADER, commands.UNSIGNED_SLOT, 0) + table.encode(name, *values)
        for _ in range(_TRIES):
            answer = await self._board.node.request(self._dst, ports.COMMAND, body, _TIMEOUT_MS)
            if answer is None or len(answer) < commands.REPLY_SIZE:
                continue
            status = answer[5]
            if status == COMPLETED or status == ACCEPTED and not reply:
                return answer[commands.REPLY_SIZE :]
            if status != ACCEPTED and answer[commands.REPLY_SIZE] != BUSY:
                raise _Stopped("%s: reason %d" % (name, answer[commands.REPLY_SIZE]))
            await asyncio.sleep_ms(_PAUSE_MS)
        raise _Stopped("%s: no answer" % name)


class _Stopped(Exception):
    pass
