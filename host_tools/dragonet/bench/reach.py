"""Opens a board of a bench file, however it is reached; a lock keeps two programs off one board."""

from __future__ import annotations

import contextlib
import fcntl
import random
import re
from collections.abc import Iterator
from pathlib import Path

from dragonet import paths
from dragonet.bench import adapter, emulated, processes
from dragonet.bench.benchfile import Bench, Entry
from dragonet.errors import UserError

_LOCKS = paths.REPO / "build" / "bench" / "locks"


@contextlib.contextmanager
def open(bench: Bench, entry: Entry) -> Iterator[adapter.Link]:
    """Its raw REPL. Processes of unix and emulated boards run until the end; their memories stay in bench.folder.

    UserError: wrong port, something missing, in use by another program.
    """
    if entry.kind == "flight":
        raise UserError(
            f"{entry.name} is a board of a flight, which has no prompt: it is reached over the bus only"
            f" ('dragonet tm {entry.role}', 'dragonet cmd {entry.role}', 'dragonet bench flash')"
        )
    board = None
    with contextlib.ExitStack() as stack:
        if entry.kind in ("unix", "emulated"):
            folder = bench.folder / entry.name
            stack.enter_context(_lock(str(folder), entry))
            board = _start(entry, folder)
            stack.callback(board.close)
            url = board.url
        else:
            url = adapter.serial_port(entry.reach[4:]) if entry.kind == "uid" else entry.reach
            stack.enter_context(_lock(url, entry))
        link = stack.enter_context(adapter.Link(url, entry.name))
        if isinstance(board, emulated.EmulatedBench):
            link.clock = board.clock
        yield link


def _start(entry: Entry, folder: Path) -> processes.UnixBoard | emulated.EmulatedBench:
    if entry.kind == "emulated":
        return emulated.EmulatedBench(entry, folder, own_uid(entry))
    processes.check()
    return processes.UnixBoard(entry, folder, own_uid(entry))


def own_uid(entry: Entry) -> bytes:
    """machine.unique_id() of a unix or emulated board: that of the file, or one of its name."""
    return entry.uid or random.Random(f"{entry.name}/{entry.role}/bench").randbytes(8)


@contextlib.contextmanager
def _lock(what: str, entry: Entry) -> Iterator[None]:
    _LOCKS.mkdir(parents=True, exist_ok=True)
    path = _LOCKS / (re.sub(r"\W+", "-", what).strip("-") + ".lock")
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"{entry.name}: {what} is in use by another dragonet: wait for it, or end it") from None
        yield
