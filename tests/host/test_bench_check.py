"""Measurements, results and the report of a bench; `make hil` on a bench of one check that is made for this."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dragonet import paths
from dragonet.bench import measure, report
from dragonet.errors import UserError


@pytest.mark.parametrize(
    ("value", "low", "high", "good"),
    [
        (7.4, 6.0, 8.4, True), (6.0, 6.0, 8.4, True), (8.41, 6.0, 8.4, False), (5.9, 6.0, None, False),
        (None, None, None, False), (float("nan"), None, None, False), (0, 0, 0, True), (-1, None, 0, True),
    ],
)  # fmt: skip
def test_a_measurement_is_good_within_its_limits_only(
    value: float | None, low: float | None, high: float | None, good: bool
) -> None:
    assert measure.Measurement("battery", value, "V", low, high).good is good


def test_a_text_must_be_the_one_that_is_wanted() -> None:
    assert measure.Measurement("runs", "golden").good
    assert measure.Measurement("hostname", "eps", wanted="eps").good
    assert not measure.Measurement("hostname", "eps", wanted="beacon").good
    assert not measure.Measurement("hostname", None, wanted="eps").good
    shown = str(measure.Measurement("battery_v", 5.91, "V", 6.0, 8.4, "eps"))
    assert shown == "eps: battery_v = 5.91 V (6 to 8.4 V)"


def some() -> measure.Results:
    results = measure.Results({"bench": "desk <1>", "utc": "2026-11-21T12:00:00Z", "seeds": {"flight": 7}})
    results.boards["eps"] = {"uid": "0123", "runs": "golden"}
    good = results.check("power", "It holds.")
    good.measure("battery_v", 7.4, "V", 6.0, 8.4, "eps")
    good.curves.append(measure.Curve("Voltage", "V", [0.0, 1.0, 2.0], {"eps": [7.4, None, 7.3]}, [(1.0, "cut")]))
    good.outcome = measure.PASSED
    bad = results.check("bus")
    bad.measure("pings lost", 12.5, "%", 0.0, 0.0, "eps")
    bad.outcome, bad.why = measure.FAILED, "eps: pings lost = 12.5 % (0 %) <script>"
    lacks = results.check("supply")
    lacks.outcome, lacks.why = measure.NOT_POSSIBLE, "no [supply]"
    return results


def test_results_are_the_same_after_they_were_saved(tmp_path: Path) -> None:
    results = some()
    results.save(tmp_path / "results.json")
    again = measure.load(tmp_path / "results.json")
    assert again.record() == results.record() == json.loads((tmp_path / "results.json").read_text())
    assert again.counts == {"passed": 1, "failed": 1, "not possible": 1}
    (tmp_path / "results.json").write_text('{"format": 99}')
    with pytest.raises(UserError, match="run it again"):
        measure.load(tmp_path / "results.json")
    with pytest.raises(UserError, match="'dragonet bench check' writes it"):
        measure.load(tmp_path / "none.json")


def test_the_report_is_one_page_that_needs_no_other_file(tmp_path: Path) -> None:
    report.write(some(), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    open_tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            for name, value in attrs:
                assert name not in ("src", "href") or (value or "").startswith("data:"), (tag, value)
            if tag not in ("meta", "img", "path", "rect", "circle"):
                open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag in ("path", "rect", "circle"):
                return
            assert open_tags.pop() == tag

    Reader().feed(text)
    assert open_tags == []
    assert "desk &lt;1&gt;" in text and "<script>" not in text
    assert text.count("<details open>") == 1, "what failed is shown at once"
    for shown in ("7.4", "6 to 8.4", "no [supply]", "flight 7", "0123", "12.5"):
        assert shown in text
    assert re.search(r'<path class="line c1" d="M[\d. ]+M[\d. ]+"/>', text), "a gap where nothing was measured"


CHECKS = """
from hil.rig import NotPossible

def test_good(rig, check):
    "It is good."
    check.measure("battery_v", 7.4, "V", 6.0, 8.4, "eps")

def test_bad(rig, check):
    check.measure("battery_v", 5.0, "V", 6.0, 8.4, "eps")
    check.measure("goes on", 1, "", 1, 1)

def test_empty(rig, check):
    pass

def test_lacks(rig, check):
    raise NotPossible("no [supply] in desk.toml")
"""


def test_a_run_tells_every_check_as_junit_json_and_page(tmp_path: Path) -> None:
    """The harness of tests/hil on checks of its own, without boards: what measures nothing fails."""
    folder = tmp_path / "checks"
    folder.mkdir()
    text = (paths.REPO / "tests/hil/conftest.py").read_text()
    text = text.replace("from hil.rig_flatsat import FlatsatRig as Kind", "from idle import Idle as Kind")
    (folder / "conftest.py").write_text(text)
    (folder / "test_boards.py").write_text(CHECKS)
    (tmp_path / "idle.py").write_text(
        "class Idle:\n"
        "    now_s, boards, seeds, about = 0.0, {}, {}, {}\n"
        "    def __init__(self, bench, tables, folder): self.checks = tables.checks\n"
        "    def wait(self, seconds): pass\n"
        "    def close(self): pass\n"
    )
    bench = tmp_path / "desk.toml"
    bench.write_text('name = "desk"\n[boards.eps]\nreach = "unix"\n[flatsat]\n')
    command = [sys.executable, "-m", "pytest", str(folder), "--bench", str(bench), "--hil-out", str(tmp_path / "out")]
    command += ["-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "--import-mode=importlib"]
    command += ["--junitxml", str(tmp_path / "junit.xml"), "-c", str(tmp_path / "none.ini")]
    (tmp_path / "none.ini").write_text("[pytest]\n")
    places = [paths.HOST_TOOLS, paths.FIRMWARE, paths.HOST_TOOLS / "dragonet/cpython", paths.REPO / "tests", tmp_path]
    env = {"PYTHONPATH": ":".join(map(str, places)), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path, timeout=60, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 1 passed, 1 skipped" in done.stdout
    found = measure.load(tmp_path / "out/results.json")
    assert [(one.name, one.outcome) for one in found.checks] == [
        ("good", "passed"), ("bad", "failed"), ("empty", "failed"), ("lacks", "not possible"),
    ]  # fmt: skip
    assert len(found.checks[1].measurements) == 2, "a check goes on after a bad measurement"
    assert "battery_v = 5 V (6 to 8.4 V)" in found.checks[1].why
    assert found.checks[2].why.startswith("the check has measured nothing")
    assert found.checks[3].why == "no [supply] in desk.toml"
    suite = ET.parse(tmp_path / "junit.xml").getroot()[0]
    assert (suite.get("failures"), suite.get("skipped")) == ("2", "1")
    properties = {one.get("name"): one.get("value") for one in suite[0].iter("property")}
    assert properties == {"battery_v": "7.4 V"}
    assert "not possible on this bench" in (tmp_path / "junit.xml").read_text()
    assert "no [supply]" in (tmp_path / "out/report.html").read_text()


def test_the_checks_are_not_collected_by_the_tests() -> None:
    command = [sys.executable, "-m", "pytest", "tests/hil", "--collect-only", "-q", "-n", "0", "-p", "no:cacheprovider"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=paths.REPO, timeout=60, check=False)
    assert "test_boards" not in done.stdout and "no tests collected" in done.stdout
