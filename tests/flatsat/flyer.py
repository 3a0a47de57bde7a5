"""Flies one flight for a test in a process of its own:  flyer.py ORDER.json OUT

ORDER: scenario (a name or TOML text), hours, seed, and for a test's own ends:
  actions  [[mission time s, board, action]]: a fault of Flight.fault at any microsecond, or "kill -9" of its process
  overlay  {path below firmware/: text}: the boards run a copy of the flight code with these files in it
  boards   {path below boards/: text}: appended to these files of a copy of boards/
  micropython  what the boards run: a path, or 32 for the 32-bit port
  clocks   {board: ppm}: how much too fast its oscillator is, in place of what the seed says
  stamps   true: what boards emit as records of kind STAMP goes to stamps.json, [true time us, board, hex]
  emulate  roles whose board is an emulated RP2040
  powered_s  the boards have been in orbit so long, their antennas are deployed
  drivers  true: the MCP2515 drivers of virtual boards take their time, as they do beside an emulated board
  later_us {board: us}: its firmware begins so much later after power-on than the seed says
  frames   true: every CAN frame goes to frames.json: [true time us, bus, identifier, hex]
  sound    true: the AFSK transmissions go to bench.wav too, as a receiver on the same bench hears them
  stuck_s  wall time after which a board that does not answer is taken for hung
Leaves what `dragonet fly` leaves, and radio.json: every transmission, also outside the recorded pass.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from dragonet import micropython, paths

STAMP = 200  # kind of a record that only tests emit


def overlay(files: dict[str, str], folder: Path) -> None:
    """From here on the firmware is a copy with these files in it."""
    shutil.copytree(paths.FIRMWARE, folder / "firmware", ignore=shutil.ignore_patterns("__pycache__"))
    paths.FIRMWARE = folder / "firmware"
    for name, text in files.items():
        (paths.FIRMWARE / name).write_text(text)


def extend(boards: dict[str, str], folder: Path) -> None:
    """From here on the boards are copies with these lines at the end of their files."""
    shutil.copytree(paths.BOARDS, folder / "boards", ignore=shutil.ignore_patterns("__pycache__"))
    paths.BOARDS = folder / "boards"
    if not (folder / "firmware").exists():  # their packages name it
        (folder / "firmware").symlink_to(paths.FIRMWARE)
    for name, text in boards.items():
        with (paths.BOARDS / name).open("a") as file:
            file.write(text)


def fly(order: dict, out: Path) -> None:
    from dragonet.flatsat import costs, holds, outputs, scenario, virtual_board
    from dragonet.flatsat.flight import SECOND_US, Flight
    from dragonet.flatsat.radio.sound import write_bench_audio
    from dragonet.flatsat.ships import Fleet
    from dragonet.flatsat.ships_log import ShipsLog

    text = order["scenario"]
    what = scenario.loads(text) if "\n" in text else scenario.load(text)
    what = what.with_hours(order["hours"])
    virtual_board._STUCK_S = order.get("stuck_s", virtual_board._STUCK_S)
    flight = Flight(what, order["seed"], out, Fleet(order["seed"], what.ships.count).heard, order.get("emulate", ()))
    if "powered_s" in order:
        for board in flight.boards.values():
            holds.write(board.folder, order["powered_s"])
        flight.spacecraft.antenna_deployed = flight.spacecraft.ais_antenna_deployed = True
    ships = ShipsLog()
    flight.bus_log.on_packet(ships.packet)

    def act(role: str, action: str) -> None:
        if action != "kill -9":
            flight.fault(role, action)
        elif flight.boards[role].running:
            flight.event(role, "kill -9")
            os.kill(flight.boards[role].pid, signal.SIGKILL)

    if order.get("drivers"):
        for board in flight.boards.values():
            board.costs = costs.with_drivers()
    for role, later_us in order.get("later_us", {}).items():
        rng = flight.boards[role]._rng
        rng.randint = lambda least, most, draw=rng.randint, later_us=later_us: draw(least, most) + later_us
    frames: list[tuple[int, int, int, str]] = []
    if order.get("frames"):
        for number, bus in flight.buses.items():
            bus.listeners.append(
                lambda at_us, one, number=number: frames.append((at_us, number, one.identifier, one.data.hex()))
            )
    for role, ppm in order.get("clocks", {}).items():
        flight.boards[role].clock.ppb = round(ppm * 1000)
    stamps: list[tuple[int, str, str]] = []
    for role, board in flight.boards.items():
        board.handlers[STAMP] = lambda at_us, data, role=role: stamps.append((at_us, role, data.hex()))
    for at_s, role, action in order.get("actions", []):
        flight.hub.at(round(at_s * SECOND_US), lambda role=role, action=action: act(role, action))
    try:
        flight.run()
    finally:
        flight.stop()
    radio = [
        {
            "start_us": one.start_us,
            "stop_us": one.stop_us,
            "modulation": one.modulation,
            "whole": one.whole,
            "data": b"".join(data for _, data in one.runs).hex(),
        }
        for one in flight.carrier.sent
    ]
    outputs.write_json(out / "radio.json", radio)
    if order.get("frames"):
        outputs.write_json(out / "frames.json", frames)
    if order.get("sound"):
        afsk = [one for one in flight.carrier.sent if one.modulation == "FSK" and one.whole]
        write_bench_audio(afsk, out / "bench.wav", order["seed"])
    if order.get("stamps"):
        outputs.write_json(out / "stamps.json", stamps)
    outputs.write(flight, ships.to_json())


def main() -> None:
    order = json.loads(Path(sys.argv[1]).read_text())
    if "micropython" in order:
        micropython.use(order["micropython"])
    with tempfile.TemporaryDirectory() as folder:
        if "overlay" in order:
            overlay(order["overlay"], Path(folder))
        if "boards" in order:
            extend(order["boards"], Path(folder))
        fly(order, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
