# The virtual board under MicroPython's `machine` and `time`, on the unix port and on CPython.
# Firmware never imports this; the launcher, the device models' tests and `machine` itself do.
from .board import Board

board = None  # the one board of this process
golden = bytes(8)  # the ID of the flight code in /rom (host_tools/dragonet/deploy/golden.py); zeros: not told
built = ("", "")  # date and time of the flight code's commit


def bench(world=(), seed=0, role="bench", files=None):
    """A board without a hub: time runs free, what it emits is in .emitted. Replaces the one before."""
    global board
    board = Board(role, world, seed, files=files)
    return board


bench()
