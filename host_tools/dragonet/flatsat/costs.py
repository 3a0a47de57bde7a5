# What takes time on a board, in microseconds: one table, used by the virtual boards and the hub.
# Measured on the emulated RP2040 at 125 MHz by `dragonet emulator costs --write`, which rewrites the figures; estimates
# are can_send, can_receive and i2c_target_byte. What the firmware computes besides costs nothing here.

COSTS = {
    "ticks": 2,  # reading the clock
    "wake_up": 191,  # the event loop resumes one task
    "interrupt": 15,  # a soft interrupt handler is entered
    "gc_collect": 19_063,  # one collection, the beacon's app being there
    "hard_interrupt": 19,  # a hard one with a short handler in Python
    "pin": 4,  # writing or reading a pin
    "i2c_transfer": 12,  # each transfer, besides its bits on the wire
    "i2c_target_byte": 2,  # its share of the peripheral's interrupt
    "spi_transfer": 6,
    "spi_driver": 7,  # what the MCP2515's driver computes for each of its transfers; see with_drivers()
    "adc_read": 5,
    "can_send": 60,
    "can_receive": 60,
    "uart_call": 5,  # each read or write
    "uart_byte": 2,  # its share of the receive interrupt
    "flash_erase_4k": 45_057,  # interrupts are off: W25Q16JV 9.6, typical
    "flash_program_256": 525,
    "flash_read_256": 8,
    # the firmware's own work: see with_drivers()
    "work_board": 150_938,  # the board is made
    "work_events": 17_547,  # and the table of its events
    "work_time_eps": 208_420,  # from the event of the boot to the beginning of its time, besides what is listed here
    "work_time_beacon": 201_110,
    "work_time_sensor": 186_204,
    "work_boot_eps": 250_901,  # from there to its first second, likewise
    "work_boot_beacon": 277_036,
    "work_boot_sensor": 253_506,
    "work_fram_read_16": 28,  # each 16 bytes that are read from FRAM, besides their bits
    "work_record_read": 186,  # each copy of a record in FRAM that is looked at
    "work_blank_byte": 7,  # each byte of one that was never written
    "work_record_save": 291,
    "work_ring_look": 160,  # each slot of a ring in FRAM that is looked at
    "work_ring_append": 214,
    "work_event": 529,  # an event, besides its place in the ring and its packet
    "work_power_tick": 2880,  # the second's work of the EPS
    "work_log_open": 276,  # the log of housekeeping, before the first entry
    "work_hk": 2869,  # housekeeping is made, besides
    "work_hk_value": 48,  # each value of housekeeping that is packed
    "work_second": 2175,  # what other services and that of time do each second
    "work_csp_send": 495,  # each packet that leaves, besides its frames
    "work_can_send": 160,  # an MCP2515's driver, for each frame, while it talks to the chip: its interrupts wait
    "work_can_look": 155,  # and each time that it looks what they brought
    "work_can_sent_eps": 259,  # from a frame that has left to the next: the rest, by board
    "work_can_sent_beacon": 286,
    "work_can_sent_sensor": 268,
    "work_text_value": 915,  # each value that the beacon tells, in CW or in a burst
    "work_text_line": 49,  # and each line of its table that is passed to find it
    "work_cw_byte": 11,  # each byte of CW that is keyed
    "work_afsk_byte": 53,  # each byte of a burst that is modulated
    "work_radio_register": 21,  # each register of the radio that is read or written
    "work_ax25_byte": 31,  # each byte of a burst
}


def with_drivers(found=None):
    """The table of boards that fly beside an emulated one: their MCP2515 drivers take as long as on its processor, and
    so does the work that stands before what they send (boards/unix/lib/twin/work.py).

    found: costs in place of those of COSTS. Without it a driver computes in no time, so that flights show what the
    protocols do and not what a processor misses.
    """
    table = dict(COSTS)
    table.update(found or {})
    table["work"] = 1
    table["slack"] = 0  # frames do not come late: see boards/unix/lib/twin/kernel.py
    table["spi_transfer"] += table["spi_driver"]
    return table
