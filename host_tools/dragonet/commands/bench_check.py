"""`dragonet bench check`, `report` and `labgrid`: the checks of a bench, what they found, and its files for labgrid."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dragonet import paths
from dragonet.bench import benchfile, labgrid, measure, tables
from dragonet.bench import report as reports
from dragonet.commands.options import AsJson
from dragonet.errors import UserError

_CHECKS = paths.REPO / "tests" / "hil"
_STYLES = {measure.PASSED: "green", measure.FAILED: "bold red", measure.NOT_POSSIBLE: "yellow"}
_INTERRUPTED = 2  # pytest's exit code

_Bench = Annotated[str, typer.Option("--bench", metavar="BENCH", help="A bench of tests/hil/benches, or a file.")]


def add(app: typer.Typer) -> None:
    """Register them."""
    app.command("check")(check)
    app.command("report")(report)
    app.command("labgrid")(export)


def folder(bench: benchfile.Bench) -> Path:
    """Where a bench's results lie unless said otherwise."""
    return paths.REPO / "build" / "hil" / bench.name


def check(
    bench: _Bench = "virtual",
    only: Annotated[
        str | None, typer.Option("--only", metavar="EXPR", help="Checks by words of their names: 'beacon or ais'.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Default: build/hil/<bench>.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the checks of a bench: virtual, emulated or real boards, the same checks.

    Leaves results.json, report.html and junit.xml. Exit code 1: a check failed.
    """
    one = benchfile.load(bench)
    tables.of(one)
    if importlib.util.find_spec("pytest") is None or not _CHECKS.is_dir():
        raise UserError("the checks run by pytest, in a checkout of the repository: make setup-test")
    target = (folder(one) if out is None else out).resolve()
    results = target / "results.json"
    results.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", str(_CHECKS), "--bench", str(one.path.resolve())]
    command += ["-n", "0", "--hil-out", str(target), "--junitxml", str(target / "junit.xml")]
    command += ["-k", only] if only else []
    done = subprocess.run(command, cwd=paths.REPO, stdout=sys.stderr if as_json else None, check=False)
    if not results.exists():
        if done.returncode == _INTERRUPTED:
            raise typer.Exit(2)
        raise UserError(f"no check was run: {'no name matches ' + repr(only) if only else 'see above'}")
    found = measure.load(results)
    if as_json:
        print(json.dumps(found.record()))
    else:
        Console().print(_table(found))
        print(f"{target / 'report.html'}")
    if done.returncode:
        raise typer.Exit(1)


def report(
    results: Annotated[
        Path | None, typer.Argument(metavar="[RESULTS]", help="results.json; default: the bench's last.")
    ] = None,
    bench: _Bench = "virtual",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Default: report.html beside it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the last checks found, and make their page again: one HTML file that needs no other."""
    source = folder(benchfile.load(bench)) / "results.json" if results is None else results
    found = measure.load(source)
    target = source.with_name("report.html") if out is None else out
    reports.write(found, target)
    if as_json:
        print(json.dumps(found.record()))
        return
    Console().print(_table(found))
    print(target)


def export(
    bench: _Bench = "virtual",
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the two files.")] = Path("."),
) -> None:
    """Write labgrid's exporter and environment files of a bench."""
    one = benchfile.load(bench)
    for path in labgrid.write(one, tables.of(one), out):
        print(path)


def _table(found: measure.Results) -> Table:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in found.counts.items())
    table = Table(box=None, title=f"{found.about.get('bench', '')}: {counts}", title_justify="left", title_style="bold")
    for name in ("check", "", "measurements", ""):
        table.add_column(name)
    for one in found.checks:
        bad = "; ".join(str(each) for each in one.bad[:3]) if one.bad else one.why
        text = bad.splitlines()[0] if bad else ""
        outcome = Text(one.outcome, _STYLES.get(one.outcome, ""))
        table.add_row(one.name, outcome, str(len(one.measurements)), Text(text))
    return table
