"""`dragonet file`: files of a board, over a bus or over a radio link that loses packets and breaks off."""

from __future__ import annotations

import json
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Shown
from rich.table import Table

from dragonet.commands.options import ROUTE_HELP, VIA, AsJson, BitRate, Board, Key, Timeout, Version, Via, commander
from dragonet.errors import UserError
from dragonet.ground import stored
from dragonet.ground.commander import Commander, dictionary
from dragonet.ground.files import FOLDERS, Files, Progress, checked
from dragonet.ground.radio_link import Air, OverAir
from dragonet.ground.via import DEFAULT_BIT_RATE

_EPILOG = f"""{ROUTE_HELP}

A transfer that breaks off goes on where it stopped when the same command is given again, in the next pass if need be:
the board remembers an upload, a download waits in FILE.part. Nothing has its name before its SHA-256 was compared.

Examples:

  dragonet file ls eps

  dragonet file put beacon sequence.bin --key ops.key

  dragonet file get eps log/00000000 hk.log

  dragonet file rm beacon sequence.bin --key ops.key

  dragonet file hk eps day.csv --hours 24 --folder eps-log --key ops.key      each minute's housekeeping

  dragonet file put beacon big.bin --key ops.key --radio 9600 --loss 10      a radio link on the desk

Exit code 1: refused, or the link broke off; 2: a wrong argument.
"""
_GAP_BUS_S = 0.02  # a block is 31 CAN frames, 8 ms of the bus, and 4 ms of the board's FRAM
_FRAME_BYTES = 220  # a block on the air, from header to CRC

