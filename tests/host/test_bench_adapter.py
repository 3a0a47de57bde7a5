"""mpremote as a library: what dragonet.bench.adapter uses of it is as it was when it was written."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import re

import pytest
from mpremote.romfs import VfsRomWriter
from mpremote.transport_serial import SerialTransport

from dragonet import paths
from dragonet.bench import adapter


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("__init__", ["self", "device", "baudrate", "wait", "exclusive", "timeout"]),
        ("read_until", ["self", "min_num_bytes", "ending", "timeout", "data_consumer", "timeout_overall"]),
        ("exec_raw_no_follow", ["self", "command"]),
        ("follow", ["self", "timeout", "data_consumer"]),
        ("close", ["self"]),
    ],
)
def test_the_transport_has_the_methods_that_are_used(name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(SerialTransport, name)).parameters) == parameters


def test_the_version_is_the_pinned_one() -> None:
    pinned = re.search(r'"mpremote==(\S+)"', (paths.REPO / "pyproject.toml").read_text())
    assert pinned is not None and importlib.metadata.version("mpremote") == pinned[1]


def test_no_other_module_imports_mpremote() -> None:
    for path in (paths.HOST_TOOLS / "dragonet").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == "mpremote" for name in names):
                assert path.name == "adapter.py", path


def test_read_only_files_are_written_in_the_order_of_their_names() -> None:
    writer = VfsRomWriter()
    writer.mkfile("a", b"1")
    writer.opendir("b")
    writer.mkfile("c", b"2")
    writer.mkfile("d", b"3")
    writer.closedir()
    expected = writer.finalise()
    assert adapter.romfs({"b/d": b"3", "a": b"1", "b/c": b"2"}) == expected
