# Files: list, upload, download, delete, over a link that loses packets, in several passes (DESIGN, "Storage").
#
#  command       arguments                        reply
#  file_list     folder u8, start u16             u16 entries in the folder, then each: u32 size, u8 n, name
#  file_open     size u32, hash 32 + name         status of core/upload.py: goes on with this file, or begins it;
#                                                 state DONE when the very same file is there already
#  file_block    session u8, index u16, data      status; ask for no reply (source port 63) but for each 10th or so
#  file_status   -                                status
#  file_close    -                                status DONE once the whole file has the hash and its name
#  file_get      gap u16 ms, base u16, wanted     each block k with bit k (LSB first) of wanted: ACCEPTED, u16 base + k,
#                8 + name                         202 bytes or the rest; then COMPLETED, u32 size of the file
#  file_hash     name                             u32 size, SHA-256
#  file_delete   name                             -
#
# Folder 0 is /files, 1 the log of housekeeping: its files are named "log/...", and are never uploaded.
#
# What 256 kB (262,144 bytes) take on the air, CSP packets counted from header to CRC, one in ten lost:
#   up    220 bytes carry 185: header 6, slot 1, sequence 4, MAC 16, opcode 1, session 1, index 2, data 185, CRC 4.
#         220 / 185 / 0.9 = 1.321; a status of 27 bytes for each 10 blocks, 59 more where one is lost: + 0.021.
#   down  220 bytes carry 202: header 6, opcode 1, sequence 4, status 1, index 2, data 202, CRC 4.
#         220 / 202 / 0.9 = 1.210; a request and its two replies of 90 bytes for each 32 blocks: + 0.015.
# An interruption costs what was sent before it was noticed: 10 blocks up, 32 down, 0.008 and 0.027.
# With three of them 1.37 up, 1.31 down; tests/host/test_radio_files.py measures 1.35 to 1.37, and 1.24 to 1.28.
#
# One task does all that takes time or flash, in small steps, and sleeps while there is nothing to do.
import asyncio
import os
import struct
from hashlib import sha256
from core import event_codes, upload
from core import command_codes as codes
from core.commands import PENDING, Refused
from core.download import BUFFER, WANTED, Download
from core.store import FOLDER as LOG
from core.store import space
from csp.output import NO_REPLY
from micropython import const

FOLDER = "/files"
LIST_LAST = const(204)     # bytes of data of a reply that fits a radio frame
FILES_LAST = const(64)

_DEADLINE_MS = const(60_000)
_LOOK_S = const(10)        # so often the task checks in while there is nothing to do
_GATE_MS = const(250)
_GATE_TRIES = const(720)   # three minutes: no transmission takes as long
_SLICE = const(8)          # reads of a hash in one step
_SPARE = const(32_768)     # bytes that stay free for what littlefs keeps of its own
_PREFIX = "log/"
_SEPARATORS = "._-"


