# MB85RC256V ferroelectric memory at register level, after Fujitsu DS501-00017-3v0-E. Runs in both interpreters.
# Its bytes live in env.persist, kept in the order in which they were sent: a cut in mid-write keeps what came before.

SIZE = 32768
IDENTITY = b"\x00\xa5\x10"  # "Device ID": manufacturer 00A, product 510
RESERVED = 0x7C             # 7-bit form of the reserved targets F8 and F9


class FRAM:
    """I2C target: write() = two address bytes, then data; readinto() = from the address counter on."""

    def __init__(self, env, name="fram"):
        self._cells = env.persist(name, SIZE, 0)
        self._address = 0

    def write(self, data):
        count = len(data)
        if count < 2:  # a bare address byte or a probe: nothing is written
            return
        at = (data[0] << 8 | data[1]) % SIZE  # "the upper 1 bit is ignored"
        start = 2
        while start < count:  # "rolls over to the first memory address"
            end = min(count, start + SIZE - at)
            self._cells.write(at, bytes(data[start:end]))
            at = (at + end - start) % SIZE
            start = end
        self._address = at

    def readinto(self, buf):
        count = len(buf)
        start = 0
        while start < count:
            end = min(count, start + SIZE - self._address)
            buf[start:end] = self._cells.read(self._address, end - start)
            self._address = (self._address + end - start) % SIZE
            start = end


class Identity:
    """The reserved target that every MB85RC256V also answers: the ID of the one whose address was named last."""

    def __init__(self, address):
        self._word = address << 1
        self._named = False

    def write(self, data):
        self._named = len(data) > 0 and data[0] & 0xFE == self._word
        if not self._named:
            raise OSError(5)

    def readinto(self, buf):
        if not self._named:
            raise OSError(5)
        self._named = False
        for k in range(len(buf)):
            buf[k] = IDENTITY[k % 3]  # "re-reading the Device ID from the 1st byte"


def attach(env, bus, address=0x50, name="fram"):
    """Puts the memory on I2C `bus` at `address`, and its identity on the reserved target. Returns the memory."""
    memory = FRAM(env, name)
    env.i2c(bus, address, memory)
    env.i2c(bus, RESERVED, Identity(address))
    return memory
