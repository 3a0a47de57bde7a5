"""A commander's key on the host: a file that only its owner reads (mode 0600), one key for each board.

The keys of a slot are the same on all boards when they are made; rotation is done board by board. `next` is the next
sequence number that this commander never used. Nothing here prints a key, and no error quotes one.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dragonet import paths
from dragonet.errors import UserError

paths.use_firmware()

from core import keys as flight  # noqa: E402
from core import mac, ports  # noqa: E402

SLOTS = flight.SLOTS
ROLES: tuple[str, ...] = ports.BOARDS


class KeyFile:
    """The keys of one slot. UserError: the file is missing, open to others, or no key file."""

    def __init__(self, path: Path, slot: int, boards: dict[str, dict[str, Any]]) -> None:
        self.path = path
        self.slot = slot
        self._boards = boards
        self._pads: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"KeyFile({str(self.path)!r}, slot {self.slot})"

    @classmethod
    def make(cls, path: Path, slot: int) -> KeyFile:
        """A new random key, written to a file that does not exist yet."""
        if path.exists():
            raise UserError(f"{path} exists: a key is not overwritten; name another file")
        key = secrets.token_bytes(mac.KEY_SIZE).hex()
        made = cls(path, slot, {role: {"generation": 0, "key": key, "next": 0} for role in ROLES})
        made.save()
        return made

    @classmethod
    def load(cls, path: Path) -> KeyFile:
        try:
            if path.stat().st_mode & 0o077:
                raise UserError(f"{path}: others may read this key; make it yours: chmod 600 {path}")
            found = json.loads(path.read_text())
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; 'dragonet key new' makes a key") from None
        except ValueError:
            found = None
        if found is None or not _whole(found):
            raise UserError(f"{path}: no key file; 'dragonet key new' makes one")
        return cls(path, found["slot"], found["boards"])

    def save(self) -> None:
        """Replace the file at once: whole, or as it was."""
        text = json.dumps({"slot": self.slot, "boards": self._boards}, indent=1) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".key-")  # mode 0600
            with os.fdopen(handle, "w") as file:
                file.write(text)
            os.replace(name, self.path)
        except OSError as error:
            raise UserError(f"{self.path}: {error.strerror}") from None

    def generation(self, role: str) -> int:
        return self._boards[role]["generation"]

    def key(self, role: str) -> bytes:
        return bytes.fromhex(self._boards[role]["key"])

    def pads(self, role: str) -> Any:
        if role not in self._pads:
            self._pads[role] = mac.pads(self.key(role))
        return self._pads[role]

    def next(self, role: str) -> int:
        return self._boards[role]["next"]

    def used(self, role: str, following: int) -> None:
        """Numbers below `following` are used, or may be."""
        if following != self._boards[role]["next"]:
            self._boards[role]["next"] = following
            self.save()

    def replace(self, role: str, generation: int, key: bytes) -> None:
        """Another key for one board: after a rotation."""
        self._boards[role] = {"generation": generation, "key": key.hex(), "next": 0}
        self._pads.pop(role, None)
        self.save()

    def sign(self, role: str, src: int, dport: int, sport: int, number: int, body: bytes) -> bytes:
        """The signed command: a frame of core/commands.py."""
        head = bytearray(mac.HEAD_SIZE)
        mac.head_into(head, src, ports.ADDRESSES[role], dport, sport, self.slot, number)
        tag = mac.hmac(self.pads(role), head, body)[: mac.SIZE]
        return struct.pack(">BI", self.slot, number) + tag + body


def board_file(files: Iterable[KeyFile], role: str) -> bytes:
    """/keys.bin of a board: the layout of core/keys.py. UserError: two keys for one slot."""
    table = bytearray(flight._TABLE)
    taken: dict[int, Path] = {}
    for one in files:
        if one.slot in taken:
            raise UserError(f"{one.path} and {taken[one.slot]} are both for slot {one.slot}")
        taken[one.slot] = one.path
        struct.pack_into(flight._KEY, table, one.slot * flight._ENTRY, one.generation(role), one.key(role))
    return bytes(table) + struct.pack(">I", zlib.crc32(table))


def _whole(found: Any) -> bool:
    try:
        good = 0 <= found["slot"] < len(SLOTS)
        for role in ROLES:
            one = found["boards"][role]
            good = good and len(bytes.fromhex(one["key"])) == mac.KEY_SIZE
            good = good and 0 <= one["generation"] < 0xFFFF and 0 <= one["next"] <= 1 << 32
    except (TypeError, KeyError, ValueError):
        return False
    return good
