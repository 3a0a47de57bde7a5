"""Which MicroPython the boards run on, and what is said when it will not do."""

import stat
from pathlib import Path

import pytest

from dragonet import micropython
from dragonet.errors import UserError


@pytest.fixture(autouse=True)
def fresh():
    micropython.find.cache_clear()
    yield
    micropython.find.cache_clear()


def script(folder: Path, text: str) -> str:
    path = folder / "micropython"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_the_pinned_wheel_serves_by_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MICROPYTHON", raising=False)
    assert Path(micropython.find()).name == "micropython"


def test_another_build_takes_its_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("MICROPYTHON", raising=False)
    other = script(tmp_path, f'exec {micropython.find()} "$@"\n')
    micropython.find.cache_clear()
    monkeypatch.setenv("MICROPYTHON", other)
    assert micropython.find() == other


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo micropython 1.20.0\n", "is MicroPython 1.20.0"),
        ("echo cpython 3.11.2\n", "is cpython, not MicroPython"),
        ("echo \"AttributeError: 'module' object has no attribute 'VfsLfs2'\" >&2; exit 1\n", "no attribute 'VfsLfs2'"),
        ("exit 139\n", "exit code 139"),
    ],
)
def test_one_that_will_not_do_is_refused_with_the_remedy(monkeypatch, tmp_path: Path, text: str, said: str):
    monkeypatch.setenv("MICROPYTHON", script(tmp_path, text))
    with pytest.raises(UserError) as refused:
        micropython.find()
    assert said in str(refused.value)
    assert "run 'make setup'" in str(refused.value) and "\n" not in str(refused.value)


def test_a_path_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MICROPYTHON", "/no/such/file")
    with pytest.raises(UserError, match="MICROPYTHON=/no/such/file is not an executable file"):
        micropython.find()


def test_one_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("MICROPYTHON", script(tmp_path, "exec sleep 30\n"))
    monkeypatch.setattr(micropython, "_TIMEOUT_S", 0.3)
    with pytest.raises(UserError, match="does not run"):
        micropython.find()
