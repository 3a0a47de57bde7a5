# MB85RC256V ferroelectric memory, Fujitsu DS501-00017-3v0-E: 32,768 bytes on I2C; no pages, no waits, 10^12 writes.
from micropython import const

SIZE = const(32768)          # "Bit configuration": 32,768 words of 8 bits; the address counter rolls over at its end

_RESERVED = const(0x7C)      # "Device ID": reserved target 0xF8 (write) and 0xF9 (read), 7-bit 0x7C
_MB85RC256V = const(0x00A510)  # manufacturer 00A, product 510
_FM24V02 = const(0x004200)   # Cypress/Ramtron FM24V02 rev. 2.0, "Device ID": the same commands, the same size
_TRIES = const(3)


class FRAM:
    """A memory that keeps each byte as soon as it was acknowledged.

    i2c: machine.I2C. OSError: no answer. ValueError: another part answers at this address.
    identity: its 24-bit device ID, or None where the bus cannot ask for it (some controllers refuse reserved targets).
    """

    def __init__(self, i2c, address=0x50):
        self._i2c = i2c
        self._address = address
        for tries in range(_TRIES):  # one disturbed look would leave the board without memory until its next boot
            try:
                self._look()
                return
            except (OSError, ValueError):
                if tries == _TRIES - 1:
                    raise

    def _look(self):
        self.identity = self._identify()
        if self.identity is not None and self.identity not in (_MB85RC256V, _FM24V02):
            raise ValueError("no FRAM at 0x%02x: device ID %06x" % (self._address, self.identity))
        self.read_into(0, bytearray(1))  # an absent part raises here

    def read_into(self, address, buffer):
        """Fills buffer from address. ValueError beyond the end, OSError without an answer."""
        _check(address, len(buffer))
        self._i2c.readfrom_mem_into(self._address, address, buffer, addrsize=16)

    def write(self, address, data):
        """Writes data at address, byte after byte. ValueError beyond the end, OSError without an answer."""
        _check(address, len(data))
        self._i2c.writeto_mem(self._address, address, data, addrsize=16)

    def _identify(self):
        # "Device ID": F8, the device address word, repeated start, F9, three bytes.
        word = bytearray(3)
        try:
            self._i2c.writeto(_RESERVED, bytes((self._address << 1,)), False)
            self._i2c.readfrom_into(_RESERVED, word)
        except (OSError, ValueError):
            return None
        value = word[0] << 16 | word[1] << 8 | word[2]
        return None if value in (0, 0xFFFFFF) else value


def _check(address, length):
    if address < 0 or address + length > SIZE:
        raise ValueError("FRAM address %d + %d is beyond %d bytes" % (address, length, SIZE))
