// Raspberry Pi Pico with Dragonet's flash map (flash_map.py): firmware, slots a and b and the files' storage.
#define MICROPY_HW_BOARD_NAME          "Dragonet on Raspberry Pi Pico"
#define MICROPY_HW_FLASH_STORAGE_BYTES (1280 * 1024) // what rp2.Flash() is: both slots and littlefs
// frames.c: function frames on a stack of 4 kB, not on the heap.
#define MICROPY_ENABLE_PYSTACK (1)
#define DRAGONET_FRAMES_WORDS (1024)
void dragonet_frames_init(void);
#define MICROPY_BOARD_EARLY_INIT() dragonet_frames_init()
// One core runs Python: no locks around its heap, and its state lies at a fixed address.
#define MICROPY_PY_THREAD (0)
// Where names were found last: with 128 entries they evict each other, and all that is computed takes a tenth longer.
#define MICROPY_OPT_MAP_LOOKUP_CACHE_SIZE (512)
