# Records that cross between a virtual board and the hub: one byte of kind, the board's time, then data.
# Each layout stands beside the code that packs it; this file only keeps the numbers apart.

# board -> hub
PIN = 1          # u16 pin, u8 level: the board drives a wire that leaves it
CAN_SEND = 2     # u8 bus, u8 slot, u32 id, u8 flags, data
CAN_CANCEL = 3   # u8 bus, u8 slot
CAN_FILTERS = 4  # u8 bus, u8 accept all, then (u32 id, u32 mask, u8 flags) each
CAN_MODE = 5     # u8 bus, u8 mode, u32 bit rate: 255 = stopped
RESET = 6        # u8 reset cause
WDT = 7          # u32 ms: the watchdog has been started with this time
UART_SEND = 8    # u8 uart, data
HELLO = 9        # JSON: what runs on the board, said once after power-on
I2C_TARGET = 10    # these three: layouts in boards/unix/lib/twin/i2c_wires.py
I2C_TRANSFER = 11
I2C_SERVED = 12
RADIO = 16       # the radio chip: layout in devices/sx1278.py

# hub -> board
WORLD = 32       # f32 x channels
CAN_RECEIVED = 33  # u8 bus, u8 number of the filter that let it in, u32 id, u8 flags, data
CAN_SENT = 34    # u8 bus, u8 slot, u8 ok
CAN_STATE = 35   # u8 bus, u8 state, u16 tx errors, u16 rx errors
UART_RECEIVED = 36  # u8 uart, data
WIRE = 37        # u16 pin, u8 level: another drives a wire of this board
I2C_DONE = 38     # these two: as I2C_TRANSFER
I2C_REQUEST = 39
