# What takes time on a board, in microseconds: one table, used by the virtual boards and the hub.
# Fixed numbers for an RP2040 at 125 MHz under MicroPython, estimated from its instruction counts.

COSTS = {
    "ticks": 2,  # reading the clock
    "wake_up": 120,  # the event loop resumes one task
    "interrupt": 25,  # a soft interrupt handler is entered
    "hard_interrupt": 40,  # a hard one with a short handler in Python
    "pin": 2,  # writing or reading a pin
    "i2c_transfer": 60,  # each transfer, besides its bits on the wire
    "i2c_target_byte": 2,  # its share of the peripheral's interrupt
    "spi_transfer": 12,
    "adc_read": 6,
    "can_send": 60,
    "can_receive": 60,
    "uart_call": 20,  # each read or write
    "uart_byte": 1,  # its share of the receive interrupt
    "flash_erase_4k": 45_000,  # interrupts are off: W25Q16JV 9.6, typical
    "flash_program_256": 400,
    "flash_read_256": 6,
}
