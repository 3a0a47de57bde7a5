# What is frozen into the sensor board's RP2040 image: make toolchain, or by hand
#   make -C ports/rp2 BOARD_DIR=$PWD/boards/rp2 FROZEN_MANIFEST=$PWD/boards/sensor/manifest.py
# ruff: noqa: F821  include is MicroPython's
# pyright: reportUndefinedVariable=false
include("../rp2/manifest.py", role="sensor")
