"""Bench files (TOML): the boards of a bench, and how each is reached. tests/hil/benches/README.md has every key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dragonet import paths
from dragonet.deploy.image import TARGETS
from dragonet.errors import UserError
from dragonet.flatsat.devices.world import CHANNELS
from dragonet.ground.keys import ROLES
from dragonet.ground.via import DEFAULT_BIT_RATE

FOLDER = paths.REPO / "tests" / "hil" / "benches"
METHODS = ("slots", "folders")
UID_BYTES = 8

_BENCH_KEYS = ("name", "via", "key", "csp_version", "bitrate", "boards")
_BOARD_KEYS = ("role", "reach", "target", "uid", "image", "method", "world")
_NETWORK = re.compile(r"(socket|rfc2217)://[^/:\s]+:(\d{1,5})(/?\?\S*)?$")
_REACH = "flight, unix, emulated, a port such as /dev/ttyACM0 or COM3, uid:<hex>, socket://host:port, rfc2217://host:port"
_ROOM_C = 20.0
_ON_A_BENCH = {"battery_v": 7.8, "supply_v": 7.8, "rbf": 1.0, "sep1": 1.0, "sep2": 1.0, "safe": 1.0}
_TARGET_OF = {"unix": "unix", "flight": "unix", "emulated": "rp2"}


@dataclass(frozen=True)
class Entry:
    """A board of a bench. target: a name in deploy.image.TARGETS, None = what the board says. uid: None = any.

    world: what a unix or emulated board measures, a value for each channel of flatsat/devices/world.py.
    """

    name: str
    role: str
    reach: str
    target: str | None = None
    uid: bytes | None = None
    image: Path | None = None
    method: str = "slots"
    world: tuple[float, ...] = ()

    @property
    def kept_safe(self) -> bool:
        """A unix or emulated board with its pin SAFE low and remove-before-flight in: it starts without its app."""
        world = dict(zip(CHANNELS[self.role], self.world, strict=False))
        return bool(world.get("rbf")) and not world.get("safe", 1.0)

    @property
    def kind(self) -> str:
        """flight, unix, emulated, uid, network or serial."""
        if self.reach in _TARGET_OF:
            return self.reach
        if self.reach.startswith("uid:"):
            return "uid"
        return "network" if "://" in self.reach else "serial"


@dataclass(frozen=True)
class Bench:
    """via: the CSP bus, as `dragonet bus --via`; None = the bench has none. tables: what else the file holds."""

    path: Path
    name: str
    boards: tuple[Entry, ...]
    via: str | None = None
    key: Path | None = None
    csp_version: int = 2
    bitrate: int = DEFAULT_BIT_RATE
    tables: Mapping[str, Any] = field(default_factory=dict)

    def board(self, name: str) -> Entry:
        """UserError: no such board."""
        for entry in self.boards:
            if entry.name == name:
                return entry
        raise UserError(f"{self.path}: no board {name!r}; it has {', '.join(one.name for one in self.boards)}")

    def choose(self, names: list[str]) -> tuple[Entry, ...]:
        """The boards of these names; none named: all."""
        return tuple(self.board(name) for name in dict.fromkeys(names)) if names else self.boards

    @property
    def folder(self) -> Path:
        """Where memories of its virtual and emulated boards lie, and its locks."""
        return paths.REPO / "build" / "bench" / self.name


def find(name: str | Path) -> Path:
    """A bench file by its path, or by its name in tests/hil/benches. UserError: there is none."""
    path = Path(name)
    if path.suffix == ".toml" or "/" in str(name):
        if not path.is_file():
            raise UserError(f"{path}: no such bench file; {_known()}")
        return path
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        raise UserError(f"no bench {str(name)!r}: {_known()}, or name a .toml file")
    return path


def load(name: str | Path) -> Bench:
    """Read a bench file, named by path or as one of tests/hil/benches. UserError: file, key and remedy."""
    path = find(name)
    try:
        with open(path, "rb") as file:
            found = tomllib.load(file)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not TOML: {error}") from None
    return parse(found, path)


def parse(found: Mapping[str, Any], path: Path) -> Bench:
    """As load(), of what the file `path` holds."""
    tables = {key: value for key, value in found.items() if key not in _BENCH_KEYS}
    for key, value in tables.items():
        if not isinstance(value, dict):
            raise UserError(f"{path}: {key}: no such key; a bench has {', '.join(_BENCH_KEYS)} and tables")
    boards = found.get("boards")
    if not isinstance(boards, dict) or not boards:
        raise UserError(f"{path}: boards: none; add a table for each, as [boards.eps]")
    entries = tuple(_entry(name, one, path) for name, one in boards.items())
    _distinct(entries, path)
    name = _text(found, "name", path, path.stem)
    if not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
        raise UserError(f"{path}: name = {name!r}: letters, digits, '-', '_' and '.' only: a folder bears it")
    key = _text(found, "key", path, "")
    return Bench(
        path, name, entries, _text(found, "via", path, "") or None, path.parent / key if key else None,
        _number(found, "csp_version", path, 2, 1, 2),
        _number(found, "bitrate", path, DEFAULT_BIT_RATE, 10_000, 1_000_000), tables,
    )  # fmt: skip


def _entry(name: str, found: Any, path: Path) -> Entry:
    where = f"boards.{name}"
    if not isinstance(found, dict):
        raise UserError(f"{path}: {where}: no table; write [{where}]")
    for key in found:
        if key not in _BOARD_KEYS:
            raise UserError(f"{path}: {where}.{key}: no such key; a board has {', '.join(_BOARD_KEYS)}")
    if not re.fullmatch(r"[\w-]+", name):
        raise UserError(f"{path}: {where}: name boards with letters, digits, '-' and '_'")
    role = _one_of(found, "role", where, path, ROLES, name)
    reach = _text(found, "reach", path, "", where)
    if not _good_reach(reach):
        raise UserError(f"{path}: {where}.reach = {reach!r}: how it is reached: {_REACH}")
    target = _one_of(found, "target", where, path, tuple(TARGETS), _TARGET_OF.get(reach, ""))
    image = _text(found, "image", path, "", where)
    if image and reach != "emulated":
        raise UserError(f"{path}: {where}.image: only a board with reach = \"emulated\" has one")
    uid = _text(found, "uid", path, "", where)
    return Entry(
        name, role, reach, target or None, _uid(uid, f"{path}: {where}.uid") if uid else None,
        path.parent / image if image else None, _one_of(found, "method", where, path, METHODS, METHODS[0]),
        _world(found, role, reach, where, path),
    )  # fmt: skip


def _world(found: Mapping[str, Any], role: str, reach: str, where: str, path: Path) -> tuple[float, ...]:
    """A healthy board on a bench, remove-before-flight pin inserted, and what the file says otherwise."""
    wanted = found.get("world", {})
    if not isinstance(wanted, dict) or wanted and reach not in ("unix", "emulated"):
        raise UserError(f"{path}: {where}.world: a table of values, for a board with reach \"unix\" or \"emulated\"")
    values = {name: _ON_A_BENCH.get(name, _ROOM_C if name.endswith("_t") else 0.0) for name in CHANNELS[role]}
    for name, value in wanted.items():
        if name not in values or isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f"{path}: {where}.world.{name} = {value!r}: a number for one of {', '.join(values)}")
        values[name] = float(value)
    return tuple(values.values())


def _good_reach(reach: str) -> bool:
    if reach in _TARGET_OF:
        return True
    if reach.startswith("uid:"):
        return re.fullmatch(r"[0-9a-fA-F]{2,32}", reach[4:]) is not None and len(reach) % 2 == 0
    if "://" in reach:
        match = _NETWORK.match(reach)
        return match is not None and 0 < int(match[2]) <= 0xFFFF
    return reach.startswith("/") or re.fullmatch(r"COM\d+", reach) is not None


def _distinct(entries: tuple[Entry, ...], path: Path) -> None:
    seen: dict[str, str] = {}
    for entry in entries:
        for what in ([] if entry.reach in _TARGET_OF else [entry.reach]) + ([entry.uid.hex()] if entry.uid else []):
            if what in seen:
                raise UserError(f"{path}: boards.{entry.name} and boards.{seen[what]} are both {what}: one is wrong")
            seen[what] = entry.name


def _uid(text: str, where: str) -> bytes:
    try:
        uid = bytes.fromhex(text)
    except ValueError:
        uid = b""
    if len(uid) not in (UID_BYTES, 12):  # RP2040 8, STM32 12 of which manifests carry the first 8
        raise UserError(f"{where} = {text!r}: 16 hexadecimal digits (RP2040) or 24 (STM32): 'dragonet bench ls' tells")
    return uid[:UID_BYTES]


def _text(found: Mapping[str, Any], key: str, path: Path, default: str, where: str = "") -> str:
    value = found.get(key, default)
    if not isinstance(value, str):
        raise UserError(f"{path}: {where + '.' if where else ''}{key} = {value!r}: must be a text in quotes")
    return value


def _one_of(
    found: Mapping[str, Any], key: str, where: str, path: Path, known: tuple[str, ...], default: str
) -> str:
    value = found.get(key, default)
    if value not in known and (key in found or default):
        raise UserError(f"{path}: {where}.{key} = {value!r}: one of {', '.join(known)}")
    return value


def _number(found: Mapping[str, Any], key: str, path: Path, default: int, low: int, high: int) -> int:
    value = found.get(key, default)
    if type(value) is not int or not low <= value <= high:
        raise UserError(f"{path}: {key} = {value!r}: a whole number from {low} to {high}")
    return value


def _known() -> str:
    names = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return f"tests/hil/benches has {', '.join(names)}" if names else "tests/hil/benches has none"
