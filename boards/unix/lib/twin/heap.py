# The heap of a virtual board. It is larger than the processor's, since pointers have 64 bits and the twin lives there
# too; what the firmware says in bytes of its own heap is scaled alike. A collection takes the processor's time; on the
# host it would take as much as a virtual second, so only one of several is made: there is room for the garbage.
import gc
import sys

import twin

_ONE_OF = 64


class _Gc:
    """Stands in for the module gc."""

    def __init__(self, scale):
        self._scale = scale
        self._calls = 0
        for name in dir(gc):
            if not name.startswith("_") and name not in ("collect", "threshold"):
                setattr(self, name, getattr(gc, name))

    def collect(self):
        if self._calls % _ONE_OF == 0:
            gc.collect()
        self._calls += 1
        twin.board.kernel.compute(twin.board.costs["gc_collect"], False)

    def threshold(self, amount=None):
        """gc.threshold in bytes of the processor's heap."""
        if amount is None:
            return int(gc.threshold() / self._scale)
        gc.threshold(-1 if amount < 0 else int(amount * self._scale))


def install(scale):
    sys.modules["gc"] = _Gc(scale)
