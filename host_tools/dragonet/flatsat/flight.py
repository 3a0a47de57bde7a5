"""A flight: the boards, their bus, the satellite around them and the files that remain.

Everything is made in the constructor, so that bad input ends before a file is written; run() flies; stop() ends it;
outputs.write() tells what became of it.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from dragonet import micropython, paths
from dragonet.errors import UserError
from dragonet.flatsat import burn_wires, can_faults, costs, i2cbus
from dragonet.flatsat.board_files import board_module
from dragonet.flatsat.bus_log import BUS_NAMES, BusLog
from dragonet.flatsat.canbus import CanBus, connect_board
from dragonet.flatsat.carrier import Carrier
from dragonet.flatsat.clocks import Clock
from dragonet.flatsat.devices import records
from dragonet.flatsat.housekeeping import Housekeeping
from dragonet.flatsat.hub import Hub
from dragonet.flatsat.one_core import one_core
from dragonet.flatsat.pace import Pace
from dragonet.flatsat.physics.spacecraft import BURNS, Spacecraft
from dragonet.flatsat.rails import Rails
from dragonet.flatsat.scenario import Scenario
from dragonet.flatsat.scenario_sections import ROLES
from dragonet.flatsat.virtual_board import VirtualBoard
from dragonet.ground.keys import KeyFile, board_file

paths.use_firmware()

from core import ports  # noqa: E402

SECOND_US = 1_000_000
_HARD_RESET = 2  # machine.HARD_RESET
_DRIFT_S = 60  # clocks wander so often

OUTPUTS = (
    "summary.json", "telemetry.csv", "bus.pcapng", "beacon-cw.wav", "beacon-afsk1200.wav", "ships.json", "report.html",
)  # fmt: skip


class Flight:
    """scenario: what flies. out: the folder of its files. sentences(t0, t1, lat, lon, alt_km) -> AIS heard.

    emulate: roles whose board is an emulated RP2040 with the real image, the others are virtual.
    """

    def __init__(self, scenario: Scenario, seed: int, out: Path, sentences: Any, emulate: Iterable[str] = ()) -> None:
        micropython.find()
        self.scenario = scenario
        self.seed = seed
        self.out = out
        self.events: list[dict[str, Any]] = []
        self.spacecraft = Spacecraft(scenario, seed)
        self.passes = self.spacecraft.passes()
        self.hub = Hub()
        self.carrier = Carrier(self.hub, lambda: self.event("beacon", "first transmission"))
        self.sentences = sentences
        self.ais_sentences = 0
        self.wall_s = 0.0
        self.reports: dict[str, Callable[[], Any]] = {}  # further parts of the summary
        self.emulated = frozenset(emulate)
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
            "csp_version": self.scenario.can.csp_version,
        }
        # beside an MCP2515 all are: frames from a controller inside an MCU come faster than its driver takes them
        builtin = self.scenario.can.controller == "builtin" and not self.emulated
        pins = "pins_unix" if builtin else "pins_unix_mcp2515"
        self.boards: dict[str, VirtualBoard] = {}
        for role in ROLES:
            rate = Clock(random.Random(f"{self.seed}/{role} clock"), tuple(clock.offset_ppm), clock.drift_ppm_per_day)
            folder = self.out / "boards" / role
            if role in self.emulated:
                from dragonet.emulator.board import EmulatedBoard

                board = EmulatedBoard(self.hub, role, folder, self.seed, rate, config)
            else:
                board = VirtualBoard(self.hub, role, folder, self.seed, rate, config, pins)
                if self.emulated:
                    board.costs = costs.with_drivers()
            board.on_event = lambda text, role=role: self.event(role, text)
            board.world = self.spacecraft.channels(role)
            self.boards[role] = board
            self.hub.parties.append(board)
        self.boards["beacon"].handlers[records.RADIO] = self.carrier.record
        loads = {load[0]: load[1] for load in board_module("eps", "parts").LOADS}
        self.rails = Rails(self.hub, dict(self.boards), loads, self.event)
        self.burn_wires = burn_wires.wires_of(
            self.hub, self.boards, lambda role: board_module(role, "pins_unix"), self.event
        )
        self._ais_uart = int(board_module("sensor", "pins_unix").AIS_UART)
        self._join_load_switches()

    def provision(self, keys: list[KeyFile]) -> None:
        """Give every board these keys before it starts. UserError: two for one slot."""
        for role, board in self.boards.items():
            board.files["/keys.bin"] = board_file(keys, role)
            board.folder.chmod(0o700)  # its memories hold them

    def _join_load_switches(self) -> None:
        """The EPS's pins drive the rails."""
        switches = dict(zip(board_module("eps", "pins_unix").LOADS, self.rails.loads, strict=True))

        def pin(time_us: int, data: bytes) -> None:
            number = int.from_bytes(data[:2], "little")
            if number in switches:
                self.rails.switch(switches[number], data[2])

        self.boards["eps"].handlers[records.PIN] = pin

    def _make_bus(self) -> None:
        self.buses = {n: CanBus(self.hub, n, self.seed, self.scenario.can.error_rate) for n in range(len(BUS_NAMES))}
        for board in self.boards.values():
            connect_board(self.buses, board)
            board.on_off.append(lambda role=board.role: self._board_off(role))
        self.i2c = self._make_i2c()
        self.epoch_us = round(self.scenario.separation.timestamp() * SECOND_US)
        self.housekeeping = Housekeeping(self.out / "telemetry.csv", self.utc, self.spacecraft.truth)
        self.bus_log = BusLog(
            self.out, self.buses, self.epoch_us, self.housekeeping, self.i2c, self.scenario.can.csp_version
        )

    def _make_i2c(self) -> i2cbus.I2cBus | None:
        """The I2C wires between those boards that declare them."""
        joined = [role for role in ROLES if "i2c" in getattr(board_module(role, "parts"), "BUSES", ())]
        faults = [fault.do for fault in self.scenario.faults if fault.do in ("i2c_stuck", "i2c_free")]
        if not joined:
            if faults:
                raise UserError(f"fault {faults[0]}: no board has I2C to the others: BUSES in boards/<role>/parts.py")
            return None
        bus = i2cbus.I2cBus(self.hub)
        for role in joined:
            i2cbus.connect_board(bus, self.boards[role])
        return bus

    def _make_world(self) -> None:
        self.rails.bus_on = self.spacecraft.bus_on
        if not self.rails.bus_on:
            self.event("power", "no board starts: the battery's protection is open")
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

    def utc(self, t_s: float) -> str:
        """ISO 8601, of mission time."""
        when = self.scenario.separation + timedelta(seconds=t_s)
        return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _second(self) -> None:
        """The world moves on by a second, and each board's device models learn of it."""
        now_us = self.hub.now_us
        craft = self.spacecraft
        craft.powered.update(self.rails.powered())
        for name, wire in self.burn_wires.items():
            craft.burn[name] = wire.take_share()
        craft.transmit_w = self.scenario.spacecraft.transmit_w * self.carrier.take_share()
        craft.advance(now_us / SECOND_US)
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

    def _board_off(self, role: str) -> None:
        """Its outputs fall to their idle levels."""
        if role == "beacon":
            self.carrier.cut()
        for name, wire in self.burn_wires.items():
            if BURNS[name] == role:
                wire.released()

    def fault(self, role: str, action: str) -> None:
        """One fault of a scenario, now: one of scenario_sections.FAULTS to a board, or to all."""
        self.event(role, f"fault: {action}")
        for one in ROLES if role == "all" else (role,):
            self._fault(one, action)

    def _fault(self, role: str, action: str) -> None:
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
        elif action in can_faults.FAULTS:
            can_faults.apply(self.buses, role, action)
        elif action in ("i2c_stuck", "i2c_free") and self.i2c is not None:
            self.i2c.stick(role, action == "i2c_stuck")
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
        self.carrier.cut()
        for board in self.boards.values():
            board.power_off()
        self.bus_log.close()
