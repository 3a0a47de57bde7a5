"""`dragonet cmd`, `param` and `key` on a satellite that flies in virtual time: its owner's day, and his mistakes."""

import base64
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragonet import paths
from dragonet.ground.keys import ROLES, KeyFile
from flatsat.bench import Bench, Shell, flying

paths.use_firmware()

from core.params import CONFIRM_S  # noqa: E402

USED: set[bytes] = set()  # every key there ever was


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with flying(tmp_path_factory.mktemp("commands"), ("ground_a",)) as one:
        yield one


@pytest.fixture(scope="module")
def shell(bench: Bench) -> Iterator[Shell]:
    with pytest.MonkeyPatch.context() as patch:
        one = Shell(bench, patch)
        remember(bench)
        yield one


def ground(bench: Bench) -> Path:
    """The other commander's key."""
    return bench.key.path.with_name("ground_a.key")


def remember(bench: Bench) -> None:
    for path in (bench.key.path, ground(bench)):
        file = KeyFile.load(path)
        USED.update(file.key(role) for role in ROLES)


def test_a_key_is_a_file_that_only_its_owner_reads(bench: Bench, shell: Shell, tmp_path: Path) -> None:
    made = tmp_path / "keys" / "new.key"
    assert "slot spare" in shell("key", "new", str(made), "--slot", "spare")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    board = tmp_path / "eps.bin"
    shell("key", "load", "eps", str(board), "--key", str(made))
    assert stat.S_IMODE(board.stat().st_mode) == 0o600 and KeyFile.load(made).key("eps") in board.read_bytes()
    for role in ROLES:
        assert stat.S_IMODE((bench.flight.out / "boards" / role).stat().st_mode) == 0o700


def test_reading_needs_no_key(shell: Shell) -> None:
    assert bytes.fromhex(shell.json("cmd", "eps", "noop", "data=48656c6c6f")["data"]) == b"Hello"
    slots = {one["slot"]: one for one in shell.json("key", "ls", "eps")}
    assert slots["bench"]["state"] == "closed" and len(slots["bench"]["challenge"]) == 16
    assert slots["spare"]["state"] == "empty"


def test_a_signed_change_is_done_and_its_slot_opened_on_the_way(shell: Shell) -> None:
    shell.signed("param", "set", "beacon", "hk_period=30")
    assert shell.json("param", "get", "beacon", "hk_period")["value"] == 30
    slots = {one["slot"]: one for one in shell.json("key", "ls", "beacon")}
    assert slots["bench"]["state"] == "open" and slots["ground_a"]["state"] == "closed"


def test_a_risky_change_is_in_force_and_taken_back_by_itself(bench: Bench, shell: Shell) -> None:
    before = shell.json("param", "get", "eps", "low_enter")["value"]
    assert "unless confirmed" in shell.signed("param", "set", "eps", "low_enter=6.8")
    assert shell.json("param", "get", "eps", "low_enter")["value"] == 6.8 != before
    bench.node.wait(CONFIRM_S - 30)
    assert shell.json("param", "get", "eps", "low_enter")["value"] == 6.8
    bench.node.wait(40)
    found = shell.json("param", "ls", "eps")["parameters"]["low_enter"]
    assert (found["value"], found["unconfirmed"]) == (before, False)
    assert shell.json("event", "counts", "eps")["counts"]["param_reverted"] == 1
    assert "state" in shell.signed("param", "confirm", "eps", code=1)


def test_a_risky_change_that_is_confirmed_outlives_a_reset_and_one_that_is_not_does_not(
    bench: Bench, shell: Shell
) -> None:
    shell.signed("param", "set", "eps", "low_enter=6.8")
    shell.signed("param", "confirm", "eps")
    shell.signed("param", "set", "eps", "low_enter=6.9")
    bench.cycle("eps")
    found = shell.json("param", "ls", "eps")["parameters"]["low_enter"]
    assert (found["value"], found["unconfirmed"]) == (6.8, False)


