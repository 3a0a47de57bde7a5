# The RP2040's 2 MB of flash. Offsets of slots and files are those of rp2.Flash(), which begins behind the firmware; the
# firmware's MICROPY_HW_FLASH_STORAGE_BYTES (mpconfigboard.h) is STORAGE_BYTES.
#
#   offset in flash   size     what
#   0x000000          768 kB   firmware: MicroPython, guard, golden app
#   0x0C0000          320 kB   slot a: ROMFS, executed in place
#   0x110000          320 kB   slot b
#   0x160000          640 kB   littlefs
from micropython import const

BLOCK = const(4096)    # bytes that one erase takes
PROGRAM = const(256)   # bytes that one program takes
FLASH_BYTES = const(2 * 1024 * 1024)
FIRMWARE_BYTES = const(768 * 1024)
STORAGE_BYTES = const(1280 * 1024)

SLOT_BYTES = const(320 * 1024)
SLOT_A = const(0)
SLOT_B = const(320 * 1024)
FILES = const(640 * 1024)
FILES_BYTES = const(640 * 1024)
