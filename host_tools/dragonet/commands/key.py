"""`dragonet key`: keys of commanders, and the boards' key slots. A key is never shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from dragonet.commands.options import ROUTE_HELP, VIA, AsJson, BitRate, Board, Key, Timeout, Version, Via, commander
from dragonet.errors import NotDone, UserError
from dragonet.ground.commander import Commander
from dragonet.ground.keys import ROLES, SLOTS, KeyFile, board_file
from dragonet.ground.via import DEFAULT_BIT_RATE

from core import mac  # isort: skip
from core.command_table import REASONS  # isort: skip

_EPILOG = f"""Every commander has a slot of its own on the boards: {", ".join(SLOTS)}.

{ROUTE_HELP}

Examples:

  dragonet key new keys/ground.key --slot ground_a

  dragonet fly --speed 1 --socketcand 0 --key keys/ground.key

  dragonet key load eps eps_keys.bin --key keys/ground.key; mpremote cp eps_keys.bin :/keys.bin

  dragonet key ls eps

  dragonet key refusals eps

  dragonet key rotate all --key keys/ground.key
"""

app = typer.Typer(add_completion=False, no_args_is_help=True, epilog=_EPILOG, help="Make, load and rotate keys.")
Slot = Annotated[str, typer.Option("--slot", help=", ".join(SLOTS))]
_ORDER = ("eps", "sensor", "beacon")  # the beacon's copy guards the radio: it comes last


@app.command()
def new(file: Annotated[Path, typer.Argument(metavar="FILE")], slot: Slot = SLOTS[0]) -> None:
    """Make a random key for one commander and write it to a file that only you can read."""
    KeyFile.make(file, _slot(slot))
    print(f"{file}: a key for slot {slot} of {', '.join(ROLES)}")


@app.command()
def load(
    board: Board,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="To be copied to the board as /keys.bin.")],
    keys: Annotated[list[Path], typer.Option("--key", metavar="FILE", help="Keys of commanders. Repeatable.")],
) -> None:
    """Write a board's key file, with which it is provisioned."""
    if board not in ROLES:
        raise UserError(f"board {board!r}: none of {', '.join(ROLES)}")
    data = board_file([KeyFile.load(path) for path in keys], board)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchmod(handle, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(data)
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from None
    print(f"{file}: {len(keys)} keys of {board}; copy it to the board as /keys.bin and delete it here")


@app.command()
def ls(
    board: Board, via: Via = VIA, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """The key slots of a board: which are open, and the next sequence number of each."""
    with commander(board, via, None, csp_version, bitrate, timeout) as one:
        found = one.slots()
    if as_json:
        rows = [{**s._asdict(), "slot": SLOTS[s.slot], "challenge": s.challenge.hex()} for s in found]
        print(json.dumps(rows))
        return
    table = Table(box=None)
    for title in ("slot", "state", "rotations", "next number", "challenge"):
        table.add_column(title)
    for s in found:
        closed = s.state == "closed"
        following = "" if closed or s.state == "empty" else str(s.next)
        table.add_row(SLOTS[s.slot], s.state, str(s.generation), following, s.challenge.hex() if closed else "")
    Console().print(table, highlight=False)


@app.command()
def refusals(
    board: Board, via: Via = VIA, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Commands that a board did and refused since its boot: who tried what he may not shows here."""
    with commander(board, via, None, csp_version, bitrate, timeout) as one:
        done, found = one.refusals()
    if as_json:
        print(json.dumps({"board": board, "done": done, "refused": found}))
        return
    meanings = {line[1]: line[2] for line in REASONS}
    table = Table(box=None)
    for title in ("refused", "reason", ""):
        table.add_column(title)
    for name, count in found.items():
        table.add_row(str(count), name, meanings[name])
    if found:
        Console().print(table, highlight=False)
    print(f"{board}: {done} commands done, {sum(found.values())} refused")


@app.command()
def recover(
    board: Board, via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Open a closed slot by the challenge that the board shows."""
    _need(key)
    with commander(board, via, key, csp_version, bitrate, timeout) as one:
        was = one.recover()
    if as_json:
        print(json.dumps({"board": board, "was_closed": was is not None}))
        return
    print(f"{board}: the slot was {'open' if was is None else 'closed and is open now'}")


@app.command()
def rotate(
    board: Annotated[str, typer.Argument(metavar="BOARD", help=f"{', '.join(ROLES)}, or all.")],
    via: Via = VIA, key: Key = None,
    other: Annotated[
        Path | None, typer.Option("--of", metavar="FILE", help="Replace this commander's key, by means of --key.")
    ] = None,
    timeout: Timeout = 1.0, csp_version: Version = 2, bitrate: BitRate = DEFAULT_BIT_RATE,
) -> None:  # fmt: skip
    """Replace a key on board by one that both sides make from the key that signs; nothing secret travels.

    A key that was stolen is replaced by means of another commander's: its thief cannot follow.
    """
    path = _need(key)
    for role in _ORDER if board == "all" else (board,):
        with commander(role, via, path, csp_version, bitrate, timeout) as one:
            assert one.key is not None
            target = one.key if other is None or other == path else KeyFile.load(other)
            rotate_one(one, target)
        print(f"{role}: slot {SLOTS[target.slot]} has key {target.generation(role)}; {target.path} too")


def rotate_one(one: Commander, target: KeyFile) -> None:
    """Rotate one slot of one board, also when an earlier try was done there and its answer was lost."""
    signer = one.key
    if signer is None:
        raise UserError("rotation needs a key")
    role = one.role
    generation = target.generation(role) + 1
    made = mac.rotated(signer.pads(role), target.slot, generation)
    if one.slots()[target.slot].generation != generation:
        try:
            one.call("key_rotate", slot=target.slot, generation=generation)
        except NotDone:
            if one.slots()[target.slot].generation != generation:
                raise
    target.replace(role, generation, made)
    Commander(one._channel, role, target, one.timeout_s).call("noop", data=b"", signed=True)  # it is obeyed


def _slot(name: str) -> int:
    if name not in SLOTS:
        raise UserError(f"slot {name!r}: none of {', '.join(SLOTS)}")
    return SLOTS.index(name)


def _need(key: Path | None) -> Path:
    if key is None:
        raise UserError("this needs a key: --key FILE ('dragonet key new' makes one)")
    return key
