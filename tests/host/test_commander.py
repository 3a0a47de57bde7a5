"""The host's commander against a board whose answers get lost: nothing is done twice, and the owner gets through."""

import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragonet import paths
from dragonet.commands.key import rotate_one
from dragonet.commands.options import in_unit, raw_value
from dragonet.errors import NotDone, UserError
from dragonet.ground import keys as host_keys
from dragonet.ground.commander import Commander, Refusal, unpack
from dragonet.ground.csp_client import Reply
from dragonet.ground.keys import KeyFile, board_file
from host import in_process

paths.use_firmware()
sys.path.append(str(Path(__file__).parents[1] / "unit"))

from command_world import BENCH, EPS, KEYS_FILE, World, forget  # noqa: E402

from core.keys import Keys  # noqa: E402
from core.params import Params  # noqa: E402


class Channel:
    """Packets to a board in this process. lose: how many requests, and how many answers, get lost from now on."""

    address = BENCH

    def __init__(self, world: World) -> None:
        self.world = world
        self.lose_requests = self.lose_answers = 0
        self.signed_only = False
        self._port = 17

    def port(self) -> int:
        self._port = self._port + 1 if self._port < 60 else 17
        return self._port

    def replies(self, dst: int, dport: int, data: bytes, timeout_s: float, sport: int | None = None) -> Iterator[Reply]:
        assert sport is not None
        if self.lose_requests:
            self.lose_requests -= 1
            return
        self.world.wire.sent.clear()
        self.world.wire.give(self.address, dst, data, sport, dport)
        for _, to_port, _, answer in self.world.wire.sent:
            if self.lose_answers:
                self.lose_answers -= 1
            elif to_port == sport:
                yield Reply(EPS, answer, 1.0)

    def listen(self, dst: int, dport: int, sport: int, timeout_s: float) -> Iterator[Reply]:
        return iter(())


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyFile:
    in_process.lend(monkeypatch)
    monkeypatch.chdir(tmp_path)
    made = KeyFile.make(tmp_path / "keys" / "ground.key", 0)
    (tmp_path / KEYS_FILE).write_bytes(board_file([made], "eps"))
    return made


@pytest.fixture
def channel(key: KeyFile) -> Channel:
    world = World()
    world.board.params = Params(world.board)
    return Channel(world)


@pytest.fixture
def commander(channel: Channel, key: KeyFile) -> Commander:
    return Commander(channel, "eps", key)


def put(commander: Commander, value: int) -> Any:
    return commander.call("param_set", value=value, name="hk_period")


def value(channel: Channel) -> int:
    return channel.world.board.params.get("hk_period")


def test_a_closed_slot_is_opened_on_the_way(commander: Commander, channel: Channel) -> None:
    assert put(commander, 30).done and value(channel) == 30


@pytest.mark.parametrize(("requests", "answers"), [(1, 0), (0, 1), (1, 1), (0, 2)])
def test_what_gets_lost_is_sent_again_and_done_once(
    commander: Commander, channel: Channel, requests: int, answers: int
) -> None:
    put(commander, 30)
    done = channel.world.commands.done
    channel.lose_requests, channel.lose_answers = requests, answers
    assert put(commander, 31).done and value(channel) == 31
    assert channel.world.commands.done == done + 1


def test_silence_is_told(commander: Commander, channel: Channel) -> None:
    channel.lose_requests = 99
    with pytest.raises(NotDone, match="no answer from eps"):
        commander.call("noop", data=b"")


def test_a_refusal_names_its_reason(commander: Commander) -> None:
    with pytest.raises(Refusal, match="eps refused param_get: not_found"):
        commander.call("param_get", name="nothing")


def test_the_owner_gets_through_after_resets_and_when_the_counters_are_lost(
    commander: Commander, channel: Channel, key: KeyFile
) -> None:
    put(commander, 30)
    for wipe in (False, True, False):
        if wipe:
            channel.world.memory.cells[:] = bytes(len(channel.world.memory.cells))
        channel.world.boot()
        channel.world.board.params = Params(channel.world.board)
        assert put(commander, 31).done
        assert put(Commander(channel, "eps", key), 32).done  # another program, another day


def test_the_numbers_that_were_used_are_remembered(commander: Commander, channel: Channel, key: KeyFile) -> None:
    put(commander, 30)
    assert KeyFile.load(key.path).next("eps") == channel.world.keys.next(0)


