"""What the message bus costs: from recv() to the handler, CRC, allocation, MCP2515, data and code. `make bench`.

python tests/benchmarks/bus.py [--json] [--record] [--unix]: on the emulated RP2040 (`make toolchain`, and the emulator
of `make setup`), or by --unix and where that is not built, on the unix port, in time on this machine. --record keeps
the figures in bus_recorded.json, beside which later runs are shown. The exit code says whether it could measure, not
whether an aim is missed.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import bus_emulated
import memory

from dragonet import micropython, paths
from dragonet.emulator import chip
from dragonet.errors import UserError

RECORDED = Path(__file__).with_name("bus_recorded.json")
OUT = paths.REPO / "build" / "bench" / "bus.json"
FRAME_AIM, CRC_AIM = 3_000, 30  # processor cycles of the RP2040
_PACKETS = 10_000  # for which allocation is told
_RP2040_NOTE = (
    "Emulated RP2040 at 125 MHz: its cycles repeat exactly, but misses of the flash's cache are not modelled, so a chip"
    "\ntakes longer. Packets of 60 bytes with CRC, 9 frames. 'driver' is the test's controller and handler."
)
_UNIX_NOTE = "Unix port on this machine, in nanoseconds: no figures of a board ({why})."


@dataclass(frozen=True)
class Row:
    name: str
    value: float
    unit: str
    aim: float | None = None


def on_unix() -> dict:
    board = paths.REPO / "tests" / "benchmarks" / "bus_board.py"
    command = [micropython.find(), "-X", "heapsize=16M", str(board), str(paths.FIRMWARE)]
    run = subprocess.run(
        [*command, str(paths.REPO / "tests" / "unit")], capture_output=True, text=True, check=False, timeout=300
    )
    if run.returncode != 0:
        sys.exit(f"the measurement failed:\n{run.stdout}{run.stderr}")
    return json.loads(run.stdout.splitlines()[-1])


def rows(figures: dict, unit: str) -> list[Row]:
    """unit: cycles or ns."""
    each_us = bus_emulated.CYCLES_PER_US if unit == "cycles" else 1000
    emulated = unit == "cycles"
    found: list[Row] = []

    def add(name: str, us: float, aim: float | None = None) -> None:
        found.append(Row(name, round(us * each_us, 1 if us * each_us < 100 else None), unit, aim if emulated else None))

    for version in ("v1", "v2"):
        of = figures[version]
        frames = of["receive"]["frames"]
        driver = of["driver"]["us"]
        library = (of["receive"]["us"] - driver) / frames
        add(f"received frame, {version}: ring to delivered packet", library, FRAME_AIM)
        add(f"received frame, {version}: driver", driver / frames)
        plain = of["receive, no ring"]["us"]
        add(f"received frame, {version}: all, by a machine.CAN's recv()", plain / frames)
        short = of["receive, no data"]["us"] - of["driver, no data"]["us"]
        add(f"packet without data, {version}: {of['driver, no data']['frames']} frames", short)
        add(f"forwarded packet, {version}", of["forward"]["us"] - of["driver, forward"]["us"])
        add(f"forwarded packet, {version}: driver", of["driver, forward"]["us"])
        add(f"ping answered, {version}, driver included", of["ping answered"]["us"])
    add("CRC-32C, a byte of 256", figures["crc"]["viper_ns_per_byte"] / 1000, CRC_AIM)
    many = sum(figures[version]["many"]["allocated"] for version in ("v1", "v2"))
    packets = sum(figures[version]["many"]["packets"] for version in ("v1", "v2"))
    found.append(Row(f"allocated for {_PACKETS} packets", round(many * _PACKETS / packets), "bytes", 0))
    if emulated:
        add("MCP2515: its driver, a frame that comes alone", figures["mcp2515_frame_us"])
        rate = f"MCP2515 at {bus_emulated.BITRATE // 1000} kbit/s: none lost of"
        found.append(Row(rate, figures["mcp2515_frames_per_s"], "frames/s"))
        found.append(Row(f"{rate}, ten collections a second", figures["mcp2515_frames_per_s_collecting"], "frames/s"))
    bits = 8 * figures["pointer_bytes"]
    aim = memory.BUS_AIM if bits == 32 else None
    found.append(Row(f"data, 10 buffers, no connections, {bits} bit", figures["node_bytes"], "bytes"))
    data = figures["node_and_connections_bytes"]
    found.append(Row(f"data, 10 buffers, 8 connections, {bits} bit", data, "bytes", aim))
    try:
        found.append(Row("code, .mpy for the RP2040", memory.code_sizes()["csp"], "bytes"))
    except UserError:
        pass  # mpy-cross is not built: no figure
    return found


def table(found: list[Row], before: dict[str, float]) -> str:
    lines = [f"{'':58} {'now':>9} {'recorded':>9} {'aim':>8}"]
    for row in found:
        was = f"{before[row.name]:,}" if row.name in before else "-"
        aim = "" if row.aim is None else f"{row.aim:,}" + ("" if row.value <= row.aim else " missed")
        lines.append(f"{row.name:58} {row.value:>9,} {was:>9} {aim:>8}  {row.unit}".rstrip())
    return "\n".join(lines)


def main() -> int:
    try:
        if "--unix" in sys.argv[1:]:
            raise UserError("--unix")
        chip.node()
        figures, unit, note = bus_emulated.measured(), "cycles", _RP2040_NOTE
    except UserError as error:
        figures, unit, note = on_unix(), "ns", _UNIX_NOTE.format(why=error)
    found = rows(figures, unit)
    where = "rp2040" if unit == "cycles" else "unix"
    kept = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    said = {"where": where, "rows": [{**row.__dict__} for row in found]}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(said, indent=1) + "\n")
    print(json.dumps(said) if "--json" in sys.argv[1:] else f"{table(found, kept.get(where, {}))}\n{note}")
    if "--record" in sys.argv[1:]:
        kept[where] = {row.name: row.value for row in found}
        RECORDED.write_text(json.dumps(kept, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
