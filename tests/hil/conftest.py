"""`make hil`: the checks of a bench, virtual, emulated or real. Not part of the tests that `make test` collects.

Each test is a check: it measures by `check.measure(name, value, unit, low, high)`, goes on, and fails at its end when
a measurement is not within its limits. What a bench has not makes it "not possible on this bench", with the reason.
"""

import inspect
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from dragonet import paths
from dragonet.bench import benchfile, measure, report, tables
from dragonet.errors import UserError
from hil.rig import NotPossible, Rig

_FOLDER = Path(__file__).parent
_ORDER = ("boards", "bus", "commands", "radio", "supply", "watchdog", "update", "day")  # of files
_RESULTS = pytest.StashKey[measure.Results]()
_CHECK = pytest.StashKey[measure.Check]()
_BOOT_S = 12.0  # reset to the first heartbeat, and the EPS's first look at all monitors


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hil", "checks of a bench")
    group.addoption("--bench", metavar="NAME", help="a bench of tests/hil/benches, or a bench file")
    group.addoption("--hil-out", metavar="DIR", help="folder of results.json and report.html: build/hil/NAME")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: comes after the others, which are the sooner known")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    inside = collection_path.parent == _FOLDER and collection_path.name.startswith("test_")
    return True if inside and config.getoption("--bench", None) is None else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the order of the files, those that take long at the end."""
    names = [f"test_{name}.py" for name in _ORDER]
    items.sort(key=lambda item: names.index(item.path.name) if item.path.name in names else -1)
    items.sort(key=lambda item: item.get_closest_marker("long") is not None)


@pytest.fixture(scope="session")
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The bench with its boards running."""
    try:
        bench = benchfile.load(request.config.getoption("--bench"))
        found = tables.of(bench)
    except UserError as error:
        pytest.exit(str(error), 2)
    if found.flatsat is not None:
        from hil.rig_flatsat import FlatsatRig as Kind
    else:
        from hil.rig_hardware import HardwareRig as Kind
    folder = tmp_path_factory.mktemp("bench")
    began = time.monotonic()
    try:
        one = Kind(bench, found, folder)
    except UserError as error:
        pytest.exit(str(error), 2)
    results = measure.Results(_about(bench, one))
    request.config.stash[_RESULTS] = results
    try:
        one.wait(_BOOT_S)
        results.boards = {role: one.state(role) for role in one.boards}
        yield one
        results.boards |= {role: one.state(role) for role in one.roles}
    finally:
        one.close()
        results.about["bench_s"] = round(one.now_s, 1)
        results.about["wall_s"] = round(time.monotonic() - began, 1)
        out = Path(request.config.getoption("--hil-out") or paths.REPO / "build" / "hil" / bench.name)
        try:
            results.save(out / "results.json")
            report.write(results, out / "report.html")
        except UserError as error:
            pytest.exit(str(error), 2)


def _about(bench: benchfile.Bench, rig: Rig) -> dict[str, object]:
    return {
        "bench": bench.name,
        "file": bench.path.name,
        "utc": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "dragonet": version("dragonet"),
        "python": platform.python_version(),
        "host": f"{platform.system()} {platform.machine()}",
        "seeds": rig.seeds,
        **rig.about,
    }


@pytest.fixture
def check(request: pytest.FixtureRequest, rig: Rig) -> Iterator[measure.Check]:
    """Where this test records what it measures."""
    name = request.node.name.removeprefix("test_")
    one = request.config.stash[_RESULTS].check(name.replace("_", " "), inspect.getdoc(request.function) or "")
    request.node.stash[_CHECK] = one
    began_s, began_wall = rig.now_s, time.monotonic()
    yield one
    one.bench_s, one.wall_s = round(rig.now_s - began_s, 3), round(time.monotonic() - began_wall, 2)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    one = pyfuncitem.stash.get(_CHECK, None)
    if one is None:
        return (yield)
    rig: Rig = pyfuncitem.funcargs["rig"]
    try:
        skipped = [name.strip() for name in rig.checks.skip.split(",")]
        if pyfuncitem.name.removeprefix("test_") in skipped:
            raise NotPossible(rig.checks.skip_because or "the bench file leaves it out")
        result = None
        lacks = ""
        try:
            result = yield
        except NotPossible as error:
            lacks = str(error)
        if one.bad:
            pytest.fail("\n".join(str(each) for each in one.bad), pytrace=False)
        if lacks:
            raise NotPossible(lacks)
        if not one.measurements:
            pytest.fail("the check has measured nothing", pytrace=False)
    except NotPossible as error:
        one.outcome, one.why = measure.NOT_POSSIBLE, str(error)
        pytest.skip(f"not possible on this bench: {error}")
    except BaseException as error:
        one.outcome, one.why = measure.FAILED, f"{error}" or error.__class__.__name__
        raise
    finally:
        pyfuncitem.user_properties += [(each.name, f"{each.shown} {each.unit}".strip()) for each in one.measurements]
    one.outcome = measure.PASSED
    return result
