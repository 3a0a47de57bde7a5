"""The command line: lazy commands, one-line errors, exit codes."""

import os
import signal
import subprocess
import sys
import time
import types

import pytest

from dragonet import cli
from dragonet.errors import UserError


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dragonet.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment})


def test_help_lists_the_commands_without_importing_them():
    code = (
        "import sys; sys.argv = ['dragonet', '--help']\n"
        "from dragonet import cli\n"
        "try:\n    cli.main()\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "heavy = [name for name in sys.modules if name == 'numpy' or name.startswith('dragonet.commands.')]\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "ais" in result.stdout and "Examples:" in result.stdout


@pytest.mark.parametrize("name", [name for name in cli.COMMANDS if cli.exists(name)])
def test_each_command_explains_itself(name: str):
    result = run(name, "--help")
    assert result.returncode == 0, result.stderr
    assert "Usage" in result.stdout


def test_the_version_is_that_of_the_package():
    assert run("--version").stdout == "dragonet 0.1.0\n"


@pytest.mark.parametrize(("arguments", "said"), [(["nope"], "No such command 'nope'"), (["--nope"], "No such option")])
def test_a_wrong_word_is_one_line_and_exit_code_2(arguments: list[str], said: str):
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("dragonet: error: ") and said in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch):
    """command(function) registers `dragonet try` and runs it; gives the exit code."""

    def run_it(function) -> int | str | None:
        module = types.ModuleType("dragonet.commands.try")
        setattr(module, "try", function)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(cli.COMMANDS, "try", "Try.")
        monkeypatch.setattr(cli, "exists", lambda name: True)
        monkeypatch.setattr(sys, "argv", ["dragonet", "try"])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code

    return run_it


def test_a_users_error_is_one_line_without_traceback(command, capsys: pytest.CaptureFixture[str]):
    def fails() -> None:
        raise UserError("my.toml: unknown key 'altitud_km': did you mean altitude_km?")

    assert command(fails) == 2
    assert capsys.readouterr().err == "dragonet: error: my.toml: unknown key 'altitud_km': did you mean altitude_km?\n"


def test_a_programming_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, command):
    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command(fails)


def test_success_is_exit_code_0(command):
    def succeeds() -> None:
        pass

    assert command(succeeds) == 0


def start(name: str, body: str) -> subprocess.Popen[str]:
    """`dragonet NAME` in a process of its own, with this body for the command."""
    code = (
        "import sys, time, types\n"
        "from dragonet import cli\n"
        f"def {name}() -> None:\n    {body}\n"
        f"module = types.ModuleType('dragonet.commands.{name}')\n"
        f"module.{name} = {name}\n"
        "sys.modules[module.__name__] = module\n"
        f"cli.COMMANDS['{name}'] = 'Try.'\n"
        "cli.exists = lambda name: True\n"
        f"sys.argv = ['dragonet', '{name}']\n"
        "cli.main()\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_ends_with_130_and_no_traceback():
    process = start("wait", "print('waiting', flush=True); time.sleep(30)")
    assert process.stdout is not None and process.stdout.readline() == "waiting\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_a_reader_that_stops_listening_ends_quietly():
    process = start("pour", "[print('x' * 1000) for _ in range(100_000)]")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=10) == 1


@pytest.mark.parametrize("arguments", ["--version", "--help"])
def test_output_without_room_is_one_line_and_exit_code_2(arguments: str):
    command = [sys.executable, "-m", "dragonet.cli", arguments]
    with open("/dev/full", "w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert result.stderr == "dragonet: error: output: No space left on device: make room there\n"
    assert result.returncode == 2


def test_a_closed_output_is_no_error():
    command = f"{sys.executable} -m dragonet.cli --version >&-"
    result = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
