// The rp2 port's configuration (MP_CONFIGFILE), and VfsRom for the slots. The port's own ROMFS partition stays off: it would
// be mounted and on sys.path before the guard has verified anything.
#include "mpconfigport.h"
#undef MICROPY_VFS_ROM
#define MICROPY_VFS_ROM (1)
#define MICROPY_VFS_ROM_IOCTL (0)
// No module asks for its file: 8 bytes of heap in each.
#undef MICROPY_PY___FILE__
#define MICROPY_PY___FILE__ (0)
