"""The command `dragonet`. Commands live in dragonet/commands/, one module each, imported only when they are used."""

import errno
import importlib
import importlib.util
import os
import sys
from importlib.metadata import version

import typer
from typer import _click
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command as compiled

from dragonet.errors import NotDone, UserError

# name: what it does. The module dragonet/commands/<name>.py holds either `app` (a typer.Typer with sub-commands)
# or a function of the command's name.
COMMANDS = {
    "fly": "Fly the satellite: boards, bus, orbit and radio, on this computer.",
    "ais": "Decode AIS sentences with the flight decoder.",
    "beacon": "Render a beacon's sound with the flight encoder and the radio model.",
    "emulator": "Run the real firmware image on an emulated RP2040.",
    "tm": "Show what a board measures, against its limits.",
    "event": "Read and watch what happens on the boards.",
    "cmd": "Command a board.",
    "param": "Read, change, save and restore the parameters of a board.",
    "key": "Make, load and rotate the keys that sign commands.",
    "time": "Read, set and watch boards' time.",
    "schedule": "Commands at a time or after an event, and stored sequences.",
    "file": "List, send, fetch and delete files of a board.",
    "bus": "Watch and talk to the satellite's bus.",
    "bench": "Boards on a bench: list, provision, flash, check.",
    "update": "Update boards while they fly: build, push, try, confirm, go back.",
    "generate": "Make files from the firmware's own tables.",
}

_EXAMPLES = """Examples:

  dragonet fly --scenario nanodragon --out flights/nanodragon

  dragonet ais decode LOG.nmea --json

  dragonet beacon render --mode cw --callsign XV1VN --info TEST --out cw.wav
"""


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def exists(name: str) -> bool:
    return importlib.util.find_spec(f"dragonet.commands.{name}") is not None


def load(name: str) -> _click.Command:
    """Import a command's module and return its command."""
    module = importlib.import_module(f"dragonet.commands.{name}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        function = getattr(module, name)
        app.command(name, epilog=getattr(function, "epilog", None))(function)
    app._add_completion = False
    command = compiled(app)
    command.name = name
    return command


class _Lazy(TyperGroup):
    """Lists commands by their summaries; imports the module of the one that is called."""

    def list_commands(self, ctx: _click.Context) -> list[str]:
        return [name for name in COMMANDS if exists(name)]

    def get_command(self, ctx: _click.Context, cmd_name: str) -> _click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name])

    def resolve_command(self, ctx: _click.Context, args: list[str]):
        name, command, rest = super().resolve_command(ctx, args)
        return name, (load(name) if command is not None and name is not None else command), rest


app = typer.Typer(
    cls=_Lazy, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"dragonet {version('dragonet')}")
        raise typer.Exit()


@app.callback(epilog=_EXAMPLES)
def _root(
    _version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Fly a satellite's firmware on a desk, decode what it sends, and talk to its boards."""


def main() -> None:
    """Entry point. UserError: one line, exit code 2; NotDone: 1. Ctrl-C: 130. A closed pipe ends quietly."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # started with it closed
    try:
        result = compiled(app).main(prog_name="dragonet", standalone_mode=False)
        sys.stdout.flush()
    except UserError as error:
        print(f"dragonet: error: {error}", file=sys.stderr)
        sys.exit(2)
    except NotDone as error:
        print(f"dragonet: {error}", file=sys.stderr)
        sys.exit(1)
    except _click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        sys.exit(2)
    except _click.exceptions.UsageError as error:
        command = error.ctx.command_path if error.ctx else "dragonet"
        message = " ".join(error.format_message().split()).replace("Value error, ", "")
        print(f"dragonet: error: {message.rstrip('.')}. Try '{command} --help'.", file=sys.stderr)
        sys.exit(2)
    except _click.exceptions.ClickException as error:
        print(f"dragonet: error: {error.format_message()}", file=sys.stderr)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        _no_more_output()
        sys.exit(1)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        _no_more_output()
        print(f"dragonet: error: {error.filename or 'output'}: {error.strerror}: make room there", file=sys.stderr)
        sys.exit(2)
    sys.exit(result if isinstance(result, int) else 0)


def _no_more_output() -> None:
    """Or Python complains when it flushes at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
