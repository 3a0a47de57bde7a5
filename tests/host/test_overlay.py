"""Overlays of a golden app: what of the code travels, in which order, and that MicroPython then runs just that."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dragonet import micropython, paths
from dragonet.deploy import golden, goldens, image, overlay, romfs
from dragonet.deploy.goldens import Golden
from dragonet.errors import UserError
from dragonet.ground.keys import ROLES

# `one` is a plain package, `ring`'s __init__ imports its modules, as csp's does.
TREE = {
    "one/__init__.py": "",
    "one/a.py": "from one.b import name as below\nname = 'a'\n",
    "one/b.py": "from one.c import name as below\nname = 'b'\n",
    "one/c.py": "name = 'c'\n\n\ndef late():\n    from one.a import name\n    return name\n",
    "one/d.py": "name = 'd'\n\n\ndef late():\n    from ring.node import name\n    return name\n",
    "ring/__init__.py": "from ring.node import name\n",
    "ring/node.py": "from ring.leaf import name as below\nname = 'node'\n",
    "ring/leaf.py": "name = 'leaf'\n",
    "ring/apart.py": "from ring import name as below\nname = 'apart'\n",
    "parts.py": "name = 'parts'\n",
}


class Code:
    """A golden app in a folder, and a newer tree beside it."""

    def __init__(self, folder: Path) -> None:
        self.old, self.new, self.slot = folder / "old", folder / "new", folder / "slot.romfs"
        for name, text in TREE.items():
            for top in (self.old, self.new):
                path = top / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        self.golden = self.kept()

    def kept(self) -> Golden:
        files = {str(path.relative_to(self.old)): path.read_bytes() for path in self.old.rglob("*.py")}
        return Golden("beacon", golden.hashes(files))

    def change(self, *names: str) -> None:
        for name in names:
            path = self.new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text() if path.exists() else "name = ''\n"
            path.write_text(text + "name += ' new'\n")

    def made(self) -> overlay.Overlay:
        files = {str(path.relative_to(self.new)): path for path in self.new.rglob("*.py")}
        return overlay.overlay(files, self.golden, self.new)

    def order(self) -> tuple[str, ...]:
        told: dict[str, tuple[str, ...]] = {}
        text = self.made().files[overlay.LIST]
        assert isinstance(text, bytes)
        exec(text, told)
        return told["MODULES"]

    def runs(self, program: str, made: overlay.Overlay | None = None) -> list[str]:
        """What `program` prints on a board whose guard has put the overlay in place."""
        files, _ = romfs.compiled((made or self.made()).files, "x64")
        self.slot.write_bytes(romfs.image(files))
        script = self.slot.with_suffix(".py")
        script.write_text(
            f"import sys, vfs\nsys.path[:] = [{str(paths.VIRTUAL_BOARD)!r}, {str(self.old)!r}, '.frozen',"
            f" {str(paths.FIRMWARE)!r}, {str(paths.HOST_TOOLS)!r}]\n"
            f"image = open({str(self.slot)!r}, 'rb').read()\nimport guard\n"
            f"guard._GOLDEN_PATH = {str(self.old) + '/'!r}\n"
            "vfs.mount(vfs.VfsRom(memoryview(image)), '/slot')\nsys.path.insert(0, '/slot')\n" + program
        )
        run = subprocess.run([micropython.find(), str(script)], capture_output=True, text=True, check=False)
        return (run.stdout + run.stderr).splitlines()


@pytest.fixture
def code(tmp_path: Path) -> Code:
    return Code(tmp_path)


LAY = "guard.lay_over(__import__('overlay').MODULES)\n"


def test_nothing_travels_when_nothing_differs(code: Code) -> None:
    made = code.made()
    assert list(made.files) == [overlay.LIST] and made.brings == () and code.order() == ()
    assert code.runs(LAY + "import one.a, ring\nprint(one.a.name, ring.name)") == ["a node"]


def test_a_module_that_differs_travels_alone_and_all_others_meet_it(code: Code) -> None:
    code.change("one/c.py")
    assert set(code.made().files) == {"over/one/c.py", overlay.LIST}
    assert code.made().brings == ("one: 1 of 5 modules: c",)
    said = code.runs(LAY + "import one.a, one.b, one.c\nprint(one.b.below, one.a.below, one.c.late(), one.c.__file__)")
    assert said == ["c new b a /slot/over/one/c.mpy"]


def test_modules_that_others_import_come_before_them_also_through_ones_that_stay(code: Code) -> None:
    code.change("one/a.py", "one/c.py")
    assert code.order() == ("one.c", "one.a")
    program = "import one.a, one.b\nprint(one.a.name, one.a.below, one.b.below)\nfrom one import c\nprint(c.name)"
    said = code.runs(LAY + program)
    assert said == ["a new b c new", "c new"]


def test_an_import_inside_a_function_waits_for_its_call(code: Code) -> None:
    code.change("one/c.py", "one/d.py", "ring/apart.py")
    assert code.order() == ("one.c", "one.d", "ring.apart"), "c imports a, and d ring, only later"
    said = code.runs(LAY + "import one.d, ring.apart\nprint(one.d.late(), ring.apart.name, ring.apart.below)")
    assert said == ["node apart new node"]


@pytest.mark.parametrize("name", ["ring/node.py", "ring/leaf.py", "ring/__init__.py"])
def test_a_package_that_imports_its_modules_puts_them_in_place_first(code: Code, name: str) -> None:
    code.change(name, "one/d.py")
    over = set() if name == "ring/__init__.py" else {f"over/{name}"}
    assert set(code.made().files) == {"ring/__init__.py", "over/one/d.py", overlay.LIST} | over
    assert code.order() == ("one.d",) and code.made().brings[1].startswith("ring: 1 of 4 modules: ")
    program = "import ring, one.d\nfrom ring import leaf\nimport ring.node as node\n"
    (said,) = code.runs(LAY + program + "print(ring.name, node.name, leaf.name, one.d.late(), leaf.__file__)")
    new = {"ring/node.py": "node new node new leaf node new", "ring/leaf.py": "node node leaf new node"}
    assert said.startswith(new.get(name, "node new node leaf node") + " ")
    assert said.endswith("/slot/over/ring/leaf.mpy" if name == "ring/leaf.py" else "/old/ring/leaf.py")


def test_modules_of_such_a_package_come_behind_those_that_they_import(code: Code) -> None:
    code.change("ring/node.py", "ring/leaf.py")
    init = code.made().files["ring/__init__.py"]
    assert isinstance(init, bytes) and b"('ring.leaf', 'ring.node')" in init
    said = code.runs(LAY + "import ring.apart, ring.node\nprint(ring.apart.below, ring.apart.name, ring.node.below)")
    assert said == ["node new apart leaf new"]


def test_a_package_travels_when_its_modules_need_its_names(code: Code) -> None:
    for top in (code.old, code.new):
        (top / "ring/__init__.py").write_text("from ring.node import name\nfrom ring import apart\n")
    code.golden = code.kept()
    code.change("ring/apart.py")
    assert "ring: whole" in code.made().brings[0]
    assert code.runs(LAY + "import ring\nprint(ring.apart.name, ring.apart.below)") == ["apart new node"]


def test_modules_that_import_each_other_travel_with_their_package(code: Code) -> None:
    for top in (code.old, code.new):
        (top / "ring/leaf.py").write_text("name = 'leaf'\nfrom ring.node import name as above\n")
        (top / "ring/node.py").write_text("name = 'node'\nfrom ring.leaf import name as below\n")
    code.golden = code.kept()
    code.change("ring/leaf.py")
    assert set(code.made().files) == {*(name for name in TREE if name.startswith("ring/")), overlay.LIST}
    assert code.made().brings == ("ring: whole, 4 modules: leaf differ, and some import each other",)
    said = code.runs(LAY + "import ring, ring.leaf\nprint(ring.name, ring.leaf.name)")
    assert said == ["node leaf new"]


def test_new_modules_packages_and_the_boards_parts_travel(code: Code) -> None:
    code.change("one/e.py", "more/__init__.py", "more/x.py", "parts.py")
    assert set(code.made().files) == {"over/one/e.py", "more/__init__.py", "more/x.py", "parts.py", overlay.LIST}
    said = code.runs(LAY + "import one.e, more.x, parts\nprint(one.e.name, more.x.name, parts.name)")
    assert said == [" new  new parts new"]


def test_an_overlay_that_lacks_what_it_lists_is_an_error(code: Code) -> None:
    code.change("one/c.py")
    made = code.made()
    del made.files["over/one/c.py"]
    assert "ImportError" in code.runs(LAY, made)[-1]
    assert "ImportError" in code.runs(LAY, overlay.Overlay({"which.py": b"X = 1\n"}, ()))[-1]


def test_a_frozen_module_that_was_imported_too_early_is_an_error(code: Code) -> None:
    code.change("one/c.py")
    assert "ImportError: one.c" in code.runs("import one.b\n" + LAY)[-1]


def test_but_for_the_crc_no_module_of_the_flight_code_makes_its_package_travel() -> None:
    reach = overlay._Reach(paths.FIRMWARE)
    circular = {name for role in ROLES for name in image.files(role, paths.FIRMWARE) if name in reach.of(name, False)}
    assert circular == {"csp/crc32c.py", "csp/crc32c_viper.py"}


# --- golden apps that are known ---


def test_a_golden_app_is_kept_and_found_by_its_id(code: Code, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goldens, "FOLDER", tmp_path / "goldens")
    assert goldens.find("beacon", code.golden.id) is None
    path = code.golden.save(goldens.FOLDER)
    assert path.name == f"beacon-{code.golden.id.hex()}.json"
    for found in (goldens.find("beacon", code.golden.id), goldens.find("beacon", code.golden.id, path)):
        assert found == code.golden
    here = goldens.checkout("beacon")
    assert goldens.find("beacon", here.id) == here == goldens.load(paths.REPO, "beacon")
    assert here.id != goldens.checkout("eps").id


def test_a_file_that_is_no_golden_app_of_this_board_is_refused(code: Code, tmp_path: Path) -> None:
    path = code.golden.save(tmp_path)
    for given, said in (
        (tmp_path / "none.json", "no golden app: 'make toolchain' leaves them in build/goldens"),
        (tmp_path, "no board of a checkout"),
    ):
        with pytest.raises(UserError, match=said):
            goldens.load(given, "beacon")
    with pytest.raises(UserError, match="the golden app of beacon, not of eps"):
        goldens.load(path, "eps")
    with pytest.raises(UserError, match=f"the golden app {code.golden.id.hex()}, and the board of beacon has 0101"):
        goldens.find("beacon", b"\1" * 8, path)
    kept = json.loads(path.read_text())
    kept["modules"]["one/a.py"] = "0" * 64
    path.write_text(json.dumps(kept))
    with pytest.raises(UserError, match="the file is damaged"):
        goldens.load(path, "beacon")


def test_a_board_whose_golden_app_is_not_known_gets_a_whole_image_and_is_told_why() -> None:
    cases: tuple[tuple[bytes, dict[str, Any], str], ...] = (
        (b"\1" * 8, {}, "the golden app 0101010101010101 is not known here"),
        (bytes(8), {}, "does not tell its golden app"),
        (goldens.checkout("eps").id, {"whole": True}, "a whole image is wanted"),
    )
    for base, keys, said in cases:
        made = image.fitting("eps", "unix", base, **keys)
        assert made.whole and len(made.files) > 90 and said in made.brings[0]
    made = image.fitting("eps", "unix", goldens.checkout("eps").id)
    assert not made.whole and list(made.files) == ["overlay.mpy"]
