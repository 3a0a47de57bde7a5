"""`dragonet update`: build slot images, bring them to a board, try them, keep them or go back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from dragonet.commands.options import ROUTE_HELP, VIA, AsJson, BitRate, Board, Key, Timeout, Version, Via, commander
from dragonet.deploy import goldens
from dragonet.deploy import image as images
from dragonet.deploy.updater import Updater
from dragonet.errors import UserError
from dragonet.ground.keys import KeyFile
from dragonet.ground.via import DEFAULT_BIT_RATE

_EPILOG = f"""{ROUTE_HELP}

A board has slots a and b and a golden app in its firmware. An image goes into the free slot, is tried, and
stays only if it is confirmed within its time; otherwise the board goes back by itself.

An image brings what differs from the board's golden app, if that is known here: 'make toolchain' keeps each in
build/goldens; keep the file of what flies. Otherwise it brings everything, and takes as much more of the heap.

Examples:

  dragonet update push beacon --key ops.key --dry-run

  dragonet update push beacon --key ops.key

  dragonet update activate beacon --key ops.key

  dragonet update confirm beacon --key ops.key

  dragonet update push beacon --key ops.key --golden flown/beacon-0123456789abcdef.json

  dragonet update build sensor --target rp2 --key ops.key --out sensor.slot

  dragonet file put beacon sensor.slot --key ops.key

  dragonet update relay beacon sensor /files/sensor.slot --key ops.key

Exit code 1: refused, or no answer; 2: a wrong argument, an image for another board.
"""

app = typer.Typer(add_completion=False, no_args_is_help=True, epilog=_EPILOG, help="Update boards while they fly.")

Trial = Annotated[int, typer.Option("--trial", min=1, max=65535, help="Minutes in which a trial must be confirmed.")]
TargetName = Annotated[
    str | None, typer.Option("--target", help=f"{', '.join(images.TARGETS)}; default: what the board says.")
]
Code = Annotated[Path | None, typer.Option("--firmware", metavar="DIR", help="Flight code; default: the checkout's.")]
Name = Annotated[
    str | None, typer.Option("--version", metavar="TEXT", help="Default: revision and hash.")
]
Stands = Annotated[
    Path | None,
    typer.Option("--golden", metavar="FILE", help="The board's golden app: a file of build/goldens, or its checkout."),
]
Whole = Annotated[bool, typer.Option("--whole", help="Everything, not only what differs from the golden app.")]


@app.command()
def build(
    role: Board,
    target: Annotated[str, typer.Option("--target", help=f"One of {', '.join(images.TARGETS)}.")] = "rp2",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Default: BOARD-TARGET.slot.")] = None,
    key: Key = None,
    trial: Trial = images.TRIAL_MIN,
    uid: Annotated[str, typer.Option("--uid", metavar="HEX", help="Only for the board of this unique id.")] = "",
    firmware: Code = None,
    version: Name = None,
    golden: Stands = None,
    as_json: AsJson = False,
) -> None:
    """Make an image file: flight code above the guard, compiled, with its manifest. Signed when a key is given.

    With --golden it brings only what differs from that golden app.
    """
    made = images.build(
        _known(role), target, firmware=_folder(firmware), version=version, trial_min=trial, uid=_uid(uid),
        stands_on=goldens.load(golden, role) if golden is not None else None,
    )  # fmt: skip
    if key is not None:
        made = made.sign(KeyFile.load(key))
    path = out or Path(f"{role}-{target}.slot")
    made.save(path)
    _tell({"file": str(path), **made.describe()}, as_json)


@app.command()
def image(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of 'dragonet update build'.")],
    as_json: AsJson = False,
) -> None:
    """What an image file holds."""
    _tell({"file": str(file), **images.load(file).describe()}, as_json)


@app.command()
def status(
    role: Board, via: Via = VIA, timeout: Timeout = 1.0, csp_version: Version = 2, bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """What runs, what is in the slots, and how an update goes."""
    with _updater(role, None, via, timeout, csp_version, bitrate) as updater:
        _tell_status(updater.status().describe() | {"base": updater.board().base.hex()}, as_json)


@app.command()
def push(
    role: Board,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="An image; default: built for it now.")] = None,
    key: Key = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
    activate: Annotated[bool, typer.Option("--activate", help="Start the trial at once.")] = False,
    target: TargetName = None,
    trial: Trial = images.TRIAL_MIN,
    firmware: Code = None,
    version: Name = None,
    golden: Stands = None,
    whole: Whole = False,
    via: Via = VIA,
    timeout: Timeout = 2.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """Send an image to the free slot and have it verified there. What is there already is not sent again."""
    with _updater(role, key, via, timeout, csp_version, bitrate) as updater:
        if file is not None:
            made = images.load(file)
        else:
            board = updater.board()
            name = target or images.target_of(board.target, board.mpy)
            made = images.fitting(
                role, name, board.base, given=golden, whole=whole, firmware=_folder(firmware), version=version,
                trial_min=trial,
            )  # fmt: skip
        if key is not None:
            made = made.sign(KeyFile.load(key))
        plan = updater.plan(made)
        if dry_run:
            _tell({"image": made.version, **vars(plan)}, as_json)
            return
        console = Console(stderr=as_json)
        with _progress(console, made) as progress:
            found = updater.push(made, progress)
        if activate and found.state == "verified":
            updater.activate()
        _tell_status({**found.describe(), "activated": activate and found.state == "verified"}, as_json)


@app.command()
def activate(
    role: Board, key: Key = None, via: Via = VIA, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Reset the board into the trial of its verified image."""
    with _updater(role, key, via, timeout, csp_version, bitrate) as updater:
        updater.activate()
    _tell({"board": role, "activated": True}, as_json)


