# The slots of a board with RP2040: raw flash behind the firmware, see flash_map.py.
import flash_map
from _rp2 import Flash  # rp2.Flash: see _boot.py


def device(number):
    """Block device of slot `number`. Its writeblocks with an offset programs and does not erase."""
    start = (flash_map.SLOT_A, flash_map.SLOT_B)[number]
    return Flash(start=start, len=flash_map.SLOT_BYTES)


def memory(slot):
    """The buffer of a slot's flash, read where it lies."""
    return memoryview(slot)
