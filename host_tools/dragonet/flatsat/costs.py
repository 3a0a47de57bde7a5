# What takes time on a board, in microseconds: one table, used by the virtual boards and the hub.
# Measured on the emulated RP2040 at 125 MHz by `dragonet emulator costs --write`, which rewrites the figures; estimates
# are can_send, can_receive, i2c_target_byte and spi_drain. What the firmware computes besides costs nothing here.

COSTS = {
    "ticks": 2,  # reading the clock
    "wake_up": 226,  # the event loop resumes one task
    "interrupt": 16,  # a soft interrupt handler is entered
    "gc_collect": 19_585,  # one collection, the beacon's app being there
    "hard_interrupt": 20,  # a hard one with a short handler in Python
    "pin": 4,  # writing or reading a pin
    "i2c_transfer": 12,  # each transfer, besides its bits on the wire
    "i2c_target_byte": 2,  # its share of the peripheral's interrupt
    "spi_transfer": 6,
    "spi_driver": 309,  # what the MCP2515's driver computes for each of its transfers; see with_drivers()
    "spi_drain": 15,  # what it computes for each transfer in the hard interrupt, which is viper
    "adc_read": 5,
    "can_send": 60,
    "can_receive": 60,
    "uart_call": 5,  # each read or write
    "uart_byte": 2,  # its share of the receive interrupt
    "flash_erase_4k": 45_057,  # interrupts are off: W25Q16JV 9.6, typical
    "flash_program_256": 525,
    "flash_read_256": 8,
    # the firmware's own work: see with_drivers()
    "work_board": 161_042,  # the board is made
    "work_services": 584_248,  # and then its services
    "work_app": 177_628,  # and the beacon's app
    "work_hk": 1323,  # housekeeping is made, besides
    "work_hk_value": 47,  # each value of housekeeping that is packed
    "work_csp_send": 740,  # each packet that leaves, besides its frames
    "work_text": 51_245,  # each text of a burst
    "work_ax25_byte": 36,  # of it
}


def with_drivers():
    """The table of boards that fly beside an emulated one: their MCP2515 drivers take as long as on its processor, and
    so does the work that stands before what they send (boards/unix/lib/twin/work.py).

    Without it a driver computes in no time, so that flights show what the protocols do and not what a processor misses.
    """
    table = dict(COSTS)
    table["work"] = 1
    table["spi_hard"] = table["spi_transfer"] + COSTS["spi_drain"]
    table["spi_transfer"] += COSTS["spi_driver"]
    return table
