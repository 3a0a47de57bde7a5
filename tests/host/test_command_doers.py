"""Each command of the tables is done by one service: a name that nobody does would be refused in flight only."""

import ast
from collections import Counter

from dragonet import paths

paths.use_firmware()

from core.command_table import COMMANDS  # noqa: E402


def test_each_command_of_the_core_has_one_method_that_does_it() -> None:
    does = Counter(
        node.name.removeprefix("do_")
        for path in (paths.FIRMWARE / "core").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("do_")
    )
    assert does == {command[1]: 1 for command in COMMANDS}
