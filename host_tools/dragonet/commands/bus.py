"""`dragonet bus`: ask the nodes of the satellite's bus, watch it, record it, through any interface of python-can."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from dragonet.commands.options import VIA, AsJson, BitRate, Timeout, Version, Via
from dragonet.errors import UserError
from dragonet.ground import bus_watch
from dragonet.ground.csp_client import CspClient, node_address, node_name
from dragonet.ground.via import DEFAULT_BIT_RATE, open_link

_EPILOG = """--via is INTERFACE:CHANNEL of python-can, or a flight on this computer:

  flight, flight:DIR                 the flight in flights/latest, or that writes to DIR

  slcan:socket://127.0.0.1:3333      slcan over TCP, as `dragonet fly --slcan 3333` serves it

  socketcand:127.0.0.1:29536/can0    socketcand; can0 is CAN A, can1 is CAN B

  slcan:/dev/ttyACM0, gs_usb:0, socketcan:can0, pcan:PCAN_USBBUS1 and others: adapters

Examples:

  dragonet bus ping eps --via slcan:socket://127.0.0.1:3333

  dragonet bus sniff --via gs_usb:0 --json

It talks as node 30, bench. A NODE is a role (eps, beacon, sensor, obc, ground) or an address.

Exit code 1: no answer; 2: a wrong argument, no bus.
"""

app = typer.Typer(
    add_completion=False, no_args_is_help=True, epilog=_EPILOG, help="Watch the satellite's bus and talk to its nodes."
)

Node = Annotated[str, typer.Argument(metavar="NODE", help="A role or an address.")]
Nodes = Annotated[list[str] | None, typer.Argument(metavar="[NODE]...", help="Roles or addresses; none: everybody.")]
Seconds = Annotated[float | None, typer.Option("--seconds", min=0.0, help="Stop after so long; default: Ctrl-C.")]
Count = Annotated[int | None, typer.Option("--count", min=1, help="Stop after so many.")]


@app.command()
def ping(
    node: Node,
    via: Via = VIA,
    count: Annotated[int, typer.Option("--count", min=1, max=100_000, help="Pings to send.")] = 4,
    size: Annotated[int, typer.Option("--size", min=0, max=252, help="Bytes to send there and back.")] = 20,
    interval: Annotated[float, typer.Option("--interval", min=0.0, max=3600.0, help="Seconds between pings.")] = 0.5,
    timeout: Timeout = 1.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """Ask a node for the same bytes back, and tell how long that takes."""
    address = node_address(node, csp_version)
    times: list[float] = []
    with open_link(via, bitrate) as link:
        client = CspClient(link, version=csp_version)
        for number in range(count):
            began = time.monotonic()
            took = client.ping(address, bytes((number + k) & 0xFF for k in range(size)), timeout)
            if took is not None:
                times.append(took)
            if not as_json:
                answer = "no answer" if took is None else f"{took:.1f} ms"
                print(f"{node_name(address, csp_version)}: {size} bytes, number {number}: {answer}", flush=True)
            if number + 1 < count:
                time.sleep(max(0.0, began + interval - time.monotonic()))
    loss = 100.0 * (count - len(times)) / count
    found: dict[str, Any] = {"node": address, "sent": count, "received": len(times), "loss_percent": round(loss, 1)}
    for name, value in (("min", min(times, default=None)), ("max", max(times, default=None))):
        found[f"{name}_ms"] = None if value is None else round(value, 3)
    found["avg_ms"] = round(sum(times) / len(times), 3) if times else None
    if as_json:
        print(json.dumps({**found, "times_ms": [round(one, 3) for one in times]}))
    else:
        spread = f", min/avg/max {found['min_ms']:.1f}/{found['avg_ms']:.1f}/{found['max_ms']:.1f} ms" if times else ""
        print(f"{count} sent, {len(times)} received, {loss:.0f} % lost{spread}")
    if not times:
        raise typer.Exit(1)


@app.command()
def ident(
    nodes: Nodes = None,
    via: Via = VIA,
    timeout: Timeout = 1.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """What nodes say of themselves: host name, model, revision, build."""
    with open_link(via, bitrate) as link:
        client = CspClient(link, version=csp_version)
        found: dict[int, dict[str, Any]] = {}
        asked = _addresses(nodes, csp_version)
        for address in asked or [client.broadcast]:
            found.update(client.ident(address, timeout))
    _tell(found, ("hostname", "model", "revision", "date", "time"), asked, csp_version, as_json)


@app.command()
def uptime(
    nodes: Nodes = None,
    via: Via = VIA,
    timeout: Timeout = 1.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """Time since boot, free memory and free packet buffers of nodes."""
    found: dict[int, dict[str, Any]] = {}
    with open_link(via, bitrate) as link:
        client = CspClient(link, version=csp_version)
        asked = _addresses(nodes, csp_version)
        for address in asked or [client.broadcast]:
            for name, port in (("uptime_s", 6), ("memory_free", 3), ("buffers_free", 5)):
                for src, value in client.numbers(address, port, timeout).items():
                    found.setdefault(src, {})[name] = value
    _tell(found, ("uptime_s", "memory_free", "buffers_free"), asked, csp_version, as_json)


@app.command()
def ps(
    node: Node,
    via: Via = VIA,
    timeout: Timeout = 1.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """The tasks of a node, as it tells them."""
    address = node_address(node, csp_version)
    with open_link(via, bitrate) as link:
        text = CspClient(link, version=csp_version).processes(address, timeout)
    if as_json:
        print(json.dumps({"node": address, "text": text}))
    else:
        print(_no_answer([address], csp_version) if text is None else text.rstrip("\n"))
    if text is None:
        raise typer.Exit(1)


@app.command()
def ifstat(
    node: Node,
    interfaces: Annotated[
        list[str] | None, typer.Argument(metavar="[INTERFACE]...", help="Names; default: CANA, CANB, LOOP.")
    ] = None,
    via: Via = VIA,
    timeout: Timeout = 1.0,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """What a node's interfaces counted; those it does not have stay silent."""
    address = node_address(node, csp_version)
    for name in interfaces or ():
        if not (0 < len(name) <= 10 and name.isascii()):
            raise UserError(f"interface {name!r}: a name has 1 to 10 ASCII characters")
    found: dict[str, dict[str, int]] = {}
    with open_link(via, bitrate) as link:
        client = CspClient(link, version=csp_version)
        for name in interfaces or ("CANA", "CANB", "LOOP"):
            stats = client.if_stats(address, name, timeout)
            if stats is not None:
                found[name] = stats
    if as_json:
        print(json.dumps({"node": address, "interfaces": found}))
    elif found:
        table = Table(title=f"{node_name(address, csp_version)}: interfaces", title_justify="left", box=None)
        table.add_column("")
        for name in found:
            table.add_column(name, justify="right")
        for what in next(iter(found.values())):
            table.add_row(what, *(str(stats[what]) for stats in found.values()))
        Console().print(table)
    else:
        print(_no_answer([address], csp_version))
    if not found:
        raise typer.Exit(1)


