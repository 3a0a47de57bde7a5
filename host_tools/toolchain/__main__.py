"""python -m toolchain [32] [coverage] [rp2] [bench]: builds these parts, all of them when none is named."""

import sys
import time

from dragonet.errors import UserError
from dragonet.toolchain import PARTS
from toolchain import rp2, unix
from toolchain.build import lock
from toolchain.fetch import say

_BUILD = {"32": unix.micropython32, "coverage": unix.coverage, "rp2": rp2.images, "bench": rp2.bench_images}


def main(names: list[str]) -> int:
    start = time.monotonic()
    try:
        for name in names:
            if name not in PARTS:
                raise UserError(f"no part {name!r}: the parts are {', '.join(PARTS)}")
        with lock():
            for name in names or PARTS:
                _BUILD[name]()
    except UserError as error:
        print(f"dragonet: error: {error}", file=sys.stderr)
        return 2
    say(f"toolchain ready ({', '.join(names or PARTS)}) after {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
