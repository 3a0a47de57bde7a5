# What is frozen into the sensor board's RP2040 image:
#   make -C ports/rp2 BOARD=RPI_PICO FROZEN_MANIFEST=$PWD/boards/sensor/manifest.py
# ruff: noqa: F821  include, package and module are MicroPython's
# pyright: reportUndefinedVariable=false
import shutil
import tempfile

include("$(PORT_DIR)/boards/manifest.py")

FIRMWARE = "../../firmware"
for name in ("csp", "core", "drivers", "sensor"):
    package(name, base_path=FIRMWARE)
module("main.py", base_path=FIRMWARE)
module("parts.py")

# Flight code imports this target's pins by the name `pins`.
renamed = tempfile.mkdtemp()
shutil.copy("pins_rp2.py", renamed + "/pins.py")
module("pins.py", base_path=renamed)
