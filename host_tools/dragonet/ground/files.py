"""Files of a board: list, upload, download, delete, over a link that loses packets and breaks off.

The board remembers what it has of an upload; of a download it is kept beside the target (`.part`, `.part.json`), so the
same call goes on where the last one stopped. Layouts: firmware/core/files.py, upload.py, download.py.
"""

from __future__ import annotations

import hashlib
import json
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dragonet import paths
from dragonet.errors import NotDone, UserError
from dragonet.ground.commander import Commander, Refusal, unpack

paths.use_firmware()

from core import commands, download, files, ports, upload  # noqa: E402

BATCH_UP = 10  # blocks sent before the board is asked which ones it has
BATCH_DOWN = 32  # blocks asked for at a time
_WAIT_MOST_S = 16.0
_NO_REPLY = 63
_SKIP = 128  # numbers: twice what a board promises ahead
FOLDERS = ("files", "log")

Progress = Callable[[int, int], None]  # bytes that are there, of how many


class Entry(NamedTuple):
    name: str
    size: int


class Status(NamedTuple):
    """core/upload.py. here: blocks from base on that the board has."""

    session: int
    state: int
    base: int
    window: int
    here: frozenset[int]


class Files:
    """Files of the board that `commander` commands.

    gap_s: from one block to the next, up and down, so that the link's queues keep up; a radio link paces what it sends
    itself, and the board has to be told. patience_s: silence after which a transfer is given up until the next pass.
    """

    def __init__(
        self, commander: Commander, *, gap_up_s: float = 0.0, gap_down_s: float = 0.0, patience_s: float = 60.0,
        sleep: Callable[[float], None] | None = None, now: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self._commander = commander
        self._channel: Any = commander.channel
        self._gap_up_s = gap_up_s
        self._gap_down_ms = round(gap_down_s * 1000)
        self._patience_s = patience_s
        self._sleep = sleep or time.sleep
        self._now = now or time.monotonic
        self.blocks = 0  # sent or received, those that came again too
        self.silences = 0

    def listing(self, folder: int = 0) -> list[Entry]:
        """Files of a folder of FOLDERS, by name."""
        found: list[Entry] = []
        while True:
            data = self._patiently("file_list", folder=folder, start=len(found)).data
            (count,) = struct.unpack_from(">H", data, 0)
            new = list(_entries(data))
            found += new
            if len(found) >= count or not new:
                return found

    def hash(self, name: str) -> tuple[int, bytes]:
        """Size and SHA-256 of a file."""
        data = self._patiently("file_hash", name=checked(name)).data
        return int.from_bytes(data[:4], "big"), data[4:]

    def delete(self, name: str) -> None:
        self._patiently("file_delete", name=checked(name))

    # --- upload ---

    def put(self, name: str, content: bytes, progress: Progress = lambda done, total: None) -> bool:
        """Send a file and have its hash compared. False: it was there already. NotDone: the link broke off."""
        if "/" in name:
            raise UserError(f"{name}: only /files takes uploads; a name has no folder")
        checked(name)
        if not 0 < len(content) <= upload.SIZE_LAST:
            raise UserError(f"{name}: {len(content)} bytes; an upload has 1 to {upload.SIZE_LAST}")
        opening = {"size": len(content), "hash_name": hashlib.sha256(content).digest() + name.encode()}
        blocks = -(-len(content) // upload.BLOCK)
        status = _status(self._patiently("file_open", **opening).data)
        sent = status.state != upload.DONE
        closing = 0
        while status.state != upload.DONE:
            if status.state != upload.RECEIVING:
                raise NotDone(f"{self._commander.role} gave up {name}: its storage did not take it")
            missing = [k for k in range(status.base, min(status.base + status.window, blocks)) if k not in status.here]
            progress(min((status.base + len(status.here)) * upload.BLOCK, len(content)), len(content))
            if missing:
                status = self._send(missing[:BATCH_UP], content, status)
            elif status.base + status.window < blocks:  # the board is about to write them
                self._sleep(0.1)
                status = self._status()
            else:
                try:
                    status = _status(self._patiently("file_close").data)
                except Refusal as refusal:  # a block was spoiled in its slot, or a reset forgot it
                    closing += 1
                    if refusal.reply.reason != "state" or closing == 3:
                        raise
                    status = _status(self._patiently("file_open", **opening).data)
        progress(len(content), len(content))
        return sent

    def _send(self, indexes: list[int], content: bytes, status: Status) -> Status:
        """Blocks without replies, but for the last one: the status it brings, or that of a later question."""
        channel, dst = self._channel, self._commander.address
        for index in indexes:
            sport = channel.port() if index == indexes[-1] else _NO_REPLY
            block = content[index * upload.BLOCK : (index + 1) * upload.BLOCK]
            frame = self._commander.frame("file_block", sport, session=status.session, index=index, data=block)
            self.blocks += 1
            if sport == _NO_REPLY:
                channel.send(dst, ports.COMMAND, frame, sport)
                if self._gap_up_s:
                    self._sleep(self._gap_up_s)
                continue
            for reply in channel.replies(dst, ports.COMMAND, frame, self._commander.timeout_s, sport):
                answer = unpack(reply.data, *_request(frame))
                if answer is not None and answer.done:
                    return _status(answer.data)
                break
        return self._status()

    def _status(self) -> Status:
        return _status(self._patiently("file_status").data)

    # --- download ---

    def get(self, name: str, target: Path, progress: Progress = lambda done, total: None) -> int:
        """Fetch a file into `target`, which is complete or not there: its size. NotDone: the link broke off."""
        checked(name)
        size, digest = self.hash(name)
        part = _Part(target, size, digest)
        progress(part.bytes_here(), part.size)
        while part.missing:
            self._fetch(name, part, progress)
        if not part.finish():
            raise NotDone(f"{name} changed while it was fetched: its hash is another; the same command starts anew")
        return size

    def _fetch(self, name: str, part: _Part, progress: Progress) -> None:
        base = part.missing[0]
        asked = [k for k in part.missing[:BATCH_DOWN] if k < base + download.WINDOW]
        wanted = bytearray(download.WANTED)
        for k in asked:
            wanted[(k - base) // 8] |= 1 << (k - base) % 8
        began = self._now()
        wait_s = self._commander.timeout_s
        while True:
            came = 0
            for index, block in self._stream(name, base, bytes(wanted)):
                came += 1
                self.blocks += 1
                part.put(index, block)
                progress(part.bytes_here(), part.size)
            if came:
                part.save()
                return
            wait_s = self._silence(began, wait_s)

    def _stream(self, name: str, base: int, wanted: bytes) -> Iterator[tuple[int, bytes]]:
        """Blocks that answer one request, until its end or a silence."""
        channel, dst = self._channel, self._commander.address
        sport = channel.port()
        given = {"gap": self._gap_down_ms, "base": base, "wanted_name": wanted + name.encode()}
        frame = self._commander.frame("file_get", sport, **given)
        silence_s = self._commander.timeout_s + 3 * self._gap_down_ms / 1000
        reply = next(iter(channel.replies(dst, ports.COMMAND, frame, silence_s, sport)), None)
        while reply is not None:
            answer = unpack(reply.data, *_request(frame))
            if answer is not None:
                if answer.status in ("refused", "failed"):
                    raise self._commander.refusal("file_get", answer)
                if answer.done:
                    return
                if len(answer.data) > 2:
                    yield int.from_bytes(answer.data[:2], "big"), answer.data[2:]
            reply = next(iter(channel.listen(dst, ports.COMMAND, sport, silence_s)), None)

    # --- silence ---

    def _patiently(self, command: str, **values: Any) -> Any:
        """A command, asked again until the board answers or patience ends."""
        began = self._now()
        wait_s = self._commander.timeout_s
        while True:
            try:
                return self._commander.call(command, done_s=30.0, **values)
            except Refusal as refusal:
                if refusal.reply.reason != "busy" or self._now() - began > self._patience_s:
                    raise
                self._sleep(wait_s)
            except NotDone:
                wait_s = self._silence(began, wait_s)

    def _silence(self, began: float, wait_s: float) -> float:
        """Wait, longer each time. NotDone: for too long."""
        self.silences += 1
        if getattr(self._channel, "signed_only", False):
            self._commander.skip(_SKIP)  # was it a reset? By radio the board's next number is not to be asked for
        if self._now() - began + wait_s > self._patience_s:
            silent = f"no answer from {self._commander.role} for {self._patience_s:g} s"
            raise NotDone(f"{silent}; the same command goes on where it stopped")
        self._sleep(wait_s)
        return min(2 * wait_s, _WAIT_MOST_S)


class _Part:
    """A file that is being fetched: its blocks in `.part`, which of them in `.part.json`, and its name at last."""

    def __init__(self, target: Path, size: int, digest: bytes) -> None:
        self._target = target
        self._data = target.with_name(target.name + ".part")
        self._note = target.with_name(target.name + ".part.json")
        self.size = size
        self._digest = digest
        self._blocks = -(-size // download.BLOCK)
        here: set[int] = set()
        try:
            note = json.loads(self._note.read_text())
            if note["sha256"] == digest.hex() and self._data.stat().st_size == size:
                here = {k for k in note["blocks"] if 0 <= k < self._blocks}
        except (OSError, ValueError, KeyError, TypeError):
            pass
        try:
            self._file = open(self._data, "r+b" if here else "w+b")
            self._file.truncate(size)
        except OSError as error:
            raise UserError(f"{self._data}: cannot write: {error.strerror}") from None
        self.missing = [k for k in range(self._blocks) if k not in here]

    def bytes_here(self) -> int:
        return min((self._blocks - len(self.missing)) * download.BLOCK, self.size)

    def put(self, index: int, block: bytes) -> None:
        if index in self.missing and len(block) == min(download.BLOCK, self.size - index * download.BLOCK):
            self._file.seek(index * download.BLOCK)
            self._file.write(block)
            self.missing.remove(index)

    def save(self) -> None:
        self._file.flush()
        missing = set(self.missing)
        here = [k for k in range(self._blocks) if k not in missing]
        self._note.write_text(json.dumps({"sha256": self._digest.hex(), "blocks": here}))

    def finish(self) -> bool:
        """True when all is there as it was on the board, and has its name now."""
        self._file.close()
        good = hashlib.sha256(self._data.read_bytes()).digest() == self._digest
        self._note.unlink(missing_ok=True)
        if good:
            self._data.replace(self._target)
        else:
            self._data.unlink()
        return good


def checked(name: str) -> str:
    """The name, which a file of a board can have. UserError: none can."""
    folder, _, own = name.rpartition("/")
    if folder not in ("", "log") or not files.is_name(own):
        raise UserError(f"{name!r}: a file is named by 1 to {upload.NAME_LAST} letters, digits, '.', '_', '-'")
    return name


def _entries(data: bytes) -> Iterator[Entry]:
    at = 2
    while at + 5 <= len(data):
        size, length = struct.unpack_from(">IB", data, at)
        yield Entry(data[at + 5 : at + 5 + length].decode(), size)
        at += 5 + length


def _status(data: bytes) -> Status:
    session, state, base, window = struct.unpack_from(">BBHB", data, 0)
    bits = int.from_bytes(data[5:11], "little")
    return Status(session, state, base, window, frozenset(base + k for k in range(window) if bits >> k & 1))


def _request(frame: bytes) -> tuple[int, int]:
    """Opcode and sequence of a command."""
    slot, sequence = struct.unpack_from(commands.HEADER, frame, 0)
    return frame[commands.UNSIGNED_SIZE if slot == commands.UNSIGNED_SLOT else commands.SIGNED_SIZE], sequence
