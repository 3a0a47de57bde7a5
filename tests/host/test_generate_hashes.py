"""firmware/core/hashes.py is what the boards' dictionaries say."""

import zlib

import pytest

from dragonet.generate import hashes, tables


def test_hashes_are_current() -> None:
    assert hashes.PATH.read_text() == hashes.render(), "run: dragonet generate hashes"


@pytest.mark.parametrize("role", tables.dictionaries())
def test_the_hash_is_the_crc_of_the_canonical_text(role: str) -> None:
    one = tables.dictionaries()[role]
    assert one.hash == zlib.crc32("\n".join(one.lines()).encode())
