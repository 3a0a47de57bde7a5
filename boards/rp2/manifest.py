# What every board's RP2040 image freezes; boards/<role>/manifest.py includes it. The frozen app is the golden
# one, complete without slots and files: the guard, and what the role's package.json lists. bench=True: a bench build.
# ruff: noqa: F821  include, freeze and module are MicroPython's
# pyright: reportUndefinedVariable=false
import atexit
import glob
import json
import os
import shutil
import tempfile

options.defaults(bench=False)
include("$(MPY_DIR)/extmod/asyncio")
freeze("$(PORT_DIR)/modules", "rp2.py")
module("_boot.py", base_path="modules")
for name in sorted(glob.glob("*.py")):
    if name != "manifest.py":
        module(name)

# Flight code imports its parts and this target's pins by the names `parts` and `pins`, whatever their files are called.
flight = tempfile.mkdtemp()
atexit.register(shutil.rmtree, flight)
role = "../" + options.role
with open(role + "/package.json") as file:
    wanted = {name: os.path.join(role, path) for name, path in json.load(file)["urls"]}
for path in glob.glob("../../firmware/*.py"):
    wanted[os.path.basename(path)] = path
# By its id overlays are made for this golden app only. A bench build is the same one, and more.
golden = {}
with open("../../host_tools/dragonet/deploy/golden.py") as file:
    exec(file.read(), golden)
replaceable = {}
for name, path in wanted.items():
    with open(path, "rb") as file:
        replaceable[name] = file.read()
with open(os.path.join(flight, "golden.py"), "w") as file:
    file.write(golden["module"](golden["hashes"](replaceable), golden["built"](".")))
if options.bench:
    wanted["bench_build.py"] = "../bench/bench_build.py"
    for path in glob.glob("../../firmware/csp/bench_*.py"):
        wanted["csp/" + os.path.basename(path)] = path
for name, path in wanted.items():
    copy = os.path.join(flight, name)
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    shutil.copy(path, copy)
freeze(flight)
