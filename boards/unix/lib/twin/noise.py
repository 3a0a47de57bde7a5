# Random numbers that CPython and MicroPython draw alike: xorshift32 (Marsaglia 2003) and a sum of four uniforms.
import binascii


class Noise:
    def __init__(self, seed, name):
        self._state = (binascii.crc32(("%d/%s" % (seed, name)).encode()) & 0xFFFFFFFF) or 1

    def bits(self):
        """32 random bits."""
        x = self._state
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        self._state = x
        return x

    def uniform(self):
        """[0, 1)"""
        return self.bits() / 4294967296

    def gaussian(self):
        """Mean 0, sigma 1: the sum of four uniforms, scaled; never beyond 3.5 sigma, as data sheets' limits are."""
        total = self.bits() + self.bits() + self.bits() + self.bits()
        return (total / 4294967296 - 2.0) * 1.7320508
