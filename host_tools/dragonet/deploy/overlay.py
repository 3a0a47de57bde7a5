"""What of a slot's code differs from a golden app, and how it comes to stand before it (firmware/guard.py).

A module that differs lies in over/, and is put in place before anything imports the frozen one: what it imports itself,
directly or through others, must be in place already. A package whose __init__ imports its modules (csp) gets another
__init__, which puts them in place first. Where modules import each other there is no such order: their whole package
travels.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from dragonet.deploy.goldens import Golden

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
    inside = {name for name in differ if "/" in name}
    whole = {_package(name) for name in inside if _init(name) not in golden.modules or name in reach.of(name, False)}
    inside = {name for name in inside if _package(name) not in whole}
    first = {_package(name) for name in inside if name == _init(name) or name in reach.of(name)}
    found: dict[str, Path | bytes] = {name: path for name, path in files.items() if _package(name) in whole}
    found |= {name: files[name] for name in differ if "/" not in name}
    over = {name for name in inside if name != _init(name)}
    found |= {f"{FOLDER}/{name}": files[name] for name in over}
    for package in first:
        own = {name for name in over if _package(name) == package}
        found[f"{package}/__init__.py"] = _before(package, reach.order(own, False), files[f"{package}/__init__.py"])
    modules = reach.order({name for name in over if _package(name) not in first})
    # the id makes images of the same modules for other golden apps other images
    found[LIST] = f"BASE = {golden.id!r}\nMODULES = {modules!r}\n".encode()
    return Overlay(found, tuple(_told(files, differ, whole)))


class _Reach:
    """What importing a module imports, directly or through others."""

    def __init__(self, firmware: Path) -> None:
        self._firmware = firmware
        self._next: dict[str, set[str]] = {}
        self._all: dict[tuple[str, bool], set[str]] = {}

    def of(self, name: str, init: bool = True) -> set[str]:
        """init: through the __init__ of its package too, where only its running first leads there."""
        if (name, init) not in self._all:
            reached: set[str] = set()
            waiting = [name]
            while waiting:
                one = waiting.pop()
                new = set(self._imported(one))
                new |= {_init(other) for other in (one, *new) if init or _package(other) != _package(name)} - {one}
                new -= reached
                reached |= new
                waiting += new
            self._all[name, init] = reached
        return self._all[name, init]

    def order(self, names: set[str], init: bool = True) -> tuple[str, ...]:
        """As modules, each behind those that it imports."""
        found = sorted(names, key=lambda name: (len(self.of(name, init) & names), name))
        return tuple(name.removesuffix(".py").replace("/", ".") for name in found)

    def _imported(self, name: str) -> set[str]:
        """The files whose modules, or names in them, it asks for."""
        path = self._firmware / name
        if name not in self._next:
            nodes = _at_import(ast.parse(path.read_text())) if path.is_file() else ()
            self._next[name] = {file for node in nodes for one in _asked(node) if (file := self._file(*one))}
        return self._next[name]

    def _file(self, module: str, name: str) -> str:
        """That holds `name` of a module, or of a package; "": it is not flight code."""
        base = module.replace(".", "/")
        wanted = ([f"{base}/{name}.py"] if name else []) + [f"{base}.py", f"{base}/__init__.py"]
        return next((file for file in wanted if (self._firmware / file).is_file()), "")


def _asked(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """(module, name in it or "") of an import statement."""
    for alias in node.names:
        yield (alias.name, "") if isinstance(node, ast.Import) else (node.module or "", alias.name)


def _at_import(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements that run when the module is imported: those outside of functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _at_import(node)


def _package(name: str) -> str:
    return name.split("/")[0]


def _init(name: str) -> str:
    return f"{_package(name)}/__init__.py"


def _before(package: str, modules: tuple[str, ...], init: Path) -> bytes:
    """Source of an __init__: its other modules are the frozen ones, and these stand before them."""
    begins = f"import guard as _guard\n__path__ = _guard.frozen({package!r})\n_guard.lay_over({modules!r})\n"
    return begins.encode() + init.read_bytes()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _told(files: Mapping[str, Path], differ: set[str], whole: set[str]) -> Iterator[str]:
    for package in sorted({_package(name) for name in differ}):
        inside = {name for name in files if _package(name) == package}
        names = sorted(name.removesuffix(".py").removeprefix(f"{package}/") for name in differ & inside)
        if inside == {package}:
            yield f"{package.removesuffix('.py')}: differs"
        elif package in whole:
            why = "new" if len(names) == len(inside) else f"{', '.join(names)} differ, and some import each other"
            yield f"{package}: whole, {len(inside)} modules: {why}"
        else:
            yield f"{package}: {len(names)} of {len(inside)} modules: {', '.join(names)}"
