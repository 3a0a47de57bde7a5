# The slots of a virtual board: flash as the RP2040's, with its map, kept in the board's folder (twin/slots.py).
import flash_map
import twin
from twin import slots


def device(number):
    """Block device of slot `number`. Its writeblocks with an offset programs and does not erase."""
    start = (flash_map.SLOT_A, flash_map.SLOT_B)[number]
    return slots.part(twin.board, start, flash_map.SLOT_BYTES)


def memory(slot):
    """The buffer of a slot's flash, as it is now."""
    return slots.image(slot)
