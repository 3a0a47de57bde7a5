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
from dragonet.errors import NotDone, UserError

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
    with contextlib.ExitStack() as stack:
        if entry.kind in ("unix", "emulated"):
            folder = bench.folder / entry.name
            stack.enter_context(lock(str(folder), entry.name))
            board = _start(entry, folder)
            stack.callback(board.close)
            if isinstance(board, emulated.EmulatedBench):
                with _its_own_error(board, entry), adapter.Link(board.url, entry.name) as link:
                    link.clock = board.clock
                    yield link
                return
            url = board.url
        else:
            url = adapter.serial_port(entry.reach[4:]) if entry.kind == "uid" else entry.reach
            stack.enter_context(lock(url, entry.name))
        yield stack.enter_context(adapter.Link(url, entry.name))


@contextlib.contextmanager
def _its_own_error(board: emulated.EmulatedBench, entry: Entry) -> Iterator[None]:
    """Why the emulator ended, in place of a link that broke."""
    try:
        yield
    except (NotDone, UserError):
        if board.error is not None:
            raise NotDone(f"{entry.name}: {board.error}") from None
        raise


def _start(entry: Entry, folder: Path) -> processes.UnixBoard | emulated.EmulatedBench:
    try:
        if entry.kind == "emulated":
            return emulated.EmulatedBench(entry, folder, own_uid(entry))
        processes.check()
        return processes.UnixBoard(entry, folder, own_uid(entry))
    except OSError as error:
        raise UserError(f"{entry.name}: does not start: {folder}: {error.strerror}: its memories lie there") from None


def own_uid(entry: Entry) -> bytes:
    """machine.unique_id() of a unix or emulated board: that of the file, or one of its name."""
    return entry.uid or random.Random(f"{entry.name}/{entry.role}/bench").randbytes(8)


@contextlib.contextmanager
def lock(what: str, name: str) -> Iterator[None]:
    """For one program only. UserError: another has it, or there is no writing in build/bench."""
    path = _LOCKS / (re.sub(r"\W+", "-", what).strip("-")[-200:] + ".lock")
    try:
        _LOCKS.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise UserError(f"{name}: {path}: {error.strerror}: is the checkout yours, and is there room?") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"{name}: {what} is in use by another dragonet: wait for it, or end it") from None
        yield
