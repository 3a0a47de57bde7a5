"""Files on the littlefs of a virtual board that is off: written by MicroPython through the twin's flash."""

import subprocess
from pathlib import Path

from dragonet import micropython, paths

_WRITE = """
import sys
import vfs

vfs.umount("/")
for place, folder in (("/nv", sys.argv[1]), ("/twin", sys.argv[2]), ("/host", sys.argv[3]), ("/in", sys.argv[4])):
    vfs.mount(vfs.VfsPosix(folder), place)
sys.path[:] = ["/twin", ".frozen", "/host"]
import twin
from twin import flash

twin.bench(files="/nv")
flash.mount()
with open("/in/content", "rb") as source:
    with open(sys.argv[5], "wb") as file:
        while True:
            data = source.read(4096)
            if not data:
                break
            file.write(data)
"""


def write(board: Path, path: str, content: bytes) -> None:
    """board: the folder of its memories. path: of the file on the board."""
    work = board.parent / f"{board.name}-write"
    work.mkdir(exist_ok=True)
    (work / "write.py").write_text(_WRITE)
    (work / "content").write_bytes(content)
    run = subprocess.run(
        [micropython.find(), str(work / "write.py"), str(board), str(paths.VIRTUAL_BOARD), str(paths.HOST_TOOLS),
         str(work), path],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0 and not run.stdout + run.stderr, run.stdout + run.stderr
