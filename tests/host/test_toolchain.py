"""make toolchain: what is said when something is missing or wrong, what the images freeze, and the flash map."""

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import toolchain.__main__ as builder
from dragonet import paths
from dragonet import toolchain as built
from dragonet.deploy import golden, goldens
from dragonet.errors import UserError
from dragonet.generate import packages
from toolchain import build, fetch, rp2, sources

DATA = b"the source"
SOURCE = sources.Source("thing", "thing", "1.0-1", "trixie", {"thing.tar.xz": hashlib.sha256(DATA).hexdigest()})


class Archive:
    """Stands in for fetch.Apt: offers these versions, and gives this for every file."""

    uri = "http://archive"

    def __init__(self, versions: list[str], data: bytes) -> None:
        self.versions_offered, self.data = versions, data
        self.asked: list[str] = []

    def use(self, suite: str, apt_type: str) -> None:
        self.asked.append(f"{apt_type} {suite}")

    def versions(self, source: sources.Source) -> list[str]:
        return self.versions_offered

    def download(self, source: sources.Source, version: str, into: Path) -> None:
        name = "thing.tar.xz" if version == source.version else f"thing_{version}.orig.tar.xz"
        (into / name).write_bytes(self.data)


def get(archive: Archive, folder: Path) -> list[Path]:
    return fetch.fetch(SOURCE, folder, archive)  # pyright: ignore[reportArgumentType]


def test_a_download_with_another_hash_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="thing.tar.xz is refused: its sha256 is [0-9a-f]{64}, pinned is"):
        get(Archive(["1.0-1"], b"something else"), tmp_path)
    assert not list(tmp_path.rglob("thing*"))


def test_a_cached_download_is_taken_without_asking_the_archive(tmp_path: Path):
    archive = Archive(["1.0-1"], DATA)
    assert get(archive, tmp_path)[0].read_bytes() == DATA
    assert archive.asked == ["deb-src trixie"]
    get(archive, tmp_path)
    assert archive.asked == ["deb-src trixie"]


def test_a_damaged_cache_is_downloaded_again(tmp_path: Path, capsys):
    (tmp_path / "thing.tar.xz").write_bytes(b"half")
    assert get(Archive(["1.0-1"], DATA), tmp_path)[0].read_bytes() == DATA
    assert "thing.tar.xz in the cache is damaged: deleted, downloaded again" in capsys.readouterr().out


def test_the_newest_is_taken_with_a_warning_when_the_pinned_one_is_gone(tmp_path: Path, capsys):
    paths_ = get(Archive(["1.9-1", "1.10-2", "1.2-1"], b"newer"), tmp_path)
    assert [path.name for path in paths_] == ["thing_1.10-2.orig.tar.xz"]
    assert "warning: thing 1.0-1 (pinned) is no longer offered; taking 1.10-2" in capsys.readouterr().out


def test_an_archive_without_the_package_is_named(tmp_path: Path):
    with pytest.raises(UserError, match="http://archive offers no thing; name another archive:  DRAGONET_DEBIAN="):
        get(Archive([], b""), tmp_path)


def test_an_archive_that_does_not_answer_is_named(tmp_path: Path):
    apt = fetch.Apt(tmp_path / "apt", "http://127.0.0.1:9/debian")
    with pytest.raises(UserError, match="reading Debian's list of trixie at http://127.0.0.1:9/debian failed"):
        apt.use("trixie", "deb-src")


def test_a_build_that_fails_shows_its_end_and_keeps_its_log(tmp_path: Path):
    with pytest.raises(UserError, match="(?s)building it failed.*no rule"):
        build.compile(["sh", "-c", "echo no rule >&2; exit 2"], "building it", tmp_path / "log")
    assert "no rule" in (tmp_path / "log").read_text()


def test_frozen_native_code_lies_on_words(tmp_path: Path):
    tool = tmp_path / "mpy-tool.py"
    tool.write_text('self.attributes += " __attribute__ ((aligned (2)))"')
    for _ in range(2):  # a tree is used again
        rp2.align_native_code(tool)
        assert tool.read_text() == 'self.attributes += " __attribute__ ((aligned (4)))"'
    tool.write_text("another one")
    with pytest.raises(UserError, match="aligns frozen native code"):
        rp2.align_native_code(tool)


def test_a_missing_compiler_is_named(tmp_path: Path):
    with pytest.raises(UserError, match="building it needs no-such-compiler, which is not installed"):
        build.compile(["no-such-compiler"], "building it", tmp_path / "log")


def test_an_unknown_part_is_named(capsys):
    assert builder.main(["33"]) == 2
    assert "no part '33': the parts are 32, coverage, rp2, bench" in capsys.readouterr().err


def test_what_is_not_built_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("DRAGONET_M32", raising=False)
    monkeypatch.setattr(built, "FOLDER", tmp_path)
    for find in (built.micropython32, built.micropython_coverage, built.mpy_cross, lambda: built.image("eps")):
        with pytest.raises(UserError, match="is not built: run 'make toolchain'"):
            find()
    with pytest.raises(UserError, match="no image for role 'obc': the roles are beacon, eps, sensor"):
        built.image("obc")


