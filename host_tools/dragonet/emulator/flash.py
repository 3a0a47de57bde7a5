"""The flash of an emulated RP2040: a file of 2 MB. An image goes in as a programmer writes it, files as littlefs."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

from dragonet import micropython
from dragonet.emulator import uf2
from dragonet.errors import UserError

# Where littlefs lies: offset in the flash, bytes.
STOCK_FILES = (0xA0000, 1408 * 1024)  # MicroPython's RPI_PICO: the last 1408 kB
DRAGONET_FILES = (0x160000, 640 * 1024)  # boards/rp2/flash_map.py
BLOCK = 4096

# Runs on the unix port: a littlefs of the rp2 port's geometry in memory, then out to a file.
_MAKE = """
import json, os, sys, vfs
blocks, plan, out = int(sys.argv[1]), json.load(open(sys.argv[2])), open(sys.argv[3], "wb")
class Device:
    data = bytearray(b"\\xff" * 4096 * blocks)
    def readblocks(self, n, buf, off=0):
        buf[:] = self.data[n * 4096 + off : n * 4096 + off + len(buf)]
    def writeblocks(self, n, buf, off=None):
        at = n * 4096 + (off or 0)
        self.data[at : at + len(buf)] = buf
    def ioctl(self, op, arg):
        if op == 4: return blocks
        if op == 5: return 4096
        if op == 6:
            self.data[arg * 4096 : arg * 4096 + 4096] = b"\\xff" * 4096
            return 0
sources = {name: open(path, "rb").read() for name, path in plan.items()}
device = Device()
vfs.VfsLfs2.mkfs(device, progsize=256)
fs = vfs.VfsLfs2(device, progsize=256, mtime=False)
for name in sorted(sources):
    folder = ""
    for part in name.split("/")[:-1]:
        folder += "/" + part
        try:
            fs.mkdir(folder)
        except OSError:
            pass
    with fs.open(name, "wb") as file:
        file.write(sources[name])
out.write(device.data)
out.close()
"""


def littlefs(files: dict[str, bytes], size: int) -> bytes:
    """An image of a file system of `size` bytes with these files (path without leading slash: contents)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "make.py").write_text(_MAKE)
        plan = {}
        for number, (path, data) in enumerate(files.items()):
            plan[path] = str(folder / f"{number}.data")
            (folder / f"{number}.data").write_bytes(data)
        (folder / "plan.json").write_text(json.dumps(plan))
        run = subprocess.run(
            [micropython.find(), "-X", "heapsize=16M", str(folder / "make.py"), str(size // BLOCK),
             str(folder / "plan.json"), str(folder / "out")],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        if run.returncode:
            bytes_ = sum(map(len, files.values()))
            raise UserError(f"files of {bytes_} bytes do not go into a littlefs of {size}: {run.stderr}")
        return (folder / "out").read_bytes()


def prepare(
    path: Path,
    image: Path | None = None,
    files: dict[str, bytes] | None = None,
    area: tuple[int, int] = STOCK_FILES,
) -> None:
    """Make the flash file, or flash an image into it; what the image does not cover stays.

    files: a new file system with these in `area`. UserError: no such image, not to be written.
    """
    flash = bytearray(b"\xff" * uf2.FLASH_BYTES)
    if path.exists():
        try:
            kept = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; name the file of a flash, or a new one") from None
        if len(kept) != uf2.FLASH_BYTES:
            raise UserError(f"{path}: {len(kept)} bytes, not the {uf2.FLASH_BYTES} of a flash; remove it")
        flash[:] = kept
    elif image is None:
        raise UserError(f"{path}: no such flash file; name an image (.uf2 or .bin) to make it from")
    if image is not None:
        uf2.write(uf2.load(image), flash)
    if files is not None:
        flash[area[0] : area[0] + area[1]] = littlefs(files, area[1])
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(flash)
        fresh.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot write there: {error.strerror}") from None
