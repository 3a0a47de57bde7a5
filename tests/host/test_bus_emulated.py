"""The bus on the emulated RP2040 with its MCP2515: a collection of garbage loses no frame."""

import sys
from pathlib import Path

from dragonet import paths

_RATE = 1_000  # frames a second; two of them fill the chip's buffers, and a collection takes 20 ms


def test_frames_arrive_whole_beside_ten_collections_a_second(tmp_path: Path) -> None:
    sys.path.append(str(paths.REPO / "tests" / "benchmarks"))
    try:
        import bus_emulated  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.pop()
    board = bus_emulated.flown(tmp_path)
    try:
        came, sent = bus_emulated.received(board, _RATE, collect=True)
    finally:
        board.repl.chip.close()
    assert came == sent
