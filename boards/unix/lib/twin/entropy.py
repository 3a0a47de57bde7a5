# os.urandom of a virtual board: drawn from the seed, so that a flight repeats. Everything else of `os` is as it is.
import os
import sys

from twin.noise import Noise


class _Os:
    pass


def install(seed):
    """From here on `import os` finds it."""
    noise = Noise(seed, "urandom")
    proxy = _Os()
    for name in dir(os):
        setattr(proxy, name, getattr(os, name))
    proxy.urandom = lambda size: bytes([noise.bits() >> 24 for _ in range(size)])
    sys.modules["os"] = proxy
