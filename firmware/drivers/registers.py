# Registers of a chip on I2C, in the two forms that sensors have: of a byte, and of a word, most significant byte first.
# Nothing is allocated once a chip's object is made. OSError: nothing answers.
from micropython import const

_AGAIN = const(11)  # errno.EAGAIN
_CHECK_EVERY = const(64)  # samples: a flipped bit in a setting would change the gain unseen

_WORD = bytearray(2)  # on its way: filled and done with within a call, so that one does for all chips


class Words:
    """A chip with registers of 16 bits. i2c: machine.I2C."""

    def __init__(self, i2c, address):
        self._i2c = i2c
        self._address = address

    def _read(self, register):
        self._i2c.readfrom_mem_into(self._address, register, _WORD)
        return _WORD[0] << 8 | _WORD[1]

    def _write(self, register, value):
        _WORD[0] = value >> 8
        _WORD[1] = value & 0xFF
        self._i2c.writeto_mem(self._address, register, _WORD)


class Sampler:
    """A chip with registers of 8 bits that measures by itself and says in one bit of its status when it has.

    i2c: machine.I2C. size: bytes of a sample. A chip has its own _check(): settings as they should be, or OSError
    EAGAIN after they were written again.
    """

    def __init__(self, i2c, address, size):
        self._i2c = i2c
        self._address = address
        self._byte = bytearray(1)
        self._sample = bytearray(size)
        self._trusted = 0  # samples until the settings are looked at again

    def _new_sample(self, status, ready, first):
        # The sample at register `first`; EAGAIN when bit `ready` of register `status` says that there is none.
        if not self._trusted:
            self._check()
            self._trusted = _CHECK_EVERY
        if not self._get(status) & ready:
            self._trusted = 0
            raise OSError(_AGAIN)
        self._trusted -= 1
        self._i2c.readfrom_mem_into(self._address, first, self._sample)
        return self._sample

    def _check(self):
        raise NotImplementedError

    def _get(self, register):
        self._i2c.readfrom_mem_into(self._address, register, self._byte)
        return self._byte[0]

    def _put(self, register, value):
        self._byte[0] = value
        self._i2c.writeto_mem(self._address, register, self._byte)
