"""`dragonet file` on boards that fly in virtual time: transfers that are cut, what is refused, stored housekeeping."""

from __future__ import annotations

import csv
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dragonet.flatsat.flight import SECOND_US
from dragonet.ground import commander, files, radio_link, telemetry
from flatsat.bench import Bench, Shell, flying

SIZE = 30_000
BLOCK_UP, BLOCK_DOWN = 185, 202
HK_PORT = 10


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with flying(tmp_path_factory.mktemp("files")) as one:
        yield one


@pytest.fixture(scope="module")
def shell(bench: Bench) -> Iterator[Shell]:
    with pytest.MonkeyPatch.context() as patch:
        clock = SimpleNamespace(sleep=bench.node.wait, monotonic=lambda: bench.flight.hub.now_us / SECOND_US)
        patch.setattr(files, "time", clock)
        patch.setattr(radio_link, "time", clock)
        yield Shell(bench, patch)


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A file of its own on this computer."""
    path = tmp_path / "image.bin"
    path.write_bytes(random.Random(4).randbytes(SIZE))
    return path


@pytest.fixture
def cut(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Any:
    """cut(n): the link is dead after n more packets from here; cut(None): it is back."""
    left: list[int | None] = [None]
    send = bench.node.send

    def limited(*arguments: Any) -> None:
        if left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                bench.node.wait(0.01)
                return
        send(*arguments)

    monkeypatch.setattr(bench.node, "send", limited)

    def cut(count: int | None) -> None:
        left[0] = count

    return cut


def there(shell: Shell, role: str) -> dict[str, int]:
    return {one["name"]: one["size"] for one in shell.json("file", "ls", role)["files"]}


def hash_on_board(bench: Bench, role: str, name: str) -> bytes:
    return bench.node.commander(role).call("file_hash", name=name).data[4:]


def test_a_file_goes_up_and_comes_back(shell: Shell, local: Path) -> None:
    said = shell.json("file", "put", "sensor", str(local), "table-1.bin", "--key", str(shell.bench.key.path))
    assert (said["name"], said["bytes"]) == ("table-1.bin", SIZE)
    assert 0 <= said["blocks"] - -(-SIZE // BLOCK_UP) < 20, "some again, where this computer was slow to listen"
    assert there(shell, "sensor")["table-1.bin"] == SIZE
    back = local.parent / "back"
    said = shell.json("file", "get", "sensor", "table-1.bin", str(back))
    assert 0 <= said["blocks"] - -(-SIZE // BLOCK_DOWN) < 20 and back.read_bytes() == local.read_bytes()
    assert "was there already" in shell.signed("file", "put", "sensor", str(local), "table-1.bin")
    assert "deleted" in shell.signed("file", "rm", "sensor", "table-1.bin")
    assert "table-1.bin" not in there(shell, "sensor")


def test_a_transfer_that_was_cut_goes_on_where_it_stopped(shell: Shell, local: Path, cut: Any) -> None:
    cut(80)
    said = shell.signed("file", "put", "sensor", str(local), "--patience", "5", code=1)
    assert "no answer from sensor for 5 s; the same command goes on where it stopped" in said
    assert "image.bin" not in there_when(shell, cut)
    shell.bench.cycle("sensor")  # and the board was reset meanwhile
    said = shell.json("file", "put", "sensor", str(local), "--key", str(shell.bench.key.path))
    assert said["blocks"] <= -(-SIZE // BLOCK_UP) - 60

    target = local.parent / "back"
    cut(3)
    shell("file", "get", "sensor", "image.bin", str(target), "--patience", "5", code=1)
    cut(None)
    assert not target.exists() and (local.parent / "back.part").exists()
    said = shell.json("file", "get", "sensor", "image.bin", str(target))
    assert said["blocks"] <= -(-SIZE // BLOCK_DOWN) - 32 and target.read_bytes() == local.read_bytes()
    assert not (local.parent / "back.part").exists()


def there_when(shell: Shell, cut: Any) -> dict[str, int]:
    cut(None)
    return there(shell, "sensor")


def test_a_radio_link_on_the_desk_loses_packets_and_brings_the_file(shell: Shell, local: Path) -> None:
    local.write_bytes(local.read_bytes()[:10_000])
    radio = ("--radio", "9600", "--loss", "10", "--timeout", "0.6", "--key", str(shell.bench.key.path))
    before_us = shell.bench.flight.hub.now_us
    said = shell.json("file", "put", "eps", str(local), "radio.bin", *radio)
    assert 1.2 < said["air_per_byte"] < 1.6
    assert shell.bench.flight.hub.now_us - before_us > 10_000 * 8 / 9600 * SECOND_US
    said = shell.json("file", "get", "eps", "radio.bin", str(local.parent / "back"), *radio)
    assert 1.1 < said["air_per_byte"] < 1.5 and (local.parent / "back").read_bytes() == local.read_bytes()
    assert "by radio everything is signed" in shell("file", "get", "eps", "radio.bin", "--radio", "9600", code=2)


def test_what_does_not_fit_is_refused_and_nothing_changes(shell: Shell, local: Path) -> None:
    before = shell.json("file", "ls", "beacon")
    local.write_bytes(bytes(600_000))
    said = shell.signed("file", "put", "beacon", str(local), code=1)
    assert said.splitlines()[-1] == "dragonet: beacon refused file_open: no_room: no room"
    assert shell.json("file", "ls", "beacon") == before


def test_a_truncated_or_spoiled_upload_never_gets_its_name(shell: Shell, local: Path) -> None:
    bench = shell.bench
    shell.signed("file", "put", "beacon", str(local))
    old = hash_on_board(bench, "beacon", "image.bin")
    one = bench.node.commander("beacon", bench.key)
    content = random.Random(5).randbytes(3 * BLOCK_UP)
    digest = hashlib.sha256(content).digest()

    def send(indexes: tuple[int, ...], wanted: bytes) -> int:
        status = one.call("file_open", size=len(content), hash_name=wanted + b"image.bin").data
        for index in indexes:
            block = content[index * BLOCK_UP : (index + 1) * BLOCK_UP]
            one.call("file_block", session=status[0], index=index, data=block)
        return status[0]

    session = send((0, 2), digest)
    with pytest.raises(commander.Refusal, match="refused file_close: state"):
        one.call("file_close")
    with pytest.raises(commander.Refusal, match="refused file_block: state"):
        one.call("file_block", session=session, index=1, data=b"too short")
    with pytest.raises(commander.Refusal, match="refused file_block: state"):
        one.call("file_block", session=session ^ 1, index=1, data=content[BLOCK_UP : 2 * BLOCK_UP])
    assert hash_on_board(bench, "beacon", "image.bin") == old
    send((0, 1, 2), hashlib.sha256(b"another").digest())
    with pytest.raises(commander.Refusal, match="failed file_close: content"):
        one.call("file_close")
    assert hash_on_board(bench, "beacon", "image.bin") == old
    assert there(shell, "beacon") == {"image.bin": SIZE}


@pytest.mark.parametrize(
    ("command", "values"),
    [
        ("file_open", {"size": 9, "hash_name": bytes(32) + b"../keys.bin"}),
        ("file_open", {"size": 9, "hash_name": bytes(32) + b".upload"}),
        ("file_open", {"size": 9, "hash_name": bytes(32) + b"a/b"}),
        ("file_open", {"size": 9, "hash_name": bytes(32) + b"\xff"}),
        ("file_hash", {"name": "/keys.bin"}),
        ("file_delete", {"name": "log/../keys.bin"}),
        ("file_get", {"gap": 5, "base": 0, "wanted_name": bytes(8) + b"../keys.bin"}),
    ],
)
def test_no_name_leads_out_of_the_folders(bench: Bench, command: str, values: dict[str, Any]) -> None:
    with pytest.raises(commander.Refusal, match="refused .*: argument"):
        bench.node.commander("eps", bench.key).call(command, **values)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("ls", "moon"), 2, "board 'moon': none of"),
        (("get", "eps", "nothing.bin"), 1, "eps refused file_hash: not_found"),
        (("get", "eps", "../keys.bin"), 2, "'../keys.bin': a file is named by"),
        (("get", "eps", "a", "/nowhere/at/all"), 2, "/nowhere/at/all: name a file in a folder that exists"),
        (("get", "eps", "a", "-"), 2, "-: a transfer goes on where it stopped, so it needs a file, not a pipe"),
        (("put", "eps", "/nowhere/at/all", "a"), 2, "/nowhere/at/all: No such file"),
        (("put", "eps", "/etc/hostname", "log/a"), 2, "log/a: only /files takes uploads"),
        (("put", "eps", "/dev/null", "a"), 2, "a: 0 bytes; an upload has 1 to"),
        (("put", "eps", "/etc/hostname", "a", "--loss", "5"), 2, "say --radio BIT/S too"),
        (("rm", "eps", "nothing.bin"), 1, "eps refused file_delete: not_found"),
        (("hk", "eps", "/nowhere/at/all"), 2, "/nowhere/at/all: No such file"),
        (("hk", "eps", "--local"), 2, "--local reads what --folder DIR holds"),
    ],
)
def test_bad_input_is_told_in_one_line(shell: Shell, arguments: tuple[str, ...], code: int, says: str) -> None:
    key = ("--key", str(shell.bench.key.path)) if arguments[0] in ("put", "rm") else ()
    said = shell("file", *arguments, *key, code=code)
    assert says in said.splitlines()[-1] and "Traceback" not in said
    if arguments[0] in ("put", "rm"):
        assert "needs a key" in shell("file", arguments[0], "eps", "/etc/hostname", code=2)


def test_stored_housekeeping_is_what_was_broadcast(shell: Shell, tmp_path: Path) -> None:
    bench = shell.bench
    bench.node.heard.clear()
    bench.node.wait(60 * 12 + 5)
    address = bench.node.commander("eps").address
    table = commander.dictionary("eps").hk
    heard = [table.unpack(one.data) for one in bench.node.heard if (one.src, one.dport) == (address, HK_PORT)]
    told = {one["uptime_s"]: one for one in heard}
    folder, out = tmp_path / "eps-log", tmp_path / "day.csv"
    shell.signed("file", "hk", "eps", str(out), "--folder", str(folder))
    with out.open() as file:
        rows = list(csv.DictReader(file))
    numbers = [int(row["sequence"]) for row in rows]
    assert len(rows) >= 12 and numbers == list(range(len(rows)))
    compared = 0
    for row in rows:
        raw = told.get(int(row["uptime_s [s]"]))
        if raw is not None:
            compared += 1
            for name, _, unit, scale, _ in table.fields:
                shown = row[f"{name} [{unit}]" if unit else name]
                assert shown == ("" if raw[name] is None else str(telemetry.in_unit(raw[name], scale))), name
        # a board that was told the time tells it of each packet
        assert row["utc"] == "" or row["utc"].endswith("Z")
    assert compared >= 11

    said = shell.json("file", "hk", "eps", "--folder", str(folder), "--hours", "0.1")
    assert [one["sequence"] for one in said["rows"]] == numbers[-6:] and said["units"]["battery_v"] == "V"
    assert (said["other"], said["broken"]) == (0, 0)
    assert shell("file", "hk", "eps", "--folder", str(folder), "--local") == out.read_text()
    assert there(shell, "eps")["log/00000000"] == (folder / "00000000").stat().st_size


def test_the_scrub_is_told(shell: Shell) -> None:
    said = shell.json("file", "scrub", "eps", "--start", "--key", str(shell.bench.key.path))
    assert said["under_way"] == 1
    shell.bench.node.wait(200)
    said = shell.json("file", "scrub", "eps")
    assert (said["rounds"], said["mended"], said["broken"], said["under_way"], said["errors"]) == (1, 0, 0, 0, 0)
    assert said["on_flash"] >= 10 and said["flushes"] >= 1
