"""A stranger on the bus who captured every command of a flight: what he repeats or forges is refused and counted.

After it all, through lost power, wiped counters and a dead FRAM, the owner commands as before.
"""

import random
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dragonet import paths
from dragonet.ground.keys import ROLES
from flatsat.bench import Bench, Packet, Shell, flying
from interop import capture

paths.use_firmware()

from core import command_table as table  # noqa: E402
from core import commands, layout, ports  # noqa: E402

KEYS = 0, 2  # slots that have one
COUNTERS = 72  # bytes of the record of reserved numbers, both copies of it
CUTS_US = 0, 2200, 2350, 2500, 2650, 2900, 3300, 10_000, 20_000  # after the command was queued; it is here at 2,200
BOARD_WITHOUT_FRAM = """
from pins_unix import *
from dragonet.flatsat.devices import fram
fram.attach = lambda *_: None
"""


class Counts(NamedTuple):
    done: int
    refused: int
    reasons: tuple[int, ...]


class Stranger(NamedTuple):
    bench: Bench
    shell: Shell
    captured: list[Packet]

    def counts(self, role: str) -> Counts:
        """As the board tells them; asking is a command that is done."""
        data = self.bench.node.commander(role).call("refusals").data
        done, refused, *reasons = struct.unpack(f">II{table.COUNTED}H", data)
        return Counts(done, refused, tuple(reasons))

    def state(self, role: str) -> list[object]:
        """What commands change: parameters, schedule, key slots."""
        one = self.bench.node.commander(role)
        slots = [slot[:4] for slot in one.slots()]
        return [one.call("param_list", first=0).data, one.call("schedule_read", after=0).data, slots]

    def refused(self, packet: Packet, reason: int) -> bytes | None:
        """The answer to a packet that is refused for this reason, counted once, and changes nothing."""
        role = role_of(packet.dst)
        before, state = self.counts(role), self.state(role)
        answer = self.bench.node.say(packet)
        after = self.counts(role)
        wanted = list(before.reasons)
        wanted[reason] += 1
        assert after.reasons == tuple(wanted), (packet, named(before, after))
        assert (after.refused, after.done) == (before.refused + 1, before.done + 4), "done: only what was asked here"
        assert self.state(role) == state
        return answer

    def repeat_all(self, reason: int, role: str = "") -> None:
        """Every captured command again, to the board that obeyed it; of all boards or one."""
        others = {table.CLOSED: table.CONTENT, table.FORGED: table.FORGED}  # for what opens slots
        for packet in self.captured:
            if role in ("", role_of(packet.dst)):
                opens = packet.data[commands.SIGNED_SIZE] == table.SLOT_RECOVER
                answer = self.refused(packet, others.get(reason, table.STATE) if opens else reason)
                assert answer is not None and answer[5] in (table.REFUSED, table.COMPLETED)

    def hk_period(self) -> int:
        return self.shell.json("param", "get", "eps", "hk_period")["value"]

    def slots(self) -> dict[str, dict[str, object]]:
        return {one["slot"]: one for one in self.shell.json("key", "ls", "eps")}

    @property
    def ground(self) -> Path:
        """The other commander's key."""
        return self.bench.key.path.with_name("ground_a.key")

    def owner_commands(self) -> None:
        """Both of them."""
        for seconds, key in ((21, self.bench.key.path), (20, self.ground)):
            self.shell("param", "set", "eps", f"hk_period={seconds}", "--key", str(key))
            assert self.hk_period() == seconds

    def closed_until_the_owner_comes(self) -> None:
        assert [self.slots()[name]["state"] for name in ("bench", "ground_a")] == ["closed", "closed"]
        self.repeat_all(table.CLOSED, "eps")
        self.owner_commands()
        self.repeat_all(table.OLD, "eps")


def role_of(address: int) -> str:
    return next(role for role in ROLES if ports.ADDRESSES[role] == address)


def named(before: Counts, after: Counts) -> dict[str, int]:
    reasons = {line[0]: line[1] for line in table.REASONS}
    return {reasons.get(k, str(k)): b - a for k, (a, b) in enumerate(zip(before.reasons, after.reasons, strict=True))
            if a != b}  # fmt: skip


