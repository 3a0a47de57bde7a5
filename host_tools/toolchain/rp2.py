"""The RPI_PICO images: MicroPython's rp2 port, boards/rp2, and a golden app frozen by boards/<role>/manifest.py."""

import json
import shutil
from pathlib import Path

from dragonet import paths
from dragonet.deploy import goldens
from dragonet.errors import UserError
from dragonet.toolchain import FOLDER, ROLES
from toolchain.build import compile, finish, is_fresh, jobs, key, pins, recipe, source_tree
from toolchain.fetch import say
from toolchain.sources import MBEDTLS, PICO_SDK, RP2, TINYUSB
from toolchain.unix import mpy_cross

_LIBRARIES = {MBEDTLS.name: "lib/mbedtls", PICO_SDK.name: "lib/pico-sdk", TINYUSB.name: "lib/tinyusb"}
_FLASH_BASE = "0x10000000"
_UF2_FAMILY = "0xe48bff56"  # RP2040
_BUILD = FOLDER / "rp2-build"


def _configuration() -> list[Path]:
    """How the port is built, whatever is frozen."""
    return [path for path in (paths.BOARDS / "rp2").iterdir() if path.suffix in (".h", ".c", ".cmake")]


def _frozen(role: str) -> list[Path]:
    """Every file that goes into the image, or its bench build, beside MicroPython's own, and what says so."""
    board = paths.BOARDS / role
    listed = [board / path for _, path in json.loads((board / "package.json").read_text())["urls"]]
    own = [paths.HOST_TOOLS / "dragonet" / "deploy" / "golden.py"]
    own += [*(paths.BOARDS / "rp2").rglob("*.py"), *_configuration()]
    packages = [path for name in ("csp", "core", role) for path in (paths.FIRMWARE / name).glob("*.py")]
    packages += [*paths.FIRMWARE.glob("*.py"), paths.BOARDS / "bench" / "bench_build.py"]
    return [*listed, *packages, *own, board / "manifest.py", board / "package.json"]


def _firmware_bytes() -> int:
    """Room for the firmware: boards/rp2/flash_map.py."""
    paths.use_firmware()
    names: dict[str, int] = {}
    exec((paths.BOARDS / "rp2" / "flash_map.py").read_text(), names)
    return names["FIRMWARE_BYTES"]


def _tree() -> Path:
    tree = source_tree(RP2, _LIBRARIES)
    inside = tree / "lib" / "pico-sdk" / "lib" / "tinyusb"
    if not inside.is_symlink():
        shutil.rmtree(inside, ignore_errors=True)
        inside.symlink_to("../../tinyusb")
    align_native_code(tree / "tools" / "mpy-tool.py")
    return tree


def align_native_code(tool: Path) -> None:
    """Frozen native and viper functions on words, where their compiler takes them to lie.

    mpy-tool puts them on half-words, which is enough for Thumb instructions but not for the constants between them:
    a function that lies between two words reads wrong ones.
    """
    halves, words = '" __attribute__ ((aligned (2)))"', '" __attribute__ ((aligned (4)))"'
    text = tool.read_text()
    if halves in text:
        tool.write_text(text.replace(halves, words))
    elif words not in text:
        raise UserError(f"{tool}: how it aligns frozen native code is not known any more: look at freeze() there")


def image(role: str, bench: bool = False) -> None:
    """build/toolchain/rp2-ROLE/firmware.uf2, .elf, .bin, .map; rp2-bench-ROLE for its bench build (boards/bench)."""
    folder = FOLDER / (f"rp2-bench-{role}" if bench else f"rp2-{role}")
    stamp = key(pins(RP2), role, files=[*recipe("rp2.py"), *_frozen(role)])
    if is_fresh(folder, stamp):
        return
    mpy_cross()
    tree = _tree()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    what = f"building the RPI_PICO {'bench ' if bench else ''}image of {role}"
    manifest = paths.BOARDS / role / "manifest.py"
    if bench:
        shared = paths.BOARDS / "rp2" / "manifest.py"
        manifest = folder / "manifest.py"
        manifest.write_text(f'include("{shared}", role="{role}", bench=True)\n')
    configured = key(pins(RP2), str(_BUILD), files=_configuration())
    if not is_fresh(_BUILD, configured):  # make keeps paths there, and does not see modules that come and go
        shutil.rmtree(_BUILD, ignore_errors=True)
    say(f"{what}: {'some seconds' if (_BUILD / 'firmware.elf').exists() else 'a minute'}")
    # One build folder for all roles: only what is frozen differs.
    settings = {
        "MICROPY_BOARD": "DRAGONET_RP2",
        "MICROPY_BOARD_DIR": paths.BOARDS / "rp2",
        "MICROPY_FROZEN_MANIFEST": manifest,
        "PICO_NO_PICOTOOL": "1",
        "PICO_BUILD_DOCS": "0",
    }
    configure = ["cmake", "-S", str(tree / "ports" / "rp2"), "-B", str(_BUILD)]
    compile([*configure, *(f"-D{name}={value}" for name, value in settings.items())], what, folder / "cmake.log")
    compile(["make", "-C", str(_BUILD), jobs()], what, folder / "build.log")
    finish(_BUILD, configured)
    binary = _BUILD / "firmware.bin"
    room = _firmware_bytes()
    if binary.stat().st_size > room:
        size = binary.stat().st_size
        raise UserError(f"the image of {role} takes {size} bytes, boards/rp2/flash_map.py gives it {room}")
    for name, kept in (("firmware.bin", "bin"), ("firmware.elf", "elf"), ("firmware.elf.map", "map")):
        shutil.copy2(_BUILD / name, folder / f"firmware.{kept}")
    converter = ["python3", str(tree / "tools" / "uf2conv.py"), "-b", _FLASH_BASE, "-f", _UF2_FAMILY, "-c"]
    compile([*converter, "-o", str(folder / "firmware.uf2"), str(binary)], what, folder / "uf2.log")
    finish(folder, stamp)


def images() -> None:
    for role in ROLES:
        image(role)
        goldens.checkout(role).save()  # for overlays of it


def bench_images() -> None:
    for role in ROLES:
        image(role, bench=True)