app = typer.Typer(add_completion=False, no_args_is_help=True, epilog=_EPILOG, help="Files of a board.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="As 'ls' shows it.")]
Patience = Annotated[float, typer.Option("--patience", min=1.0, help="Seconds of silence after which it gives up.")]
Radio = Annotated[
    int | None, typer.Option("--radio", metavar="BIT/S", min=300, max=1_000_000, help="Be as slow as a radio link.")
]
Loss = Annotated[float, typer.Option("--loss", metavar="%", min=0.0, max=90.0, help="Packets that --radio loses.")]
Seed = Annotated[int, typer.Option("--seed", help="Which ones it loses.")]


@app.command()
def ls(
    role: Board, via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """List a board's files and its log of housekeeping, and the room there is."""
    with _files(role, via, key, timeout, csp_version, bitrate) as (files, commander, _):
        found = [(f"{prefix}{one.name}", one.size) for folder, prefix in enumerate(("", f"{FOLDERS[1]}/"))
                 for one in files.listing(folder)]  # fmt: skip
        free, size = struct.unpack_from(">II", commander.call("store_status").data, 16)
    if as_json:
        print(json.dumps({"board": role, "files": [{"name": name, "size": bytes_} for name, bytes_ in found],
                          "free": free, "total": size}))  # fmt: skip
        return
    table = Table(box=None)
    table.add_column("name")
    table.add_column("bytes", justify="right")
    for name, bytes_ in found:
        table.add_row(name, f"{bytes_:,}")
    Console().print(table, highlight=False)
    print(f"{len(found)} files; {free:,} of {size:,} bytes free")


@app.command()
def put(
    role: Board,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What is sent.")],
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Its name there; default: the file's.")] = None,
    via: Via = VIA,
    key: Key = None,
    timeout: Timeout = 1.0,
    patience: Patience = 60.0,
    radio: Radio = None,
    loss: Loss = 0.0,
    seed: Seed = 1,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """Send a file. What the board has of it already is not sent again."""
    there = checked(name or file.name)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from None
    if key is None:
        raise UserError("sending a file needs a key: --key FILE ('dragonet key new' makes one)")
    with _files(role, via, key, timeout, csp_version, bitrate, patience, radio, loss, seed) as (files, _, air):
        with _bar(f"{there} to {role}", as_json) as progress:
            sent = files.put(there, content, progress)
    _told(role, there, len(content), files, air, as_json, "sent" if sent else "was there already")


@app.command()
def get(
    role: Board,
    name: Name,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Default: its name, here.")] = None,
    via: Via = VIA,
    key: Key = None,
    timeout: Timeout = 1.0,
    patience: Patience = 60.0,
    radio: Radio = None,
    loss: Loss = 0.0,
    seed: Seed = 1,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """Fetch a file. What is in FILE.part already is not fetched again."""
    target = file or Path(checked(name).rpartition("/")[2])
    if target == Path("-"):
        raise UserError("-: a transfer goes on where it stopped, so it needs a file, not a pipe: name one")
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise UserError(f"{target}: name a file in a folder that exists")
    with _files(role, via, key, timeout, csp_version, bitrate, patience, radio, loss, seed) as (files, _, air):
        with _bar(f"{name} from {role}", as_json) as progress:
            size = files.get(name, target, progress)
    _told(role, name, size, files, air, as_json, f"is {target}")


@app.command()
def rm(
    role: Board, name: Name, via: Via = VIA, key: Key = None, timeout: Timeout = 1.0, csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Delete a file."""
    if key is None:
        raise UserError("deleting a file needs a key: --key FILE ('dragonet key new' makes one)")
    with _files(role, via, key, timeout, csp_version, bitrate) as (files, _, _air):
        files.delete(name)
    print(json.dumps({"board": role, "deleted": name}) if as_json else f"{role}: {name} deleted")


@app.command()
def hk(
    role: Board,
    out: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="CSV, JSON with --json; default: shown.")] = None,
    hours: Annotated[float, typer.Option("--hours", min=0.0, help="As many of the newest; 0: all there are.")] = 24.0,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Keep the segments here: the next time goes on.")
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Only what DIR holds: no board is asked.")] = False,
    via: Via = VIA,
    key: Key = None,
    timeout: Timeout = 1.0,
    patience: Patience = 60.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """Housekeeping that a board kept, a packet each minute: by name, in units; UTC where the board knew it.

    Up to ten packets are still in FRAM: with a key they are moved to flash first.
    """
    if local and folder is None:
        raise UserError("--local reads what --folder DIR holds")
    one = dictionary(role)
    with tempfile.TemporaryDirectory() as spare:
        place = folder or Path(spare)
        if not local:
            _fetch(role, place, hours, via, key, timeout, patience, csp_version, bitrate, as_json)
        found = stored.newest(stored.rows(one, stored.read(place)), round(hours * 60))
    if out is None or out == Path("-"):
        _write_hk(role, one, found, sys.stdout, as_json)
    else:
        try:
            with out.open("w") as file:
                _write_hk(role, one, found, file, as_json)
        except OSError as error:
            raise UserError(f"{out}: {error.strerror}") from None
        print(f"{role}: {len(found.rows)} packets in {out}", file=sys.stderr)
    if found.other or found.broken:
        print(f"{role}: {found.other} packets of another firmware, {found.broken} bytes broken", file=sys.stderr)


@app.command()
def scrub(
    role: Board,
    start: Annotated[bool, typer.Option("--start", help="Begin a round now: needs a key.")] = False,
    via: Via = VIA,
    key: Key = None,
    timeout: Timeout = 1.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """What the daily scrub found since boot, and how the housekeeping gets to flash."""
    with _files(role, via, key, timeout, csp_version, bitrate) as (_, commander, _air):
        if start:
            commander.call("scrub_start")
        scrubbed = struct.unpack(">HHHB", commander.call("scrub_status").data)
        stored = struct.unpack(">IIHHHHII", commander.call("store_status").data)
    found = dict(zip(("rounds", "mended", "broken", "under_way"), scrubbed, strict=True))
    names = ("on_flash", "kept", "flushes", "lost", "deferred", "errors", "free", "total")
    found |= dict(zip(names, stored, strict=True))
    if as_json:
        print(json.dumps({"board": role, **found}))
        return
    for name, value in found.items():
        print(f"{name:<10} {value:,}")


def _fetch(
    role: str, folder: Path, hours: float, via: str, key: Path | None, timeout: float, patience: float,
    csp_version: int, bitrate: int, as_json: bool,
) -> None:  # fmt: skip
    """The segments with the packets of so many hours, in `folder`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}") from None
    with _files(role, via, key, timeout, csp_version, bitrate, patience) as (files, one, _):
        data = one.call("store_status" if key is None else "store_flush").data
        newest, kept = struct.unpack_from(">II", data, 0)
        if kept > newest:
            print(f"{role}: {kept - newest} more packets are still in FRAM: --key FILE fetches them", file=sys.stderr)
        first = max(0, newest - round(hours * 60)) if hours else 0
        segments = stored.needed(files.listing(stored.LOG), first)
        if segments:
            with _bar(f"housekeeping of {role}", as_json) as progress:
                stored.fetch(files, segments, folder, progress)


def _write_hk(role: str, one: Any, found: stored.Stored, out: TextIO, as_json: bool) -> None:
    if not as_json:
        stored.write_csv(one, found, out)
        return
    rows = [{"sequence": row.sequence, "utc": row.utc, **row.values} for row in found.rows]
    said = {"board": role, "units": stored.units(one), "other": found.other, "broken": found.broken, "rows": rows}
    print(json.dumps(said), file=out)


@contextmanager
def _files(
    role: str, via: str, key: Path | None, timeout: float, csp_version: int, bitrate: int, patience: float = 60.0,
    radio: int | None = None, loss: float = 0.0, seed: int = 1,
) -> Iterator[tuple[Files, Commander, Air | None]]:  # fmt: skip
    """The files of a board, its bus open. UserError: no such key or bus."""
    if loss and radio is None:
        raise UserError("--loss is what the radio link loses: say --radio BIT/S too")
    if radio is not None and key is None:
        raise UserError("by radio everything is signed: --key FILE ('dragonet key new' makes one)")
    with commander(role, via, key, csp_version, bitrate, timeout) as one:
        if radio is None:
            yield Files(one, gap_up_s=_GAP_BUS_S, gap_down_s=_GAP_BUS_S, patience_s=patience), one, None
            return
        air = Air(radio, loss / 100, seed)
        one = Commander(OverAir(one.channel, air), role, one.key, timeout, 1)
        yield Files(one, gap_down_s=air.seconds(_FRAME_BYTES), patience_s=patience), one, air


@contextmanager
def _bar(what: str, as_json: bool) -> Iterator[Progress]:
    """A progress bar on stderr, none with --json: how far it is, in bytes."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Shown(*columns, console=Console(stderr=True), disable=as_json) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _told(role: str, name: str, size: int, files: Files, air: Air | None, as_json: bool, what: str) -> None:
    found: dict[str, Any] = {"board": role, "name": name, "bytes": size, "blocks": files.blocks,
                             "silences": files.silences}  # fmt: skip
    if air is not None:
        found |= {"air_up": air.up, "air_down": air.down, "air_per_byte": round((air.up + air.down) / size, 3)}
    if as_json:
        print(json.dumps(found))
        return
    text = f"{role}: {name} {what}: {size:,} bytes, {files.blocks} blocks"
    print(text if air is None else f"{text}, {found['air_per_byte']:.2f} bytes on the air for each")
