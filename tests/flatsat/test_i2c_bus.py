"""CSP over the I2C wires between boards, where boards/ declares them: housekeeping, pings, collisions, stuck wires."""

import struct
from pathlib import Path

import pytest

from dragonet.flatsat.housekeeping import tables
from flatsat.flights import HK_S, Flights, Flown

ROLES = ("eps", "beacon", "sensor")
ADDRESSES = {"eps": 2, "beacon": 3, "sensor": 4}
I2C_LINUX = 209  # link type
DECLARED = '\nBUSES = ("i2c",)\n'
EVERY_S, BURST, FIRST_S = 5, 3, 10
STUCK_S, FREE_S, DEAD_S = 40, 50, 80

# The EPS calls for it every 5 s, and then all three broadcast three packets of 92 bytes at once. Who hears one says so.
AT_ONCE = f"""
from core.board import Board as _Board
import asyncio as _asyncio
_make, _each = _Board._make_node, _Board.second
def _burst(node, call):
    for k in range({BURST}):
        node.broadcast(8, bytes((call, k)) + bytes(90))
def _make_node(self):
    node = _make(self)
    node.bind(7, lambda packet: _burst(node, packet.data[0]))
    node.bind(8, lambda packet: print("heard", packet.src, packet.data[0], packet.data[1]))
    return node
async def _ping(node, role, address):
    reply = await node.request(address, 1, b"are you there?", 1000)
    print("ping", role, reply)
def _second(self):
    _each(self)
    now = self.clock.seconds
    if self.role == "eps" and now >= {FIRST_S} and now % {EVERY_S} == 0:
        self.node.broadcast(7, bytes((now & 0xFF,)))
        _burst(self.node, now & 0xFF)
    if self.role == "eps" and now % {EVERY_S} == 3:
        for role, address in (("beacon", 3), ("sensor", 4)):
            _asyncio.create_task(_ping(self.node, role, address))
_Board._make_node, _Board.second = _make_node, _second
"""


def declared(extra: str = "") -> dict[str, str]:
    return {f"{role}/parts.py": DECLARED + extra for role in ROLES}


def crowded(flights: Flights, seed: int) -> Flown:
    return flights.fly(hours=0.025, seed=seed, boards=declared(AT_ONCE))


def stuck(flights: Flights) -> Flown:
    actions = [(STUCK_S, "beacon", "i2c_stuck"), (FREE_S, "beacon", "i2c_free"), (DEAD_S, "beacon", "power_off")]
    return flights.fly(hours=0.04, seed=3, boards=declared(), actions=actions)


def captured(path: Path) -> list[tuple[int, bytes]]:
    """(link type, packet) of each packet of a pcapng file."""
    data = path.read_bytes()
    links: list[int] = []
    packets = []
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == 1:
            links.append(struct.unpack_from("<H", data, at + 8)[0])
        elif kind == 6:
            interface, _, _, length = struct.unpack_from("<IIII", data, at + 8)
            packets.append((links[interface], data[at + 28 : at + 28 + length]))
        at += size
    return packets


def regular(times: list[float]) -> bool:
    """One housekeeping packet after another, none missing."""
    return all(after - before == pytest.approx(HK_S, abs=1) for before, after in zip(times, times[1:], strict=False))


def heard(flown: Flown, role: str) -> list[tuple[int, int, int]]:
    """(source, call, number) of each packet of a burst that reached this board."""
    lines = [line.split() for line in flown.console(role).splitlines() if line.startswith("heard")]
    return [(int(source), int(call), int(k)) for _, source, call, k in lines]


@pytest.mark.parametrize("seed", [1, 2])
def test_boards_that_send_at_once_lose_arbitration_back_off_and_all_get_through(flights: Flights, seed: int) -> None:
    flown = crowded(flights, seed)
    counts = flown.summary["counts"]
    assert counts["i2c_lost"] >= 10, "else nothing was shown"
    calls = sorted({call for _, call, _ in heard(flown, "beacon")})
    assert len(calls) >= 12 and calls[0] == FIRST_S
    for role in ROLES:
        others = [address for other, address in ADDRESSES.items() if other != role]
        wanted = [(source, call, k) for call in calls[:-1] for source in others for k in range(BURST)]
        got = [one for one in heard(flown, role) if one[1] != calls[-1]]
        assert sorted(got) == sorted(wanted), "each once, none lost"


