"""`dragonet bench check`, `report`, `plot`, `labgrid`: what the checks of a bench find, and its files for labgrid."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dragonet import paths
from dragonet.bench import benchfile, labgrid, measure, reach, tables
from dragonet.bench import report as reports
from dragonet.commands.options import AsJson, commander
from dragonet.errors import NotDone, UserError
from dragonet.flatsat.scenario_keys import closest
from dragonet.ground.commander import Commander, dictionary
from dragonet.ground.telemetry import values

_CHECKS = paths.REPO / "tests" / "hil"
_STYLES = {measure.PASSED: "green", measure.FAILED: "bold red", measure.NOT_POSSIBLE: "yellow"}
_INTERRUPTED = 2  # pytest's exit code
_END_S = 60.0  # for pytest: its boards end, what was found is saved

_Bench = Annotated[str, typer.Option("--bench", metavar="BENCH", help="A bench of tests/hil/benches, or a file.")]


def add(app: typer.Typer) -> None:
    """Register them."""
    app.command("check")(check)
    app.command("report")(report)
    app.command("labgrid")(export)
    app.command("plot")(plot)


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
    roles = [entry.role for entry in one.boards]
    for role in roles:
        if roles.count(role) > 1:
            raise UserError(f"{one.path}: {roles.count(role)} boards are {role}: the checks take one of each")
    if importlib.util.find_spec("pytest") is None or not _CHECKS.is_dir():
        raise UserError("the checks run by pytest, in a checkout of the repository: make setup-test")
    target = (folder(one) if out is None else out).resolve()
    measure.place(target)
    results = target / "results.json"
    command = [sys.executable, "-m", "pytest", str(_CHECKS), "--bench", str(one.path.resolve())]
    command += ["-n", "0", "--hil-out", str(target), "--junitxml", str(target / "junit.xml")]
    command += ["-k", only] if only else []
    with reach.lock(str(target), one.name):
        results.unlink(missing_ok=True)
        code = _run(command, sys.stderr if as_json else None, results)
    if not results.exists():
        if code == _INTERRUPTED:
            raise typer.Exit(2)
        raise UserError(f"no check was run: {'no name matches ' + repr(only) if only else 'see above'}")
    found = measure.load(results)
    if as_json:
        print(json.dumps(found.record()))
    else:
        Console().print(_table(found))
        print(f"{target / 'report.html'}")
    if code:
        raise typer.Exit(1)


def _run(command: list[str], stdout: TextIO | None, results: Path) -> int:
    """pytest's exit code. Ctrl-C and SIGTERM end it, too: it takes a while to end its boards and to save."""
    with subprocess.Popen(command, cwd=paths.REPO, stdout=stdout) as process:

        def ended(*_: object) -> None:
            process.send_signal(signal.SIGINT)  # the terminal sends Ctrl-C to both, nobody SIGTERM
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGTERM, ended)
        try:
            return process.wait()
        except KeyboardInterrupt:
            try:
                process.wait(_END_S)
            except (KeyboardInterrupt, subprocess.TimeoutExpired):
                process.kill()
            if results.exists():
                page = results.with_name("report.html")
                print(f"dragonet: interrupted: {page} has what was found so far", file=sys.stderr)
            raise
        finally:
            signal.signal(signal.SIGTERM, before)


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


def plot(
    names: Annotated[list[str], typer.Argument(metavar="BOARD.VALUE...", help="Of 'dragonet tm': eps.battery_v.")],
    bench: _Bench = "virtual",
    seconds: Annotated[float, typer.Option("--seconds", min=1.0, max=86_400.0, help="How long.")] = 60.0,
    period: Annotated[float, typer.Option("--period", min=0.1, max=3600.0, help="Seconds between two readings.")] = 1.0,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="An HTML page.")] = Path("plot.html"),
    as_json: AsJson = False,
) -> None:
    """Ask boards for values over the bench's bus, again and again, and plot them. Ctrl-C ends it early."""
    one = benchfile.load(bench)
    measure.place(out.absolute().parent)
    if out.is_dir():
        raise UserError(f"{out}: a folder: name a file, as {out / 'plot.html'}")
    if one.via is None:
        raise UserError(f"{one.path}: via is missing: the CAN bus of the bench, as 'dragonet bus --help' shows")
    wanted = [_value_of(name) for name in names]
    roles = dict.fromkeys(role for role, _ in wanted)
    curves: dict[str, measure.Curve] = {}
    for name, (role, value) in zip(names, wanted, strict=True):
        unit = next(field[2] for field in dictionary(role).hk.fields if field[0] == value)
        curves.setdefault(unit, measure.Curve(unit or "values", unit, [], {})).lines[name] = []
    with contextlib.ExitStack() as stack:
        boards = {
            role: stack.enter_context(commander(role, one.via, None, one.csp_version, one.bitrate)) for role in roles
        }
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        began = time.monotonic()
        while (at_s := time.monotonic() - began) < seconds:
            told = {role: _told(board) for role, board in boards.items()}
            for curve in curves.values():
                curve.t_s.append(at_s)
                for name, line in curve.lines.items():
                    role, _, value = name.partition(".")
                    line.append(told[role].get(value))
            time.sleep(max(0.0, began + at_s + period - time.monotonic()))
    found = measure.Results({"bench": one.name, "file": one.path.name, "kind": f"every {period:g} s"})
    check_ = found.check("plot", "Housekeeping as the boards told it, seconds since the start.")
    check_.outcome, check_.curves = measure.PASSED, list(curves.values())
    reports.write(found, out)
    print(json.dumps(check_.record()["curves"]) if as_json else out)


def _told(board: Commander) -> dict[str, float | int | None]:
    """Its housekeeping in units; empty when it does not answer: the curve then has a gap."""
    try:
        data = board.call("tm_get", set=0).data
    except NotDone:
        return {}
    return {one.name: one.value for one in values(board.dictionary, 0, data)}


def _value_of(text: str) -> tuple[str, str]:
    """Board and value. UserError: there is none of this name."""
    role, _, name = text.partition(".")
    known = dictionary(role).hk.names
    if name not in known:
        near = closest(name, known)
        raise UserError(f"{text!r}: {role} has no value {name!r}{near}: 'dragonet tm {role}' lists them")
    return role, name


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
