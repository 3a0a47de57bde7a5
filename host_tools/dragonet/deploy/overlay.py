"""What of a slot's code differs from a golden app, and how it comes to stand before it (firmware/guard.py).

A module that differs lies in over/, and the guard puts it in place before anything imports the frozen one: what it
imports itself, directly or through others, must be in place already. Where there is no such order, since modules import
each other or through their package's __init__, the whole package travels.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from dragonet.deploy.goldens import Golden
from dragonet.generate import packages

FOLDER = "over"
LIST = "overlay.py"


class Overlay(NamedTuple):
    """files: path in the slot -> source, a file or its text. brings: a line for each package, what travels and why."""

    files: dict[str, Path | bytes]
    brings: tuple[str, ...]


def overlay(files: Mapping[str, Path], golden: Golden, firmware: Path) -> Overlay:
    """files: of the whole slot, path -> source. firmware: the folder in which they are, but the board's own."""
    differ = {name for name, path in files.items() if golden.modules.get(name) != _hash(path)}
    reach = _Reach(firmware)
    whole = {
        _package(name) for name in differ if "/" in name and (name.endswith("/__init__.py") or name in reach.of(name))
    }
    found: dict[str, Path | bytes] = {name: path for name, path in files.items() if _package(name) in whole}
    found |= {name: files[name] for name in differ if "/" not in name}
    over = {name for name in differ if name not in found}
    order = sorted(over, key=lambda name: (len(reach.of(name) & over), name))
    found |= {f"{FOLDER}/{name}": files[name] for name in order}
    modules = tuple(name.removesuffix(".py").replace("/", ".") for name in order)
    # the id makes images of the same modules for other golden apps other images
    found[LIST] = f"BASE = {golden.id!r}\nMODULES = {modules!r}\n".encode()
    return Overlay(found, tuple(_told(files, differ, whole)))


class _Reach:
    """What importing a module imports, directly or through others."""

    def __init__(self, firmware: Path) -> None:
        self._firmware = firmware
        self._next: dict[str, set[str]] = {}
        self._all: dict[str, set[str]] = {}

    def of(self, name: str) -> set[str]:
        if name not in self._all:
            reached: set[str] = set()
            waiting = [name]
            while waiting:
                new = self._imported(waiting.pop()) - reached
                reached |= new
                waiting += new
            self._all[name] = reached
        return self._all[name]

    def _imported(self, name: str) -> set[str]:
        path = self._firmware / name
        if name not in self._next:
            nodes = _at_import(ast.parse(path.read_text())) if path.is_file() else ()
            own = f"{_package(name)}/__init__.py"  # runs before the module
            self._next[name] = {*packages.imported(nodes, self._firmware), *([own] if name != own else [])}
        return self._next[name]


def _at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Import statements that run when the module is imported: those outside of functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _at_import(node)


def _package(name: str) -> str:
    return name.split("/")[0]


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _told(files: Mapping[str, Path], differ: set[str], whole: set[str]) -> Iterator[str]:
    for package in sorted({_package(name) for name in differ}):
        inside = [name for name in files if _package(name) == package]
        names = sorted(name.removesuffix(".py").removeprefix(f"{package}/") for name in differ & set(inside))
        if inside == [package]:
            yield f"{package.removesuffix('.py')}: differs"
        elif package in whole:
            yield f"{package}: whole, {len(inside)} modules, since some import each other: {', '.join(names)} differ"
        else:
            yield f"{package}: {len(names)} of {len(inside)} modules: {', '.join(names)}"
