# The heap of a virtual board. It is larger than the processor's, since pointers have 64 bits and the twin lives there
# too; what the firmware says in bytes of its own heap is scaled alike.
import gc
import sys


class _Gc:
    """Stands in for the module gc."""

    def __init__(self, scale):
        self._scale = scale
        for name in dir(gc):
            if not name.startswith("_") and name != "threshold":
                setattr(self, name, getattr(gc, name))

    def threshold(self, amount=None):
        """gc.threshold in bytes of the processor's heap."""
        if amount is None:
            return int(gc.threshold() / self._scale)
        gc.threshold(-1 if amount < 0 else int(amount * self._scale))


def install(scale):
    sys.modules["gc"] = _Gc(scale)
