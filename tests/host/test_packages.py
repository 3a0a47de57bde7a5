"""boards/<role>/package.json carries what the board's app imports, and the bus library."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dragonet.bench.adapter import Link
from dragonet.bench.benchfile import parse
from dragonet.bench.processes import UnixBoard
from dragonet.generate import packages
from dragonet.paths import BOARDS


@pytest.mark.parametrize("role", packages.ROLES)
def test_package_is_what_the_generator_writes(role: str) -> None:
    assert (BOARDS / role / "package.json").read_text() == packages.render(role), "run: dragonet generate packages"


@pytest.mark.parametrize("role", packages.ROLES)
def test_package_names_only_files_that_exist(role: str) -> None:
    for _, source in json.loads(packages.render(role))["urls"]:
        assert (BOARDS / role / source).is_file()


@pytest.mark.parametrize("role", packages.ROLES)
def test_a_board_carries_its_whole_app_and_no_bench_service(role: str) -> None:
    found = packages.modules(role)
    assert [name for name in found if "bench_" in name] == []
    for file in (BOARDS.parent / "firmware" / role).glob("*.py"):
        of_host = file.name.endswith("_table.py") or file.name in ("dictionary.py", "hk.py")
        assert (f"{role}/{file.name}" in found) is not of_host


def test_modules_named_in_strings_are_followed() -> None:
    assert {"eps/compact.py", "sensor/compact.py"} <= set(packages.modules("beacon"))


def test_mpremote_mip_installs_a_board(tmp_path: Path) -> None:
    """mpremote's own command, on a board with stock MicroPython behind a TCP port; every tenth file is enough."""
    found = json.loads(packages.render("sensor"))
    found["urls"] = [one for k, one in enumerate(found["urls"]) if k % 10 == 0 or one[0] in ("parts.py", "pins.py")]
    (tmp_path / "boards" / "sensor").mkdir(parents=True)
    (tmp_path / "firmware").symlink_to(BOARDS.parent / "firmware")
    for name in ("parts.py", "pins_rp2.py"):
        (tmp_path / "boards" / "sensor" / name).symlink_to(BOARDS / "sensor" / name)
    package = tmp_path / "boards" / "sensor" / "package.json"
    package.write_text(json.dumps(found))
    entry = parse({"boards": {"sensor": {"reach": "unix", "method": "folders"}}}, tmp_path / "mip.toml").boards[0]
    board = UnixBoard(entry, tmp_path / "board", bytes(8), app=False, paced=False)
    try:
        mpremote = Path(sys.executable).with_name("mpremote")
        command = [str(mpremote), "connect", board.url, "mip", "install", "--no-mpy", "--target", "/", str(package)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert run.returncode == 0 and "Done" in run.stdout, run.stdout[-400:] + run.stderr[-400:]
        with Link(board.url, "sensor") as link:
            assert link.prompt(5.0)
            for name, source in found["urls"]:
                size = (BOARDS / "sensor" / source).stat().st_size
                assert link.evaluate(f"__import__('os').stat('/{name}')[6]") == size, name
            assert link.evaluate("__import__('parts').ROLE") == "sensor"
    finally:
        board.close()
