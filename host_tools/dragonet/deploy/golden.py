"""What names a golden app: the modules that are frozen beside the guard, and that a slot may replace.

boards/rp2/manifest.py runs this file while MicroPython is built: nothing but the standard library here.
"""

import hashlib

FIXED = ("boot.py", "guard.py", "main.py", "pins.py")  # frozen too, and never in a slot
ID_BYTES = 8


def hashes(sources):
    """{path of a module: its source} -> {path: SHA-256 in hexadecimal}, without those that no slot replaces."""
    return {name: hashlib.sha256(text).hexdigest() for name, text in sorted(sources.items()) if name not in FIXED}


def identity(modules):
    """ID_BYTES bytes of hashes(): an overlay stands on the golden app that has these."""
    listed = "".join(f"{name} {digest}\n" for name, digest in sorted(modules.items()))
    return hashlib.sha256(listed.encode()).digest()[:ID_BYTES]


def module(modules):
    """Source of the frozen module `golden`, by which a board knows its own."""
    return f"ID = {identity(modules)!r}\n"
