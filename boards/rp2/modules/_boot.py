# Runs first in the RP2040 image, in place of the port's own _boot.py: mounts the files, and never formats. Storage that
# cannot be mounted leaves the board without "/": the frozen app runs all the same.
import flash_map
import vfs
from _rp2 import Flash  # rp2.Flash without rp2.py, whose PIO assembler would take 1 kB of the heap

try:
    vfs.mount(
        vfs.VfsLfs2(Flash(start=flash_map.FILES, len=flash_map.FILES_BYTES), progsize=flash_map.PROGRAM), "/"
    )
except OSError:
    pass
