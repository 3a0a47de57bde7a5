"""Properties of the beacon's encoders, for any input: an independent ear reads back what was said."""


from hypothesis import given, settings
from hypothesis import strategies as st

from beacon import afsk, ax25, morse
from unit import beacon_ear as ear

calls = st.from_regex(r"[A-Z0-9]{1,6}(-([0-9]|1[0-5]))?", fullmatch=True)


def drain(source: "morse.Keyer | afsk.Modulator", blocks: list[int]) -> bytes:
    data = b""
    k = 0
    while True:
        buffer = bytearray(blocks[k % len(blocks)])
        k += 1
        made = source.fill(buffer)
        data += bytes(buffer[:made])
        if made < len(buffer):
            return data


@given(st.lists(st.binary(max_size=256), max_size=3), calls, st.lists(st.integers(1, 64), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_frames_read_back_whatever_the_blocks(infos: list[bytes], call: str, blocks: list[int]) -> None:
    frames = []
    for info in infos:
        frame = ax25.Frame("BEACON", call)
        frame.info[: len(info)] = info
        frame.close(len(info))
        frames.append(frame)
    data = drain(afsk.Modulator(ax25.Line(frames)), blocks)
    got = ear.good_frames(ear.afsk_levels(data)) if data else []
    assert [bytes(one[16:]) for one in got] == infos


@given(st.binary(max_size=300))
def test_the_check_sequence_leaves_the_standards_residue(data: bytes) -> None:
    check = ax25.fcs(data, len(data))
    assert check == ear.crc(data)
    whole = data + bytes((check & 0xFF, check >> 8))
    assert ax25.fcs(whole, len(whole)) ^ 0xFFFF == 0xF0B8


@given(st.text(alphabet="".join(ear.MORSE.values()) + "  ", max_size=60), st.sampled_from([6, 10, 12, 15, 18, 20, 30]))
def test_any_text_of_morse_reads_back(text: str, speed: int) -> None:
    keyer = morse.Keyer(speed)
    keyer.load(text.encode())
    assert ear.morse(drain(keyer, [32]), 180 // speed) == " ".join(text.split())


@given(st.binary(max_size=80))
def test_any_bytes_key_whole_dits_and_end(data: bytes) -> None:
    keyer = morse.Keyer(20)
    keyer.load(data)
    sent = drain(keyer, [32])
    assert len(sent) == morse.units(data) * 9
    for level, length in ear.runs_of(sent, 9):
        assert length in ((1, 3) if level else (1, 3, 7))