def signed_commands(bench: Bench, role: str = "") -> list[Packet]:
    """Those of the flight's capture, to one board or all; read without any of the product's decoders."""
    bench.flight.bus_log._capture._file.flush()
    found = []
    for one in capture.packets(capture.frames(bench.flight.out / "bus.pcapng")):
        head = int.from_bytes(one.raw[:6], "big")
        packet = Packet(head >> 18 & 0x3FFF, head >> 32 & 0x3FFF, head >> 12 & 63, head >> 6 & 63, one.raw[6:-4])
        if packet.dport != ports.COMMAND or packet.data[0] == commands.UNSIGNED_SLOT:
            continue
        if role in ("", role_of(packet.dst)):
            found.append(packet)
    return found


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    with flying(tmp_path_factory.mktemp("replay"), ("ground_a",)) as bench, pytest.MonkeyPatch.context() as patch:
        shell = Shell(bench, patch)
        for role in ("eps", "beacon"):
            shell.signed("param", "set", role, "hk_period=10")
            shell.signed("param", "set", role, "hk_period=20")
            shell.signed("schedule", "add", role, "hk_now", "--mission", "90000")
            shell.signed("cmd", role, "hk_now")
            shell("param", "default", role, "hk_period", "--key", str(bench.key.path.with_name("ground_a.key")))
        shell.signed("time", "set", "eps")
        shell.signed("param", "set", "eps", "low_enter=6.8")
        shell.signed("param", "confirm", "eps")
        shell.signed("cmd", "eps", "event_counts", "first=0")
        yield Stranger(bench, shell, signed_commands(bench))


def test_the_capture_holds_every_command_of_the_owner(stranger: Stranger) -> None:
    found = [(role_of(one.dst), one.data[commands.SIGNED_SIZE]) for one in stranger.captured]
    eps, beacon = ([code for role, code in found if role == name] for name in ("eps", "beacon"))
    assert beacon == [0x62, 0x12, 0x12, 0x20, 0x03, 0x62, 0x13]  # slot_recover, param_set ...
    assert eps == [*beacon, 0x31, 0x12, 0x14]


def test_every_captured_command_is_refused_when_it_is_repeated(stranger: Stranger) -> None:
    stranger.repeat_all(table.REPEATED)
    told = stranger.shell.json("key", "refusals", "beacon")
    assert told["refused"] == {"repeated": 5, "state": 2} and told["done"] > 10
    assert "this sequence was used before" in stranger.shell("key", "refusals", "beacon")


def test_every_command_from_elsewhere_to_elsewhere_or_without_its_signature_is_refused(stranger: Stranger) -> None:
    ground, inside, sensor = (ports.ADDRESSES[name] for name in ("ground", "obc", "sensor"))
    for one in stranger.captured:
        bare = struct.pack(commands.HEADER, commands.UNSIGNED_SLOT, 1) + one.data[commands.SIGNED_SIZE :]
        for other, reason in (
            (one._replace(src=ground), table.FORGED),
            (one._replace(src=inside), table.FORGED),
            (one._replace(sport=one.sport - 1), table.FORGED),
            (one._replace(dst=sensor), table.FORGED),
            (one._replace(data=bare), table.UNSIGNED),
        ):
            answer = stranger.refused(other, reason)
            assert answer is not None and answer[5:7] == bytes((table.REFUSED, reason))


def test_a_command_to_another_port_is_none(stranger: Stranger) -> None:
    for one in stranger.captured:
        before, state = stranger.counts(role_of(one.dst)), stranger.state(role_of(one.dst))
        for dport in (ports.TIME, ports.COMMAND + 16, 1):
            stranger.bench.node.say(one._replace(dport=dport))
        after = stranger.counts(role_of(one.dst))
        assert after == before._replace(done=before.done + 4) and stranger.state(role_of(one.dst)) == state


