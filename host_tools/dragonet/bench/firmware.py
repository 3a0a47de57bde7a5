"""MicroPython itself onto a board: UF2 by copying, everything else by the programs that know how.

RP2040's ROM loader and STM32's DFU cannot be overwritten: whatever goes wrong here can be done again.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from dragonet.bench import adapter
from dragonet.bench.benchfile import Entry
from dragonet.deploy import goldens
from dragonet.emulator import uf2
from dragonet.errors import NotDone, UserError

WAYS = ("uf2", "mpflash", "dfu", "swd")
_DRIVES = ("/media/*/*", "/run/media/*/*", "/media/*", "/Volumes/*", "/mnt/*")
_INFO = "INFO_UF2.TXT"
_RP2040 = "RPI-RP2"
_DRIVE_S = 15.0
_RUN_S = 300.0
_INSTALL = {
    "mpflash": "pipx install mpflash==1.29.0",
    "dfu-util": "apt-get install dfu-util",
    "pyocd": "pipx install pyocd==0.46.0",
}
_PYOCD_TARGETS = {"rp2": "rp2040", "pybd": "stm32f767iitx"}
_BOARDS = {"rp2": "RPI_PICO", "pybd": "PYBD_SF6"}  # of MicroPython


def firmware(entry: Entry, image: Path, by: str = "", drives: Callable[[], list[Path]] | None = None) -> str:
    """Flash `image`: a file, or with mpflash a version such as 1.29.0 or stable. How it was done.

    UserError: no such image or way, or a program is missing. NotDone: it failed.
    """
    by = by or _way(image)
    if by not in WAYS:
        raise UserError(f"--by {by}: one of {', '.join(WAYS)}")
    if by != "mpflash" and not image.is_file():
        raise UserError(f"{image}: no such file; 'make toolchain' builds images, and --by mpflash takes a version")
    if by != "mpflash":
        _of_its_role(entry, image)
    if entry.kind == "emulated":
        raise UserError(f"{entry.name} is emulated: name the image in the bench file; build/bench keeps its flash")
    if entry.kind in ("unix", "flight"):
        raise UserError(f"{entry.name} is a process of this computer's MicroPython: nothing is flashed into it")
    if by == "uf2":
        return _copy(entry, image, drives or uf2_drives)
    target = entry.target or ""
    if by == "dfu":
        return _run(["dfu-util", "-a", "0", "-D", str(image)])
    if by == "swd":
        if target not in _PYOCD_TARGETS:
            raise UserError(f"{entry.name}: name its target in the bench file ({', '.join(_PYOCD_TARGETS)})")
        return _run(["pyocd", "flash", "--target", _PYOCD_TARGETS[target], str(image)])
    command = ["mpflash", "flash", "--serial", _port(entry), "--version", str(image)]
    return _run(command + (["--board", _BOARDS[target]] if target in _BOARDS else []))


def _of_its_role(entry: Entry, image: Path) -> None:
    """UserError: a golden app of another role is frozen in it."""
    try:
        data = b"".join(part for _, part in uf2.load(image)) if image.suffix == ".uf2" else image.read_bytes()
    except OSError as error:
        raise UserError(f"{image}: {error.strerror}") from None
    role = goldens.role_in(data)
    if role not in (None, entry.role):
        raise UserError(f"{entry.name}: {image} has the golden app of {role}, and this board is {entry.role}")


def _way(image: Path) -> str:
    ways = {".uf2": "uf2", ".dfu": "dfu", ".bin": "swd", ".hex": "swd", ".elf": "swd"}
    return ways.get(image.suffix, "mpflash")


def _port(entry: Entry) -> str:
    return adapter.serial_port(entry.reach[4:]) if entry.kind == "uid" else entry.reach


def uf2_drives() -> list[Path]:
    """Drives of RP2040s that wait in BOOTSEL."""
    found = {path.parent for pattern in _DRIVES for path in Path("/").glob(f"{pattern[1:]}/{_INFO}")}
    return sorted(drive for drive in found if _RP2040 in _info(drive))


def _info(drive: Path) -> str:
    try:
        return (drive / _INFO).read_text(errors="replace")
    except OSError:
        return ""  # another user's, or it goes away just now


def _copy(entry: Entry, image: Path, drives: Callable[[], list[Path]]) -> str:
    uf2.load(image)
    found = drives()
    if not found:
        _to_loader(entry)
        end = time.monotonic() + _DRIVE_S
        while not found and time.monotonic() < end:
            time.sleep(0.2)
            found = drives()
    if not found:
        raise NotDone(f"{entry.name}: no drive {_RP2040}: hold BOOTSEL while you plug it in, and let it be mounted")
    if len(found) > 1:
        shown = ", ".join(map(str, found))
        raise UserError(f"{len(found)} boards wait in BOOTSEL ({shown}), and none tells its id there: one at a time")
    try:
        shutil.copyfile(image, found[0] / image.name)
    except OSError as error:
        raise NotDone(f"{entry.name}: {found[0]}: {error.strerror}: plug it in again with BOOTSEL held") from None
    return f"uf2, to {found[0]}"


def _to_loader(entry: Entry) -> None:
    """A board at its prompt goes to its loader by itself."""
    try:
        with adapter.Link(_port(entry), entry.name) as link:
            if link.prompt(1.0):
                link.leave("import machine\nmachine.bootloader()")
    except (UserError, NotDone):
        pass  # it may be there by hand


def _run(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        raise UserError(f"{command[0]} is not installed: {_INSTALL[command[0]]}")
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=_RUN_S, check=False)
    except subprocess.TimeoutExpired:
        raise NotDone(f"{command[0]} did not end within {_RUN_S:g} s: is the board in its loader?") from None
    if run.returncode:
        lines = [line for line in (run.stderr + run.stdout).splitlines() if line.strip()]
        raise NotDone(f"{command[0]} failed: {lines[-1].strip() if lines else f'exit code {run.returncode}'}")
    return command[0]

