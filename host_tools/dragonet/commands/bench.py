"""`dragonet bench`: the boards of a bench file: what they are, and how flight code comes onto them."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dragonet.bench import benchfile, console, flash, listing, provision, reach
from dragonet.bench.firmware import firmware as flash_firmware
from dragonet.cli import exists, load
from dragonet.commands.options import AsJson
from dragonet.deploy import image as images
from dragonet.errors import UserError

_EPILOG = """--bench names a file of tests/hil/benches, or the path of one: its README has every key.

Examples:

  dragonet bench ls --bench virtual

  dragonet bench provision --bench desk --config config.json --key ops.key

  dragonet bench flash --bench desk --plan

  dragonet bench flash --bench desk beacon sensor

  dragonet bench firmware --bench desk beacon build/toolchain/rp2-beacon/firmware.uf2

  dragonet bench console --bench desk beacon

A flight app ends at the prompt on a bench only: with the remove-before-flight pin inserted, by three quick resets,
or by the pin SAFE. No watchdog is ever fed from here.

Exit code 1: a board did not do it, or does not answer; 2: a wrong argument, bench file, port or image.
"""

app = typer.Typer(add_completion=False, no_args_is_help=True, epilog=_EPILOG, help="The boards of a bench.")

BenchName = Annotated[
    str, typer.Option("--bench", metavar="BENCH", envvar="DRAGONET_BENCH", help="A bench file, by name or path.")
]
Names = Annotated[list[str] | None, typer.Argument(metavar="[BOARD]...", help="Boards of the bench; default: all.")]
Name = Annotated[str, typer.Argument(metavar="BOARD", help="A board of the bench.")]
Stop = Annotated[bool, typer.Option("--stop", help="Apps that run may be stopped, by three quick resets (RBF in).")]
Code = Annotated[Path | None, typer.Option("--firmware", metavar="DIR", help="Flight code; default: the checkout's.")]

_COLUMNS = ("board", "role", "port", "state", "uid", "micropython", "active", "version", "image", "base", "uptime_s",
            "reset", "rails", "bus_errors", "error")  # fmt: skip


@app.command()
def ls(
    bench: BenchName = "virtual",
    stop: Stop = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again each --period seconds, until Ctrl-C.")] = False,
    period: Annotated[float, typer.Option("--period", min=0.5, max=3600.0, help="Seconds.")] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Every board: who it is, what runs on it, how it is. Boards that fly are asked over the bus, never disturbed."""
    one = benchfile.load(bench)
    if not watch:
        rows = listing.listing(one, stop)
        if as_json:
            print(json.dumps({"bench": one.name, "boards": rows, "other_ports": listing.others(one)}))
        else:
            _wide().print(_listed(rows, listing.others(one)))
        if any(row["state"] == "silent" for row in rows):
            raise typer.Exit(1)
        return
    if as_json:
        for rows in listing.watch(one, period):
            print(json.dumps({"bench": one.name, "boards": rows}), flush=True)
    with Live(console=_wide(), auto_refresh=False) as live:
        for rows in listing.watch(one, period):
            live.update(_listed(rows, []), refresh=True)


@app.command("flash")
def flash_(
    names: Names = None,
    bench: BenchName = "virtual",
    image: Annotated[Path | None, typer.Option("--image", metavar="FILE", help="Of 'dragonet update build'.")] = None,
    firmware: Code = None,
    version: Annotated[str, typer.Option("--version", metavar="TEXT", help="Default: revision and hash.")] = "",
    golden: Annotated[
        Path | None, typer.Option("--golden", metavar="FILE", help="The golden app: of build/goldens, or a checkout.")
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Everything, not only what differs from golden.")] = False,
    plan: Annotated[bool, typer.Option("--plan", "--dry-run", help="Only tell what would be done.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Flat battery and transmitting radio do not matter.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm/--no-confirm", help="Keep it once it stayed up.")] = True,
    trial: Annotated[float | None, typer.Option("--trial", min=0, max=3600, help="Seconds it must stay up.")] = None,
    as_json: AsJson = False,
) -> None:
    """Bring flight code to the free slot of each board, try it, and keep it or go back.

    A board that flies (reach "flight") gets it over the bench's bus, signed with the bench's key.
    """
    one = benchfile.load(bench)
    entries = one.choose(names or [])
    if firmware is not None and not (firmware / "core" / "board.py").is_file():
        raise UserError(f"{firmware}: no folder of flight code (no core/board.py)")
    if image is not None and (firmware or version or golden or whole):
        raise UserError(f"--image {image}: it is built already; --firmware, --version, --golden, --whole build one")
    given = images.load(image) if image is not None else None
    order = flash.Order(
        given, firmware, version or None, plan_only=plan, force=force, confirm=confirm, trial_s=trial, whole=whole,
        golden=golden,
    )  # fmt: skip
    try:
        with _progress(as_json) as tell:
            results = flash.flash(one, entries, order, tell)
    except KeyboardInterrupt:
        said = "what was sent stays, and the next flash goes on from there; a trial that is not confirmed is undone"
        print(f"dragonet: interrupted: {said}", file=sys.stderr)
        raise
    if as_json:
        print(json.dumps({"bench": one.name, "boards": [result.describe() for result in results]}))
    else:
        _wide().print(_flashed(results))
        for result in results if plan else ():
            for line in result.brings:
                _wide().print(f"{result.board} gets {line}", highlight=False)
    code = max((result.code for result in results), default=0)
    if code:
        raise typer.Exit(code)


@app.command()
def rollback(name: Name, bench: BenchName = "virtual", as_json: AsJson = False) -> None:
    """Back to the slot that was confirmed before, or golden."""
    one = benchfile.load(bench)
    _say({"board": name, "boots": flash.rollback(one, one.board(name))}, as_json)


@app.command("provision")
def provision_(
    names: Names = None,
    bench: BenchName = "virtual",
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="/config.json of the board.")] = None,
    keys: Annotated[
        list[Path] | None, typer.Option("--key", metavar="FILE", help="Of 'dragonet key new'; repeatable.")
    ] = None,
    format_: Annotated[bool, typer.Option("--format", help="Make a file system where none is mounted.")] = False,
    as_json: AsJson = False,
) -> None:
    """File system, identity, configuration, keys and guard of new boards. What is there already is left."""
    one = benchfile.load(bench)
    found = [
        provision.provision(one, entry, config, keys or ([one.key] if one.key else []), format_)
        for entry in one.choose(names or [])
    ]
    for row in found:
        if not as_json:
            _say(row, False)
    if as_json:
        print(json.dumps({"bench": one.name, "boards": found}))


