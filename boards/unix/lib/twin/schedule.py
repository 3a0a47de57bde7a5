# micropython.schedule of the virtual board: what it calls waits its turn among the soft interrupts, in virtual time.
import micropython
import sys

import twin


def schedule(function, argument):
    twin.board.kernel.schedule(function, argument)


class _Micropython:
    """Stands in for the module micropython, whose own names cannot be changed."""


def install():
    """Before the firmware is imported."""
    module = _Micropython()
    for name in dir(micropython):
        if not name.startswith("_"):
            setattr(module, name, getattr(micropython, name))
    module.schedule = schedule
    sys.modules["micropython"] = module
