"""The plugin that runs tests/unit twice: what it must report when cases fail, crash, hang or cannot be counted."""

import pytest

from dragonet import micropython, paths


@pytest.fixture
def unit(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """unit(source) runs a tests/unit/test_it.py with this source; gives (result, outcomes by case)."""

    def run(source: str, *options: str, m32: str = "0"):
        monkeypatch.delenv("CI", raising=False)  # pytest repeats whole failures in its summary there
        monkeypatch.setenv("DRAGONET_M32", m32)
        monkeypatch.setenv("PYTHONPATH", f"{paths.HOST_TOOLS}:{paths.REPO / 'tests'}")
        folder = pytester.mkdir("tests") / "unit"
        folder.mkdir()
        (folder / "test_it.py").write_text(source)
        pytester.makeini("[pytest]\nunit_timeout_s = 3\n")
        plugins = ("-p", "plugin.twice", "-p", "no:cacheprovider")
        result = pytester.runpytest_subprocess(*plugins, "-v", *options, timeout=60)
        outcomes = {}
        for line in result.outlines:
            words = line.split()
            if len(words) > 1 and "::" in words[0] and words[1] in ("PASSED", "FAILED", "ERROR"):
                outcomes[words[0].partition("::")[2]] = words[1]
        return result, outcomes

    return run


MIXED = """
import unittest


class Case(unittest.TestCase):
    def setUp(self):
        self.n = 2

    def test_right(self):
        self.assertEqual(self.n, 2)

    def test_wrong(self):
        self.assertEqual(self.n, 3, "how many")

    def test_raises(self):
        with self.assertRaises(ValueError) as caught:
            raise ValueError("text")
        self.assertEqual(str(caught.exception), "text")
        self.assertRaises(KeyError, dict().__getitem__, 1)

    def test_does_not_raise(self):
        with self.assertRaises(ValueError):
            pass
"""


def test_each_case_is_reported_on_both_interpreters(unit):
    result, outcomes = unit(MIXED)
    for interpreter in ("cpython", "micropython"):
        assert outcomes[f"Case::test_right[{interpreter}]"] == "PASSED"
        assert outcomes[f"Case::test_raises[{interpreter}]"] == "PASSED"
        assert outcomes[f"Case::test_wrong[{interpreter}]"] == "FAILED"
        assert outcomes[f"Case::test_does_not_raise[{interpreter}]"] == "FAILED"
    result.assert_outcomes(passed=4, failed=4)
    assert result.stdout.str().count("AssertionError: 2 != 3 : how many") == 2
    assert result.stdout.str().count("ValueError not raised") >= 2


def test_a_32_bit_port_is_the_third_interpreter(unit):
    result, outcomes = unit(MIXED, m32=micropython.find())
    result.assert_outcomes(passed=6, failed=6)
    assert outcomes["Case::test_right[micropython32]"] == "PASSED"
    assert outcomes["Case::test_wrong[micropython32]"] == "FAILED"


def test_a_32_bit_port_that_is_not_there_fails_its_cases_with_the_remedy(unit):
    result, outcomes = unit(MIXED, m32="/no/such/file")
    assert outcomes["Case::test_right[micropython32]"] == "FAILED"
    assert "DRAGONET_M32=/no/such/file is not an executable file" in result.stdout.str()


def test_one_case_can_be_chosen_by_its_name(unit):
    result, _ = unit(MIXED, "tests/unit/test_it.py::Case::test_right[micropython]")
    result.assert_outcomes(passed=1)


def test_a_file_that_cannot_be_imported_fails_all_its_cases(unit):
    result, _ = unit("import unittest\nimport no_such_module\n" + MIXED)
    result.assert_outcomes(failed=8)
    assert "no_such_module" in result.stdout.str()


def test_a_syntax_error_is_an_error_of_collection(unit):
    result, _ = unit("import unittest\ndef broken(:\n")
    result.assert_outcomes(errors=1)
    assert "test_it.py:2" in result.stdout.str()


CRASH = """
import os
import unittest


class Case(unittest.TestCase):
    def test_a(self):
        pass

    def test_b_crashes(self):
        print("last words")
        if hasattr(os, "abort"):
            os.abort()
        import uctypes

        uctypes.bytearray_at(1, 4)[0]

    def test_c(self):
        pass
"""


def test_a_crash_fails_the_case_it_came_in_and_those_after_it(unit):
    result, outcomes = unit(CRASH)
    for interpreter, code in (("cpython", -6), ("micropython", -11)):
        assert outcomes[f"Case::test_a[{interpreter}]"] == "PASSED"
        assert outcomes[f"Case::test_b_crashes[{interpreter}]"] == "FAILED"
        assert outcomes[f"Case::test_c[{interpreter}]"] == "FAILED"
        assert f"{interpreter} ended with exit code {code} in this case" in result.stdout.str()
    assert "last words" in result.stdout.str()


def test_a_case_that_ends_the_process_fails(unit):
    _, outcomes = unit(HANG.replace("while True:\n            pass", "raise SystemExit(0)"))
    assert outcomes["Case::test_b_hangs[cpython]"] == outcomes["Case::test_b_hangs[micropython]"] == "FAILED"


HANG = """
import unittest


class Case(unittest.TestCase):
    def test_a(self):
        pass

    def test_b_hangs(self):
        while True:
            pass
"""


def test_a_hang_is_cut(unit):
    result, outcomes = unit(HANG)
    for interpreter in ("cpython", "micropython"):
        assert outcomes[f"Case::test_a[{interpreter}]"] == "PASSED"
        assert outcomes[f"Case::test_b_hangs[{interpreter}]"] == "FAILED"
        assert f"{interpreter} cut after 3 s in this case" in result.stdout.str()


def test_a_class_that_the_collector_cannot_see_fails_the_file(unit):
    result, _ = unit(MIXED + "\nif True:\n    class Hidden(Case):\n        def test_more(self):\n            pass\n")
    result.assert_outcomes(failed=8)
    assert "the cases of class Hidden cannot be counted" in result.stdout.str()


def test_inherited_cases_are_counted(unit):
    result, outcomes = unit(MIXED + "\n\nclass Child(Case):\n    def test_wrong(self):\n        pass\n")
    assert outcomes["Child::test_right[micropython]"] == "PASSED"
    assert outcomes["Child::test_wrong[micropython]"] == "PASSED"
    result.assert_outcomes(passed=10, failed=6)


def test_a_skip_is_a_failure(unit):
    result, _ = unit(HANG.replace("while True:\n            pass", "raise unittest.SkipTest('not today')"))
    result.assert_outcomes(passed=2, failed=2)


def test_a_missing_micropython_fails_with_the_remedy(unit, monkeypatch):
    monkeypatch.setenv("MICROPYTHON", "/no/such/micropython")
    result, outcomes = unit(HANG.replace("while True:", "if 1:"))
    assert outcomes["Case::test_a[cpython]"] == "PASSED"
    assert outcomes["Case::test_a[micropython]"] == "FAILED"
    assert "MICROPYTHON=/no/such/micropython is not an executable file: run 'make setup'" in result.stdout.str()
