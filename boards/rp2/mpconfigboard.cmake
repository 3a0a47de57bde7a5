# Board definition for ports/rp2 of MicroPython: cmake -DMICROPY_BOARD_DIR=boards/rp2 (host_tools/toolchain/rp2.py).
set(PICO_BOARD "pico")
set(PICO_PLATFORM "rp2040")
set(MICROPY_BOARD_PINS "${MICROPY_PORT_DIR}/boards/RPI_PICO/pins.csv")
list(APPEND MICROPY_DEF_BOARD "MP_CONFIGFILE=<mpconfigport_dragonet.h>")
list(APPEND MICROPY_SOURCE_BOARD ${MICROPY_BOARD_DIR}/frames.c)
