// Raspberry Pi Pico with Dragonet's flash map (flash_map.py): firmware, slots a and b and the files' storage.
#define MICROPY_HW_BOARD_NAME          "Dragonet on Raspberry Pi Pico"
#define MICROPY_HW_FLASH_STORAGE_BYTES (1280 * 1024) // what rp2.Flash() is: both slots and littlefs
