"""What boards tell, in words: values in their units against limits, events, lists of events and counts."""

import struct

import pytest

from dragonet.errors import NotDone
from dragonet.ground import telemetry

from core.dictionary import Dictionary  # isort: skip
from core.telemetry import Set  # isort: skip

HK = Set("eps", (("volts", "u16", "V", 0.001, "a voltage"), ("cold", "i16", "degC", 0.01, "a temperature")))
BOARD = Dictionary(
    "eps", HK,
    events=((4, "limit_warning", 2, "limit", "value", "out"), (7, "quiet", 0, "", "", "nothing")),
    limits=(("volts", 6500, 8400, 40, 100, 3, None), ("cold", -500, None, 0, 0, 2, None)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("data", "volts", "cold", "exceeded"),
    [
        ("1cf4fe0c", 7.412, -5, ["", ""]),
        ("1963fe0b", 6.499, -5.01, ["error", "warning"]),
        ("20d1", 8.401, None, ["error", ""]),
        ("ffff8000", None, None, ["", ""]),
    ],
)
def test_values_are_in_units_and_say_which_limit_they_exceed(data, volts, cold, exceeded) -> None:
    packed = bytes.fromhex(data.ljust(8, "_").replace("____", "8000"))
    found = telemetry.values(BOARD, 0, packed)
    assert [one.value for one in found] == [volts, cold]
    assert [one.exceeded for one in found] == exceeded


def test_a_set_of_another_size_is_of_another_firmware() -> None:
    with pytest.raises(NotDone, match="eps: set eps has 3 bytes, not 4"):
        telemetry.values(BOARD, 0, b"abc")


def test_events_are_told_in_words() -> None:
    found = telemetry.event(BOARD, struct.pack(">IIBBii", 9, 1000, 4, 7, 1, -501))
    assert (found["name"], found["severity"]) == ("limit_warning", "warning")
    assert found["shown"] == "limit=cold value=-501 raw"
    assert telemetry.event(BOARD, struct.pack(">IIBBii", 9, 1000, 7, 7, 0, 0))["shown"] == ""
    unknown = telemetry.event(BOARD, struct.pack(">IIBBii", 9, 1000, 200, 7, 3, 4))
    assert (unknown["name"], unknown["shown"]) == ("event 200", "a=3 b=4")
    with pytest.raises(ValueError, match="event of 17 bytes"):
        telemetry.event(BOARD, bytes(17))


def test_events_are_asked_for_until_the_newest_over_holes() -> None:
    def read(sequence: int) -> bytes:
        kept = [k for k in range(100) if k < 5 or k > 90]
        within = [k for k in kept if sequence <= k < sequence + 40][:3]
        following = within[-1] + 1 if len(within) == 3 else min(sequence + 40, 100)
        return struct.pack(">II", following, 100) + b"".join(struct.pack(">IIBBii", k, 0, 7, 0, 0, 0) for k in within)

    found = [one["sequence"] for one in telemetry.all_events(read, BOARD)]
    assert found == [0, 1, 2, 3, 4, *range(91, 100)]
    assert [one["sequence"] for one in telemetry.all_events(read, BOARD, 97)] == [97, 98, 99]


def test_an_answer_that_never_goes_on_ends_and_a_torn_one_is_refused() -> None:
    assert list(telemetry.all_events(lambda _: struct.pack(">II", 0, 5), BOARD)) == []
    with pytest.raises(NotDone):
        list(telemetry.all_events(lambda _: bytes(20), BOARD))
    with pytest.raises(NotDone):
        telemetry.counts(bytes(7), BOARD)


def test_counts_are_named() -> None:
    data = struct.pack(">HHHBHBHBH", 1, 2, 3, 4, 500, 7, 0, 99, 6)
    assert telemetry.counts(data, BOARD) == (
        {"limit_warning": 500, "quiet": 0, "99": 6}, {"dropped": 1, "unsent": 2, "unknown": 3},
    )  # fmt: skip
