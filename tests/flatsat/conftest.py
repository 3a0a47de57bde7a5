"""flights: what flew in this session, shared by all tests and workers (flights.py)."""

import os

import pytest

from flatsat.flights import Flights

collect_ignore = ["test_32_bit.py"] if os.environ.get("DRAGONET_M32") == "0" else []


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Flights:
    return Flights(tmp_path_factory)
