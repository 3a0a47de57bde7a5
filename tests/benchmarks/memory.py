"""What memory flight code takes: heap of each board and service on the 32-bit port, .mpy sizes, images of the RP2040.

python tests/benchmarks/memory.py [--json]: needs `make toolchain` (images are left out where they are not built).
Heap is that of the 32-bit unix port, whose objects are as big as on Cortex-M; code lies in ROMFS, as in a slot. Exit
code 1 when a figure is over its aim, or a service did not start.
"""

import contextlib
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from mpremote import romfs

from dragonet import paths, toolchain
from dragonet.errors import UserError

# Aims in bytes: DESIGN, "Targets"; the bus library with 10 buffers and 8 connections.
BUS_AIM, SERVICES_AIM, BOARD_AIM = 12_000, 24_000, 120_000
PACKAGES = ("csp", "core", "drivers", *toolchain.ROLES)
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


def heap_of(role: str) -> dict:
    """Figures of memory_board.py."""
    with tempfile.TemporaryDirectory(prefix="dragonet-bench-") as name:
        folder = Path(name)
        (folder / "nv").mkdir()
        script = paths.REPO / "tests" / "benchmarks" / "memory_board.py"
        image = image_of(role, folder)
        run = subprocess.run(
            [toolchain.micropython32(), "-X", "heapsize=8M", script, role, image, paths.BOARDS, paths.HOST_TOOLS,
             folder / "nv"],
            capture_output=True, text=True, check=False, timeout=_LIMIT_S,
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


def image_sizes() -> dict[str, int]:
    """Bytes of each RPI_PICO image that is built."""
    sizes = {}
    for role in toolchain.ROLES:
        with contextlib.suppress(UserError):
            sizes[role] = toolchain.image(role, "bin").stat().st_size
    return sizes


def measured() -> dict:
    return {
        "bus_bytes": bus_bytes(),
        "boards": {role: heap_of(role) for role in toolchain.ROLES},
        "mpy_bytes": code_sizes(),
        "image_bytes": image_sizes(),
    }


def services_bytes(board: dict) -> int:
    return sum(one["module"] + one["data"] for one in board["services"].values())


def troubles(figures: dict) -> list[str]:
    """What is over its aim or did not start."""
    found = []
    if figures["bus_bytes"] > BUS_AIM:
        found.append(f"bus: {figures['bus_bytes']} bytes, aim {BUS_AIM}")
    for role, board in figures["boards"].items():
        if "failed" in board:
            found.append(f"{role}: {', '.join(board['failed'])} did not start")
        if (services := services_bytes(board)) > SERVICES_AIM:
            found.append(f"{role}: services take {services} bytes, aim {SERVICES_AIM}")
        if board["after a minute"] > BOARD_AIM:
            found.append(f"{role}: {board['after a minute']} bytes, aim {BOARD_AIM}")
    return found


def table(figures: dict) -> str:
    boards = figures["boards"]

    def row(name: str) -> tuple[str, ...]:
        return (name, *(str(board[name]) for board in boards.values()))

    def service(board: dict, name: str) -> str:
        one = board["services"].get(name)
        return "-" if one is None else f"{one['module']} + {one['data']}"

    rows = [("bytes of heap, 32-bit port, code in ROMFS", *boards)]
    rows += [row("bus and core, modules"), row("board with node")]
    for name in dict.fromkeys(name for board in boards.values() for name in board["services"]):
        rows.append((f"  {name} (module + data)", *(service(board, name) for board in boards.values())))
    rows.append(("services together", *(str(services_bytes(board)) for board in boards.values())))
    rows += [row("app, with its tables"), row("after boot"), row("after a minute")]
    rows.append(("RPI_PICO image, flash", *(str(figures["image_bytes"].get(role, "not built")) for role in boards)))
    lines = [f"{row[0]:42} " + " ".join(f"{cell:>14}" for cell in row[1:]) for row in rows]
    lines.append(f"csp: data of a node, 10 buffers and 8 connections: {figures['bus_bytes']} bytes (aim {BUS_AIM})")
    sizes = ", ".join(f"{name} {size}" for name, size in figures["mpy_bytes"].items())
    lines.append(f".mpy for armv6m, bytes: {sizes}")
    return "\n".join(lines)


def main() -> int:
    try:
        figures = measured()
    except UserError as error:
        sys.exit(f"dragonet: error: {error}")
    found = troubles(figures)
    print(json.dumps(figures | {"troubles": found}) if "--json" in sys.argv[1:] else table(figures))
    for trouble in found:
        print(f"over its aim: {trouble}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
