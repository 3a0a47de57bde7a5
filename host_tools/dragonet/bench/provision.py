"""What a new board needs once: a file system, identity, configuration, keys; on stock MicroPython a guard."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dragonet import paths
from dragonet.bench import boards, reach
from dragonet.bench.adapter import BoardError, Link
from dragonet.bench.benchfile import Bench, Entry
from dragonet.errors import NotDone, UserError
from dragonet.ground.keys import KeyFile, board_file

paths.use_firmware()

from core import config as flight_config  # noqa: E402
from core import keys as flight_keys  # noqa: E402

KEYS = flight_keys.PATH
CONFIG = flight_config.PATH
IDENTITY = "/identity.json"
_PART = 1024  # bytes a trip
_MOST = 2048  # bytes of a configuration

_FILES = """
import os, vfs
from binascii import a2b_base64, hexlify
import hashlib
def _mounted():
    try:
        return os.statvfs("/")[0] > 0
    except OSError:
        return False
def _has(path):
    try:
        with open(path, "rb") as file:
            digest = hashlib.sha256()
            while True:
                part = file.read(512)
                if not part:
                    return hexlify(digest.digest()).decode()
                digest.update(part)
    except OSError:
        return ""
def _add(path, text, first):
    with open(path, "wb" if first else "ab") as file:
        file.write(a2b_base64(text))
print(_mounted())
"""
_FORMAT = """
import flash_map, rp2
_device = rp2.Flash(start=flash_map.FILES, len=flash_map.FILES_BYTES)
vfs.VfsLfs2.mkfs(_device, progsize=flash_map.PROGRAM)
vfs.mount(vfs.VfsLfs2(_device, progsize=flash_map.PROGRAM), "/")
print(_mounted())
"""


def provision(
    bench: Bench, entry: Entry, config: Path | None, keys: Sequence[Path], format_: bool = False
) -> dict[str, Any]:
    """What was done: file -> "written" or "as it was". Nothing but these files is touched.

    UserError: a bad configuration or key, another board. NotDone: no file system, or it is full.
    """
    wanted = {}
    if config is not None:
        wanted[CONFIG] = _config(config)
    if keys:
        wanted[KEYS] = board_file([KeyFile.load(path) for path in keys], entry.role)
    with reach.open(bench, entry) as link:
        found = boards.prompt(link, entry, interrupt=True)
        if not found.guard and entry.method != "folders":
            raise NotDone(f"{entry.name}: MicroPython without a guard: 'dragonet bench firmware' flashes one")
        done: dict[str, Any] = {"board": entry.name, "uid": found.uid, "guard": found.guard}
        if not link.literal(_FILES):
            _format(link, entry, found, format_)
            done["/"] = "formatted"
        wanted[IDENTITY] = json.dumps({"board": entry.name, "role": entry.role, "uid": found.uid}).encode()
        if entry.method == "folders":
            wanted.update(_guard(entry, found))
        if KEYS in wanted and link.evaluate(f"_has({KEYS!r})") != hashlib.sha256(wanted[KEYS]).hexdigest():
            write(link, entry, KEYS + flight_keys.FRESH, b"\n")  # first: keys that it kept elsewhere are not for good
        for path, data in wanted.items():
            done[path] = write(link, entry, path, data)
        if found.guard:
            boards.leave(link)
        else:
            boards.reset(link)
    return done


def _guard(entry: Entry, found: boards.Identity) -> dict[str, bytes]:
    """What stock MicroPython lacks: the guard of boards/stock, and this board's tables."""
    pins = {"rp2": "rp2", "pyboard": "stm32", "linux": "unix"}.get(found.platform)
    if pins is None:
        raise UserError(f"{entry.name}: no pins for {found.platform}: boards/{entry.role} has none")
    board = paths.BOARDS / entry.role
    return {
        "/guard.py": (paths.BOARDS / "stock" / "guard.py").read_bytes(),
        "/boot.py": (paths.FIRMWARE / "boot.py").read_bytes(),
        "/main.py": (paths.FIRMWARE / "main.py").read_bytes(),
        "/parts.py": (board / "parts.py").read_bytes(),
        "/pins.py": (board / f"pins_{pins}.py").read_bytes(),
    }


def write(link: Link, entry: Entry, path: str, data: bytes) -> str:
    """A whole file, read back, in place of the one before at once. NotDone: the file system is full, or broken."""
    digest = hashlib.sha256(data).hexdigest()
    if link.evaluate(f"_has({path!r})") == digest:
        return "as it was"
    fresh = path + ".new"
    try:
        for at in range(0, max(len(data), 1), _PART):
            text = base64.b64encode(data[at : at + _PART]).decode()
            link.execute(f"_add({fresh!r}, {text!r}, {at == 0})")
        if link.evaluate(f"_has({fresh!r})") != digest:
            raise NotDone(f"{entry.name}: {path} does not read back as written: is its flash worn out?")
        link.execute(f"os.rename({fresh!r}, {path!r})")
    except BoardError as error:
        link.execute(f"try:\n os.remove({fresh!r})\nexcept OSError:\n pass")
        if "28" in str(error) or "ENOSPC" in str(error):
            raise NotDone(f"{entry.name}: {path}: its file system is full: delete files ('dragonet file ls')") from None
        raise NotDone(f"{entry.name}: {path} is not written ({error}): provision it with --format?") from None
    return "written"


def _format(link: Link, entry: Entry, found: boards.Identity, format_: bool) -> None:
    if not format_:
        raise NotDone(f"{entry.name}: no file system is mounted: --format makes one, and all files of before are lost")
    if found.platform != "rp2":
        raise UserError(f"{entry.name}: --format knows RP2040's flash only; make a littlefs on 4 kB blocks by hand")
    if not link.literal(_FORMAT, 60.0):
        raise NotDone(f"{entry.name}: its flash cannot be formatted: is it worn out?")


def _config(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        found = json.loads(data)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{path}: not JSON: {error}") from None
    if len(data) > _MOST:
        raise UserError(f"{path}: {len(data)} bytes, a board reads {_MOST}")
    checked = flight_config.check(found)
    if checked["errors"] or checked["rf_inhibited"]:
        raise UserError(f"{path}: a board would not transmit with it: {', '.join(_wrong(found))}")
    return data


def _wrong(found: Any) -> list[str]:
    if not isinstance(found, dict):
        return ["it is no table"]
    known = {key[0] for key in flight_config.KEYS}
    wrong = [f"{name}: no such key" for name in found if name not in known]
    wrong += [f"{name}: missing" for name in flight_config.REQUIRED if name not in found]
    base = {"callsign": "N0CALL", "frequency_hz": 437_375_000}
    wrong += [
        f"{name}: {value!r} is out of range"
        for name, value in found.items()
        if name in known and flight_config.check({**base, name: value})["errors"]
    ]
    return wrong or ["a value is wrong"]
