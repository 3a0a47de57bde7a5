"""The boards' dictionaries are sound, what is generated of them is current, and the command says what it wrote."""

import zlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dragonet.commands.generate import app
from dragonet.errors import UserError
from dragonet.generate import compact, documents, files, hashes, satyaml, tables

from core.dictionary import Dictionary  # isort: skip
from core.telemetry import Set  # isort: skip

ROLES = list(tables.dictionaries())
HK = Set("eps", (("volts", "u16", "V", 0.001, "a voltage"), ("cold", "i16", "degC", 0.01, "a temperature")))
NONE = ((), (), (), ())  # parameters, events, commands, limits


def test_hashes_are_current() -> None:
    assert hashes.PATH.read_text() == hashes.render(), "run: dragonet generate all"


def test_what_boards_keep_of_the_tables_is_current() -> None:
    for name, text in compact.files().items():
        assert (compact.FIRMWARE / name).read_text() == text, "run: dragonet generate all"


@pytest.mark.parametrize("cell", ["a|b", "1", "x\ny", "None", "(a)", "1e5", 'say "x"', "a;b"])
def test_a_cell_that_a_board_could_not_read_is_refused(cell: str) -> None:
    with pytest.raises(UserError, match="cannot keep"):
        compact.text([("name", ((cell, 1), (cell, 2)), cell, "")], 0)


@pytest.mark.parametrize("role", ROLES)
def test_the_interface_document_is_current(role: str) -> None:
    text = (documents.BOARDS / role / "INTERFACE.md").read_text()
    assert text == documents.render(role), "run: dragonet generate all"


@pytest.mark.parametrize("role", ROLES)
def test_the_hash_is_the_crc_of_the_canonical_text(role: str) -> None:
    one = tables.dictionaries()[role]
    assert one.hash == zlib.crc32("\n".join(one.lines()).encode())


@pytest.mark.parametrize("role", ROLES)
def test_dictionaries_are_sound(role: str) -> None:
    assert list(tables.troubles(tables.dictionaries()[role])) == []


@pytest.mark.parametrize(
    ("place", "line", "says"),
    [
        (0, ("Bad", "u8", "", 1, 0, 1, 0, False, ""), "parameter Bad: name"),
        (0, ("rate", "u8", "", 1, 0, 300, 0, False, ""), "300 does not hold, or is no u8"),
        (0, ("rate", "u8", "", 1, 5, 9, 4, False, ""), "5 <= 4 <= 9 does not hold"),
        (1, (300, "loud", 1, "", "", ""), "event 300 loud"),
        (1, (1, "loud", 4, "", "", ""), "event 1 loud"),
        (2, (256, "go", (), 0, ""), "command 256 go"),
        (2, (1, "go", (("far", "u8", "", 1, 0, 256),), 0, ""), "argument far: 0 to 256 is no range of u8"),
        (2, (1, "go", (("on", "bytes", "", 1, 0, 9), ("x", "u8", "", 1, 0, 1)), 0, ""), "on: bytes comes last"),
        (2, (1, "go", (("x", "float", "", 1, 0, 1),), 0, ""), "argument x: type"),
        (3, ("amps", 0, 1, 0, 0, 2, None), "limit of amps: no such value"),
        (3, ("volts", -1, None, 0, 0, 2, None), "-1 to None is no range of u16"),
        (3, ("volts", None, None, 0, 0, 2, None), "None to None"),
        (3, ("volts", 10, 20, 0, 6, 2, None), "hysteresis 6 leaves nothing"),
        (3, ("volts", 10, 20, 0, 1, 1, None), "persistence or severity"),
        (3, ("volts", 10, 20, 0, 1, 2, "nothing"), "'nothing' is no command with its arguments"),
        (3, ("volts", 10, 20, 0, 1, 2, ("nothing", 1)), "('nothing', 1) is no command with its arguments"),
    ],
)
def test_what_is_wrong_in_a_dictionary_is_named(place: int, line: tuple, says: str) -> None:
    parts = list(NONE)
    parts[place] = (line,)
    found = list(tables.troubles(Dictionary("eps", HK, *parts)))
    assert len(found) == 1
    assert says in found[0]


@pytest.mark.parametrize(
    ("place", "lines", "says"),
    [
        (0, [("rate", "u8", "", 1, 0, 1, 0, False, "")] * 2, "parameter rate stands twice"),
        (1, [(1, "loud", 1, "", "", ""), (1, "quiet", 1, "", "", "")], "event number 1 stands twice"),
        (1, [(1, "loud", 1, "", "", ""), (2, "loud", 1, "", "", "")], "event loud stands twice"),
        (2, [(1, "go", (), 0, ""), (1, "stop", (), 0, "")], "opcode 1 stands twice"),
        (2, [(1, "go", (), 0, ""), (2, "go", (), 0, "")], "command go stands twice"),
        (3, [("volts", 10, None, 0, 0, 2, None)] * 17, "17 limits, more than 16"),
    ],
)
def test_what_stands_twice_or_is_too_much_is_named(place: int, lines: list, says: str) -> None:
    parts = list(NONE)
    parts[place] = tuple(lines)
    assert any(says in one for one in tables.troubles(Dictionary("eps", HK, *parts)))


def test_the_hash_changes_with_everything_that_two_ends_must_agree_on() -> None:
    event, command = (1, "loud", 1, "a", "b", "text"), (1, "go", (("x", "u8", "", 1, 0, 9),), 0, "text")
    parameter, limit = ("rate", "u8", "s", 1, 0, 9, 5, False, "text"), ("volts", 10, 20, 5, 1, 2, None)
    base = ((parameter,), (event,), (command,), (limit,))
    seen = {Dictionary("eps", HK, *base).hash}
    for k, line in enumerate((parameter, event, command, limit)):
        for position in range(len(line) if k == 3 else len(line) - 1):  # the last one is the description
            other = list(line)
            value = other[position]
            if isinstance(value, tuple):
                other[position] = ()
            elif isinstance(value, str):
                other[position] = value + "x"
            else:
                other[position] = 77 if value is None else value + 1
            parts = list(base)
            parts[k] = (tuple(other),)
            seen.add(Dictionary("eps", HK, *parts).hash)
    assert len(seen) == 1 + 8 + 5 + 4 + 7


def test_every_format_is_written_where_it_is_wished(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["all", "--out", str(tmp_path / "new")])
    assert run.exit_code == 0, run.output
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == sorted(files.all_files())
    assert all(str(tmp_path / "new" / name) in run.output for name in names)


@pytest.mark.parametrize("format_", ["kaitai", "xtce", "dbc", "satyaml"])
def test_one_format_is_written_where_it_is_wished(tmp_path: Path, format_: str) -> None:
    assert CliRunner().invoke(app, [format_, "--out", str(tmp_path)]).exit_code == 0
    assert list(tmp_path.iterdir())


def test_a_name_that_is_none_and_a_folder_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--name"):
        satyaml.render("a: b", 437_365_000)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        files.save({"a": "b"}, tmp_path / "file")
