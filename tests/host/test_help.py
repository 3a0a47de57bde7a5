"""The help of every command ends with examples, and each example is a command line that its options take."""

import re
import shlex

import pytest

from dragonet import cli

EXAMPLE = re.compile(r"^ {2,}(dragonet .+)$", re.MULTILINE)


def examples(name: str) -> list[list[str]]:
    """Words of each example after `dragonet`; what stands after # or two spaces explains it."""
    command = cli.load(name)
    commands = [command, *getattr(command, "commands", {}).values()]
    found = []
    for line in EXAMPLE.findall("\n".join(one.epilog or "" for one in commands)):
        for part in re.split(r"\s{2,}|\s#\s", line)[0].split(";"):
            words = shlex.split(part.rstrip("& "))
            if words[0] == "dragonet":
                found.append(words[1:])
    return found


@pytest.mark.parametrize("name", [name for name in cli.COMMANDS if cli.exists(name)])
def test_help_has_examples_and_each_is_a_command_line_that_is_understood(name: str) -> None:
    found = examples(name)
    assert found
    for words in found:
        command = cli.load(words[0])
        context = None
        words = words[1:]
        while hasattr(command, "commands"):
            context = command.make_context(command.name, words[:1], parent=context, resilient_parsing=True)
            assert words[0] in command.commands, words
            command = command.commands[words[0]]
            words = words[1:]
        command.make_context(command.name, words, parent=context)
