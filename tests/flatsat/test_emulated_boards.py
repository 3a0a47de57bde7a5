"""Three emulated RP2040s on one bus, each with its board's real image; AIS sentences reach the sensor's UART.

The detumbling is over: the EPS powers the AIS receiver at once.
"""

from typing import Any

import pytest

from dragonet import paths
from flatsat.flights import HK_S, MIXED, Flights, Flown

paths.use_firmware()

from core import ports  # noqa: E402

HOURS = 0.012
ORDER: dict[str, Any] = {key: MIXED[key] for key in ("scenario", "seed")} | {
    "hours": HOURS, "emulate": list(ports.BOARDS), "powered_s": 100_000,
}  # fmt: skip


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> Flown:
    return Flights(tmp_path_factory).fly(**ORDER)


def test_every_board_is_emulated_and_hears_the_others(flight: Flown) -> None:
    for role in ports.BOARDS:
        assert flight.summary["boards"][role]["sys_implementation"]["machine"] == "emulated RP2040"
        assert flight.said(role, "seq") == [str(k) for k in range(len(flight.said(role, "seq")))]
        assert len(flight.said(role, "seq")) >= HOURS * 3600 // HK_S
        assert set(flight.said(role, "faults")) == set(flight.said(role, "restarts")) == {"0"}
        assert flight.said(role, "mode")[-1] == str(ports.MODES.index("nominal")), "the EPS's, by its heartbeat"
    assert flight.summary["counts"]["csp_dropped"] == 0


def test_ais_sentences_reach_the_emulated_sensor_by_its_uart(flight: Flown) -> None:
    injected = flight.summary["counts"]["ais_sentences"]
    heard = [int(one) for one in flight.said("sensor", "sentences")]
    print(f"{injected} sentences in all, {heard} heard by the times of housekeeping")
    share = 2 * HK_S / (HOURS * 3600)
    assert injected >= 20 and 0.8 * share * injected < heard[-1] <= injected
    assert int(flight.said("sensor", "ships")[-1]) >= 3
    for name in ("drop_garbage", "drop_too_long", "drop_checksum", "drop_format", "uart_full"):
        assert set(flight.said("sensor", name)) == {"0"}, name
