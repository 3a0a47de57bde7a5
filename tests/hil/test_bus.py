"""CSP on the bench's bus: ping, ident, loss rate; and bus A lost and found again."""

import statistics

import pytest

from dragonet.bench.measure import Check, Curve
from hil.rig import BUSES, Rig

from core import ports  # isort: skip

PING_BYTES = 64  # several CAN frames
PING_S = 0.5
PARTIAL_S = 2.0  # until a board gives up what came of a packet
FAIL_OVER_S = 1.5  # of losing a bus: README of firmware/csp
RETURN_S = 8.0  # A without a gap for 5 s, and the beats that tell it
LOST_S = 12.0


def test_ping_ident_and_loss(rig: Rig, check: Check) -> None:
    """Every board answers pings of several frames and tells its ident; no packet buffer is lost by it."""
    for role in rig.roles:
        node, address, limit_ms = rig.node(), ports.ADDRESSES[role], rig.checks.ping_ms
        free = _buffers(rig, address)
        times = [node.ping(address, bytes((k & 0xFF,)) * PING_BYTES, PING_S) for k in range(rig.checks.pings)]
        got = [one for one in times if one is not None]
        check.measure("pings lost", 100.0 * (len(times) - len(got)) / len(times), "%", 0.0, rig.checks.lost, role)
        check.measure("ping, median", statistics.median(got) if got else None, "ms", 0.1, limit_ms, role)
        check.measure("ping, longest", max(got, default=None), "ms", 0.1, 1000.0 * PING_S, role)
        check.measure("hostname", rig.ident(role).get("hostname"), board=role, wanted=role)
        check.measure("uptime", node.numbers(address, 6, 1.0).get(address), "s", 1, None, role)
        if None in times:
            rig.wait(PARTIAL_S)
        after = _buffers(rig, address)
        check.measure("packet buffers lost", None if free is None or after is None else free - after, "", 0, 0, role)
        numbers = [float(k) for k in range(len(times))]
        check.curves.append(Curve(f"{role}: ping of {PING_BYTES} bytes", "ms", numbers, {"round trip": list(times)}))


def _buffers(rig: Rig, address: int) -> int | None:
    """Free packet buffers: the most of three readings, as a packet on its way holds one. None: no answer."""
    found: list[int] = []
    for _ in range(3):
        found += [count for count in (rig.node().numbers(address, 5, 1.0).get(address),) if count is not None]
        rig.wait(0.2)
    return max(found, default=None)


@pytest.mark.long
def test_bus_a_fails_and_comes_back(rig: Rig, check: Check) -> None:
    """Cut off from CAN A a board is heard on B within 1.5 s and answers there; mended, it returns to A."""
    check.notes += rig.left_out
    for role in rig.turns:
        began_s = rig.now_s
        rig.wait(3.0)
        lost_s = rig.now_s
        rig.cut("A", role, True)
        rig.wait(LOST_S)
        rig.node().ping(ports.ADDRESSES[role], b"A?", PING_S)
        on_b = [rig.node("B").ping(ports.ADDRESSES[role], bytes((k,)) * PING_BYTES, PING_S) for k in range(10)]
        mended_s = rig.now_s
        rig.cut("A", role, False)
        rig.wait(RETURN_S + 5.0)
        beats = rig.beats(role, since_s=began_s)
        times = sorted({round(beat.at_s, 2) for beat in beats if beat.at_s >= lost_s - 2.0})
        gaps = [after - before for before, after in zip(times, times[1:], strict=False)]
        first_b = next((beat.at_s for beat in beats if beat.bus == "B" and beat.at_s > lost_s + 0.05), None)
        check.measure("longest silence", max(gaps, default=None), "s", 0.0, 1.0 + FAIL_OVER_S, role)
        check.measure("heard on B after", None if first_b is None else first_b - lost_s, "s", 0.0, FAIL_OVER_S, role)
        late_a = [beat for beat in beats if beat.bus == "A" and lost_s + 0.05 < beat.at_s < mended_s]
        check.measure("heartbeats on a cut bus", len(late_a), "", 0, 0, role)
        check.measure("pings lost on B", 100.0 * on_b.count(None) / len(on_b), "%", 0.0, 0.0, role)
        again = [beat.at_s for beat in beats if beat.bus == "A" and beat.at_s > mended_s]
        check.measure("heard on A again after", again[0] - mended_s if again else None, "s", 0.0, RETURN_S, role)
        last_b = max((beat.at_s for beat in beats if beat.bus == "B"), default=mended_s)
        check.measure("left B after", last_b - mended_s, "s", 0.0, RETURN_S + 2.0, role)
        others = [one for one in rig.roles if one != role]
        boots = {one: len({beat.boots for beat in rig.beats(one, since_s=began_s)}) for one in [role, *others]}
        check.measure("boards that rebooted", sum(count != 1 for count in boots.values()), "", 0, 0, role)
        check.curves.append(_lanes(rig, role, began_s, lost_s, mended_s))


def _lanes(rig: Rig, role: str, from_s: float, lost_s: float, mended_s: float) -> Curve:
    """Heartbeats of ten seconds before, each second, on A and on B."""
    seconds = [float(k) for k in range(int(rig.now_s - from_s))]
    lines: dict[str, list[float | None]] = {}
    for bus in BUSES:
        beats = [beat.at_s - from_s for beat in rig.beats(role, bus, from_s)]
        lines[f"CAN {bus}"] = [float(sum(second <= at < second + 1 for at in beats)) for second in seconds]
    marks = [(lost_s - from_s, "A cut"), (mended_s - from_s, "A mended")]
    return Curve(f"{role}: heartbeats each second", "", seconds, lines, marks)
