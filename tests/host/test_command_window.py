"""Sequence numbers and frames of commands against models: whatever comes, nothing is done twice and nothing breaks."""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dragonet import paths
from host import in_process

paths.use_firmware()
sys.path.append(str(Path(__file__).parents[1] / "unit"))

from command_world import BENCH, EPS, GROUND, OTHER_KEY, Owner, World, forget, provision  # noqa: E402

from core import arguments, command_table, layout  # noqa: E402
from core.window import JUMP, SIZE, Window  # noqa: E402

NUMBERS = st.one_of(st.integers(0, 400), st.integers(0, 0xFFFFFFFF), st.integers(0xFFFFFF00, 0xFFFFFFFF))


@pytest.fixture(autouse=True, scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        in_process.lend(patch)
        patch.chdir(tmp_path_factory.mktemp("keys"))  # the boards' key files
        yield


@settings(deadline=None)
@given(st.integers(0, 300), st.lists(st.one_of(st.integers(0, 700), st.integers(-70, 70)), max_size=200))
def test_a_window_agrees_with_a_set_of_used_numbers(start: int, steps: list[int]) -> None:
    window, used, following = Window(), set(), start
    window.start(start)
    for step in steps:
        number = max(0, following + step)
        ahead = number - following
        if ahead >= JUMP:
            wanted = command_table.AHEAD
        elif number < start or ahead < -SIZE:
            wanted = command_table.OLD
        else:
            wanted = command_table.REPEATED if number in used else 0
        assert window.check(number) == wanted
        if wanted == 0:
            window.take(number)
            used.add(number)
            following = max(following, number + 1)
        assert window.next == following


class Commanding(RuleBasedStateMachine):
    """An owner, an eavesdropper who repeats what he heard, and a memory that fails, is wiped, or loses power."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[bytes, int]] = []  # every frame that was sent, and its level
        self.level = 0
        self.own = 0  # the owner's own count

    @initialize()
    def begin(self) -> None:
        forget()
        provision()
        self.world = World()

    def send(self, number: int) -> tuple[int, Any]:
        self.level = self.level + 1 if self.level < 500 else -500
        frame = self.world.owner.sign(number, self.world.change(self.level))
        self.heard.append((frame, self.level))
        self.own = max(self.own, number + 1)
        return self.world.give(frame)

    @rule(skip=st.integers(0, 100))
    def the_owner_commands(self, skip: int) -> None:
        """He takes his numbers from the board, or from his own count where the board knows none."""
        keys = self.world.keys
        before = len(self.world.ran)
        if keys.next(0) is None:
            assert self.world.recover(following=max(self.own, keys._slots[0].window.next))[0] == command_table.COMPLETED
        status, _ = self.send(max(keys.next(0), self.own) + skip)
        if status != command_table.COMPLETED:
            assert self.world.memory.protected and keys.next(0) is None  # closed just now
            assert self.world.recover(following=self.own)[0] == command_table.COMPLETED
            assert self.send(self.own)[0] == command_table.COMPLETED
        assert len(self.world.ran) == before + 1

    @rule(number=NUMBERS)
    def the_owner_uses_any_number(self, number: int) -> None:
        if number < self.own + JUMP:
            self.send(number)

    @precondition(lambda self: self.heard)
    @rule(data=st.data())
    def a_stranger_repeats(self, data: st.DataObject) -> None:
        frame, _ = data.draw(st.sampled_from(self.heard))
        self.world.give(frame)

    @precondition(lambda self: self.heard)
    @rule(data=st.data(), bit=st.integers(0, 8 * 25 - 1))
    def a_stranger_changes_a_bit(self, data: st.DataObject, bit: int) -> None:
        frame = bytearray(data.draw(st.sampled_from(self.heard))[0])
        if bit < 8 * len(frame):
            frame[bit // 8] ^= 1 << bit % 8
            before = len(self.world.ran)
            assert self.world.give(bytes(frame))[0] == command_table.REFUSED
            assert len(self.world.ran) == before

    @rule()
    def a_second_passes(self) -> None:
        self.world.second()

    @rule()
    def power_is_lost(self) -> None:
        self.world.boot()

    @rule()
    def the_counters_are_wiped(self) -> None:
        start = layout.region("keys")[0]
        self.world.memory.cells[start : start + 72] = bytes(72)
        self.world.boot()

    @rule(protected=st.booleans())
    def the_memory_stops_or_starts_taking_data(self, protected: bool) -> None:
        self.world.memory.protected = protected

    @precondition(lambda self: self.heard and self.world.keys.next(0) is not None)
    @rule(cut=st.integers(0, 40))
    def power_is_lost_in_a_command(self, cut: int) -> None:
        self.world.memory.budget = cut
        self.send(max(self.world.keys.next(0), self.own))
        self.world.memory.budget = None
        self.world.boot()

    @invariant()
    def nothing_was_done_twice(self) -> None:
        if self.level and len(self.heard) < 900:  # levels repeat after a thousand
            done = [level for level, _ in self.world.ran]
            assert len(done) == len(set(done))

    def teardown(self) -> None:
        forget()


TestCommanding = Commanding.TestCase
TestCommanding.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class Still(World):
    """Obeys, but does not restart."""

    def boot(self) -> None:
        super().boot()
        self.commands.do_reset = self.do_set  # pyright: ignore[reportAttributeAccessIssue]


@pytest.fixture(scope="module")
def world() -> World:
    provision()
    one = Still()
    assert one.obeys()
    return one


@settings(deadline=None)
@given(st.binary(max_size=252), st.sampled_from([EPS + 1, GROUND, BENCH, 1]), st.integers(17, 63))
def test_no_frame_breaks_the_door_and_no_signature_is_guessed(
    world: World, frame: bytes, src: int, sport: int
) -> None:
    ran = len(world.ran)
    world.second()
    errors = world.board.node.handler_errors
    world.give(frame, src, sport)
    assert world.board.node.handler_errors == errors and not world.board.survived
    if frame[:1] != b"\xff":
        assert len(world.ran) == ran
    assert all(request.free for request in world.commands._requests)


@settings(deadline=None)
@example(b"\x01", 0)
@given(st.binary(min_size=1, max_size=60), st.integers(0, 3))
def test_signed_nonsense_is_refused_and_harms_nothing(world: World, body: bytes, slot: int) -> None:
    world.second()
    keys = world.keys
    if keys.next(0) is None:
        assert world.obeys()
    frame = world.owner.sign(keys.next(0) or 0, body, slot=slot)
    before = bytes(world.memory.cells[layout.region("keys")[0] + 72 :][:400])
    world.give(frame)
    if body[0] != 0x63:  # key_rotate
        assert bytes(world.memory.cells[layout.region("keys")[0] + 72 :][:400]) == before
    assert not world.board.survived
    if body[0] == 0x63 and keys._slots[0].generation:
        provision()
        world.memory.cells[:] = bytes(len(world.memory.cells))
        world.boot()


@settings(deadline=None)
@given(st.data())
def test_arguments_come_back_as_they_were(data: st.DataObject) -> None:
    line = data.draw(st.sampled_from([line for line in command_table.COMMANDS if line[2]]))
    values: list[Any] = []
    for name, kind, _, _, low, high in line[2]:
        del name
        if kind == "text":
            values.append(data.draw(st.text("abc_1", min_size=low or 0, max_size=high or 20)))
        elif kind == "bytes":
            values.append(data.draw(st.binary(min_size=low or 0, max_size=high if high is not None else 60)))
        else:
            first, last = arguments._range(kind, int(kind[1:]) // 8)
            values.append(data.draw(st.integers(first if low is None else low, last if high is None else high)))
    found = arguments.unpack(line[2], memoryview(arguments.pack(line[2], values)))
    assert [bytes(one) if isinstance(one, memoryview) else one for one in found] == values


@settings(deadline=None)
@given(st.data(), st.binary(max_size=80))
def test_any_bytes_are_arguments_in_range_or_refused(data: st.DataObject, packed: bytes) -> None:
    line = data.draw(st.sampled_from(command_table.COMMANDS))
    try:
        values = arguments.unpack(line[2], memoryview(packed))
    except (arguments.BadLength, arguments.BadValue):
        return
    again = arguments.pack(line[2], [bytes(v) if isinstance(v, memoryview) else v for v in values])
    assert again == packed


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(0, 255), st.integers(0, 0xFFFFFFFF))
def test_any_bytes_are_a_reply_to_this_command_or_none(data: bytes, opcode: int, number: int) -> None:
    from dragonet.ground import commander

    reply = commander.unpack(data, opcode, number)
    if reply is not None:
        assert struct.unpack_from(">BI", data, 0) == (opcode, number)
        assert reply.status in command_table.STATUSES


def test_a_stranger_without_the_key_never_gets_in(world: World) -> None:
    stranger = Owner(OTHER_KEY)
    for number in range(0, 2000, 37):
        world.second()
        assert world.give(stranger.sign(number, world.change())) == (command_table.REFUSED, command_table.FORGED)
