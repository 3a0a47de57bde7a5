"""Which files are generated, and where they go: those of the checkout, and those that a ground station takes along."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from dragonet.errors import UserError
from dragonet.flatsat import scenario
from dragonet.generate import compact, dbc, documents, hashes, kaitai, packages, satyaml, xtce

from core import ports  # isort: skip

SCENARIO = "nanodragon"  # name and frequency for SatYAML, unless others are wished


def checked_in() -> Iterator[str]:
    """Write what is in the checkout; yields the paths of files that changed."""
    yield from compact.write()
    if hashes.write():
        yield "firmware/core/hashes.py"
    for role in ports.BOARDS:
        if packages.write(role):
            yield f"boards/{role}/package.json"
        if documents.write(role):
            yield f"boards/{role}/INTERFACE.md"


def kaitai_files() -> dict[str, str]:
    """Name and text of each .ksy."""
    found = {f"dragonet_{role}.ksy": kaitai.board(role) for role in ports.BOARDS}
    return {**found, "dragonet_beacon_ax25.ksy": kaitai.beacon()}


def xtce_files() -> dict[str, str]:
    return {f"dragonet_{role}.xml": xtce.render(role) for role in ports.BOARDS}


def dbc_files() -> dict[str, str]:
    return {"dragonet.dbc": dbc.render()}


def satyaml_files(name: str | None = None, frequency_hz: int | None = None) -> dict[str, str]:
    what = scenario.load(SCENARIO)
    name = name or what.mission.name
    return {f"{name.lower()}.yml": satyaml.render(name, frequency_hz or what.mission.frequency_hz)}


def all_files() -> dict[str, str]:
    made: list[Callable[[], dict[str, str]]] = [kaitai_files, xtce_files, dbc_files, satyaml_files]
    return {name: text for each in made for name, text in each().items()}


def save(files: dict[str, str], folder: Path) -> None:
    """UserError: cannot write there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)
    except OSError as error:
        raise UserError(f"--out {folder}: cannot write: {error.strerror}") from None
