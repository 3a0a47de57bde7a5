"""`dragonet fly`: a flight of all three boards, shown while it goes on."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from dragonet import micropython
from dragonet.errors import UserError
from dragonet.flatsat import outputs, scenario
from dragonet.flatsat.ais_log import AisLog
from dragonet.flatsat.flight import Flight
from dragonet.flatsat.pace import Pace
from dragonet.flatsat.real_time import RealTime
from dragonet.flatsat.scenario_sections import ROLES
from dragonet.flatsat.ships import Fleet
from dragonet.flatsat.ships_log import ShipsLog
from dragonet.ground.keys import KeyFile

_EPILOG = """Examples:

  dragonet fly --scenario nanodragon --out flights/nanodragon

  dragonet fly --scenario mine.toml --tle mine.tle --hours 24 --seed 7 --out flights/mine

  dragonet fly --scenario picodragon --ais recorded.nmea --out flights/pico --json

  dragonet fly --micropython 32 --out flights/single

  dragonet fly --emulate beacon --hours 1

  dragonet fly --speed 1 --slcan 3333 --socketcand 29536

  dragonet fly --speed 1 --socketcand 0 --key keys/ground.key

The last one flies in real time with the CAN bus open: `dragonet bus sniff`, python-can, SavvyCAN attach to it.
"""

_SHOW_S = 0.25  # wall time between two looks at the display
_LINE_S = 600.0  # mission time between two lines where there is no terminal
_LINE_WALL_S = 60.0  # in real time: wall time between them
_STEP_S = 20.0
_EMULATED_LINE_S, _EMULATED_STEP_S = 60.0, 1.0  # the same for a flight with emulated boards


def fly(
    scenario_name: Annotated[
        str, typer.Option("--scenario", help="nanodragon, picodragon, or a .toml file.")
    ] = "nanodragon",
    out: Annotated[Path, typer.Option("--out", help="Folder for what the flight leaves.")] = Path("flights/latest"),
    hours: Annotated[
        float | None, typer.Option("--hours", help="Length of the flight; default: the scenario's.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**31 - 1, help="Noise, clocks, boot delays, bus errors.")
    ] = 1,
    tle: Annotated[
        Path | None, typer.Option("--tle", help="Two-line elements that replace the scenario's orbit.")
    ] = None,
    ais: Annotated[
        Path | None, typer.Option("--ais", help="Recorded AIS receiver log, in place of simulated ships.")
    ] = None,
    emulate: Annotated[
        list[str] | None,
        typer.Option("--emulate", metavar="ROLES", help="Emulated RP2040s fly the real images: beacon, or eps,sensor."),
    ] = None,
    speed: Annotated[
        float | None, typer.Option(help="Mission seconds per second. Default: as fast as it can; with a server: 1.")
    ] = None,
    slcan: Annotated[
        int | None, typer.Option(min=0, max=65535, metavar="PORT", help="CAN A by slcan over TCP; 0: any free port.")
    ] = None,
    socketcand: Annotated[
        int | None, typer.Option(min=0, max=65535, metavar="PORT", help="CAN A, B (can0, can1) by socketcand; 0: any.")
    ] = None,
    bind: Annotated[
        str, typer.Option(help="Address the servers listen at. Whoever reaches them can talk to the boards.")
    ] = "127.0.0.1",
    port: Annotated[
        str | None, typer.Option("--micropython", help="What the boards run: a path, or 32 (`make toolchain`).")
    ] = None,
    keys: Annotated[
        list[Path] | None, typer.Option("--key", metavar="FILE", help="Key of a commander: 'dragonet key'. Repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON, and nothing else.")] = False,
) -> None:
    """Boot the EPS, beacon and sensor boards, fly them in orbit, and keep what they sent.

    Leaves in the folder: summary.json, telemetry.csv, bus.pcapng, beacon-cw.wav, beacon-afsk1200.wav, ships.json and
    report.html. Ctrl-C or SIGTERM ends a flight early and keeps what was flown.
    """
    if port is not None:
        micropython.use(port)
    what = scenario.load(scenario_name)
    if tle is not None:
        what = what.with_tle(tle)
    if hours is not None:
        what = what.with_hours(hours)
    key_files = [KeyFile.load(path) for path in keys or ()]
    sentences = AisLog(ais) if ais is not None else Fleet(seed, what.ships.count)
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file: name a folder with --out")
    real_time = RealTime(speed, slcan, socketcand, bind)
    flight = Flight(what, seed, out, sentences.heard, _roles(emulate or []))
    if key_files:
        flight.provision(key_files)
    real_time.attach(flight)
    ships = ShipsLog(what.separation)
    flight.bus_log.on_packet(ships.packet)
    console = Console(stderr=as_json)
    for note in what.notes:
        console.print(note, style="yellow", highlight=False)
    for line in real_time.lines():
        console.print(line, highlight=False, soft_wrap=True)
    for stop in (signal.SIGINT, signal.SIGTERM):  # a shell starts what ends in & with SIGINT ignored
        signal.signal(stop, signal.default_int_handler)
    try:
        interrupted = _show(console, flight, ships, real_time.pace)
    finally:
        real_time.close()
        flight.stop()
    if not as_json:
        console.print("making sound and report ...", style="dim", highlight=False)
    log_counts = {"ais_log_lines": sentences.lines, "ais_log_played": sentences.played,
                  "ais_log_malformed": sentences.malformed} if isinstance(sentences, AisLog) else {}  # fmt: skip
    summary = outputs.write(flight, ships.to_json(), log_counts)
    if as_json:
        print(json.dumps(summary, indent=1))
    else:
        _tell(console, flight, summary)
    if interrupted:
        raise typer.Exit(130)


def _roles(names: list[str]) -> list[str]:
    """Roles of the boards to emulate. UserError: no such board."""
    roles = [role for name in names for role in name.split(",")]
    for name in roles:
        if name not in ROLES:
            raise UserError(f"--emulate {name}: no such board; the boards are {', '.join(ROLES)}")
    return roles


def _show(console: Console, flight: Flight, ships: ShipsLog, pace: Pace | None) -> bool:
    """Fly, with a live display or plain lines. True when stopped by a signal: what was flown is kept."""
    shown = 0.0
    next_line_s = 0.0
    line_s, step_s = (_EMULATED_LINE_S, _EMULATED_STEP_S) if flight.emulated else (_LINE_S, _STEP_S)
    if pace is not None:
        line_s = min(line_s, _LINE_WALL_S * pace.speed)
    try:
        if console.is_terminal:
            with Live(_panel(flight, ships), console=console, auto_refresh=False) as live:

                def refresh(_: Flight) -> None:
                    nonlocal shown
                    if time.monotonic() - shown > _SHOW_S:
                        shown = time.monotonic()
                        live.update(_panel(flight, ships), refresh=True)

                flight.run(refresh, step_s, pace)
                live.update(_panel(flight, ships), refresh=True)
        else:

            def line(_: Flight) -> None:
                nonlocal next_line_s
                if flight.t_s >= next_line_s:
                    next_line_s += line_s
                    line = "  ".join(f"{k} {v}" for k, v in _state(flight, ships))
                    console.print(line, highlight=False, soft_wrap=True)

            flight.run(line, step_s, pace)
    except KeyboardInterrupt:
        return True
    return False


def _state(flight: Flight, ships: ShipsLog) -> list[tuple[str, str]]:
    """What one wants to see while it flies."""
    truth = flight.spacecraft.truth()
    eps = flight.housekeeping.newest["eps"]
    hours, rest = divmod(int(flight.t_s), 3600)
    station = flight.scenario.stations[0].name
    now = next((one for one in flight.passes if one.station == station and one.set_s > flight.t_s), None)
    if now is None:
        passing = f"none of {station} any more"
    elif now.rise_s <= flight.t_s:
        passing = f"over {station}, {truth['elevation_deg']:.0f} deg"
    else:
        passing = f"{station} in {(now.rise_s - flight.t_s) / 60:.0f} min"
    soc = eps.get("soc")
    return [
        ("T+", f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"),
        ("mode", flight.mode()),
        ("charge", f"{soc:.0f} %" if isinstance(soc, (int, float)) else "-"),
        ("light", "sun" if truth["sunlit"] > 0.5 else "eclipse"),
        ("pass", passing),
        ("ships", str(len(ships))),
        ("transmissions", str(len(flight.carrier.sent))),
        ("frames", f"{sum(bus.frames for bus in flight.buses.values()):,} on the bus"),
        ("speed", _times(flight.t_s / flight.wall_s) if flight.wall_s else "-"),
    ]


def _times(speed: float) -> str:
    return f"{speed:.0f} x" if speed >= 10 else f"{speed:.1f} x"


def _panel(flight: Flight, ships: ShipsLog) -> Table:
    total_s = flight.scenario.mission.hours * 3600
    table = Table.grid(padding=(0, 2))
    table.add_row("", ProgressBar(total=total_s, completed=flight.t_s, width=50))
    for name, value in _state(flight, ships):
        table.add_row(name, value)
    for event in flight.events[-4:]:
        table.add_row("", f"[dim]{event['t_s']:9.1f} s  {event['source']}: {event['event']}[/dim]")
    return table


def _tell(console: Console, flight: Flight, summary: dict[str, Any]) -> None:
    counts = summary["counts"]
    flown_h, wall_s = summary["flown_s"] / 3600, summary["wall_s"]
    title = f"{summary['satellite']}: {flown_h:.1f} h flown in {wall_s:.1f} s ({summary['speed']} x real time)"
    table = Table(title=title, title_justify="left", show_header=False, box=None)
    for role, board in summary["boards"].items():
        what = board["sys_implementation"]
        version = ".".join(str(part) for part in what.get("version", [])[:3])
        name = what.get("name", "never started")
        table.add_row(role, f"{name} {version}, process {board['pid']}, boots {board['boots']}")
    first = summary["first_rf_s"]
    table.add_row("first transmission", "none" if first is None else f"{first / 60:.1f} min after separation")
    table.add_row("on the air", f"{counts['transmissions']} transmissions")
    table.add_row("bus", f"{counts['can_frames']} CAN frames, {counts['csp_packets']} CSP packets")
    table.add_row("ships", f"{counts['ships']} from {counts['ais_sentences']} AIS sentences")
    if "pace" in summary:
        pace = summary["pace"]
        lag = f"late {pace['late']} times, by {pace['worst_lag_s']} s at worst"
        table.add_row("pace", f"{pace['speed']:g} x real time wanted; {lag}")
    for name, served in summary.get("can_servers", {}).items():
        if isinstance(served, dict):
            table.add_row(name, ", ".join(f"{what} {count}" for what, count in served.items() if what != "port"))
    recording = summary.get("recording")
    if recording:
        table.add_row("recorded", f"{len(recording['cw'])} CW and {len(recording['afsk'])} AFSK1200 transmissions "
                      f"of the pass at {recording['pass']['rise_s'] / 60:.0f} min")  # fmt: skip
    console.print(table, highlight=False)
    for path in sorted(flight.out.iterdir()):
        if path.is_file():
            console.print(f"  {path}  {path.stat().st_size:,} bytes", highlight=False, soft_wrap=True)
    sys.stdout.flush()


fly.__dict__["epilog"] = _EPILOG
