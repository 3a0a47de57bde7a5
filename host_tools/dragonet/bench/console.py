"""A board's console in this terminal: what it says is shown as it comes, keys go to it, Ctrl-] ends."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty

from dragonet.bench.adapter import Link
from dragonet.errors import UserError

_END = b"\x1d"  # Ctrl-]
_WAIT_S = 0.02


def run(link: Link) -> None:
    """Until Ctrl-], or the end of standard input. LinkLost: the board went away."""
    if sys.stdin is None:
        raise UserError(f"{link.name}: no standard input: run it in a terminal, or give it </dev/null")
    keys, terminal = sys.stdin.fileno(), sys.stdin.isatty()
    if terminal:
        print(f"{link.name} at {link.url}; Ctrl-] ends", file=sys.stderr)
        before = termios.tcgetattr(keys)
        tty.setraw(keys)
    try:
        _pump(link, keys, terminal)
    finally:
        if terminal:
            termios.tcsetattr(keys, termios.TCSADRAIN, before)  # pyright: ignore[reportPossiblyUnboundVariable]


def _pump(link: Link, keys: int, terminal: bool) -> None:
    ended_s = 0.0
    while True:
        said = link.read(_WAIT_S)
        if said:
            sys.stdout.buffer.write(said)
            sys.stdout.buffer.flush()
            ended_s = 0.0
        if not terminal and ended_s:
            ended_s += _WAIT_S
            if ended_s > 1.0:
                return
            continue
        if select.select([keys], [], [], 0)[0]:
            typed = os.read(keys, 256)
            if terminal and _END in typed:
                return
            if not typed:
                if terminal:
                    raise UserError("the terminal has gone")
                ended_s = _WAIT_S  # let the board finish what it says
            else:
                link.write(typed)
