"""A slot image of a board: flight code above the guard, as ROMFS, with the manifest of firmware/core/manifest.py."""

from __future__ import annotations

import ast
import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from dragonet import paths
from dragonet.deploy import golden, goldens, overlay, romfs
from dragonet.deploy.goldens import Golden
from dragonet.errors import UserError
from dragonet.generate import packages
from dragonet.ground.keys import ROLES, KeyFile

paths.use_firmware()

from core import mac, manifest  # noqa: E402

TRIAL_MIN = 720  # minutes in which a trial must be confirmed, unless said otherwise: two days' passes fall into it
_NO_KEY = 255


class Target(NamedTuple):
    platform: str  # sys.platform of the board
    architecture: str  # of mpy-cross
    code: int  # of sys.implementation._mpy, bits 15:10


TARGETS = {
    "rp2": Target("rp2", "armv6m", 4),
    "unix": Target("linux", "x64", 2),
    "unix32": Target("linux", "x86", 1),
    "pybd": Target("pyboard", "armv7emdp", 8),
}


@dataclass(frozen=True)
class Image:
    """data: the ROMFS. The rest is its manifest; uid and mac are bytes, slot is the commander's key slot.

    files: what data is made of, path -> content; empty for an image that was loaded. base: id of the golden app that an
    overlay stands on; brings: what of it the overlay replaces, a line for each package.
    """

    data: bytes
    role: str
    target: str
    mpy: int
    version: str
    trial_min: int = TRIAL_MIN
    uid: bytes = bytes(8)
    base: bytes = manifest.WHOLE
    slot: int = _NO_KEY
    mac: bytes = bytes(manifest.MAC)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    brings: tuple[str, ...] = field(default=(), compare=False)

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.data).digest()

    @property
    def whole(self) -> bool:
        """It needs nothing of a golden app."""
        return self.base == manifest.WHOLE

    @property
    def signed(self) -> bool:
        return self.slot != _NO_KEY

    @property
    def manifest(self) -> bytes:
        made = bytearray(manifest.SIZE)
        manifest.pack_into(
            made, len(self.data), self.role, self.target, self.mpy, self.uid, self.trial_min, self.version, self.digest,
            self.base,
        )  # fmt: skip
        made[manifest.BODY] = self.slot
        made[manifest.SIGNED :] = self.mac
        return bytes(made)

    def sign(self, key: KeyFile) -> Image:
        """The same image, vouched for by the key's commander."""
        made = replace(self, slot=key.slot)
        return replace(made, mac=mac.hmac(key.pads(self.role), made.manifest[: manifest.SIGNED], b"")[: manifest.MAC])

    def save(self, path: Path) -> None:
        """A file of manifest and image, which appears when it is complete. UserError: it cannot be written."""
        part = path.with_name(path.name + ".part")
        try:
            part.write_bytes(self.manifest + self.data)
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise UserError(f"{path}: cannot be written: {error.strerror}") from None

    def describe(self) -> dict[str, Any]:
        """For a table or JSON."""
        return {
            "role": self.role, "target": self.target, "version": self.version, "bytes": len(self.data),
            "sha256": self.digest.hex(), "mpy": self.mpy, "trial_min": self.trial_min,
            "uid": self.uid.hex() if any(self.uid) else "", "key_slot": self.slot if self.signed else None,
            "base": "" if self.whole else self.base.hex(), "brings": list(self.brings),
        }  # fmt: skip


