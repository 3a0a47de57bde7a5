# Runs in MicroPython on a virtual beacon board: flight encoder and driver send one message, the radio chip's records
# go to standard output, a line of JSON each. Task: a line of JSON on standard input:
#   {"mode": "cw" | "afsk1200", "callsign", "info": hex, "frequency_hz", "paths": [folders for sys.path]}
# Answer: {"kind": "radio", "us", "hex"} ..., then {"kind": "done", ...}, or {"kind": "refused", "why"}.
import json
import sys

task = json.loads(sys.stdin.readline())
sys.path[:] = [task["paths"][0], ".frozen"] + task["paths"][1:]

import twin  # noqa: E402
from twin import ioqueue  # noqa: E402

sys.modules["pins"] = __import__("pins_unix")
import parts  # noqa: E402
import pins  # noqa: E402

from dragonet.flatsat.devices import records, wiring_beacon, world  # noqa: E402

board = twin.bench([0.0] * len(world.CHANNELS["beacon"]), 0, "beacon")
ioqueue.install()
wiring_beacon.wire(board)

import asyncio  # noqa: E402

from beacon import ax25, radio, text  # noqa: E402


def say(**fields):
    print(json.dumps(fields))


def main():
    info = bytes(int(task["info"][i : i + 2], 16) for i in range(0, len(task["info"]), 2))
    transmitter = radio.Radio(parts, pins, task["frequency_hz"], parts.TX_POWER_MAX_DBM)
    transmitter.cw_limit_ms = 600_000  # any length that --info may have
    try:
        frame = ax25.Frame(text.DESTINATION, task["callsign"])
    except ValueError as error:
        say(kind="refused", why=str(error))
        return
    if len(info) > ax25.INFO_SIZE:
        say(kind="refused", why="information of %d bytes, at most %d" % (len(info), ax25.INFO_SIZE))
        return
    if task["mode"] == "cw":
        sent = text.cw_opening(task["callsign"]) + info
        good = asyncio.run(transmitter.send_cw(sent))
    else:
        frame.info[: len(info)] = info
        frame.close(len(info))
        sent = bytes(frame.buffer[: frame.size])
        good = asyncio.run(transmitter.send_frames([frame]))
    for us, kind, data in board.emitted:
        if kind == records.RADIO:
            say(kind="radio", us=us, hex="".join("%02x" % byte for byte in data))
    say(
        kind="done",
        good=good,
        sent="".join("%02x" % byte for byte in sent),
        implementation=[sys.implementation[0], ".".join(str(part) for part in sys.implementation[1][:3])],
    )


main()