@app.command()
def firmware(
    name: Name,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="MicroPython itself: .uf2, .dfu, .bin or .hex.")],
    bench: BenchName = "virtual",
    by: Annotated[str, typer.Option("--by", help="uf2, mpflash, dfu or swd; default: what fits the image.")] = "",
) -> None:
    """Flash MicroPython itself, by the loader in the chip's ROM or a debug probe."""
    one = benchfile.load(bench)
    _say({"board": name, "flashed": flash_firmware(one.board(name), image, by)}, False)


@app.command("console")
def console_(name: Name, bench: BenchName = "virtual") -> None:
    """The board's console, as it is: Ctrl-] ends it. Ctrl-C goes to the board, and resets a flight app."""
    one = benchfile.load(bench)
    with reach.open(one, one.board(name)) as link:
        console.run(link)


@app.command()
def sniff(
    bench: BenchName = "virtual",
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.0, help="Watch for so long.")] = None,
    as_json: AsJson = False,
) -> None:
    """What passes on the bench's bus: 'dragonet bus sniff' there."""
    one = benchfile.load(bench)
    arguments = ["sniff", "--via", _bus(one), "--csp-version", str(one.csp_version), "--bitrate", str(one.bitrate)]
    arguments += ["--seconds", f"{seconds:g}"] if seconds is not None else []
    _run("bus", arguments + (["--json"] if as_json else []))


def _bus(bench: benchfile.Bench) -> str:
    if bench.via is None:
        raise UserError(f"{bench.path}: via: the bench names no bus; add one as 'dragonet bus --help' shows")
    return bench.via


def _run(name: str, arguments: list[str]) -> None:
    result = load(name).main(args=arguments, prog_name=f"dragonet {name}", standalone_mode=False)
    if isinstance(result, int) and result:
        raise typer.Exit(result)


def _wide() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=240)


def _listed(rows: list[dict[str, Any]], others: list[dict[str, str]]) -> Table:
    shown = [name for name in _COLUMNS if any(row.get(name) not in (None, "", {}) for row in rows)]
    table = Table(box=None)
    for name in shown:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_text(row.get(name)) for name in shown))
    for other in others:
        table.add_row("(not in the bench file)", "", other["port"], "", other["uid"])
    return table


def _flashed(results: list[flash.Result]) -> Table:
    table = Table(box=None)
    for name in ("board", "done", "slot", "image", "kept", "sent", "bytes", "s", ""):
        table.add_column(name, overflow="fold", justify="right" if name in ("kept", "sent", "bytes", "s") else "left")
    for one in results:
        table.add_row(
            one.board, one.done, one.slot, one.image, str(one.keep), str(one.send), str(one.bytes),
            f"{one.seconds:.1f}", one.why,
        )  # fmt: skip
    return table


@contextlib.contextmanager
def _progress(as_json: bool) -> Iterator[flash.Tell]:
    columns = TextColumn("{task.fields[board]}"), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=as_json) as shown:
        tasks: dict[str, Any] = {}

        def tell(board: str, what: str, done: int, total: int) -> None:
            if board not in tasks:
                tasks[board] = shown.add_task(what, total=None, board=board)
            shown.update(tasks[board], description=what, completed=done, total=total or None)

        yield tell


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={one}" for name, one in value.items())
    return "-" if value in (None, "") else str(value)


def _say(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:>10}  {_text(value)}")


if exists("bench_check"):  # the checks of a bench, and their reports
    importlib.import_module("dragonet.commands.bench_check").add(app)