def test_every_command_with_any_of_its_bits_flipped_is_refused(stranger: Stranger) -> None:
    seed = random.Random(5)
    print("seed 5")
    for number, one in enumerate(stranger.captured):
        size = 8 * len(one.data)
        bits = range(size) if number == 1 else seed.sample(range(size), 4)
        for bit in bits:
            data = bytearray(one.data)
            data[bit // 8] ^= 1 << bit % 8
            reason = table.FORGED if data[0] in KEYS else table.NO_KEY
            answer = stranger.refused(one._replace(data=bytes(data)), reason)
            assert answer is not None and answer[5:7] == bytes((table.REFUSED, reason))


def test_who_guesses_on_is_not_even_looked_at_and_the_owner_is_heard_a_second_later(stranger: Stranger) -> None:
    one = stranger.captured[1]
    forged = one._replace(data=one.data[:-1] + bytes((one.data[-1] ^ 1,)))
    before = stranger.counts("eps")
    for _ in range(40):
        stranger.bench.node.send(forged.dst, forged.dport, forged.data, forged.sport)
        stranger.bench.node.wait(0.01)
    after = stranger.counts("eps")
    assert after.reasons[table.TOO_MANY] > before.reasons[table.TOO_MANY] + 5
    stranger.bench.node.wait(1.0)
    stranger.owner_commands()


def test_power_cut_around_a_reservation_lets_no_command_be_done_twice(stranger: Stranger) -> None:
    bench = stranger.bench
    outcomes: list[tuple[bool, int]] = []
    for number, cut_us in enumerate(CUTS_US):
        bench.cycle("eps", on_s=5)  # its next command reserves numbers
        owner = bench.node.commander("eps", bench.key)
        seconds, sport = 30 + number, bench.node.port()
        frame = owner.frame("param_set", sport, value=seconds, name="hk_period")
        bench.node.send(owner.address, ports.COMMAND, frame, sport)
        bench.node.wait(cut_us / 1e6)
        bench.cycle("eps", on_s=5)
        captured = Packet(bench.node.address, owner.address, ports.COMMAND, sport, frame)
        done = stranger.hk_period() == seconds
        reason = table.OLD
        if not done:  # then it is done now, or never
            answer = bench.node.say(captured)
            assert answer is not None
            if answer[5] == table.COMPLETED:
                reason = table.REPEATED
            else:
                assert answer[5:7] == bytes((table.REFUSED, table.OLD))
            assert (stranger.hk_period() == seconds) == (reason == table.REPEATED)
        stranger.refused(captured, reason)
        outcomes.append((done, reason))
        stranger.owner_commands()
    print(outcomes)
    assert outcomes[0] == (False, table.REPEATED), "cut before it was admitted: done later"
    assert (False, table.OLD) in outcomes, "cut after its number was reserved: lost"
    assert outcomes[-1] == (True, table.OLD), "cut after it was done"
    stranger.repeat_all(table.OLD, "eps")


def test_with_its_counters_wiped_a_board_obeys_nobody_until_the_owner_opens_it(stranger: Stranger) -> None:
    bench = stranger.bench
    bench.flight.fault("eps", "power_off")
    with (bench.flight.boards["eps"].folder / "fram.bin").open("r+b") as fram:
        fram.seek(layout.region("keys")[0])
        fram.write(bytes(COUNTERS))
    bench.flight.fault("eps", "power_on")
    bench.node.wait(5)
    stranger.closed_until_the_owner_comes()


def test_with_its_fram_dead_and_back_again_too(
    stranger: Stranger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(paths.BOARDS, tmp_path / "boards")
    (tmp_path / "boards/eps/pins_no_fram.py").write_text(BOARD_WITHOUT_FRAM)
    monkeypatch.setattr(paths, "BOARDS", tmp_path / "boards")
    board = stranger.bench.flight.boards["eps"]
    for pins in ("pins_no_fram", "pins_no_fram", "pins_unix"):
        monkeypatch.setattr(board, "_pins", pins)
        stranger.bench.cycle("eps", on_s=5)
        stranger.closed_until_the_owner_comes()
        kept = stranger.slots()["bench"]["state"]
        assert kept == ("open" if pins == "pins_unix" else "open until reset")
        stranger.captured[:] = signed_commands(stranger.bench, "eps")[-12:]  # of this time, too


def test_after_a_rotation_the_old_commands_are_forgeries(stranger: Stranger) -> None:
    for key in (stranger.bench.key.path, stranger.ground):
        stranger.shell("key", "rotate", "eps", "--key", str(key))
    stranger.repeat_all(table.FORGED, "eps")
    stranger.owner_commands()
