"""Golden apps that this computer knows: overlays are made of what differs from the one of the board."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dragonet import paths
from dragonet.deploy import golden
from dragonet.errors import UserError
from dragonet.ground.keys import ROLES

FOLDER = paths.REPO / "build" / "goldens"  # `make toolchain` leaves a file here for each image that it built


@dataclass(frozen=True)
class Golden:
    """modules: path -> SHA-256 of the source, of all that a slot may replace."""

    role: str
    modules: Mapping[str, str]

    @property
    def id(self) -> bytes:
        """As the board tells it, and as a manifest's base names it."""
        return golden.identity(self.modules)

    def save(self, folder: Path = FOLDER) -> Path:
        """ROLE-ID.json in folder."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.role}-{self.id.hex()}.json"
        path.write_text(json.dumps({"role": self.role, "id": self.id.hex(), "modules": dict(self.modules)}, indent=1))
        return path


@functools.cache
def checkout(role: str, boards: Path = paths.BOARDS) -> Golden:
    """Of this checkout, as it is frozen: what the role's package.json lists. boards: of another checkout."""
    board = boards / role
    try:
        listed = json.loads((board / "package.json").read_text())["urls"]
        return Golden(role, golden.hashes({name: (board / path).read_bytes() for name, path in listed}))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{board}: no board of a checkout ({error})") from None


@functools.cache
def built() -> tuple[str, str]:
    """Date and time of this checkout's commit, as an image of it tells them."""
    return golden.built(paths.REPO)


def load(path: Path, role: str) -> Golden:
    """From a file of save(), or a whole checkout's folder. UserError: it is none of this role, or damaged."""
    if path.is_dir():
        return checkout(role, path / "boards")
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        one = Golden(str(found["role"]), {str(name): str(digest) for name, digest in found["modules"].items()})
        whole = one.id.hex() == found["id"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise UserError(f"{path}: no golden app: 'make toolchain' leaves them in build/goldens") from None
    if not whole:
        raise UserError(f"{path}: its modules are not those of its id: the file is damaged")
    if one.role != role:
        raise UserError(f"{path}: the golden app of {one.role}, not of {role}")
    return one


def role_in(firmware: bytes) -> str | None:
    """The role whose golden app is frozen in this firmware; None: one that is not known here."""
    kept = [re.fullmatch(r"(\w+)-([0-9a-f]{16})", path.stem) for path in FOLDER.glob("*.json")]
    known = [(one[1], bytes.fromhex(one[2])) for one in kept if one is not None]
    known += [(role, checkout(role).id) for role in ROLES]
    return next((role for role, name in known if name in firmware), None)


def find(role: str, base: bytes, given: Path | None = None) -> Golden | None:
    """The one whose id is `base`: `given`, a kept one or this checkout's; None: it is not known here.

    UserError: `given` is another one.
    """
    if given is not None:
        one = load(given, role)
        if one.id != base:
            raise UserError(f"{given}: the golden app {one.id.hex()}, and the board of {role} has {base.hex()}")
        return one
    kept = FOLDER / f"{role}-{base.hex()}.json"
    if kept.is_file():
        return load(kept, role)
    here = checkout(role)
    return here if here.id == base else None
