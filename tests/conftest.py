"""pytest for all of tests/: plugin/twice.py runs tests/unit on CPython and on MicroPython."""

pytest_plugins = ["plugin.twice", "pytester"]
