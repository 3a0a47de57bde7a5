# What every board's RP2040 image freezes; boards/<role>/manifest.py includes it. The role's package.json says which
# flight files the board needs: the frozen app is the golden one, complete without slots and files.
# ruff: noqa: F821  include, freeze and module are MicroPython's
# pyright: reportUndefinedVariable=false
import atexit
import json
import os
import shutil
import tempfile

include("$(MPY_DIR)/extmod/asyncio")
freeze("$(PORT_DIR)/modules", "rp2.py")
module("_boot.py", base_path="modules")
module("flash_map.py")

# Flight code imports its parts and this target's pins by the names `parts` and `pins`, whatever their files are called.
flight = tempfile.mkdtemp()
atexit.register(shutil.rmtree, flight)
role = "../" + options.role
with open(role + "/package.json") as file:
    wanted = json.load(file)["urls"]
for name, path in wanted:
    copy = os.path.join(flight, name)
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    shutil.copy(os.path.join(role, path), copy)
freeze(flight)
