"""How long `dragonet bench flash` takes: one board, six at a time, and boards that have it already.

    python tests/benchmarks/bench_flash.py [--json]

The boards are processes whose flash takes the time of an RP2040's; the image is the beacon's flight code.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dragonet.bench import benchfile, flash, processes, reach
from dragonet.bench.benchfile import Bench, Entry
from dragonet.deploy import image
from host import bench_world


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="dragonet-bench-"))
    code = bench_world.Code(folder / "code")
    made = image.build("beacon", "unix")

    def start(entry: Entry, where: Path) -> processes.UnixBoard:
        return processes.UnixBoard(entry, where, reach.own_uid(entry), True, code.twin, code.firmware)

    reach._start = start
    Bench.folder = property(lambda self: folder / self.name)

    def desk(name: str, boards: int) -> Bench:
        found = {f"beacon{k}": {"role": "beacon", "reach": "unix"} for k in range(boards)}
        return benchfile.parse({"name": name, "boards": found}, folder / "desk.toml")

    def timed(bench: Bench, **keys: object) -> tuple[float, list[flash.Result]]:
        begun = time.monotonic()
        results = flash.flash(bench, bench.boards, flash.Order(made, **keys))
        assert all(one.code == 0 for one in results), results
        return time.monotonic() - begun, results

    one, _ = timed(desk("one", 1), confirm=False)
    six_bench = desk("six", 6)
    six, results = timed(six_bench, trial_s=1.0)
    again, unchanged = timed(six_bench)
    figures = {
        "image_bytes": len(made.data), "one_s": round(one, 2), "six_with_trial_s": round(six, 2),
        "six_again_s": round(again, 2), "again_trips": unchanged[0].trips, "again_sent_bytes": unchanged[0].sent,
        "again": unchanged[0].done, "sent_bytes": results[0].sent,
    }
    fresh, _ = timed(desk("fresh", 6), confirm=False)
    figures["six_s"] = round(fresh, 2)
    figures["six_to_one"] = round(fresh / one, 2)
    if "--json" in sys.argv:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:>18}  {value}")


if __name__ == "__main__":
    main()
