"""Stubs that do not fit the pinned MicroPython: lint says so in a line, not in hundreds of errors in flight code."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from dragonet import paths


def wrong(folder: Path) -> str:
    spec = importlib.util.spec_from_file_location("lint_firmware", paths.HOST_TOOLS / "setup" / "lint_firmware.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.wrong_stubs(folder)


def test_stubs_that_are_missing_or_of_another_version_are_told_with_the_remedy(tmp_path: Path) -> None:
    assert "no stubs micropython-rp2-stubs" in wrong(tmp_path) and "make setup-test" in wrong(tmp_path)
    (tmp_path / "micropython_rp2_stubs-1.20.0.dist-info").mkdir()
    said = wrong(tmp_path)
    assert "stubs micropython-rp2-stubs 1.20.0, not the pinned 1." in said and "\n" not in said


def test_the_stubs_of_this_checkout_are_the_pinned_ones() -> None:
    assert wrong(paths.REPO / ".cache" / "typings_rp2") == ""
