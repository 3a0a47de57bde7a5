"""Lines of firmware/ that tests/unit runs on MicroPython, by the coverage build of `make toolchain` (sys.settrace).

`make coverage`, ARGS=--json: a table of every file, the lowest last, and of the
packages. Counted are statements: a statement of several lines is covered when one of them ran. Native and viper
functions are not traced and not counted. Cases that fail because tracing itself takes heap or time are told.
"""

import argparse
import ast
import json
import os
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dragonet import paths
from dragonet.errors import UserError
from plugin import twice

_TIMEOUT_S = 60.0  # of a file; a case that takes longer is given up
_CUT = f"coverage cut after {_TIMEOUT_S:g} s"  # twice.run_file
_LOWEST = 15  # files in the table
_NATIVE = ("micropython.native", "micropython.viper", "native", "viper", "micropython.asm_thumb")


def statements(source: str) -> dict[int, range]:
    """Statements that a tracer can see: lines of each (of a compound one, of its head), by its first line."""
    found: dict[int, range] = {}

    def visit(body: list[ast.stmt]) -> None:
        for node in body:
            inner = [part for name in ("body", "orelse", "finalbody") for part in getattr(node, name, [])]
            inner += [part for handler in getattr(node, "handlers", []) for part in handler.body]
            native = any(ast.unparse(one) in _NATIVE for one in getattr(node, "decorator_list", []))
            if not _silent(node):
                last = inner[0].lineno - 1 if inner else node.end_lineno or node.lineno
                found[node.lineno] = range(node.lineno, max(last, node.lineno) + 1)
            if not native:
                visit(inner)

    visit(ast.parse(source).body)
    return found


def _silent(node: ast.stmt) -> bool:
    """No code comes of it: texts, declarations, `try`, `pass`, private constants."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        target = node.targets[0]
        return ast.unparse(node.value.func) == "const" and isinstance(target, ast.Name) and target.id.startswith("_")
    return isinstance(node, (ast.Try, ast.Pass, ast.Global, ast.Nonlocal))


def run(path: Path, folder: Path) -> tuple[dict[str, set[int]], int, int]:
    """(lines that ran by file, cases, cases that failed) of one file of tests/unit."""
    cases = twice.cases_of(path.read_text(), str(path))
    names = [f"{name}::{test}" for name, tests in cases.items() for test in tests]
    trace = folder / (path.stem + ".trace")
    failed, waiting = 0, names
    while waiting:
        outcomes = twice.run_file(path, "coverage", waiting, list(cases), _TIMEOUT_S, trace)
        bad = [name for name in waiting if outcomes[name]["status"] != "pass"]
        cut = [name for name in bad if _CUT in outcomes[name]["text"]]
        failed += len(bad) - len(cut) + bool(cut)
        waiting = cut[1:]  # a case that is too slow under the tracer is given up; those behind it get their turn
    seen: dict[str, set[int]] = defaultdict(set)
    if trace.exists():
        for line in trace.read_text().splitlines():
            if line.endswith("}"):
                record = json.loads(line)
                seen[record["file"]] |= set(record["lines"])
    return seen, len(names), failed


def flight_files() -> list[Path]:
    return sorted(path for path in paths.FIRMWARE.rglob("*.py") if "__pycache__" not in path.parts)


def measured() -> dict:
    """{files: {path: {statements, missing}}, cases, failed}."""
    seen: dict[str, set[int]] = defaultdict(set)
    cases = failed = 0
    with tempfile.TemporaryDirectory(prefix="dragonet-lines-") as name:
        tests = sorted((paths.REPO / "tests" / "unit").glob("test_*.py"))
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for lines, count, bad in pool.map(lambda path: run(path, Path(name)), tests):
                cases, failed = cases + count, failed + bad
                for file, numbers in lines.items():
                    seen[file] |= numbers
    files = {}
    for path in flight_files():
        wanted = statements(path.read_text())
        ran = seen[str(path)]
        missing = [first for first, lines in wanted.items() if ran.isdisjoint(lines)]
        files[str(path.relative_to(paths.FIRMWARE))] = {"statements": len(wanted), "missing": missing}
    return {"files": files, "cases": cases, "failed": failed}


def percent(files: list[dict]) -> float:
    total = sum(one["statements"] for one in files)
    return 100.0 * (total - sum(len(one["missing"]) for one in files)) / total if total else 100.0


def table(figures: dict) -> str:
    files = figures["files"]
    packages: dict[str, list[dict]] = defaultdict(list)
    for name, one in files.items():
        packages[name.split("/")[0] if "/" in name else "."].append(one)
    lines = [f"{name:28} {percent(ones):5.1f} %  {sum(one['statements'] for one in ones):5d} statements"
             for name, ones in sorted(packages.items())]  # fmt: skip
    lines.append(f"{'firmware':28} {percent(list(files.values())):5.1f} %")
    lines.append("the lowest files:")
    lowest = sorted((percent([one]), name) for name, one in files.items() if one["missing"])[:_LOWEST]
    for share, name in reversed(lowest):
        missing = files[name]["missing"]
        some = ", ".join(str(number) for number in missing[:12]) + (" ..." if len(missing) > 12 else "")
        lines.append(f"  {name:26} {share:5.1f} %  not run: {some}")
    lines.append(f"{figures['cases']} cases; {figures['failed']} fail under the tracer, as it takes heap and time")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Line coverage of firmware/ under tests/unit on MicroPython.")
    parser.add_argument("--json", action="store_true", help="every file with its missing lines, as JSON")
    arguments = parser.parse_args()
    try:
        figures = measured()
    except UserError as error:
        print(f"dragonet: error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(figures) if arguments.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
