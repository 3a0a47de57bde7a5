"""The map: land, ground track in sun and shadow, stations with their circles, ships heard. Plate carrée, inline SVG."""

from __future__ import annotations

import html
import math
from pathlib import Path

from dragonet.flatsat.report.chart import path
from dragonet.flatsat.report.log import Log

SCALE = 960 / 360  # pixels a degree
_LAND = Path(__file__).with_name("land.txt")
_EARTH_KM = 6371.0
_MOST_SHIPS = 4000


def land() -> list[list[tuple[float, float]]]:
    """Rings of (longitude, latitude), degrees."""
    rings: list[list[tuple[float, float]]] = []
    for line in _LAND.read_text().splitlines():
        if line and not line.startswith("#"):
            tenths = [int(word) / 10 for word in line.split(",")]
            rings.append(list(zip(tenths[::2], tenths[1::2], strict=True)))
    return rings


def xy(lon: float, lat: float) -> tuple[float, float]:
    """Pixels of a place."""
    return (lon + 180.0) * SCALE, (90.0 - lat) * SCALE


def circle(lat: float, lon: float, angle_deg: float) -> list[tuple[float, float]]:
    """(longitude, latitude) at an angle from a place, all around; longitude without jumps at 180."""
    out: list[tuple[float, float]] = []
    a, phi = math.radians(angle_deg), math.radians(lat)
    for n in range(91):
        bearing = math.radians(4 * n)
        sin = math.sin(phi) * math.cos(a) + math.cos(phi) * math.sin(a) * math.cos(bearing)
        east = math.atan2(math.sin(bearing) * math.sin(a) * math.cos(phi), math.cos(a) - math.sin(phi) * sin)
        out.append((lon + math.degrees(east), math.degrees(math.asin(max(-1.0, min(1.0, sin))))))
    return out


def sight_deg(altitude_km: float, mask_deg: float) -> float:
    """Angle at the Earth's centre between a station and a satellite at its mask."""
    mask = math.radians(mask_deg)
    return 90.0 - mask_deg - math.degrees(math.asin(_EARTH_KM * math.cos(mask) / (_EARTH_KM + altitude_km)))


def svg(log: Log) -> str:
    """The figure; it says so when a flight has no positions."""
    out = [
        '<svg viewBox="0 0 960 480" class="map" role="img" aria-label="Map">',
        '<rect class="sea" width="960" height="480"/>',
    ]
    rings = "".join(path([xy(*point) for point in ring]) + "Z" for ring in land())
    out.append(f'<path class="land" d="{rings}"/>')
    lines = "".join(f"M{lon * SCALE:.0f} 0V480" for lon in range(30, 360, 30))
    lines += "".join(f"M0 {lat * SCALE:.0f}H960" for lat in range(30, 180, 30))
    out.append(f'<path class="graticule" d="{lines}"/>')
    out += _track(log)
    ships, placed = _ships(log)
    out += ships
    out += _stations(log)
    out.append("</svg>")
    legend = (
        '<span class="key c1"><i></i>track in sun</span><span class="key c5"><i></i>in eclipse</span>'
        f'<span class="key ship"><i></i>{placed:,} ships heard</span>'
        '<span class="note">wheel or pinch to zoom, drag to move</span>'
    )
    caption = f"<figcaption><b>Where it flew, whom it heard</b>{legend}</figcaption>"
    return f'<figure class="worldmap">{caption}{"".join(out)}</figure>'


def _track(log: Log) -> list[str]:
    lat, lon = log.column("truth.lat_deg"), log.column("truth.lon_deg")
    if lat is None or lon is None:
        return []
    lit = log.column("truth.sunlit") or [1.0] * len(lat)
    out: list[str] = []
    for kind, wanted in (("track", True), ("track night", False)):
        points: list[tuple[float, float] | None] = []
        for n in range(1, len(lat)):
            if (lit[n] > 0.5) != wanted or abs(lon[n] - lon[n - 1]) > 180 or math.isnan(lat[n]):
                points.append(None)
                continue
            if not points or points[-1] is None:
                points.append(xy(lon[n - 1], lat[n - 1]))
            points.append(xy(lon[n], lat[n]))
        out.append(f'<path class="{kind}" d="{path(points)}"/>')
    return out


def _stations(log: Log) -> list[str]:
    altitudes = [value for value in log.columns.get("truth.alt_km", []) if not math.isnan(value)]
    out: list[str] = []
    for station in log.stations:
        x, y = xy(station.lon_deg, station.lat_deg)
        name = html.escape(station.name)
        if altitudes:
            edge = circle(
                station.lat_deg, station.lon_deg, sight_deg(sum(altitudes) / len(altitudes), station.mask_deg)
            )
            shape = path([xy(*point) for point in edge])
            out.append(f'<path class="sight" d="{shape}Z"><title>{name} hears it from here</title></path>')
        out.append(f'<circle class="station" cx="{x:.1f}" cy="{y:.1f}" r="3.2"><title>{name}</title></circle>')
        out.append(f'<text class="place" x="{x + 6:.1f}" y="{y + 3:.1f}">{name}</text>')
    return out


def _ships(log: Log) -> tuple[list[str], int]:
    out: list[str] = []
    for ship in log.ships:
        lat, lon = ship.get("lat"), ship.get("lon")
        if not isinstance(lat, (int, float)) or not isinstance(lon, (int, float)):
            continue
        x, y = xy(lon, lat)
        words = [str(ship.get("shipname") or ""), f"MMSI {ship.get('mmsi')}"]
        if isinstance(ship.get("speed"), (int, float)):
            words.append(f"{ship['speed']:.1f} kn")
        if ship.get("destination"):
            words.append(f"to {ship['destination']}")
        if ship.get("reports"):
            words.append(f"{ship['reports']} reports")
        title = html.escape(", ".join(word for word in words if word))
        kind = "ship b" if ship.get("class") == "B" else "ship"
        out.append(f'<circle class="{kind}" cx="{x:.2f}" cy="{y:.2f}" r="1.9"><title>{title}</title></circle>')
    return out[:_MOST_SHIPS], len(out)
