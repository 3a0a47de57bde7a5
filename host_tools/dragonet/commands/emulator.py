"""`dragonet emulator`: the real firmware image on an emulated RP2040."""

from __future__ import annotations

import contextlib
import json
import signal
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from dragonet.bench import reach
from dragonet.emulator import bench, flash
from dragonet.errors import UserError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
                  help="The real firmware image on an emulated RP2040.")  # fmt: skip

_RUN_EPILOG = """Examples:

  dragonet emulator run build/toolchain/rp2-beacon/firmware.uf2 --port 3333

  dragonet emulator run build/toolchain/rp2-beacon/firmware.uf2 --flash board.bin --port 3333 --prompt

Then, in another window:

  mpremote connect socket://127.0.0.1:3333 exec "print('hello')"
"""


_COSTS_EPILOG = """Examples:

  dragonet emulator costs

  dragonet emulator costs --write

  dragonet emulator costs --json
"""


@app.callback()
def _root() -> None:
    pass


@app.command(epilog=_RUN_EPILOG)
def run(
    image: Annotated[
        Path | None, typer.Argument(help="Image to flash first: .uf2, or .bin from the flash's start.")
    ] = None,
    flash_file: Annotated[
        Path | None, typer.Option("--flash", help="File that keeps the flash. Default: forgotten at the end.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port of its console; 0: any free one.")] = 0,
    speed: Annotated[float, typer.Option(min=0, help="Its seconds per second, at most; 0: as fast as it can.")] = 1.0,
    prompt: Annotated[
        bool, typer.Option("--prompt", help="Stop at the prompt: the app is not started, the watchdog stopped.")
    ] = False,
    seconds: Annotated[float | None, typer.Option(min=0, help="End after so much of its time.")] = None,
) -> None:
    """Boot an image on an emulated RP2040 and keep it running, its USB console on a TCP port.

    Nothing is wired to it. Ctrl-C or SIGTERM ends it and saves the flash.
    """
    if image is None and flash_file is None:
        raise UserError("name an image (.uf2 or .bin), or a flash file of an earlier run by --flash")
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        kept = flash_file or Path(folder) / "flash.bin"
        if flash_file is not None:
            stack.enter_context(reach.lock(str(kept.resolve()), "emulator"))  # the other would save over it
        flash.prepare(kept, image)
        board = bench.Bench(kept, port, speed or None, lambda line: print(f"board: {line}", flush=True), prompt)
        try:
            address = f"{board.console.address}:{board.console.port}"
            print(f"console at {address}: mpremote connect socket://{address}", flush=True)
            board.run(seconds)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        finally:
            board.close()


@app.command("costs", epilog=_COSTS_EPILOG)
def costs_(
    write: Annotated[bool, typer.Option("--write", help="Put the figures into the virtual boards' table.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> None:
    """Measure on the emulated RP2040 what takes time on a board: wake-ups, frames, UART bytes, transfers, flash.

    The virtual boards' table is host_tools/dragonet/flatsat/costs.py. Takes three minutes.
    """
    from dragonet.emulator import costs

    console = Console(stderr=as_json)
    with tempfile.TemporaryDirectory() as folder, Progress(console=console, transient=True) as progress:
        bar = progress.add_task("", total=len(costs.table.COSTS) - len(costs.ESTIMATED))

        def step(name: str) -> None:
            progress.update(bar, description=name, advance=1)

        found = costs.measure(Path(folder), step)
    before = dict(costs.table.COSTS)
    changes = costs.write(found) if write else {}
    if as_json:
        print(json.dumps({"measured_us": {k: round(v, 1) for k, v in found.items()}, "table_us": before,
                          "changed": sorted(changes)}, indent=1))  # fmt: skip
        return
    shown = Table("cost", "measured, us", "in the table, us", box=None)
    for name, value in before.items():
        measured = f"{found[name]:.1f}" if name in found else "estimate"
        shown.add_row(name, measured, f"{changes[name][0]} -> {changes[name][1]}" if name in changes else str(value))
    console.print(shown)
    if write:
        console.print(f"{costs.TABLE}: {len(changes)} figures changed", highlight=False, soft_wrap=True)
