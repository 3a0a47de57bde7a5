"""Instruments of a bench against pyvisa-sim: what is set is read back, and what an instrument refuses is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dragonet.bench import benchfile, instruments, tables
from dragonet.errors import UserError

SIMULATION = f"{Path(__file__).with_name('bench_instruments.yaml')}@sim"


@pytest.fixture
def supply() -> Iterator[instruments.Supply]:
    one = instruments.Supply(tables.Supply("TCPIP::supply::INSTR", SIMULATION))
    yield one
    one.close()


def test_a_supply_is_on_at_the_benchs_voltage_and_current_limit(supply: instruments.Supply) -> None:
    assert supply.name == "ACME,PS2005,0001,1.0"
    io = supply._io
    assert (io.number("VOLT?"), io.number("CURR?"), io.number("OUTP?")) == (7.8, 2.0, 1)
    supply.set(6.62)
    assert io.number("VOLT?") == 6.62
    supply.switch(False)
    assert io.number("OUTP?") == 0
    assert supply.measure() == (7.799, 0.212)


def test_what_an_instrument_refuses_is_told_with_its_own_words(supply: instruments.Supply) -> None:
    with pytest.raises(UserError, match=r'VOLT 25\.0000: the instrument says -222,"Data out of range"'):
        supply.set(25.0)
    with pytest.raises(UserError, match="no answer to FETC"):
        supply._io.ask("FETC:NONSENSE?")


def test_an_output_that_stays_off_is_an_error() -> None:
    with pytest.raises(UserError, match="its output stays off: is it locked, or tripped"):
        instruments.Supply(tables.Supply("TCPIP::stubborn::INSTR", SIMULATION))


def test_a_setting_that_did_not_take_is_an_error() -> None:
    with pytest.raises(UserError, match=r"VOLT 7\.8000 became 5: out of its range"):
        instruments.Supply(tables.Supply("TCPIP::narrow::INSTR", SIMULATION))


@pytest.mark.filterwarnings("ignore:read string doesn't end")
def test_nobody_at_an_address_is_one_clear_line() -> None:
    with pytest.raises(UserError, match=r"nobody answers \*IDN\?: is this its address, and is it on\?"):
        instruments.Instrument("TCPIP::nobody::INSTR", SIMULATION)


def test_a_solar_array_follows_the_light() -> None:
    array = instruments.Array(tables.Array("TCPIP::array::INSTR", SIMULATION))
    io = array._io
    assert [io.number(f"{name}?") for name in ("CURR:SAS:ISC", "CURR:SAS:IMP", "VOLT:SAS:VOC", "VOLT:SAS:VMP")] == [
        0.5, 0.47, 5.4, 4.8,
    ]  # fmt: skip
    array.light(0.5)
    assert (io.number("CURR:SAS:ISC?"), io.number("OUTP?")) == (0.25, 1)
    array.light(0.0)
    assert io.number("OUTP?") == 0
    with pytest.raises(UserError, match="0 to 1"):
        array.light(1.5)
    assert array.measure() == (4.79, 0.201)
    array.close()


def test_the_bench_file_names_its_instruments(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(
        f'[boards.eps]\nreach = "/dev/ttyACM0"\n[supply]\nresource = "TCPIP::supply::INSTR"\n'
        f'backend = "{SIMULATION}"\nvolts = 7.4\n'
    )
    found = tables.of(benchfile.load(path))
    with instruments.opened(found) as (supply, array):
        assert array is None and supply is not None
        assert supply._io.number("VOLT?") == 7.4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[suply]\n", r"\[suply\]: no such table \(did you mean 'supply'\?\)"),
        ("[supply]\nvolt = 3\n", r"supply\.volt: unknown key \(did you mean 'volts'\?\)"),
        ("[supply]\n", "supply: resource is missing"),
        ('[supply]\nresource = "x"\nvolts = 900\n', r"supply\.volts: must be a number from 0 to 60 V, not 900"),
        ("[checks]\npings = 0\n", r"checks\.pings: must be a whole number from 1 to 100000"),
    ],
)
def test_a_wrong_table_says_which_key_and_what_is_allowed(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text('[boards.eps]\nreach = "/dev/ttyACM0"\n' + text)
    with pytest.raises(UserError, match=says):
        tables.of(benchfile.load(path))
