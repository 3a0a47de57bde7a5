# An upload under power cuts: after each the board goes on with what its status told, and the file arrives; the file
# of the same name that was there before is whole until then.
import os

import power_cuts
from file_world import World, content

from core import upload

OLD, NEW = content(3_000, 1), content(40 * 185 + 9, 2)
BLOCKS = 41


def read(name):
    with open("/flash/files/" + name, "rb") as file:
        return file.read()


def known(bits, base):
    """Blocks that a status says are here."""
    return set(range(base)) | {base + k for k in range(48) if bits >> k & 1}


def before(fram, done):
    assert World(fram, "/flash").put("a", OLD)[0] == 1


def scenario(fram, done):
    world = World(fram, "/flash")
    session, state, base, bits = world.open("a", NEW)
    for index in list(range(18, 36)) + list(range(18)) + [40, 39, 38, 37, 36]:
        world.send(session, index, NEW)
        session, state, base, bits = world.open("a", NEW)
        assert state == upload.RECEIVING
        done.append(("blocks", known(bits, base)))
    if world.ask("file_close")[-1][0] == 1:
        done.append(("closed", None))


def check(fram, done):
    found = read("a")
    assert found in (OLD, NEW), len(found)
    assert sorted(os.listdir("/flash/files")) in (["a"], [".upload", "a"])
    world = World(fram, "/flash")
    session, state, base, bits = world.open("a", NEW)
    if done and done[-1][0] == "closed":
        assert found == NEW and state == upload.DONE
        return
    if found == NEW:
        assert state == upload.DONE, "it was renamed, so it was whole"
    else:
        assert state == upload.RECEIVING
        if done:
            assert done[-1][1] <= known(bits, base), "an acknowledged block is lost"
        for index in set(range(BLOCKS)) - known(bits, base):
            world.send(session, index, NEW)
    assert world.ask("file_close")[-1][0] == 1
    assert read("a") == NEW and os.listdir("/flash/files") == ["a"]


print(power_cuts.every_cut(scenario, check, before, root="/flash", blocks=96))
