"""What the message bus costs on the RP2040, in emulated processor cycles: the part of bus.py that needs the emulator.

The image is one of `make toolchain`; the flight code is that of this checkout, compiled for the RP2040 and loaded from
the board's files. The same checkout gives the same cycles on any machine.
"""

from __future__ import annotations

import json
import struct
import subprocess
import tempfile
from pathlib import Path

from memory_emulated import Board

from dragonet import paths, toolchain
from dragonet.emulator.repl import STOP_WATCHDOG
from dragonet.flatsat.devices import records
from dragonet.ground import frames as ground_frames

CYCLES_PER_US = 125
ROLE = "sensor"  # any image has MicroPython and asyncio; this board's CAN is MCP2515s
ROUNDS = 20  # cycles repeat exactly: few rounds are enough
MANY = 5_000  # of each version
BITRATE = 500_000
_FRAME_BITS = 135  # extended, 8 bytes, stuffed as it comes on average: no bus carries more
_PACKETS = 16  # or as many as come in
_LEAST_S = 0.6  # of a measurement: garbage is collected six times
_NODE = 4
_BENCH_LIMIT_S, _REST_LIMIT_S = 400.0, 20.0  # of the board's time

# The boot has loaded the image's own flight code: what is loaded from here on is the checkout's.
_FRESH = f"""{STOP_WATCHDOG}
import gc, sys
for name in list(sys.modules):
    if name.split(".")[0] in ("csp", "drivers", "core", "{ROLE}", "main", "pins"):
        del sys.modules[name]
sys.path.insert(0, "")
gc.collect()
"""
_DRIVER = """
import micropython, pins, time
can = pins.make_can(0, %d)
can.set_filters(None)
state = can.ring.state
@micropython.native
def forget(can):
    state[1] = state[0]
can.irq(forget, can.IRQ_RX)
def spent(turns):
    start = time.ticks_us()
    for _ in range(turns):
        pass
    return time.ticks_diff(time.ticks_us(), start)
quiet = spent(40_000)
print("ready")
print(spent(40_000) - quiet)
can.deinit()
"""
_TAKER = """
import csp, gc, pins, time
from csp.can import CanInterface
node = csp.Node(%d, version=2)
can = pins.make_can(0, %d)
node.add_interface(CanInterface(can, name="CANA"))
got = [0]
def take(packet):
    got[0] += 1
node.bind(10, take)
gc.collect()
print("ready")
end = time.ticks_add(time.ticks_ms(), %d)
collected = time.ticks_ms()
while time.ticks_diff(end, time.ticks_ms()) > 0:
    node.process()
    now = time.ticks_ms()
    if %d and time.ticks_diff(now, collected) > 100:
        gc.collect()
        collected = now
can.deinit()
print(got[0])
"""


def measured() -> dict:
    """What bus_board.py prints, and the MCP2515: a frame in us, packets' frames a second. UserError: not built."""
    here, unit = Path(__file__).parent, paths.REPO / "tests" / "unit"
    with tempfile.TemporaryDirectory(prefix="dragonet-bench-") as name:
        folder = Path(name)
        files = {"quiet_can.mpy": _compiled(folder, unit / "quiet_can.py")}
        files["bus_board.mpy"] = _compiled(folder, here / "bus_board.py")
        settings = f"ROUNDS, CRC_ROUNDS, PLAIN_ROUNDS, MANY = {ROUNDS}, 8, 1, {MANY}\n"
        files["bench_settings.py"] = settings.encode()
        board = flown(folder, files)
        try:
            bus = json.loads(board.repl.execute("import bus_board", _BENCH_LIMIT_S).splitlines()[-1])
            bus["mcp2515_frame_us"] = driver_us(board)
            bus["mcp2515_frames_per_s"] = fastest(board, collect=False)
            bus["mcp2515_frames_per_s_collecting"] = fastest(board, collect=True)
        finally:
            board.repl.chip.close()
    return bus


def flight_code(folder: Path) -> dict[str, bytes]:
    """The bus and the MCP2515's driver of this checkout, as a board keeps them."""
    sources = [path for path in (paths.FIRMWARE / "csp").glob("*.py") if not path.name.startswith("bench_")]
    sources += (paths.FIRMWARE / "drivers").glob("*.py")
    files = {f"{source.parent.name}/{source.stem}.mpy": _compiled(folder, source) for source in sorted(sources)}
    files["pins.mpy"] = _compiled(folder, paths.BOARDS / ROLE / "pins_rp2.py")
    return files


def _compiled(folder: Path, source: Path) -> bytes:
    out = folder / "out.mpy"
    command = [str(toolchain.mpy_cross()), "-march=armv6m", "-O3", "-o", str(out), str(source)]
    subprocess.run(command, check=True)
    return out.read_bytes()


def driver_us(board: Board) -> float:
    """What the driver takes from the program for a frame that comes alone: interrupts, from INT to an empty handler."""
    frames = [(1000 * k, 0x1000_0000 | k, bytes(8)) for k in range(1, 51)]
    return int(_play(board, _DRIVER % BITRATE, frames, _REST_LIMIT_S).split()[-1]) / len(frames)


def fastest(board: Board, *, collect: bool) -> int:
    """Frames a second, in packets of nine with CRC, of which none is lost; to 10 %. collect: ten times a second."""
    low, high = 40.0, BITRATE / _FRAME_BITS
    while high / low > 1.1:
        rate = (low * high) ** 0.5
        came, sent = received(board, rate, collect=collect)
        low, high = (rate, high) if came == sent else (low, rate)
    return round(low)


def received(board: Board, rate: float, *, collect: bool) -> tuple[int, int]:
    """Packets that came whole, and all, of so many frames a second."""
    one = ground_frames.make(2, _NODE, 10, 40, bytes(60), 2)
    packets = [list(ground_frames.frames(one, 2, count)) for count in range(4)]
    count = max(_PACKETS, round(rate * _LEAST_S / 9))
    frames = [
        (round((9 * k + n) * 1e6 / rate), identifier, data)
        for k in range(count)
        for n, (identifier, data) in enumerate(packets[k % 4])
    ]
    wait_ms = round(frames[-1][0] / 1000) + 200
    code = _TAKER % (_NODE, BITRATE, wait_ms, collect)
    said = _play(board, code, frames, wait_ms / 1000 + _REST_LIMIT_S)
    return int(said.split()[-1]), count


def flown(folder: Path, files: dict[str, bytes] | None = None) -> Board:
    """A board at its prompt that loads the checkout's flight code from its files."""
    board = Board(ROLE, folder, files={**flight_code(folder), **(files or {})})
    board.repl.to_prompt(5.0)
    board.repl.execute(_FRESH)
    return board


def _play(board: Board, code: str, frames: list[tuple[int, int, bytes]], limit_s: float) -> str:
    """Run code; from when it has printed "ready" the frames come on CAN A: (us after it, identifier, data)."""
    repl, wires = board.repl, board.wires
    repl.start(code)
    repl.until(b"ready\r\n", limit_s)
    begin = int(repl.chip.now / 1000)
    for after_us, identifier, data in frames:
        until = max(begin + after_us, int(repl.chip.now / 1000))
        repl.chip.run(repl.chip.now, until * 1000.0)
        wires.kernel.pass_to(until)
        wires.deliver(until, records.CAN_RECEIVED, struct.pack("<BBIB", 0, 0, identifier, 2) + data)
    return repl.finish(limit_s)