@app.command()
def confirm(
    role: Board, key: Key = None, via: Via = VIA, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Keep the image that runs on trial."""
    with _updater(role, key, via, timeout, csp_version, bitrate) as updater:
        _tell_status(updater.confirm().describe(), as_json)


@app.command()
def abort(
    role: Board, key: Key = None, via: Via = VIA, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """End the update that is under way; a trial goes back to what ran before."""
    with _updater(role, key, via, timeout, csp_version, bitrate) as updater:
        _tell_status(updater.abort().describe(), as_json)


@app.command()
def rollback(
    role: Board,
    golden: Annotated[bool, typer.Option("--golden", help="To the golden app, whatever ran before.")] = False,
    key: Key = None,
    via: Via = VIA,
    timeout: Timeout = 1.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """Reset the board into what ran before: the other confirmed slot, or golden."""
    with _updater(role, key, via, timeout, csp_version, bitrate) as updater:
        if golden and updater.status().state == "trial":
            updater.abort()
        if golden:
            updater.choose("golden")
        _tell({"board": role, "boots": "golden" if golden else updater.rollback()}, as_json)


@app.command()
def relay(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The board that holds the image as a file.")],
    role: Board,
    path: Annotated[str, typer.Argument(metavar="PATH", help="Of the file on that board.")],
    key: Key = None,
    via: Via = VIA,
    timeout: Timeout = 1.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """Have one board send an image that it holds as a file to another board, over their bus."""
    with _updater(source, key, via, timeout, csp_version, bitrate) as updater:
        _tell_status(updater.relay(_known(role), path).describe(), as_json)


@contextmanager
def _updater(
    role: str, key: Path | None, via: str, timeout: float, version: int, bitrate: int
) -> Iterator[Updater]:
    with commander(role, via, key, version, bitrate, timeout) as one:
        yield Updater(one)


@contextmanager
def _progress(console: Console, made: images.Image) -> Iterator[Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console, transient=not console.is_terminal) as shown:
        task = shown.add_task(f"{made.role} {made.version}", total=len(made.data))
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _known(role: str) -> str:
    if role not in images.ROLES:
        raise UserError(f"board {role!r}: none of {', '.join(images.ROLES)}")
    return role


def _folder(firmware: Path | None) -> Path | None:
    if firmware is not None and not (firmware / "core" / "board.py").is_file():
        raise UserError(f"{firmware}: no folder of flight code (no core/board.py)")
    return firmware


def _uid(text: str) -> bytes:
    try:
        uid = bytes.fromhex(text)
    except ValueError:
        uid = b"?"
    if len(uid) not in (0, 8):
        raise UserError(f"--uid {text!r}: 16 hexadecimal digits")
    return uid or bytes(8)


def _tell_status(found: dict[str, Any], as_json: bool) -> None:
    found = {name: value for name, value in found.items() if value is not None}
    _tell(found, as_json)


def _tell(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found))
        return
    table = Table(box=None, show_header=False)
    for name, value in found.items():
        shown = ", ".join(one or "-" for one in value) if isinstance(value, (list, tuple)) else value
        table.add_row(name, "-" if shown in (None, "") else str(shown))
    Console().print(table, highlight=False)
