"""boards/<role>/package.json carries what the board's app imports, and the bus library."""

import json

import pytest

from dragonet.generate import packages
from dragonet.paths import BOARDS


@pytest.mark.parametrize("role", packages.ROLES)
def test_package_is_what_the_generator_writes(role: str) -> None:
    assert (BOARDS / role / "package.json").read_text() == packages.render(role), "run: dragonet generate packages"


@pytest.mark.parametrize("role", packages.ROLES)
def test_package_names_only_files_that_exist(role: str) -> None:
    for _, source in json.loads(packages.render(role))["urls"]:
        assert (BOARDS / role / source).is_file()


@pytest.mark.parametrize("role", packages.ROLES)
def test_a_board_carries_its_whole_app_and_no_bench_service(role: str) -> None:
    found = packages.modules(role)
    assert [name for name in found if "bench_" in name] == []
    for file in (BOARDS.parent / "firmware" / role).glob("*.py"):
        of_host = file.name.endswith("_table.py") or file.name in ("dictionary.py", "hk.py")
        assert (f"{role}/{file.name}" in found) is not of_host


def test_modules_named_in_strings_are_followed() -> None:
    assert {"eps/compact.py", "sensor/compact.py"} <= set(packages.modules("beacon"))
