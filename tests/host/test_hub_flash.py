"""The virtual board's littlefs on MicroPython: power fails within any program or erase, and no file is lost or torn.

The cut leaves half of what was being written and a byte of garbage behind it, as flash does.
"""

import json
import subprocess
from pathlib import Path

import pytest

from dragonet import micropython, paths

# One life of the board: mounts, keeps what it finds, then writes until its flash is cut. argv: folder, cut_after, seed.
_LIFE = """
import json
import os
import sys
import vfs

vfs.umount("/")
vfs.mount(vfs.VfsPosix(sys.argv[1]), "/nv")
for n, folder in enumerate(({board!r}, {host!r})):
    vfs.mount(vfs.VfsPosix(folder), "/host%d" % n)
sys.path[:] = ["/host0", ".frozen", "/host1"]
import twin
from twin import flash

twin.bench(files="/nv", seed=int(sys.argv[3]))
chip = flash.mount()
found = {{}}
for name in os.listdir("/"):
    if name.endswith(".json"):
        with open("/" + name) as file:
            found[name] = json.load(file)  # a file that is torn raises here
formatted = chip.operations
start = found.get("a.json", {{}}).get("n", 0)
print(json.dumps({{"found": found, "mount": formatted}}))


def cut():
    print(json.dumps({{"cut": True}}))
    os._exit(0) if hasattr(os, "_exit") else sys.exit(0)


chip.cut = cut
chip.cut_after = chip.operations + int(sys.argv[2]) if int(sys.argv[2]) >= 0 else None
for n in range(start + 1, start + 6):
    for name in ("a", "b"):
        with open("/%s.new" % name, "w") as file:
            json.dump({{"n": n, "text": name * (300 * n % 3000)}}, file)
        os.rename("/%s.new" % name, "/%s.json" % name)
        print(json.dumps({{"wrote": name, "n": n}}))
print(json.dumps({{"operations": chip.operations - formatted}}))
"""


def life(folder: Path, cut_after: int, seed: int = 1) -> list[dict]:
    code = _LIFE.format(board=str(paths.VIRTUAL_BOARD), host=str(paths.HOST_TOOLS))
    program = folder.parent / "life.py"
    program.write_text(code)
    command = [micropython.find(), str(program), str(folder), str(cut_after), str(seed)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0 and not run.stderr and "Traceback" not in run.stdout, run.stdout + run.stderr
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "nv"
    made.mkdir()
    return made


def whole(found: dict) -> None:
    for name, content in found.items():
        assert content["text"] == name[0] * (300 * content["n"] % 3000), name


def test_files_are_there_in_the_next_life(folder: Path) -> None:
    first = life(folder, -1)
    assert first[0]["found"] == {} and first[-1]["operations"] > 20
    second = life(folder, -1)
    assert {name: content["n"] for name, content in second[0]["found"].items()} == {"a.json": 5, "b.json": 5}
    whole(second[0]["found"])
    assert second[0]["mount"] == 0, "mounting a good file system writes nothing"


def test_after_a_cut_at_any_operation_each_file_is_the_old_or_the_new_one(folder: Path) -> None:
    """Walks through every program and erase of five rounds, cutting one operation later in each life."""
    image = folder / "flash.bin"
    life(folder, -1)
    before = image.read_bytes()
    operations = life(folder, -1)[-1]["operations"]
    assert operations > 20
    for cut_after in range(operations):
        image.write_bytes(before)
        said = life(folder, cut_after, seed=cut_after)
        assert {"cut": True} in said, cut_after
        written = {"a.json": 5, "b.json": 5}
        for line in said:
            if "wrote" in line:
                written[line["wrote"] + ".json"] = line["n"]
        after = life(folder, 0, seed=cut_after)[0]
        whole(after["found"])
        for name, number in written.items():
            assert after["found"][name]["n"] in (number, number + 1), (cut_after, name)
        assert after["mount"] == 0, "it was not formatted anew"


def test_cuts_in_life_after_life_lose_nothing(folder: Path) -> None:
    newest = {"a.json": 0, "b.json": 0}
    for number in range(25):
        said = life(folder, 6 + number * 7 % 29, seed=number)
        whole(said[0]["found"])
        for name, content in said[0]["found"].items():
            assert content["n"] >= newest[name], (number, name)
            newest[name] = content["n"]
        for line in said:
            if "wrote" in line:
                newest[line["wrote"] + ".json"] = line["n"]
    assert min(newest.values()) > 10


def test_a_cut_leaves_garbage_that_differs_from_both_contents(folder: Path) -> None:
    """Or the cuts above would be too gentle."""
    life(folder, -1)
    image = (folder / "flash.bin").read_bytes()
    torn = 0
    for cut_after in range(6):
        (folder / "flash.bin").write_bytes(image)
        life(folder, cut_after)
        torn += (folder / "flash.bin").read_bytes() != image
    assert torn == 6
