"""What goes over the air: the beacon as receivers of others read it, and ships' AIS as the board counts it."""

import re
from pathlib import Path

import numpy as np
import pytest
from pyais import encode_dict

from dragonet.bench.measure import Check
from dragonet.flatsat.report import ear, png
from dragonet.flatsat.report.sound import spectrogram
from hil.rig import Rig
from interop.test_beacon_judges import atest, multimon_afsk, multimon_cw

FRAMES_A_BURST = 3  # beacon/text.py
AIS_S = 3.0  # until the board has read and counted what came
_SHOWN_S = 8.0


@pytest.mark.long
def test_the_beacon_is_decoded_by_others_receivers(rig: Rig, check: Check) -> None:
    """direwolf and multimon-ng read the frames, multimon-ng the Morse; the board counts as many as they read."""
    before = rig.told("beacon")
    sounds = rig.listen(rig.checks.listen_s)
    check.measure("transmission allowed", before["rf"].value, "", 2, 2, "beacon")
    after = rig.told("beacon")
    sent = (after["frames_sent"].value or 0) - (before["frames_sent"].value or 0)
    keyed = (after["cw_sent"].value or 0) - (before["cw_sent"].value or 0)
    check.measure("frames sent, as it counts", sent, "", FRAMES_A_BURST, None, "beacon")
    if "afsk" in sounds:
        frames = atest(sounds["afsk"])
        low, high = sent - FRAMES_A_BURST, sent + FRAMES_A_BURST  # a burst may be cut by the begin or the end
        check.measure("frames that direwolf reads", len(frames), "", low, high, "beacon")
        others = len(multimon_afsk(sounds["afsk"]))
        check.measure("frames that multimon-ng reads", others, "", len(frames), len(frames), "beacon")
        callsigns = {line.partition(">")[0] for line in frames}
        check.measure("call signs", ", ".join(sorted(callsigns)), board="beacon")
        kinds = {line.partition(":")[2].split()[2] for line in frames}
        check.measure("frames", " ".join(sorted(kinds)), board="beacon", wanted="ENVIRONMENT POWER STATUS")
        _picture(check, sounds["afsk"], frames[0] if frames else "nothing readable")
    if "cw" in sounds:
        text = multimon_cw(sounds["cw"])
        heard = re.findall(r"DE \S+ .*? \+", text)
        check.measure("Morse messages sent, as it counts", keyed, "", 1, None, "beacon")
        check.measure("Morse messages that multimon-ng reads", len(heard), "", keyed - 1, keyed + 1, "beacon")
        _picture(check, sounds["cw"], text)
    check.measure("transmissions that failed", after["tx_errors"].value, "", 0, 0, "beacon")
    check.measure("underruns", after["underruns"].value, "", 0, 0, "beacon")


def _picture(check: Check, wav: Path, text: str) -> None:
    samples, rate = ear.read(wav)
    loud = np.flatnonzero(np.abs(samples) > 0.1)
    start = max(0, int(loud[0]) - rate // 4) if len(loud) else 0
    part = samples[start : start + int(_SHOWN_S * rate)]
    if len(part) > rate:
        check.pictures.append((f"{wav.name}, 0 to 3 kHz: {text[:160]}", png.data_uri(spectrogram(part, rate))))


def test_ais_is_received_and_counted(rig: Rig, check: Check) -> None:
    """Sentences of every type that the board decodes, and broken ones: each is counted once, under what it is."""
    rig.ais([])
    before = rig.told("sensor")
    if (rig.value("eps", "loads_on") or 0) & 4 == 0:
        check.measure("AIS receiver has power", 0, "", 1, 1, "eps")
        return
    ships = [(kind, 574_100_000 + k) for k, kind in enumerate((1, 2, 3, 5, 18, 19, 24, 27) * 3)]
    sentences: list[bytes] = []
    for k, (kind, mmsi) in enumerate(ships):
        message = {"msg_type": kind, "mmsi": mmsi, "lat": 10.0 + k, "lon": 107.0, "shipname": f"BENCH {k}", "partno": 0}
        sentences += [f"{line}\r\n".encode() for line in encode_dict(message, sentence_type="VDM", seq_id=k % 10)]
    good = len(sentences)
    broken = sentences[0].replace(b"*", b"*0")[:-4] + b"00\r\n"
    rig.ais([*sentences, broken, b"!AIVDM,1,1,,A,~~~~,0*5A\r\n"])
    rig.wait(AIS_S)
    after = rig.told("sensor")

    def more(name: str) -> int:
        return (after[name].value or 0) - (before[name].value or 0)

    check.measure("good sentences", more("sentences"), "", good, good, "sensor")
    for kind in (1, 2, 3, 5, 18, 19, 24, 27):
        check.measure(f"messages of type {kind}", more(f"ais_{kind}"), "", 3, 3, "sensor")
    check.measure("ships in the table", more("ships"), "", len(ships), len(ships), "sensor")
    dropped = {name: more(name) for name in after if name.startswith("drop_")}
    check.measure("broken sentences dropped", sum(dropped.values()), "", 2, 2, "sensor")
    check.measure("bytes lost at the UART", more("uart_full"), "", 0, 0, "sensor")
