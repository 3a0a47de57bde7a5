"""The satellite in its world: one object the hub advances second by second.

Set between calls: `powered`, `transmit_w`, `burn`, `dipole_a_m2`, `rbf`, `sep1`, `sep2`, `safe`; they hold for the next
step.
Read after: `channels(role)`, `truth()`, `bus_on`. Same scenario, seed and inputs: the same numbers.
"""

from __future__ import annotations

import math
import random
from typing import cast

from dragonet.flatsat.devices.world import CHANNELS
from dragonet.flatsat.physics import panels, passes, sun, thermal
from dragonet.flatsat.physics.attitude import Attitude, Vector, cross
from dragonet.flatsat.physics.battery import Battery
from dragonet.flatsat.physics.environment import Environment
from dragonet.flatsat.physics.orbit import EARTH_MU
from dragonet.flatsat.scenario import Scenario
from dragonet.flatsat.scenario_sections import LOADS

# truth(): key, unit, meaning
TRUTH = (
    ("lat_deg", "deg", "geodetic latitude under the satellite"),
    ("lon_deg", "deg", "longitude, -180..180"),
    ("alt_km", "km", "height over WGS84"),
    ("sunlit", "0..1", "share of the sun's disc in sight"),
    ("soc", "0..1", "state of charge"),
    ("battery_v", "V", "pack voltage"),
    ("battery_a", "A", "pack current, positive: charging"),
    ("generation_w", "W", "from the converters into the bus"),
    ("available_w", "W", "what the converters could give, were it wanted"),
    ("consumption_w", "W", "all loads at the bus"),
    ("rate_x_deg_s", "deg/s", "body rate"),
    ("rate_y_deg_s", "deg/s", "body rate"),
    ("rate_z_deg_s", "deg/s", "body rate"),
    ("field_x_ut", "uT", "field in body axes"),
    ("field_y_ut", "uT", "field in body axes"),
    ("field_z_ut", "uT", "field in body axes"),
    ("sun_x", "", "unit vector to the sun in body axes"),
    ("sun_y", "", "unit vector to the sun in body axes"),
    ("sun_z", "", "unit vector to the sun in body axes"),
    ("q_w", "", "attitude quaternion body to TEME, scalar"),
    ("q_x", "", "attitude quaternion"),
    ("q_y", "", "attitude quaternion"),
    ("q_z", "", "attitude quaternion"),
    ("panel_xp_c", "°C", "temperature of the face +x"),
    ("panel_xm_c", "°C", "temperature of the face -x"),
    ("battery_c", "°C", "battery temperature"),
    ("board_c", "°C", "boards' temperature"),
    ("payload_c", "°C", "payload temperature"),
    ("pa_c", "°C", "power amplifier temperature"),
    ("elevation_deg", "deg", "over the first station"),
    ("range_km", "km", "to the first station"),
    ("range_rate_m_s", "m/s", "to the first station, positive: going away"),
    ("antenna", "0/1", "UHF antenna deployed"),
    ("ais_antenna", "0/1", "AIS antenna deployed"),
)
BURNS = {"antenna": "beacon", "ais_antenna": "sensor"}  # which board heats which wire
_WIRE_FORGETS_S = 4.0  # a wire that is off cools this fast (e-folding)
_BOARD_SHARE = 0.15  # of the radio's DC power, lost on the board rather than in the amplifier
_RF_SHARE = 0.30  # of the radio's DC power, that leaves by the antenna