def test_the_32_bit_port_has_words_and_floats_of_32_bits():
    if os.environ.get("DRAGONET_M32") == "0":
        return
    program = "import sys, gc; a = gc.mem_alloc(); b = [0] * 100; print(sys.maxsize, gc.mem_alloc() - a, 16777217.0)"
    run = subprocess.run([built.micropython32(), "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["2147483647", "464", "16777216.0"]


class Options:
    """Options of an include, as manifestfile.py gives them."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given

    def defaults(self, **defaults: Any) -> None:
        self._given = {**defaults, **self._given}

    def __getattr__(self, name: str) -> Any:
        return self._given[name]


class Manifest:
    """Runs a manifest as MicroPython's build does, and notes what it freezes."""

    def __init__(self, role: str, bench: bool = False) -> None:
        self.frozen: set[str] = set()
        self.golden = ""
        self._folder = paths.BOARDS / role
        if bench:  # as host_tools/toolchain/rp2.py writes it
            self.include("../rp2/manifest.py", role=role, bench=True)
        else:
            self.include("manifest.py")

    def include(self, path: str, **options: Any) -> None:
        if path.startswith("$(MPY_DIR)"):
            return
        manifest = self._folder / path
        before, self._folder = self._folder, manifest.parent.resolve()
        names = {
            "include": self.include,
            "freeze": self.freeze,
            "module": lambda name, base_path=".": self.frozen.add(name),
            "options": Options(options),
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self._folder)
            exec(compile(manifest.read_text(), str(manifest), "exec"), names)
        self._folder = before

    def freeze(self, path: str, script: str | None = None) -> None:
        folder = Path(path)
        if script is None:
            self.frozen |= {str(file.relative_to(folder)) for file in folder.rglob("*.py")}
            self.golden = (folder / "golden.py").read_text()
        else:
            self.frozen.add(script)


@pytest.mark.parametrize("role", built.ROLES)
def test_only_a_bench_image_has_what_lets_anyone_change_a_board(role: str):
    bench = {f"csp/bench_{name}.py" for name in ("hmac", "kiss", "services")} | {"bench_build.py"}
    flight = Manifest(role).frozen
    assert not bench & flight
    assert Manifest(role, bench=True).frozen == flight | bench


@pytest.mark.parametrize("role", built.ROLES)
def test_an_image_knows_its_golden_app_by_the_id_that_the_host_gives_it(role: str):
    goldens.checkout.cache_clear()
    told: dict[str, bytes] = {}
    exec(Manifest(role).golden, told)
    assert told["ID"] == goldens.checkout(role).id != bytes(golden.ID_BYTES)
    assert Manifest(role, bench=True).golden == Manifest(role).golden
    assert not set(golden.FIXED) & set(goldens.checkout(role).modules)


@pytest.mark.parametrize("role", built.ROLES)
def test_an_image_freezes_every_file_of_the_bus_the_core_and_the_app(role: str):
    frozen = Manifest(role).frozen
    flight = {
        str(file.relative_to(paths.FIRMWARE))
        for folder in ("csp", role)
        for file in (paths.FIRMWARE / folder).glob("*.py")
        if not file.name.startswith("bench_")  # peek and poke: no flight image has them
    }
    # the tables are read by the host: boards have their texts, core/compact.py and <role>/compact.py
    flight -= {f"{role}/{name}.py" for name in ("dictionary", "hk", "event_table", "parameter_table", "ais_table")}
    flight |= set(packages.modules(role))
    flight |= {file.name for file in paths.FIRMWARE.glob("*.py")}
    flight |= {file.name for file in (paths.BOARDS / "rp2").glob("*.py") if file.name != "manifest.py"}
    assert flight <= frozen, f"not frozen: {sorted(flight - frozen)}"
    assert {"boot.py", "main.py", "parts.py", "pins.py", "_boot.py", "flash_map.py", "rp2.py"} <= frozen
    assert not [name for name in frozen if "/bench_" in name]
    for _, path in json.loads((paths.BOARDS / role / "package.json").read_text())["urls"]:
        assert (paths.BOARDS / role / path).is_file()


def test_the_flash_map_fills_the_flash_without_overlap_and_is_that_of_the_firmware():
    names: dict[str, int] = {}
    paths.use_firmware()
    exec((paths.BOARDS / "rp2" / "flash_map.py").read_text(), names)
    slots = [(names["SLOT_A"], names["SLOT_BYTES"]), (names["SLOT_B"], names["SLOT_BYTES"])]
    parts = sorted([*slots, (names["FILES"], names["FILES_BYTES"])])
    assert all(start % names["BLOCK"] == 0 == size % names["BLOCK"] for start, size in parts)
    assert [start for start, _ in parts] == [0, parts[0][1], parts[0][1] + parts[1][1]]
    assert sum(size for _, size in parts) == names["STORAGE_BYTES"]
    assert names["FIRMWARE_BYTES"] + names["STORAGE_BYTES"] == names["FLASH_BYTES"]
    header = (paths.BOARDS / "rp2" / "mpconfigboard.h").read_text()
    kilobytes = re.search(r"MICROPY_HW_FLASH_STORAGE_BYTES \((\d+) \* 1024\)", header)
    assert kilobytes is not None and int(kilobytes[1]) * 1024 == names["STORAGE_BYTES"]


@pytest.mark.parametrize("role", built.ROLES)
def test_nothing_in_the_image_formats_storage(role: str):
    for path in (*(paths.BOARDS / "rp2").rglob("*.py"), paths.FIRMWARE / "boot.py", paths.FIRMWARE / "main.py"):
        assert "mkfs" not in path.read_text(), path