def load(path: Path) -> Image:
    """The image in a file of save(). UserError: it is none, or not whole."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; 'dragonet update build' makes an image") from None
    try:
        fields = manifest.Manifest(content)
    except ValueError:
        raise UserError(f"{path}: no slot image; 'dragonet update build' makes one") from None
    data = content[manifest.SIZE :]
    if len(data) != fields.length or hashlib.sha256(data).digest() != fields.digest:
        raise UserError(f"{path}: {len(data)} bytes that do not match their manifest: the file is damaged")
    slot, tag = content[manifest.BODY], content[manifest.SIGNED : manifest.SIZE]
    return Image(
        data, fields.role, fields.target, fields.mpy, fields.version, fields.trial_min, fields.uid, fields.base, slot,
        tag,
    )  # fmt: skip


def build(
    role: str, target: str, *, firmware: Path | None = None, version: str | None = None, trial_min: int = TRIAL_MIN,
    uid: bytes = bytes(8), stands_on: Golden | None = None,
) -> Image:  # fmt: skip
    """An unsigned image of board `role`. firmware: a folder of flight code, default the checkout's.

    stands_on: the board's golden app, for an overlay of it; None: a whole image.
    version: default the revision in core/board.py and the first digits of the image's hash. UserError: no such role or
    target, or code that does not compile.
    """
    if role not in ROLES:
        raise UserError(f"board {role!r}: none of {', '.join(ROLES)}")
    if target not in TARGETS:
        raise UserError(f"target {target!r}: none of {', '.join(TARGETS)}")
    if not 1 <= trial_min <= 0xFFFF:
        raise UserError(f"a trial of {trial_min} minutes: 1 to 65535")
    folder = paths.FIRMWARE if firmware is None else firmware
    what = TARGETS[target]
    wanted: Mapping[str, Path | bytes] = files(role, folder)
    brings: tuple[str, ...] = ()
    if stands_on is not None:
        wanted, brings = overlay.overlay(files(role, folder), stands_on, folder)
    made, mpy = romfs.compiled(wanted, what.architecture)
    data = romfs.image(made)
    if version is None:
        version = f"{_revision(folder)[:8]}+{hashlib.sha256(data).hexdigest()[:7]}"
    if len(version.encode()) > manifest.VERSION:
        raise UserError(f"version {version!r}: longer than {manifest.VERSION} characters")
    base = stands_on.id if stands_on is not None else manifest.WHOLE
    return Image(data, role, what.platform, mpy, version, trial_min, uid, base, files=made, brings=brings)


def fitting(
    role: str, target: str, base: bytes, *, given: Path | None = None, whole: bool = False,
    firmware: Path | None = None, version: str | None = None, trial_min: int = TRIAL_MIN,
) -> Image:  # fmt: skip
    """build() for a board whose golden app has the id `base`: an overlay of it, if it is known here, or a whole image.

    given: a file or checkout that has it. UserError: as build() and goldens.find().
    """
    stands_on = None
    if whole:
        why = "everything: a whole image is wanted"
    elif not any(base) and given is None:
        why = "everything: the board does not tell its golden app"
    else:
        stands_on = goldens.find(role, base, given)
        why = f"everything: the golden app {base.hex()} is not known here (--golden FILE)"
    made = build(role, target, firmware=firmware, version=version, trial_min=trial_min, stands_on=stands_on)
    return made if stands_on is not None else replace(made, brings=(why,))


def files(role: str, firmware: Path) -> dict[str, Path]:
    """What a whole slot of `role` holds: path in it -> source."""
    found = {name: firmware / name for name in packages.modules(role, firmware) if name not in golden.FIXED}
    found["parts.py"] = paths.BOARDS / role / "parts.py"
    return found


def stranger(name: str, base: bytes, has: bytes) -> str:
    """What is wrong with an overlay for a board of another golden app."""
    what = f"its golden app is {has.hex()}" if any(has) else "it does not tell its golden app"
    return f"{name}: the image stands on the golden app {base.hex()}, and {what}: build it for this board, or --whole"


def target_of(platform: str, mpy: int) -> str:
    """The name in TARGETS of a board that says this of itself. UserError: there is none."""
    for name, one in TARGETS.items():
        if one.platform == platform and one.code == mpy >> 10:
            return name
    raise UserError(f"no target for a board of platform {platform!r}, architecture {mpy >> 10}: name one with --target")


def _revision(firmware: Path) -> str:
    for node in ast.parse((firmware / "core/board.py").read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "REVISION":
            return str(ast.literal_eval(node.value))
    raise UserError(f"{firmware / 'core/board.py'} has no REVISION")