def test_parameters_are_saved_and_restored(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "sensor.json"
    shell.signed("param", "set", "sensor", "ships_period=30")
    shell("param", "save", "sensor", str(file))
    shell.signed("param", "default", "sensor")
    assert shell.json("param", "get", "sensor", "ships_period")["value"] == 5
    shell.signed("param", "restore", "sensor", str(file))
    assert shell.json("param", "get", "sensor", "ships_period")["value"] == 30
    file.write_text(file.read_text().replace("30", "100000"))
    assert "ships_period=100000: must be" in shell.signed("param", "restore", "sensor", str(file), code=2)
    assert "of sensor, not of eps" in shell.signed("param", "restore", "eps", str(file), code=2)
    assert shell.json("param", "get", "sensor", "ships_period")["value"] == 30


def test_over_a_radio_link_that_loses_packets_all_is_signed_and_done_once(
    bench: Bench, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    via = ("--via", "radio:100000:40%:flight")
    assert "all is signed" in shell("param", "get", "sensor", "hk_period", *via, code=2)
    monkeypatch.setenv("DRAGONET_KEY", str(bench.key.path))
    done, number = shell.json("key", "refusals", "sensor")["done"], KeyFile.load(bench.key.path).next("sensor")
    shell("param", "set", "sensor", "hk_period=40", *via)
    assert shell.json("param", "get", "sensor", "hk_period", *via)["value"] == 40
    assert shell.json("key", "refusals", "sensor")["done"] == done + 3, "one to ask, one to set, one to get"
    assert KeyFile.load(bench.key.path).next("sensor") == number + 2


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ("cmd eps nothing", "no command 'nothing'"),
        ("cmd moon noop", "board 'moon'"),
        ("cmd eps noop data=xyz", "must be bytes in hexadecimal"),
        ("cmd eps noop data=" + "00" * 65, "0 to 64 bytes"),
        ("cmd eps noop", "wants data"),
        ("cmd eps noop 00", "NAME=VALUE"),
        ("cmd eps noop data=00 data=00", "twice"),
        ("cmd eps noop data=00 more=1", "no argument 'more'"),
        ("cmd eps limit_enable limit=16 on=1", "limit=16: must be 0 to 15"),
        ("cmd eps limit_enable limit=1.5 on=1", "steps of 1"),
        ("cmd eps limit_enable limit=low on=1", "limit=low: must be 0 to 15"),
        ("param get eps nothing", "no parameter 'nothing'"),
        ("param set eps nothing=1", "no parameter 'nothing'"),
        ("param set eps low_enter", "NAME=VALUE"),
        ("param set eps low_enter=8", "6.75 to 7 V"),
        ("param set eps low_enter=6.8001", "steps of 0.001 V"),
        ("param set eps low_enter=much", "6.75 to 7 V"),
        ("param set eps hk_period=30 low_enter=8", "6.75 to 7 V"),
        ("param set moon hk_period=30", "board 'moon'"),
        ("param default eps nothing", "no parameter 'nothing'"),
        ("param restore eps /no/such/file", "/no/such/file"),
        ("param get eps hk_period --via radio:fast:flight", "write radio:BIT/S:BUS"),
        ("time get moon", "board 'moon'"),
        ("time set eps --to soon", "write UTC as"),
        ("update status moon", "board 'moon'"),
        ("update push eps /no/such/file", "/no/such/file"),
        ("update build eps --uid 12", "16 hexadecimal digits"),
        ("update build eps --target z80", "z80"),
        ("update relay eps moon /file", "board 'moon'"),
        ("key new /tmp/never.key --slot moon", "slot 'moon'"),
        ("key ls moon", "board 'moon'"),
        ("key rotate moon", "board 'moon'"),
        ("key load moon /tmp/never.bin", "board 'moon'"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_sent(bench: Bench, shell: Shell, arguments: str, what: str) -> None:
    sent = bench.node.sent
    words = arguments.split()
    unsigned = words[:2] in (["time", "get"], ["key", "new"], ["key", "ls"], ["update", "status"])
    said = shell(*words, code=2) if unsigned or words[:2] == ["param", "get"] else shell.signed(*words, code=2)
    assert what in said and said.count("\n") == 1 and bench.node.sent == sent


@pytest.mark.parametrize(
    "arguments",
    ["cmd eps reset", "param set eps hk_period=10", "param default eps", "param confirm eps", "param revert eps",
     "time set eps", "schedule rm eps 1", "key recover eps", "key rotate eps"],
)  # fmt: skip
def test_what_changes_something_needs_a_key(bench: Bench, shell: Shell, arguments: str) -> None:
    sent = bench.node.sent
    said = shell(*arguments.split(), code=2)
    assert "needs a key" in said and said.count("\n") == 1 and bench.node.sent == sent


def test_keys_are_rotated_and_the_old_one_is_refused(bench: Bench, shell: Shell) -> None:
    old = bench.key.path.with_name("old.key")
    old.write_text(bench.key.path.read_text())
    os.chmod(old, 0o600)
    shell.signed("key", "rotate", "all")
    remember(bench)
    for role in ROLES:
        shell.signed("param", "set", role, "hk_period=20")
    assert "generation 1" in shell("param", "set", "eps", "hk_period=10", "--key", str(old), code=2)
    # a stolen key is replaced by means of another commander's
    shell("key", "rotate", "eps", "--key", str(ground(bench)), "--of", str(bench.key.path))
    remember(bench)
    shell.signed("param", "set", "eps", "hk_period=20")
    bench.cycle("eps")
    shell.signed("param", "set", "eps", "hk_period=25")


def test_no_key_is_in_what_the_flight_leaves_or_what_was_told(bench: Bench, shell: Shell) -> None:
    bench.flight.stop()
    assert len(USED) == 4  # two made, one for all boards, one by the other slot
    looked = 0
    for path in bench.flight.out.rglob("*"):
        if path.is_file() and path.suffix != ".bin":  # a board's own memories hold its keys
            looked += 1
            assert not shown_in(path.read_bytes()), path
    assert looked > 4 and (bench.flight.out / "bus.pcapng").stat().st_size > 10_000
    assert len(shell.told) > 50 and not shown_in("".join(shell.told).encode())


def shown_in(content: bytes) -> bool:
    """A key stands there, as bytes, in hexadecimal or in base64, if only its half."""
    lower = content.lower()
    for key in USED:
        for half in (key[:15], key[-15:]):
            if half in content or half.hex().encode() in lower or base64.b64encode(half) in content:
                return True
    return False