class Files:
    """board.files. The folder is made when the first file comes."""

    def __init__(self, board, root=""):
        self._board = board
        self._root = root
        self._folder = root + FOLDER
        self._log = root + LOG
        self._buffer = memoryview(bytearray(BUFFER))
        self.upload = upload.Upload(board, self._folder, self._buffer)
        self.download = Download(board, self._buffer)
        self._job = None          # generator that yields milliseconds to wait
        self._job_request = None
        self._wake = asyncio.Event()
        self._ticks = 0
        self.received = 0
        board.commands.add(self)
        board.on_second(self._second)
        board.supervisor.task("files", self.run, _DEADLINE_MS)

    async def run(self, checkin):
        """The task."""
        while True:
            checkin()
            pause_ms = self.step()
            if pause_ms is None:
                await self._wake.wait()
                self._wake.clear()
            else:
                await asyncio.sleep_ms(pause_ms)

    def step(self):
        """A little of what is to be done: milliseconds until the next step, None when there is none."""
        pause_ms = None
        if self._job is not None:
            pause_ms = self._do_job()
        if self._may_write():
            if self.upload.step():
                pause_ms = 0
        elif self.upload.state == upload.RECEIVING:
            pause_ms = _GATE_MS if pause_ms is None else pause_ms
        sent_ms = self.download.step()
        if sent_ms is not None:
            pause_ms = sent_ms if pause_ms is None else min(pause_ms, sent_ms)
        return pause_ms

    def _second(self):
        self._ticks += 1
        if self._ticks >= _LOOK_S:
            self._ticks = 0
            self._wake.set()

    def _may_write(self):
        store = getattr(self._board, "store", None)
        return not self._board.transmitting if store is None else store.may_write()

    # --- names ---

    def _path(self, name):
        # Path of a file by its name. Refused: no such name can be.
        folder = self._folder
        if name.startswith(_PREFIX):
            folder = self._log
            name = name[len(_PREFIX) :]
        if not is_name(name):
            raise Refused(codes.ARGUMENT)
        return "%s/%s" % (folder, name)

    def do_file_list(self, values, request):
        folder = self._log if values[0] else self._folder
        try:
            names = sorted([name for name in os.listdir(folder) if is_name(name)])
        except OSError:
            names = []
        answer = bytearray(struct.pack(">H", len(names)))
        for name in names[values[1] :]:
            if len(answer) + 5 + len(name) > LIST_LAST:
                break
            answer.extend(struct.pack(">IB", size_of("%s/%s" % (folder, name)) or 0, len(name)))
            answer.extend(name.encode())
        return answer

    # --- upload ---

    def do_file_open(self, values, request):
        size, data = values
        digest = bytes(data[: upload.HASH_SIZE])
        try:
            name = bytes(data[upload.HASH_SIZE :]).decode()
        except UnicodeError:
            raise Refused(codes.ARGUMENT, 1)
        if not is_name(name):
            raise Refused(codes.ARGUMENT, 1)
        if not self.upload.is_for(size, digest, name):
            self._refuse_without_room(size, "%s/%s" % (self._folder, name))
        return self._begin(self._open(request, size, digest, name), request)

    def _refuse_without_room(self, size, path):
        try:
            count = len(os.listdir(self._folder))
        except OSError:
            count = 0
        store = getattr(self._board, "store", None)
        free = space(self._root or "/")[0]
        if self.upload.state == upload.RECEIVING:
            free += size_of(self.upload.hidden) or 0
        needed = size + size // 256 + _SPARE + (0 if store is None else store.log.room())
        if needed > free or count >= FILES_LAST and size_of(path) is None:
            raise Refused(codes.NO_ROOM)

    def _open(self, request, size, digest, name):
        one = self.upload
        path = "%s/%s" % (self._folder, name)
        same = one.is_for(size, digest, name) and one.state == upload.RECEIVING
        if size_of(path) == size and not (same and one.base):
            found = yield from self._digest(path)
            if found == digest:
                if not one.is_for(size, digest, name) or one.state != upload.DONE:
                    yield from self._gate()
                    one.begin(size, digest, name)
                    one.finish()
                request.complete(one.status())
                return
        if not same:
            yield from self._gate()
            try:
                os.mkdir(self._folder)
            except OSError:  # it is there
                pass
            one.begin(size, digest, name)
        request.complete(one.status())

    def do_file_block(self, values, request):
        self.upload.take(values[0], values[1], values[2])
        self._wake.set()
        return None if request.sport == NO_REPLY else self.upload.status()

    def do_file_status(self, values, request):
        return self.upload.status()

    def do_file_close(self, values, request):
        one = self.upload
        if one.state == upload.DONE:
            return one.status()
        if one.state != upload.RECEIVING:
            raise Refused(codes.STATE)
        for index in range(one.base, one.blocks):
            if index >= one.base + one.window or not one.has(index):
                raise Refused(codes.STATE)
        return self._begin(self._close(request), request)

    def _close(self, request):
        one = self.upload
        for _ in range(_GATE_TRIES):  # the last blocks are appended by step()
            if one.base >= one.blocks or one.state != upload.RECEIVING:
                break
            yield _GATE_MS // 10
        if one.state != upload.RECEIVING or one.base < one.blocks:
            request.fail(codes.STORAGE)
            return
        found = yield from self._digest(one.hidden)
        yield from self._gate()
        if found != one.hash():
            one.drop()
            request.fail(codes.CONTENT)
            return
        os.rename(one.hidden, "%s/%s" % (self._folder, one.name()))
        one.finish()
        self.received += 1
        self._board.event(event_codes.FILE_RECEIVED, one.size, one.session)
        request.complete(one.status())

    # --- download, hash, delete ---

    def do_file_get(self, values, request):
        gap_ms, base, data = values
        try:
            name = bytes(data[WANTED:]).decode()
        except UnicodeError:
            raise Refused(codes.ARGUMENT, 2)
        self.download.begin(request, self._there(name), gap_ms, base, data[:WANTED])
        self._wake.set()
        return PENDING

    def do_file_hash(self, values, request):
        return self._begin(self._hash(request, self._there(values[0])), request)

    def do_file_delete(self, values, request):
        return self._begin(self._delete(request, self._there(values[0])), request)

    def _there(self, name):
        # Path of a file that is there.
        path = self._path(name)
        if size_of(path) is None:
            raise Refused(codes.NOT_FOUND)
        return path

    def _hash(self, request, path):
        digest = yield from self._digest(path)
        request.complete(struct.pack(">I", size_of(path)) + digest)

    def _delete(self, request, path):
        yield from self._gate()
        os.remove(path)
        self._board.event(event_codes.FILE_DELETED)
        request.complete()

    # --- jobs: one at a time ---

    def _begin(self, job, request):
        if self._job is not None:
            raise Refused(codes.BUSY)
        self._job = job
        self._job_request = request
        self._wake.set()
        return PENDING

    def _do_job(self):
        try:
            return next(self._job)  # pyright: ignore[reportArgumentType]
        except StopIteration:
            self._job = None
            return 0
        except Refused as error:
            self._job_request.fail(error.reason, error.detail)
        except OSError:
            self._job_request.fail(codes.STORAGE)
        self._job = None
        return 0

    def _gate(self):
        # Waits until flash may be written. Refused: it took too long.
        for _ in range(_GATE_TRIES):
            if self._may_write():
                return
            yield _GATE_MS
        raise Refused(codes.TIMEOUT)

    def _digest(self, path):
        # SHA-256 of a file, a few reads at a time.
        digest = sha256()
        with open(path, "rb") as file:
            while True:
                for _ in range(_SLICE):
                    count = file.readinto(self._buffer)
                    if not count:
                        return digest.digest()
                    digest.update(self._buffer[:count])
                yield 0


def is_name(name):
    """True for 1 to NAME_LAST letters, digits, ".", "_" and "-", of which "." is not the first."""
    if not 0 < len(name) <= upload.NAME_LAST or name[0] == ".":
        return False
    for letter in name:
        if not ("a" <= letter <= "z" or "A" <= letter <= "Z" or "0" <= letter <= "9" or letter in _SEPARATORS):
            return False
    return True


def size_of(path):
    """Bytes of a file, None when there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return None if found[0] & 0x4000 else found[6]  # a folder
