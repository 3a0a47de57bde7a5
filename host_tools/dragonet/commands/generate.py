"""`dragonet generate`: files made from the firmware's own tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_EPILOG = """Examples:

  dragonet generate all                    after a change of any table

  dragonet generate all --out interfaces   and Kaitai, XTCE, DBC and SatYAML besides

  dragonet generate satyaml --out . --name XV1 --frequency-hz 437365000
"""

app = typer.Typer(
    add_completion=False, no_args_is_help=True, epilog=_EPILOG, help="Make files from the firmware's own tables."
)

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write to; made if it does not exist.")]


@app.command(name="all")
def everything(
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write the other formats there.")] = None,
) -> None:
    """Bring the generated files of this checkout up to date; with --out, write every other format besides."""
    from dragonet.generate import files

    for path in files.checked_in():
        print(path)
    if out is not None:
        _save(files.all_files(), out)


@app.command()
def packages() -> None:
    """Write boards/<role>/package.json: what each board's app imports."""
    from dragonet.generate import packages

    for role in packages.ROLES:
        if packages.write(role):
            print(f"boards/{role}/package.json")


@app.command()
def hashes() -> None:
    """Write firmware/core/hashes.py: by which the boards know each other's dictionaries."""
    from dragonet.generate import hashes

    if hashes.write():
        print("firmware/core/hashes.py")


@app.command()
def compact() -> None:
    """Write firmware/core/compact.py and firmware/<role>/compact.py: the tables as boards keep them."""
    from dragonet.generate import compact

    for path in compact.write():
        print(path)


@app.command()
def documents() -> None:
    """Write boards/<role>/INTERFACE.md: all that a board can tell and be told."""
    from dragonet.generate import documents, packages

    for role in packages.ROLES:
        if documents.write(role):
            print(f"boards/{role}/INTERFACE.md")


@app.command()
def kaitai(out: Out) -> None:
    """Kaitai Struct formats of the boards' packets and of the beacon's frames."""
    from dragonet.generate import files

    _save(files.kaitai_files(), out)


@app.command()
def xtce(out: Out) -> None:
    """XTCE of each board's packets, with units, ranges and limits."""
    from dragonet.generate import files

    _save(files.xtce_files(), out)


@app.command()
def dbc(out: Out) -> None:
    """DBC of the heartbeats, which are single CAN frames."""
    from dragonet.generate import files

    _save(files.dbc_files(), out)


@app.command()
def satyaml(
    out: Out,
    name: Annotated[str | None, typer.Option(help="Satellite; default: of the scenario nanodragon.")] = None,
    frequency_hz: Annotated[
        int | None, typer.Option("--frequency-hz", min=1_000_000, max=10**11, help="Default: of that scenario.")
    ] = None,
) -> None:
    """SatYAML of the beacon, for gr-satellites."""
    from dragonet.generate import files

    _save(files.satyaml_files(name, frequency_hz), out)


def _save(made: dict[str, str], out: Path) -> None:
    from dragonet.generate import files

    files.save(made, out)
    for name in made:
        print(out / name)