@app.command()
def sniff(
    via: Via = VIA,
    seconds: Seconds = None,
    count: Count = None,
    csp_version: Version = 2,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """Show the packets on the bus as they come, decoded; with --json a line each. Exit code 1: there were none."""
    seen = 0
    with open_link(via, bitrate) as link:
        for one in _until_interrupt(bus_watch.packets(link, csp_version, seconds, count)):
            seen += 1
            print(json.dumps(one) if as_json else bus_watch.line(one), flush=True)
    if not seen:
        raise typer.Exit(1)


@app.command()
def capture(
    file: Annotated[Path, typer.Argument(metavar="FILE.pcapng", help="For Wireshark and tshark.")],
    via: Via = VIA,
    seconds: Seconds = None,
    count: Count = None,
    bitrate: BitRate = DEFAULT_BIT_RATE,
    as_json: AsJson = False,
) -> None:
    """Record the frames of the bus as pcapng. Exit code 1: there were none."""
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise UserError(f"{file}: name a file in a folder that exists")
    frames = 0
    with open_link(via, bitrate) as link:
        for _ in _until_interrupt(bus_watch.record(link, file, seconds, count)):
            frames += 1
    print(json.dumps({"file": str(file), "frames": frames}) if as_json else f"{file}: {frames} frames")
    if not frames:
        raise typer.Exit(1)


def _addresses(nodes: list[str] | None, version: int) -> list[int]:
    return [node_address(node, version) for node in nodes or ()]


def _until_interrupt(items: Iterator[Any]) -> Iterator[Any]:
    """Ctrl-C is how one ends watching."""
    try:
        yield from items
    except KeyboardInterrupt:
        return


def _no_answer(missing: list[int], version: int) -> str:
    return f"no answer from {', '.join(node_name(one, version) for one in missing)}"


def _tell(
    found: dict[int, dict[str, Any]], columns: tuple[str, ...], asked: list[int], version: int, as_json: bool
) -> None:
    """A row for each node; exit code 1 when one that was asked, or everybody, did not answer."""
    missing = [one for one in asked if one not in found] if asked else []
    if as_json:
        names = {one: node_name(one, version) for one in found}
        print(json.dumps([{"node": one, "name": names[one], **found[one]} for one in sorted(found)]))
    else:
        if found:
            table = Table(box=None)
            for name in ("node", "name", *columns):
                table.add_column(name)
            for one in sorted(found):
                values = (str(found[one].get(name, "-")) for name in columns)
                table.add_row(str(one), node_name(one, version), *values)
            Console().print(table, highlight=False)
        if missing or not found:
            print(_no_answer(missing, version) if missing else "no answer from anybody")
    if missing or not found:
        raise typer.Exit(1)
