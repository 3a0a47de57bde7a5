"""A board's time, as it tells and takes it: firmware/core/time_sync.py. Epoch and leap rule: core/timescale.py."""

from __future__ import annotations

import struct
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dragonet import paths
from dragonet.errors import UserError
from dragonet.ground.commander import Commander

paths.use_firmware()

from core import ports, time_commands, timescale  # noqa: E402
from core.heard import NEVER  # noqa: E402

_ROLES = {address: role for role, address in ports.ADDRESSES.items()}


@dataclass(frozen=True)
class BoardTime:
    """What a board said. offset_s: its time less this computer's UTC, half the round trip (round_ms) taken each way.

    age_s: since its newest exchange or setting, None: never. ahead_ms: what it still slews away. exchange_*: with its
    master. drift_ppm: how much its oscillator is slow, as measured.
    """

    board: str
    seconds: int
    microseconds: int
    synchronised: bool
    master: str
    is_master: bool
    age_s: int | None
    ahead_ms: float
    drift_ppm: float
    exchange_offset_ms: float | None
    exchange_round_ms: float
    exchanges: int
    lost: int
    offset_s: float
    round_ms: float

    @property
    def utc(self) -> datetime:
        return utc_of(self.seconds) + timedelta(microseconds=self.microseconds)

    def to_json(self) -> dict[str, Any]:
        return {"utc": text_of(self.utc), **asdict(self)}


def get(one: Commander, tries: int = 4) -> BoardTime:
    """Ask so often; the answer with the shortest round trip counts. NotDone: no answer."""
    return min((_ask(one) for _ in range(tries)), key=lambda answer: answer.round_ms)


def _ask(one: Commander) -> BoardTime:
    began = time.time()
    data = one.call("time_get").data
    ended = time.time()
    s, us, flags, master, age_s, ahead_us, rate, round_us, offset_us, exchanges, lost = struct.unpack(
        time_commands.REPORT, data
    )
    now = s + timescale.UNIX + us / 1e6
    good, own = bool(flags & time_commands.SYNCHRONISED), bool(flags & time_commands.MASTER)
    return BoardTime(
        one.role, s, us, good, _ROLES.get(master, str(master)), own,
        None if age_s == NEVER else age_s, ahead_us / 1000, round(rate / timescale.RATE_PPM, 2),
        None if offset_us == time_commands.UNKNOWN else offset_us / 1000, round_us / 1000, exchanges, lost,
        round(now - (began + ended) / 2, 6), round((ended - began) * 1000, 3),
    )  # fmt: skip


def set_(one: Commander, to: datetime | None = None, restart: bool = False) -> float:
    """Set a board's time, to this computer's UTC unless `to` says otherwise; returns the correction in s.

    What the way takes is added: half the round trip. Refusal: more than a minute back, and not restart.
    """
    way_s = get(one).round_ms / 2000
    wanted = to.timestamp() if to is not None else time.time()
    since_2000 = wanted + way_s - timescale.UNIX
    if not 0 <= since_2000 <= 0xFFFFFFFF:
        raise UserError(f"{text_of(datetime.fromtimestamp(wanted, UTC))}: a board's time is from 2000 to 2136")
    seconds, microseconds = divmod(round(since_2000 * 1_000_000), 1_000_000)
    reply = one.call("time_set", seconds=seconds, microseconds=microseconds, restart=int(restart))
    s, us = struct.unpack(time_commands.CORRECTION, reply.data)
    return s + us / 1e6


def utc_of(seconds: int) -> datetime:
    """Board seconds as UTC."""
    return datetime.fromtimestamp(seconds + timescale.UNIX, UTC)


def seconds_of(utc: datetime) -> int:
    """UTC as board seconds. UserError: before 2000 or after 2136."""
    seconds = round(utc.timestamp()) - timescale.UNIX
    if not 0 <= seconds <= 0xFFFFFFFF:
        raise UserError(f"{text_of(utc)}: a board's time is from 2000 to 2136")
    return seconds


def parse_utc(text: str) -> datetime:
    """2026-11-21T12:00:00Z, with or without seconds and Z, or +SECONDS from now. UserError: anything else."""
    try:
        if text.startswith("+"):
            return datetime.now(UTC) + timedelta(seconds=float(text))
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UserError(f"time {text!r}: write UTC as 2026-11-21T12:00:00, or +SECONDS from now") from None


def text_of(utc: datetime) -> str:
    return utc.strftime("%Y-%m-%dT%H:%M:%S") + (f".{utc.microsecond:06d}" if utc.microsecond else "") + "Z"