def test_rotation_is_finished_when_its_answer_was_lost(commander: Commander, channel: Channel, key: KeyFile) -> None:
    put(commander, 30)
    channel.world.wire.give(BENCH, EPS, commander.frame("key_rotate", 20, slot=0, generation=1), 20)  # unanswered
    before = key.key("eps")
    rotate_one(commander, key)
    assert key.generation("eps") == 1 and key.key("eps") != before and key.key("beacon") == before
    assert put(Commander(channel, "eps", key), 33).done


def test_by_radio_everything_is_signed(commander: Commander, channel: Channel) -> None:
    put(commander, 30)
    channel.signed_only = True
    done = channel.world.commands.done
    assert Commander(channel, "eps", commander.key).call("param_get", name="hk_period").done
    assert channel.world.commands.done == done + 1
    with pytest.raises(UserError, match="needs a key"):
        Commander(channel, "eps").call("noop", data=b"")


@pytest.mark.parametrize(
    ("command", "values", "what"),
    [
        ("nothing", {}, "no command 'nothing'"),
        ("noop", {}, "data missing"),
        ("noop", {"data": b"", "more": 1}, "no argument 'more'"),
        ("param_list", {"first": 256}, "first must be 0 to 255"),
        ("param_list", {"first": "1"}, "first must be"),
        ("param_get", {"name": "x" * 25}, "1 to 24 bytes"),
    ],
)
def test_a_wrong_call_is_not_sent(
    commander: Commander, channel: Channel, command: str, values: dict[str, Any], what: str
) -> None:
    with pytest.raises(UserError, match=what):
        commander.call(command, **values)
    assert channel.world.wire.sent == []


@pytest.mark.parametrize(
    ("text", "field", "raw"),
    [
        ("6.8", ("v", "u16", "V", 0.001, 6750, 7000), 6800),
        ("0x10", ("v", "u8", "", 1, None, None), 16),
        ("-5", ("v", "i8", "", 1, None, None), -5),
        ("1e3", ("v", "u16", "s", 1, None, None), 1000),
        ("00ff", ("v", "bytes", "", 1, 0, 2), b"\x00\xff"),
        ("abc", ("v", "text", "", 1, 1, 3), "abc"),
    ],
)
def test_what_a_person_writes_becomes_a_raw_value(text: str, field: tuple[Any, ...], raw: Any) -> None:
    assert raw_value(text, field, "v") == raw


@pytest.mark.parametrize("text", ["", "x", "6.7", "7.001", "6.80001", "nan", "inf", "1e999", "0x", "0xzz", "--1"])
def test_what_is_no_value_or_out_of_range_is_told(text: str) -> None:
    with pytest.raises(UserError, match="must be"):
        raw_value(text, ("v", "u16", "V", 0.001, 6750, 7000), "v")


def test_values_are_shown_without_the_dust_of_binary_fractions() -> None:
    assert (in_unit(6950, 0.001), in_unit(3, 0.1), in_unit(20, 1)) == (6.95, 0.3, 20)


def test_a_key_file_is_private_and_never_shown(key: KeyFile, tmp_path: Path) -> None:
    assert stat.S_IMODE(key.path.stat().st_mode) == 0o600
    assert key.key("eps").hex() not in repr(key)
    with pytest.raises(UserError, match="exists"):
        KeyFile.make(key.path, 0)
    key.path.chmod(0o640)
    with pytest.raises(UserError, match="chmod 600"):
        KeyFile.load(key.path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"slot": 9, "boards": {}}', '{"slot": 0, "boards": {"eps": 1}}'])
def test_what_is_no_key_file_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "no.key"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(UserError, match="no key file"):
        KeyFile.load(path)


def test_two_keys_for_one_slot_are_refused(key: KeyFile, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="both for slot 0"):
        board_file([key, KeyFile.make(tmp_path / "b.key", 0)], "eps")


def test_the_board_reads_the_file_that_the_host_writes(key: KeyFile, tmp_path: Path) -> None:
    second = KeyFile.make(tmp_path / "bench.key", 2)
    (tmp_path / KEYS_FILE).write_bytes(board_file([key, second], "eps"))
    keys = World().keys
    assert [one.key for one in keys._slots] == [key.key("eps"), bytes(32), second.key("eps"), bytes(32)]
    assert isinstance(keys, Keys) and host_keys.SLOTS[2] == "bench"


def test_a_reply_to_something_else_is_none() -> None:
    assert unpack(b"\x01\x00\x00\x00\x07\x01", 1, 7, time.monotonic()) is not None
    for data in (b"", b"\x02\x00\x00\x00\x07\x01", b"\x01\x00\x00\x00\x08\x01", b"\x01\x00\x00\x00\x07\x09",
                 b"\x01\x00\x00\x00\x07\x02"):  # fmt: skip
        assert unpack(data, 1, 7) is None


def teardown_module() -> None:
    forget()
