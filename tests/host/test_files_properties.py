"""Files through any order of blocks, losses, repetitions, resets and spoiled slots: what was told is kept, what has its
name is whole, and it can always be finished.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragonet import paths
from host import in_process

paths.use_firmware()
sys.path.extend([str(paths.VIRTUAL_BOARD), str(Path(__file__).parents[1] / "unit")])

from file_world import World, content, remove  # noqa: E402

from core import layout, upload  # noqa: E402

BLOCKS = 60  # more than the window
NEW, OLD = content(BLOCKS * upload.BLOCK - 77, 1), content(1000, 2)
COMPLETED, REFUSED, SLOT = 1, 2, 192

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("block"), st.integers(0, BLOCKS - 1)),
        st.tuples(st.just("run"), st.integers(0, BLOCKS - 1)),  # twenty blocks that follow each other
        st.tuples(st.just("reset"), st.just(0)),
        st.tuples(st.just("reset before work"), st.integers(0, BLOCKS - 1)),
        st.tuples(st.just("spoil"), st.integers(0, upload.WINDOW - 1)),
        st.tuples(st.just("close"), st.just(0)),
        st.tuples(st.just("transmit"), st.integers(0, 1)),
    ),
    max_size=40,
)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        in_process.lend(patch)
        try:
            yield World(None, str(folder))
        finally:
            remove(str(folder))



def here(found: tuple[int, int, int, int]) -> set[int]:
    """Blocks that a status (session, state, base, bits) says are here."""
    _, state, base, bits = found
    if state == upload.DONE:
        return set(range(BLOCKS))
    return set(range(base)) | {base + k for k in range(upload.WINDOW) if bits >> k & 1}


def close(one: World) -> None:
    """Done, or refused since blocks are missing: a spoiled block is found before it is in the file."""
    status = one.ask("file_close")[-1]
    assert status[0] in (COMPLETED, REFUSED), status


def on_flash(folder: Path) -> bytes:
    return (folder / "files" / "a").read_bytes()


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_what_was_told_is_kept_and_it_can_always_be_finished(tmp_path_factory, steps: list[tuple[str, int]]) -> None:
    folder = tmp_path_factory.mktemp("files")
    with world(folder) as one:
        assert one.put("a", OLD)[0] == COMPLETED
        known: set[int] = set()
        spoiled = False  # then only what is on flash is sure
        for what, value in steps:
            session = one.open("a", NEW)[0]
            if what in ("block", "run"):
                for index in range(value, min(BLOCKS, value + (20 if what == "run" else 1))):
                    one.send(session, index, NEW)
            elif what == "reset":
                one.boot()
            elif what == "reset before work":  # the block is in its slot, nothing was appended yet
                work, one.work = one.work, lambda: None
                one.send(session, value, NEW)
                one.work = work
                one.boot()
            elif what == "spoil":
                spoiled = True
                at = layout.region("window")[0] + value * SLOT + 20
                cell = bytearray(1)
                one.cells.read_into(at, cell)
                one.cells.write(at, bytes((cell[0] ^ 4,)))
            elif what == "transmit":
                one.board.transmitting = bool(value)
            elif what == "close":
                one.board.transmitting = False
                close(one)
            assert on_flash(folder) in (OLD, NEW)
            found = one.open("a", NEW)
            assert known <= here(found), (what, known - here(found))
            known = set(range(found[2])) if spoiled and found[1] != upload.DONE else here(found)
        one.board.transmitting = False
        for _ in range(6):
            found = one.open("a", NEW)
            if found[1] == upload.DONE:
                break
            for index in sorted(set(range(BLOCKS)) - here(found)):
                one.send(found[0], index, NEW)
            close(one)
        assert on_flash(folder) == NEW and one.open("a", NEW)[1] == upload.DONE
        assert one.get("a") == NEW
