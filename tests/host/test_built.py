"""When an image was made: the date of its commit, UTC, whatever the computer's clock and zone say."""

import os
import subprocess
from pathlib import Path

import pytest

from dragonet.deploy import golden


def commit(folder: Path, when: str) -> None:
    names = ("-c", "user.name=one", "-c", "user.email=one@example.org")
    environment = {**os.environ, "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when}
    for words in (("init", "-q"), (*names, "commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run(["git", "-C", str(folder), *words], env=environment, check=True)


def test_it_is_the_commit_s_date_in_utc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    commit(tmp_path, "2026-11-21T23:30:15-07:00")
    assert golden.built(tmp_path) == ("2026-11-22", "06:30:15")


def test_a_build_that_names_its_date_has_that_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    assert golden.built(tmp_path) == ("2001-09-09", "01:46:40")


@pytest.mark.parametrize("said", ["", "soon"])
def test_a_folder_without_commits_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", said)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert golden.built(tmp_path) == ("", "")


def test_the_frozen_module_tells_it() -> None:
    found: dict[str, object] = {}
    exec(golden.module({"a.py": "00"}, ("2026-11-21", "12:00:00")), found)
    assert found["BUILT"] == ("2026-11-21", "12:00:00") and found["ID"] == golden.identity({"a.py": "00"})
