"""A flight: the boards, their bus, the satellite around them and the files that remain.

Everything is made in the constructor, so that bad input ends before a file is written; run() flies; finish() writes.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from dragonet import micropython, paths
from dragonet.errors import UserError
from dragonet.flatsat.canbus import CanBus, Frame, connect_board
from dragonet.flatsat.clocks import Clock
from dragonet.flatsat.devices import records
from dragonet.flatsat.housekeeping import Housekeeping
from dragonet.flatsat.hub import Hub
from dragonet.flatsat.pace import Pace
from dragonet.flatsat.pcapng import Capture
from dragonet.flatsat.physics.spacecraft import Spacecraft
from dragonet.flatsat.radio.receive import Receiver, Transmission
from dragonet.flatsat.rails import Rails
from dragonet.flatsat.scenario import ROLES, Scenario
from dragonet.flatsat.virtual_board import VirtualBoard
from dragonet.ground.bus_packets import BusPackets

paths.use_firmware()

from core import ports  # noqa: E402

SECOND_US = 1_000_000
_HARD_RESET = 2  # machine.HARD_RESET
_DRIFT_S = 60  # clocks wander so often

OUTPUTS = (
    "summary.json", "telemetry.csv", "bus.pcapng", "beacon-cw.wav", "beacon-afsk1200.wav", "ships.json", "report.html",
)  # fmt: skip
_BUS_NAMES = ("CAN A", "CAN B")


def board_module(role: str, name: str) -> ModuleType:
    """boards/<role>/<name>.py, loaded under a name of its own. pins files need the virtual board's `machine`."""
    path = paths.BOARDS / role / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"dragonet_{role}_{name}", path)
    if spec is None or spec.loader is None or not path.exists():
        raise UserError(f"{path} is missing: this checkout is not whole")
    if str(paths.VIRTUAL_BOARD) not in sys.path:
        sys.path.append(str(paths.VIRTUAL_BOARD))  # after CPython's own: only `machine` and `twin` are found there
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Flight:
    """scenario: what flies. out: the folder of its files. sentences(t0, t1, lat, lon, alt_km) -> AIS heard."""

    def __init__(self, scenario: Scenario, seed: int, out: Path, sentences: Any) -> None:
        micropython.find()
        self.scenario = scenario
        self.seed = seed
        self.out = out
        self.events: list[dict[str, Any]] = []
        self.receiver = Receiver(self._carrier_changed)
        self.spacecraft = Spacecraft(scenario, seed)
        self.passes = self.spacecraft.passes()
        self.hub = Hub()
        self.sentences = sentences
        self.ais_sentences = 0
        self._carrier_since_us: int | None = None
        self._on_air_us = 0  # within the current second
        self.first_rf_s: float | None = None
        self.deployments: dict[str, float] = {}
        self.wall_s = 0.0
        self.reports: dict[str, Callable[[], Any]] = {}  # further parts of the summary
        self._prepare_folder()
        self._make_boards()
        self._make_bus()
        self._make_world()

    # --- building ---

    def _prepare_folder(self) -> None:
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            for name in OUTPUTS:
                (self.out / name).unlink(missing_ok=True)
            shutil.rmtree(self.out / "boards", ignore_errors=True)
            (self.out / "boards").mkdir()
        except OSError as error:
            why = error.strerror
            raise UserError(f"{self.out}: cannot write there: {why}; name another folder with --out") from None

    def _make_boards(self) -> None:
        mission, clock = self.scenario.mission, self.scenario.clock
        config = {
            "callsign": mission.callsign,
            "satellite": mission.name,
            "country": mission.country,
            "frequency_hz": mission.frequency_hz,
            "tx_power_dbm": mission.tx_power_dbm,
            "battery_mah": round(self.scenario.spacecraft.battery_ah * 1000),
        }
        self.boards: dict[str, VirtualBoard] = {}
        for role in ROLES:
            rate = Clock(random.Random(f"{self.seed}/{role} clock"), tuple(clock.offset_ppm), clock.drift_ppm_per_day)
            board = VirtualBoard(self.hub, role, self.out / "boards" / role, self.seed, rate, config)
            board.on_event = lambda text, role=role: self.event(role, text)
            board.world = self.spacecraft.channels(role)
            self.boards[role] = board
            self.hub.parties.append(board)
        self.boards["beacon"].handlers[records.RADIO] = self._radio
        loads = {load[0]: load[1] for load in board_module("eps", "parts").LOADS}
        self.rails = Rails(self.hub, dict(self.boards), loads, self.event)
        self._pin_numbers()

    def _pin_numbers(self) -> None:
        """Join the pins that leave the boards to what they switch."""
        self._ais_uart = int(board_module("sensor", "pins_unix").AIS_UART)
        eps = board_module("eps", "pins_unix")
        switches = dict(zip(eps.LOADS, self.rails.loads, strict=True))
        self._burn_pins: dict[str, dict[int, int]] = {}
        self._burning_since: dict[str, int] = {}

        def eps_pin(time_us: int, data: bytes) -> None:
            number = int.from_bytes(data[:2], "little")
            if number in switches:
                self.rails.switch(switches[number], data[2])

        self.boards["eps"].handlers[records.PIN] = eps_pin
        for role, wire in (("beacon", "antenna"), ("sensor", "ais_antenna")):
            pins = board_module(role, "pins_unix")
            levels = {pins.ARM: 0, pins.FIRE: 0}
            self._burn_pins[wire] = levels

            def burn_pin(time_us: int, data: bytes, wire: str = wire, levels: dict[int, int] = levels) -> None:
                number = int.from_bytes(data[:2], "little")
                if number in levels:
                    levels[number] = data[2]
                    self._burn_changed(wire)

            self.boards[role].handlers[records.PIN] = burn_pin

    def _burn_changed(self, wire: str) -> None:
        hot = all(self._burn_pins[wire].values())
        if hot and wire not in self._burning_since:
            self._burning_since[wire] = self.hub.now_us
            self.event("beacon" if wire == "antenna" else "sensor", f"burn wire of {wire} on")
            self.deployments.setdefault(wire, self.hub.now_us / SECOND_US)
        elif not hot and wire in self._burning_since:
            self._burned_us(wire)
            del self._burning_since[wire]

    def _burned_us(self, wire: str) -> None:
        """Heating since the last look goes into this second's share."""
        spent = (self.hub.now_us - self._burning_since[wire]) / SECOND_US
        self._burning_since[wire] = self.hub.now_us
        self.spacecraft.burn[wire] = min(1.0, self.spacecraft.burn[wire] + spent)

    def _make_bus(self) -> None:
        self.buses = {n: CanBus(self.hub, n, self.seed, self.scenario.can.error_rate) for n in range(len(_BUS_NAMES))}
        for board in self.boards.values():
            connect_board(self.buses, board)
            off = board.on_off

            def all_off(board: VirtualBoard = board, off: Callable[[], None] = off) -> None:
                off()
                self._board_off(board.role)

            board.on_off = all_off
        epoch_us = round(self.scenario.separation.timestamp() * SECOND_US)
        self.epoch_us = epoch_us
        self.capture = Capture(self.out / "bus.pcapng", list(_BUS_NAMES), epoch_us)
        self.housekeeping = Housekeeping(self.out / "telemetry.csv", self._utc, self.spacecraft.truth)
        self.packets = BusPackets(self._packet)
        self._on_packet: list[Callable[[int, int, bytes, float], object]] = []
        for number, bus in self.buses.items():
            bus.listeners.append(lambda time_us, frame, number=number: self._frame(number, time_us, frame))

    def _frame(self, bus: int, time_us: int, frame: Frame) -> None:
        self.capture.frame(bus, time_us, frame)
        if frame.flags & 2 and not frame.flags & 1:
            self.packets.frame(time_us, frame.identifier, frame.data)

    def _packet(self, time_us: int, packet: Any, data: bytes) -> None:
        if packet.dport == ports.HK:
            self.housekeeping.packet(time_us, packet.src, data)
        for function in self._on_packet:
            function(packet.src, packet.dport, data, time_us / SECOND_US)

    def on_packet(self, function: Callable[[int, int, bytes, float], object]) -> None:
        """function(source, destination port, data, mission time s) for each whole packet on the bus."""
        self._on_packet.append(function)

    def _make_world(self) -> None:
        self.rails.bus_on = self.spacecraft.bus_on
        self.hub.every(SECOND_US, self._second, SECOND_US)
        self.hub.every(_DRIFT_S * SECOND_US, self._drift)
        for fault in self.scenario.faults:
            self.hub.at(fault.at_s * SECOND_US, lambda fault=fault: self.fault(fault.board, fault.do))
        self._hear_ships(0.0)

    # --- while it flies ---

    def run(
        self, progress: Callable[[Flight], None] | None = None, step_s: float = 60.0, pace: Pace | None = None
    ) -> None:
        """Fly all hours of the scenario, as fast as possible or at a pace.

        progress is called after each step of mission time, at a pace after each of its slices.
        """
        end_us = round(self.scenario.mission.hours * 3600 * SECOND_US)
        started = time.monotonic()
        self.rails.apply()
        with one_core():
            while self.hub.now_us < end_us:
                if pace is None:
                    self.hub.run(min(end_us, self.hub.now_us + round(step_s * SECOND_US)))
                else:
                    pace.step(self.hub, end_us)
                self.wall_s = time.monotonic() - started
                if progress is not None:
                    progress(self)

    @property
    def t_s(self) -> float:
        return self.hub.now_us / SECOND_US

    def _second(self) -> None:
        """The world moves on by a second, and each board's device models learn of it."""
        now_us = self.hub.now_us
        craft = self.spacecraft
        craft.powered.update(self.rails.powered())
        for wire in list(self._burning_since):
            self._burned_us(wire)
        if self._carrier_since_us is not None:
            self._on_air_us += now_us - self._carrier_since_us
            self._carrier_since_us = now_us
        craft.transmit_w = self.scenario.spacecraft.transmit_w * min(1.0, self._on_air_us / SECOND_US)
        self._on_air_us = 0
        craft.advance(now_us / SECOND_US)
        for wire in craft.burn:
            craft.burn[wire] = 0.0
        if craft.bus_on != self.rails.bus_on:
            self.rails.bus_on = craft.bus_on
            self.event("power", "bus back" if craft.bus_on else "bus lost: battery protection open")
            self.rails.apply()
        for role, board in self.boards.items():
            board.world = craft.channels(role)
            board.post_world()
        self._hear_ships(now_us / SECOND_US)

    def _hear_ships(self, t_s: float) -> None:
        """What the AIS receiver says in the coming second."""
        if not self.rails.powered().get("ais") or not self.boards["sensor"].running:
            return  # a recorded log stands still meanwhile
        heard = self.sentences(t_s, t_s + 1.0, *self.spacecraft.place())
        for at_s, sentence in heard:
            self.ais_sentences += 1
            data = bytes((self._ais_uart,)) + sentence
            self.boards["sensor"].post(round(at_s * SECOND_US), records.UART_RECEIVED, data)

    def _drift(self) -> None:
        for board in self.boards.values():
            board.clock.drift(self.hub.now_us, _DRIFT_S)

    def _radio(self, time_us: int, data: bytes) -> None:
        self.receiver.record(time_us, data)

    def _carrier_changed(self, transmission: Transmission, on: bool) -> None:
        """For the power it draws: the share of each second that the carrier is on."""
        if on:
            self._carrier_since_us = max(transmission.start_us, self.hub.now_us // SECOND_US * SECOND_US)
            if self.first_rf_s is None:
                self.first_rf_s = transmission.start_us / SECOND_US
                self.event("beacon", "first transmission")
        elif self._carrier_since_us is not None:
            self._on_air_us += max(0, transmission.stop_us - self._carrier_since_us)
            self._carrier_since_us = None

    def _board_off(self, role: str) -> None:
        """Its outputs fall to their idle levels."""
        if role == "beacon":
            self.receiver.power_off(self.hub.now_us)
        for wire, owner in (("antenna", "beacon"), ("ais_antenna", "sensor")):
            if owner == role:
                levels = self._burn_pins[wire]  # the same dict: the pins' handlers hold it
                levels.update(dict.fromkeys(levels, 0))
                self._burn_changed(wire)

    def fault(self, role: str, action: str) -> None:
        """One fault of a scenario, now: kill, reset, power_off, power_on, can_off, can_on."""
        self.event(role, f"fault: {action}")
        board = self.boards[role]
        if action == "kill":
            self.rails.dead.add(role)
            board.kill()
        elif action == "reset":
            if board.powered:
                board.reset(_HARD_RESET)
        elif action in ("power_off", "power_on"):
            (self.rails.cut.add if action == "power_off" else self.rails.cut.discard)(role)
            self.rails.apply()
        elif action in ("can_off", "can_on"):
            for bus in self.buses.values():
                bus.tear_off(role, action == "can_off")
        else:
            raise UserError(f"no fault named {action!r}")

    def mode(self) -> str:
        """The spacecraft's mode as the EPS last said it."""
        mode = self.housekeeping.newest["eps"].get("mode")
        return ports.MODES[int(mode)] if mode is not None and mode < len(ports.MODES) else "-"

    def event(self, source: str, text: str) -> None:
        self.events.append({"t_s": round(self.hub.now_us / SECOND_US, 6), "source": source, "event": text})

    # --- afterwards ---

    def stop(self) -> None:
        """End all processes and close the files."""
        self.receiver.power_off(self.hub.now_us)
        for board in self.boards.values():
            board.power_off()
        self.capture.close()
        self.housekeeping.close()

    def summary(self) -> dict[str, Any]:
        scenario = self.scenario
        boards = {
            role: {
                "pid": board.pid,
                "sys_implementation": board.implementation,
                "boots": board.boots,
                "resets": {str(cause): count for cause, count in board.resets.items()},
                "clock_ppm": board.clock.ppb / 1000,
            }
            for role, board in self.boards.items()
        }
        return {
            "scenario": scenario.source,
            "satellite": scenario.mission.name,
            "seed": self.seed,
            "separation_utc": self._utc(0.0),
            "flown_s": self.t_s,
            "wall_s": round(self.wall_s, 3),
            "speed": round(self.t_s / self.wall_s, 1) if self.wall_s else None,
            "boards": boards,
            "counts": self.counts(),
            "first_rf_s": self.first_rf_s,
            "burn_wire_first_on_s": self.deployments,
            "stations": [dataclasses.asdict(one) for one in scenario.stations],
            "passes": [dataclasses.asdict(one) for one in self.passes],
            "events": self.events,
            "notes": list(scenario.notes),
            **{name: report() for name, report in self.reports.items()},
        }

    def counts(self) -> dict[str, int]:
        return {
            "grants": self.hub.grants,
            "can_frames": sum(bus.frames for bus in self.buses.values()),
            "can_errors": sum(bus.errors for bus in self.buses.values()),
            "csp_packets": self.packets.packets,
            "csp_dropped": self.packets.dropped,
            "housekeeping": self.housekeeping.rows,
            "transmissions": len(self.receiver.done),
            "ais_sentences": self.ais_sentences,
        }

    def _utc(self, t_s: float) -> str:
        when = self.scenario.separation + timedelta(seconds=t_s)
        return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class one_core:
    """Hub and boards share one core while they fly: a round trip then costs 7 us in place of 67."""

    def __enter__(self) -> None:
        self._before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        if self._before:
            os.sched_setaffinity(0, {_quietest(self._before)})

    def __exit__(self, *_: object) -> None:
        if self._before:
            os.sched_setaffinity(0, self._before)


def _quietest(cores: set[int]) -> int:
    """The core that has idled most of late."""
    try:
        first = _idle_ticks()
        time.sleep(0.05)
        second = _idle_ticks()
    except OSError:
        return min(cores)
    return max(sorted(cores), key=lambda core: second.get(core, 0) - first.get(core, 0))


def _idle_ticks() -> dict[int, int]:
    idle: dict[int, int] = {}
    for line in Path("/proc/stat").read_text().splitlines():
        words = line.split()
        if words and words[0].startswith("cpu") and words[0][3:].isdigit():
            idle[int(words[0][3:])] = int(words[4])
    return idle