class Spacecraft:
    """Mission time 0 is separation. Inputs start as a satellite just out of its pod: default loads on, radio silent.

    powered: "eps", "beacon", "sensor", "ais", "heater" -> on. Without `bus_on` nothing is, whatever it says.
    transmit_w: DC power of the radio, averaged over the step; scenario.spacecraft.transmit_w is its full value.
    burn: "antenna", "ais_antenna" -> share of the step, 0..1, that both pins heat the wire.
    dipole_a_m2: torquers, body axes. rbf, sep1, sep2: 1.0 inserted or pressed. safe: 0.0 a jumper pulls it low.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        body = scenario.spacecraft
        self.scenario = scenario
        self.t_s = 0.0
        self.powered = {"eps": True, "beacon": True, "sensor": True, "ais": False, "heater": False}
        self.transmit_w = 0.0
        self.burn: dict[str, float] = dict.fromkeys(BURNS, 0.0)
        self.dipole_a_m2: Vector = (0.0, 0.0, 0.0)
        self.rbf = self.sep1 = self.sep2 = 0.0
        self.safe = 1.0
        self.bus_on = True  # False: the battery's protection is open and every board is dead
        self.antenna_deployed = self.ais_antenna_deployed = False

        luck = random.Random(f"dragonet physics {seed}")
        self._environment = Environment(scenario)
        sigma = body.initial_rates_sigma_deg_s
        rates = [math.radians(mean + sigma * luck.gauss(0.0, 1.0)) for mean in body.initial_rates_deg_s]
        q = (luck.gauss(0.0, 1.0), luck.gauss(0.0, 1.0), luck.gauss(0.0, 1.0), luck.gauss(0.0, 1.0))
        self.attitude = Attitude(cast(Vector, body.inertia_kg_m2), q, cast(Vector, tuple(rates)))
        self._wires = {name: [0.0, body.burn_s * luck.uniform(0.8, 1.2)] for name in BURNS}  # heated s, needed s
        self.battery = Battery(body.battery_ah, body.initial_soc, body.battery_limit_v)
        self.thermal = thermal.Thermal(body.size, body.mass_kg, body.battery_ah, body.initial_temperature_c)
        self._cells = panels.CELLS[body.size]
        self._axes = [panels.Converter(cells, body.tracking_efficiency) for cells in self._cells]
        self._load_w = {name: float(getattr(body, f"{name}_w")) for name in LOADS}
        self._loads: dict[str, float] = dict.fromkeys(LOADS, 0.0)
        self._generation_w = self._available_w = self._consumption_w = 0.0
        self._view = thermal.view_table(self._environment.at(0)[0].radius_km[0] / 6371.0)
        self._frame()
        self._light()
        self._power(0.0)

    def advance(self, t_s: float) -> None:
        """To mission time `t_s`; backwards does nothing. Steps of 1 s, the last one shorter."""
        while self.t_s < t_s:
            seconds = min(1.0, t_s - self.t_s)
            self._turn(seconds)
            self.t_s += seconds
            self._frame()
            self._light()
            self._power(seconds)
            self._warm(seconds)
            self._burn(seconds)

    def channels(self, role: str) -> list[float]:
        """The world of one board, in the order of devices.world.CHANNELS."""
        switches = [self.rbf, self.sep1, self.sep2, self.safe]
        heat = self.thermal
        volts = self.battery.volts if self.bus_on else 0.0
        if role == "eps":
            x, y, z = self._axes
            out = [self.battery.volts, self.battery.amps, x.volts, x.amps, y.volts, y.amps, z.volts, z.amps]
            for name in LOADS:
                watts = self._loads[name]
                out += [volts, watts / volts] if watts > 0.0 and volts > 0.0 else [0.0, 0.0]
            return out + [heat.battery, heat.board, *switches]
        if role == "beacon":
            return [volts, heat.pa, float(self.antenna_deployed), *switches]
        if role == "sensor":
            rates = [math.degrees(rate) for rate in self.attitude.rates]
            return [
                heat.board, heat.faces[0], heat.faces[1], heat.payload,
                *self._field_ut, *rates, float(self.ais_antenna_deployed), *switches,
            ]  # fmt: skip
        raise KeyError(f"no board {role!r}: one of {', '.join(CHANNELS)}")

    def truth(self) -> dict[str, float]:
        """Everything worth a column, keys and units in TRUTH."""
        chunk, k = self._environment.at(self.t_s)
        heat, battery, att = self.thermal, self.battery, self.attitude
        elevation, distance, rate = chunk.looks[0]
        values = (
            chunk.lat_deg[k], chunk.lon_deg[k], chunk.alt_km[k], chunk.sunlit[k],
            battery.soc, battery.volts, battery.amps, self._generation_w, self._available_w, self._consumption_w,
            *(math.degrees(rate) for rate in att.rates), *self._field_ut, *self._sun, *att.q,
            heat.faces[0], heat.faces[1], heat.battery, heat.board, heat.payload, heat.pa,
            elevation[k], distance[k], rate[k], float(self.antenna_deployed), float(self.ais_antenna_deployed),
        )  # fmt: skip
        return {entry[0]: value for entry, value in zip(TRUTH, values, strict=True)}

    def place(self) -> tuple[float, float, float]:
        """Latitude and longitude in deg, altitude in km, now."""
        chunk, k = self._environment.at(self.t_s)
        return chunk.lat_deg[k], chunk.lon_deg[k], chunk.alt_km[k]

    def look(self, station: int = 0) -> tuple[float, float, float]:
        """Elevation deg, range km, range rate m/s now, of the scenario's station by number."""
        chunk, k = self._environment.at(self.t_s)
        elevation, distance, rate = chunk.looks[station]
        return elevation[k], distance[k], rate[k]

    def passes(self, hours: float | None = None, start_s: float = 0.0) -> list[passes.Pass]:
        """Passes of all stations from `start_s` to `hours` (default: the scenario's) after separation, by rise."""
        end = (self.scenario.mission.hours if hours is None else hours) * 3600.0
        found = [one for s in self.scenario.stations for one in passes.find(self._environment.orbit, s, start_s, end)]
        return sorted(found, key=lambda one: (one.rise_s, one.station))

    def _turn(self, seconds: float) -> None:
        """Attitude over one step, torques as at its start."""
        body, att = self.scenario.spacecraft, self.attitude
        chunk, k = self._environment.at(self.t_s)
        magnet, coils = body.magnet_a_m2, self.dipole_a_m2
        dipole = (magnet[0] + coils[0], magnet[1] + coils[1], magnet[2] + coils[2])
        bx, by, bz = self._field_ut
        tx, ty, tz = cross(dipole, (bx * 1e-6, by * 1e-6, bz * 1e-6))
        jx, jy, jz = att.inertia
        if body.gravity_gradient:
            x, y, z = self._down
            g = 3.0 * EARTH_MU / chunk.radius_km[k] ** 3
            tx += g * (jz - jy) * y * z
            ty += g * (jx - jz) * z * x
            tz += g * (jy - jx) * x * y
        if body.damping_hours > 0.0:
            # hysteresis and eddy currents take only what turns across the field: two thirds of it on average
            wx, wy, wz = att.rates
            along = (bx * wx + by * wy + bz * wz) / (bx * bx + by * by + bz * bz)
            rate = 1.5 / (body.damping_hours * 3600.0)
            tx -= jx * rate * (wx - along * bx)
            ty -= jy * rate * (wy - along * by)
            tz -= jz * rate * (wz - along * bz)
        att.kick((tx, ty, tz), seconds)
        att.turn(seconds)

    def _frame(self) -> None:
        """Sun, nadir and field in body axes."""
        chunk, k = self._environment.at(self.t_s)
        a, b, c, d, e, f, g, h, i = self.attitude.matrix()
        x, y, z = chunk.sun[k]
        self._sun = (a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z)
        x, y, z = chunk.down[k]
        self._down = (a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z)
        x, y, z = chunk.field_ut[k]
        self._field_ut = (a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z)

    def _light(self) -> None:
        """Irradiance on each face, W/m2, and what the converters could draw of it."""
        chunk, k = self._environment.at(self.t_s)
        shine = sun.CONSTANT_W_M2 * chunk.strength[k]
        direct = shine * chunk.sunlit[k]
        earth = shine * self.scenario.spacecraft.albedo * chunk.earth_lit[k]
        half, table = thermal.VIEW_STEPS / 2, self._view
        light: list[float] = []
        infrared: list[float] = []
        for s, n in zip(self._sun, self._down, strict=True):
            at = (n + 1.0) * half
            j = int(at)
            up = table[j] + (at - j) * (table[j + 1] - table[j])
            at = (1.0 - n) * half
            j = int(at)
            down = table[j] + (at - j) * (table[j + 1] - table[j])
            light.append(up * earth + (direct * s if s > 0.0 else 0.0))
            light.append(down * earth - (direct * s if s < 0.0 else 0.0))
            infrared.append(up * thermal.EARTH_IR_W_M2)
            infrared.append(down * thermal.EARTH_IR_W_M2)
        self._shine, self._infrared = light, infrared
        faces = self.thermal.faces
        best = 0.0
        for n, axis in enumerate(self._axes):
            p = 2 * n
            axis.light(light[p] / panels.REFERENCE_W_M2, light[p + 1] / panels.REFERENCE_W_M2, faces[p], faces[p + 1])
            best += axis.best_w
        self._best_w = best

    def _power(self, seconds: float) -> None:
        """Loads, converters, battery."""
        body, battery, powered, loads = self.scenario.spacecraft, self.battery, self.powered, self._loads
        total = 0.0
        if self.bus_on:
            for name, watts in self._load_w.items():
                loads[name] = watts if powered[name] else 0.0
            if powered["beacon"]:
                loads["beacon"] += self.transmit_w + self.burn["antenna"] * body.burn_w
            if powered["sensor"]:
                loads["sensor"] += self.burn["ais_antenna"] * body.burn_w
            total = body.eps_w * powered["eps"] + sum(loads.values())
        else:
            for name in loads:
                loads[name] = 0.0
        self._available_w = self._best_w * body.converter_efficiency
        wanted = total + battery.charge_limit_w(self.thermal.battery)
        made = min(self._available_w, wanted)
        share = made / self._available_w if self._available_w > 0.0 else 0.0
        for axis in self._axes:
            axis.draw(axis.best_w * share)
        self._generation_w, self._consumption_w = made, total
        battery.step(made - total, self.thermal.battery, seconds)
        self.bus_on = battery.connected

    def _warm(self, seconds: float) -> None:
        """Temperatures from light, radiation and what the electronics turn into heat."""
        loads, heat = self._loads, self.thermal
        taken: list[float] = []
        for n, axis in enumerate(self._axes):
            plus, minus = self._shine[2 * n], self._shine[2 * n + 1]
            watts = axis.volts * axis.amps
            part = plus / (plus + minus) if plus + minus > 0.0 else 0.0
            taken.append(watts * part)
            taken.append(watts * (1.0 - part))
        radio = self.transmit_w if loads["beacon"] > 0.0 else 0.0
        losses = self._generation_w * (1.0 / self.scenario.spacecraft.converter_efficiency - 1.0)
        board = self._consumption_w - loads["ais"] - loads["heater"] - radio + losses + _BOARD_SHARE * radio
        pa = (1.0 - _BOARD_SHARE - _RF_SHARE) * radio
        heat.step(
            self._shine, self._infrared, taken, loads["heater"] + self.battery.lost_w, board, loads["ais"], pa, seconds
        )

    def _burn(self, seconds: float) -> None:
        """Burn wires: heat adds up while both pins are on and fades while they are not."""
        for name, board in BURNS.items():
            wire, duty = self._wires[name], self.burn[name]
            if duty > 0.0 and self.bus_on and self.powered[board]:
                wire[0] += duty * seconds
                if wire[0] >= wire[1]:
                    if name == "antenna":
                        self.antenna_deployed = True
                    else:
                        self.ais_antenna_deployed = True
            elif wire[0] > 0.0:
                wire[0] *= math.exp(-seconds / _WIRE_FORGETS_S)
