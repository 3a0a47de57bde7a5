"""pytest plugin: every case of tests/unit/test_*.py as items [cpython] and [micropython], and [micropython32] where the
32-bit port of `make toolchain` is built (or named by DRAGONET_M32): there memory and numbers are as on the boards.

The files are plain unittest. They are collected by reading them, not by importing them, so that the items of all
interpreters exist whatever happens when they run. Each file runs once for each interpreter, in a process of its own
(plugin/runner.py), which reports case by case; cases that a crash or the time limit left unreported fail with the
process's output.
"""

import ast
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragonet import micropython, paths, toolchain
from dragonet.errors import UserError

INTERPRETERS = ("cpython", "micropython", *(["micropython32"] if toolchain.has_micropython32() else []))
_HEAP = "8M"
_TRACED_HEAP = "64M"
_RUNNER = Path(__file__).with_name("runner.py")
_UNIT = paths.REPO / "tests" / "unit"
_OUTPUT_SHOWN = 8000  # characters of a process's output beside a failure


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("unit_timeout_s", "seconds that one file of tests/unit may take on one interpreter", default="60")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector):
    if module_path.parent == parent.config.rootpath / "tests" / "unit":
        return UnitFile.from_parent(parent, path=module_path)
    return None


def cases_of(source: str, filename: str) -> dict[str, list[str]]:
    """Test methods by class, inherited ones too, in the order they are written."""
    classes = {node.name: node for node in ast.parse(source, filename).body if isinstance(node, ast.ClassDef)}

    def is_test_case(name: str) -> bool:
        node = classes.get(name)
        bases = [ast.unparse(base) for base in node.bases] if node is not None else []
        return any(base in ("unittest.TestCase", "TestCase") or is_test_case(base) for base in bases)

    def methods(name: str) -> dict[str, None]:
        found: dict[str, None] = {}
        node = classes.get(name)
        if node is not None:
            for base in node.bases:
                found |= methods(ast.unparse(base))
            found |= {
                item.name: None
                for item in node.body
                if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name.startswith("test")
            }
        return found

    return {name: list(methods(name)) for name in classes if is_test_case(name) and methods(name)}


class UnitFile(pytest.File):
    def collect(self) -> Iterator[pytest.Collector]:
        try:
            cases = cases_of(self.path.read_text(), str(self.path))
        except SyntaxError as error:
            raise self.CollectError(f"{self.path}:{error.lineno}: {error.msg}") from None
        self.runs: dict[str, dict[str, dict[str, str]]] = {}
        self.classes = list(cases)
        for name, tests in cases.items():
            yield UnitClass.from_parent(self, name=name, tests=tests)

    def outcome(self, item: "UnitItem") -> dict[str, str]:
        """What the runner said of this case; runs the file on the item's interpreter when it has not run yet."""
        if item.interpreter not in self.runs:
            wanted = [
                other.case
                for other in self.session.items
                if isinstance(other, UnitItem) and other.file is self and other.interpreter == item.interpreter
            ]
            timeout_s = float(self.config.getini("unit_timeout_s"))
            self.runs[item.interpreter] = run_file(self.path, item.interpreter, wanted, self.classes, timeout_s)
        return self.runs[item.interpreter][item.case]


class UnitClass(pytest.Collector):
    def __init__(self, *, tests: list[str], **keywords) -> None:
        super().__init__(**keywords)
        self.tests = tests

    def collect(self) -> Iterator[pytest.Item]:
        for interpreter in INTERPRETERS:
            for test in self.tests:
                yield UnitItem.from_parent(self, name=f"{test}[{interpreter}]", test=test, interpreter=interpreter)


class UnitItem(pytest.Item):
    def __init__(self, *, test: str, interpreter: str, **keywords) -> None:
        super().__init__(**keywords)
        self.interpreter = interpreter
        self.case = f"{self.parent.name}::{test}"  # pyright: ignore[reportOptionalMemberAccess]
        file = self.getparent(UnitFile)
        assert file is not None
        self.file = file

    def runtest(self) -> None:
        outcome = self.file.outcome(self)
        if outcome.get("output"):
            self.add_report_section("call", f"output of the file on {self.interpreter}", outcome["output"])
        if outcome["status"] != "pass":
            raise CaseFailed(outcome["text"])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style=None):
        if isinstance(excinfo.value, (CaseFailed, UserError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, None, f"{self.case}[{self.interpreter}]"


class CaseFailed(Exception):
    """A case failed in its own process; the text is that process's traceback."""


def command(interpreter: str) -> list[str]:
    if interpreter == "cpython":
        return [sys.executable, "-u"]
    if interpreter == "coverage":
        return [str(toolchain.micropython_coverage()), "-X", f"heapsize={_TRACED_HEAP}"]
    path = str(toolchain.micropython32()) if interpreter == "micropython32" else micropython.find()
    return [path, "-X", f"heapsize={_HEAP}"]


def search_path(interpreter: str) -> list[str]:
    """Folders that come before the interpreter's own library, first one first."""
    shared = [paths.FIRMWARE, paths.HOST_TOOLS]
    if interpreter == "cpython":
        folders = [_UNIT / "cpython", paths.CPYTHON_STAND_INS, *shared]
    else:
        folders = [paths.VIRTUAL_BOARD, _UNIT / "micropython", *shared]
    return [str(folder) for folder in folders]


def run_file(
    path: Path, interpreter: str, cases: list[str], classes: list[str], timeout_s: float, trace: Path | None = None
) -> dict[str, dict[str, str]]:
    """Run these cases of a file; for each its status (pass, fail) and text. UserError: no interpreter.

    classes: every test class that was collected from the file; finding another one fails them all.
    trace: where tracer.py writes the flight code's lines that ran; only on the interpreter "coverage".
    """
    with tempfile.TemporaryDirectory(prefix="dragonet-unit-") as folder:
        job, report = Path(folder, "job.json"), Path(folder, "report")
        report.touch()
        job.write_text(
            json.dumps(
                {
                    "file": str(path),
                    "cases": cases,
                    "classes": classes,
                    "report": str(report),
                    "first": search_path(interpreter),
                    "last": [str(path.parent), str(paths.VIRTUAL_BOARD), str(_RUNNER.parent)],
                    **({"trace": str(trace), "traced": str(paths.FIRMWARE)} if trace is not None else {}),
                }
            )
        )
        process = subprocess.Popen(
            [*command(interpreter), str(_RUNNER), str(job)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            start_new_session=True,
        )
        cut = False
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            cut = True
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        records = [json.loads(line) for line in report.read_text(errors="replace").splitlines() if line.endswith("}")]
    ending = f"cut after {timeout_s:g} s" if cut else f"ended with exit code {process.returncode}"
    return _outcomes(cases, records, output.decode(errors="replace")[-_OUTPUT_SHOWN:], interpreter, ending)


def _outcomes(cases, records, output, interpreter, ending) -> dict[str, dict[str, str]]:
    outcomes: dict[str, dict[str, str]] = {}
    running, trouble = "", ""
    for record in records:
        if record["status"] == "start":
            running = record["case"]
        elif record["status"] == "file":
            trouble = record["text"]
        else:
            outcomes[record["case"]] = {"status": record["status"], "text": record["text"], "output": output}
            running = ""
    for case in cases:
        if case not in outcomes:
            where = "in this case" if running == case else f"in {running}" if running else "outside any case"
            text = trouble or f"{interpreter} {ending} {where}, and no result was reported\n{output}"
            outcomes[case] = {"status": "fail", "text": text}
    return outcomes
