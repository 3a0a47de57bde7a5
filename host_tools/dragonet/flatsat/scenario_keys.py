"""Keys of a scenario: how one is declared with its limits, and how a value is checked against them."""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from dragonet.errors import UserError


def setting(default: Any, unit: str, doc: str, lo: float = -math.inf, hi: float = math.inf, **more: Any) -> Any:
    """A field of a section: `lo`..`hi` hold for numbers and for each number of a list; `choices` for words."""
    meta = {"unit": unit, "doc": doc, "lo": lo, "hi": hi, **more}
    if isinstance(default, list):
        return field(default_factory=lambda: tuple(default), metadata=meta)
    return field(default=default, metadata=meta)


def check(value: Any, item: dataclasses.Field[Any], where: str, path: str) -> Any:
    """The value as the field wants it. UserError: file, key, what is allowed."""
    meta = item.metadata
    return _CHECKS[str(item.type)](
        value, meta, lambda wanted: UserError(f"{where}: {path}: must be {wanted}, not {_shown(value)}")
    )


Wrong = Callable[[str], UserError]


def _number(value: Any, meta: Mapping[str, Any], wrong: Wrong) -> float:
    allowed = _span(meta, "a number")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(allowed)
    if not meta["lo"] <= value <= meta["hi"]:
        raise wrong(allowed)
    return float(value)


def _whole(value: Any, meta: Mapping[str, Any], wrong: Wrong) -> int:
    allowed = _span(meta, "a whole number")
    if isinstance(value, bool) or not isinstance(value, int) or not meta["lo"] <= value <= meta["hi"]:
        raise wrong(allowed)
    return value


def _word(value: Any, meta: Mapping[str, Any], wrong: Wrong) -> str:
    choices, pattern = meta.get("choices"), meta.get("pattern")
    if choices and value not in choices:
        raise wrong("one of " + ", ".join(f'"{choice}"' for choice in choices))
    if not isinstance(value, str):
        raise wrong("a text in quotes")
    if pattern and not re.fullmatch(pattern, value):
        raise wrong(meta["form"])
    return value


def _number_or_word(value: Any, meta: Mapping[str, Any], wrong: Wrong) -> float | str:
    if value in meta["choices"]:
        return str(value)
    words = " or ".join(f'"{choice}"' for choice in meta["choices"])
    return _number(value, meta, lambda wanted: wrong(f"{wanted}, or {words}"))


def _truth(value: Any, meta: Mapping[str, Any], wrong: Wrong) -> bool:
    if not isinstance(value, bool):
        raise wrong("true or false")
    return value


def _numbers(value: Any, meta: Mapping[str, Any], wrong: Wrong) -> tuple[float, ...]:
    allowed = _span(meta, f"a list of {meta['length']} numbers, each")
    if not isinstance(value, list) or len(value) != meta["length"]:
        raise wrong(allowed)
    made = tuple(_number(one, meta, lambda wanted: wrong(allowed)) for one in value)
    if meta.get("rising") and list(made) != sorted(made):
        raise wrong("a list whose first number is not above its second")
    return made


def _when(value: Any, meta: Mapping[str, Any], wrong: Wrong) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise wrong("a date and time such as 2021-11-09T02:06:54Z") from None
    if not isinstance(value, datetime):
        raise wrong("a date and time such as 2021-11-09T02:06:54Z")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_CHECKS: dict[str, Callable[[Any, Mapping[str, Any], Wrong], Any]] = {
    "float": _number, "int": _whole, "str": _word, "float | str": _number_or_word, "bool": _truth,
    "tuple[float, ...]": _numbers, "datetime": _when,
}  # fmt: skip


def _span(meta: Mapping[str, Any], what: str) -> str:
    if meta["lo"] == -math.inf:
        return what
    unit = f" {meta['unit']}" if meta["unit"] else ""
    return f"{what} from {meta['lo']:.12g} to {meta['hi']:.12g}{unit}"


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 60 else text[:57] + "..."


def closest(word: str, known: Any) -> str:
    """' (did you mean ...?)', or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
