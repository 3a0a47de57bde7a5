"""flights: what flew in this session, shared by all tests and workers (flights.py)."""

import pytest

from flatsat.flights import Flights


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Flights:
    return Flights(tmp_path_factory)
