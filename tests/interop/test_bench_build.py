"""A flight image obeys no stranger on its bus; a bench build does, and its ident says so (boards/bench)."""

import json
import struct
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from dragonet import paths
from dragonet.ground.csp_client import CspClient
from dragonet.ground.via import open_link
from interop.flying import DRAGONET, ENV, Flying

paths.use_firmware()

from core import ports, timescale  # noqa: E402

EPS = ports.ADDRESSES["eps"]
REBOOT, REBOOT_MAGIC = 4, b"\x80\x07\x80\x07"
CLOCK = b"\x00\x06"
FORBIDDEN = {
    "route_set_v1": b"\x00\x02\x14\x05CANA" + bytes(7),
    "route_set_v2": b"\x00\x07\x00\x14\x00\x05\x00\x0eCANA" + bytes(8),
    "peek": b"\x00\x04\x20\x00\x00\x00\x04" + bytes(7),
    "poke": b"\x00\x05\x20\x00\x00\x00\x04" + bytes(7),
    "clock set": CLOCK + struct.pack(">II", timescale.UNIX + 800_000_000, 0),
}


@pytest.fixture(scope="module", params=[False, True], ids=["flight", "bench"])
def flying(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flying, bool]]:
    overlay = {"bench_build.py": (paths.BOARDS / "bench" / "bench_build.py").read_text()} if request.param else None
    one = Flying(tmp_path_factory.mktemp("bench") / "out", overlay=overlay)
    yield one, request.param
    one.process.kill()


def ident(one: Flying) -> dict[str, str]:
    command = [*DRAGONET, "bus", "ident", "eps", "--via", one.via("slcan"), "--timeout", "10", "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, env=ENV, timeout=60, check=True).stdout)[
        0
    ]


def uptime(client: CspClient, is_it: Callable[[int], bool]) -> int:
    """Seconds since the EPS booted, once they are so."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        now = client.numbers(EPS, 6, 2.0).get(EPS)
        if now is not None and is_it(now):
            return now
        time.sleep(0.3)
    pytest.fail("no such uptime within a minute")


def test_ident_tells_a_bench_build(flying: tuple[Flying, bool]) -> None:
    one, bench = flying
    assert ident(one)["revision"].endswith(" +bench") == bench


def test_what_changes_a_board_is_for_the_bench_alone(flying: tuple[Flying, bool]) -> None:
    one, bench = flying
    with open_link(one.via("slcan"), 500_000) as link:
        client = CspClient(link, version=2)
        answered = {name for name, data in FORBIDDEN.items() if client.request(EPS, 0, data, 2.0)}
        assert answered == ({"route_set_v2", "clock set"} if bench else set()), "memory: a virtual board has no mem8"
        reply = client.request(EPS, 0, CLOCK + bytes(8), 10.0)
        assert reply is not None
        seconds, _ = struct.unpack(">II", reply.data[2:])
        assert (seconds >= timescale.UNIX + 800_000_000) == bench
        before = uptime(client, lambda now: now >= 5)
        client.request(EPS, REBOOT, REBOOT_MAGIC, 0.2)
        after = uptime(client, lambda now: now < before or now > before + 2)
    assert (after < before) == bench, (before, after)