def test_pings_come_back(flights: Flights) -> None:
    said = crowded(flights, 1).console("eps")
    for role in ("beacon", "sensor"):
        assert said.count(f"ping {role} b'are you there?'") >= 15
        assert said.count(f"ping {role} None") <= 1, "before it has booted"


def test_housekeeping_goes_by_i2c_alone_and_is_captured_as_i2c(flights: Flights) -> None:
    flown = crowded(flights, 1)
    assert flown.summary["counts"]["can_frames"] == 0
    for role in ROLES:
        times = [float(row["t_s"]) for row in flown.rows if row["source"] == role]
        assert len(times) >= 4
        assert regular(times)
    packets = captured(flown.out / "bus.pcapng")
    assert packets and {link for link, _ in packets} == {I2C_LINUX}
    sizes = {len(data) for _, data in packets if data[5] >> 1 == ADDRESSES["eps"]}
    header_address_csp_crc = 5 + 1 + 6 + 4
    assert {tables()[role].size + header_address_csp_crc for role in ("beacon", "sensor")} <= sizes


def test_with_both_buses_each_packet_goes_by_both_and_is_logged_once(flights: Flights) -> None:
    both = {f"{role}/parts.py": '\nBUSES = ("can", "i2c")\n' for role in ROLES}
    flown = flights.fly(hours=0.02, seed=1, boards=both)
    assert flown.summary["counts"]["can_frames"] > 200 and flown.summary["counts"]["i2c_ok"] > 200
    for role in ROLES:
        times = [float(row["t_s"]) for row in flown.rows if row["source"] == role]
        assert len(times) >= 3 and regular(times)


def test_nothing_of_a_board_goes_wrong_by_its_second_bus(flights: Flights) -> None:
    flown = crowded(flights, 1)
    for role, board in flown.summary["boards"].items():
        assert board["resets"] == {"1": 1}, role
        assert set(flown.said(role, "faults")) == {"0"}, role


def test_the_same_seed_repeats_the_capture(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> None:
    first = crowded(flights, 1)
    again = Flights(tmp_path_factory)
    again.folder = tmp_path_factory.mktemp("again")
    second = crowded(again, 1)
    assert (first.out / "bus.pcapng").read_bytes() == (second.out / "bus.pcapng").read_bytes()


def test_wires_held_low_silence_the_bus_without_a_reset_and_it_comes_back(flights: Flights) -> None:
    flown = stuck(flights)
    assert flown.summary["counts"]["i2c_timeout"] > 100
    for role in ROLES:
        assert flown.summary["boards"][role]["resets"] == {"1": 1}
    for role in ("eps", "sensor"):
        times = [float(row["t_s"]) for row in flown.rows if row["source"] == role]
        assert not [t for t in times if STUCK_S + 0.1 < t < FREE_S]
        assert [t for t in times if FREE_S < t < FREE_S + HK_S + 2]


def test_a_dead_board_costs_the_others_nothing_but_its_own_packets(flights: Flights) -> None:
    flown = stuck(flights)
    for role in ("eps", "sensor"):
        times = [float(row["t_s"]) for row in flown.rows if row["source"] == role and float(row["t_s"]) > DEAD_S]
        assert len(times) >= 2
        assert regular(times)


def test_a_fault_of_wires_that_no_board_has_is_refused(tmp_path: Path) -> None:
    from dragonet.errors import UserError
    from dragonet.flatsat import scenario
    from dragonet.flatsat.flight import Flight

    what = scenario.loads('[[fault]]\nat = "00:00:10"\nboard = "eps"\ndo = "i2c_stuck"\n')
    with pytest.raises(UserError, match="i2c_stuck: no board has I2C to the others"):
        Flight(what, 1, tmp_path / "out", lambda *_: [])
