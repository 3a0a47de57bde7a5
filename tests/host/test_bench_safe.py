"""How a board on a bench ends at its prompt without its app (firmware/guard.py): the pin SAFE, three quick resets."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dragonet import paths
from dragonet.bench import adapter, boards, emulated
from dragonet.bench.benchfile import Entry, parse
from dragonet.bench.processes import UnixBoard
from host import bench_world

ROLES = ("eps", "beacon", "sensor")
KINDS = ("unix", "emulated")
# What only an app leaves: its modules, and its beats in the watchdog's stead.
RUNS = "import sys\nprint(repr([name for name in ('core.board', 'core.start', 'beacon.app') if name in sys.modules]))"
_WATCHDOG_S = 9.0  # parts.WDT_MS and more


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bench_world.Code]:
    yield bench_world.Code(tmp_path_factory.mktemp("code"))


@contextmanager
def started(kind: str, code: bench_world.Code, folder: Path, **world: float) -> Iterator[tuple[adapter.Link, Entry]]:
    """A beacon with its app, from power-on."""
    entry = parse({"boards": {"beacon": {"reach": kind, "world": world}}}, Path("test.toml")).boards[0]
    board = (
        emulated.EmulatedBench(entry, folder, bench_world.UID)
        if kind == "emulated"
        else UnixBoard(entry, folder, bench_world.UID, True, code.twin, code.firmware)
    )
    try:
        with adapter.Link(board.url, entry.name) as link:
            yield link, entry
    finally:
        board.close()


def pins_of(path: Path) -> list[Any]:
    """Each pin that the table names, as often as it does: constants, and what is given to Pin() where it stands."""
    found: list[Any] = []
    for node in ast.walk(ast.parse(path.read_text())):
        name = getattr(node.targets[0], "id", "") if isinstance(node, ast.Assign) else ""
        if isinstance(node, ast.Assign) and not name.endswith(("_HZ", "_ID", "_BUS", "_UART")):
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            found += [one.value for one in values if isinstance(one, ast.Constant)]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Pin" and node.args:
            found += [one.value for one in node.args[:1] if isinstance(one, ast.Constant)]
    return found


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("target", ["unix", "rp2", "stm32"])
def test_every_board_has_a_safe_pin_that_nothing_else_uses(role: str, target: str) -> None:
    path = paths.BOARDS / role / f"pins_{target}.py"
    text = path.read_text()
    match = re.search(r"^SAFE = (\S+)", text, re.MULTILINE)
    assert match, f"{path} names no SAFE"
    number = ast.literal_eval(match[1])
    assert pins_of(path).count(number) == 1
    if isinstance(number, str):  # fixed pins of its buses stand in comments
        assert len(re.findall(rf"\b{number}\b", text)) == 1
    else:
        assert 0 <= number <= 22 or 26 <= number <= 28, "a Pico brings out no other"
    column = {"rp2": 2, "stm32": 3, "unix": 4}[target]
    (row,) = re.findall(r"^\| safe \|.*$", (paths.BOARDS / role / "README.md").read_text(), re.MULTILINE)
    assert row.split("|")[column].strip() == str(number)


@pytest.mark.parametrize("kind", KINDS)
def test_the_pin_safe_low_ends_at_the_prompt_without_the_app(kind: str, code: bench_world.Code, tmp_path: Path) -> None:
    with started(kind, code, tmp_path, safe=0.0) as (link, entry):
        found = boards.prompt(link, entry)  # interrupts nothing
        assert found.safe and found.role == "beacon"
        assert link.literal(RUNS) == []
        if kind == "emulated":  # no watchdog runs: it would bite within 8 s
            assert link.literal(f"import time\ntime.sleep({_WATCHDOG_S})\nprint(1)", 120.0) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_no_effect_without_remove_before_flight(kind: str, code: bench_world.Code, tmp_path: Path) -> None:
    with started(kind, code, tmp_path, safe=0.0, rbf=0.0) as (link, _):
        assert not link.prompt(8.0 if kind == "emulated" else 2.0), "in orbit nothing keeps the app from running"


@pytest.mark.parametrize("kind", KINDS)
def test_three_quick_resets_end_at_the_prompt_too(kind: str, code: bench_world.Code, tmp_path: Path) -> None:
    with started(kind, code, tmp_path) as (link, entry):
        assert not link.prompt(0.5), "its app runs"
        found = boards.prompt(link, entry, interrupt=True)
        assert found.safe
        assert link.literal(RUNS) == []


def test_ctrl_c_while_a_process_board_boots_resets_it_and_leaves_no_prompt_behind(
    code: bench_world.Code, tmp_path: Path
) -> None:
    """A prompt that such a Ctrl-C leaves may wait for ever for a lock of the interpreter that an import held."""
    firmware = tmp_path / "firmware"
    firmware.mkdir()
    for one in code.firmware.iterdir():
        (firmware / one.name).symlink_to(one)
    (firmware / "main.py").unlink()
    (firmware / "main.py").write_text("raise KeyboardInterrupt\n")
    entry = parse({"boards": {"beacon": {"reach": "unix", "world": {"rbf": 0}}}}, Path("test.toml")).boards[0]
    board = UnixBoard(entry, tmp_path / "board", bench_world.UID, True, code.twin, firmware)
    try:
        with adapter.Link(board.url, entry.name) as link:
            assert not link.prompt(3.0)
    finally:
        board.close()
    assert board.starts >= 2
