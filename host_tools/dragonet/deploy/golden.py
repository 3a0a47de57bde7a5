"""What names a golden app: the modules that are frozen beside the guard, and that a slot may replace.

boards/rp2/manifest.py runs this file while MicroPython is built: nothing but the standard library here.
"""

import hashlib
import os
import subprocess
import time

FIXED = ("boot.py", "guard.py", "main.py", "pins.py")  # frozen too, and never in a slot
ID_BYTES = 8


def hashes(sources):
    """{path of a module: its source} -> {path: SHA-256 in hexadecimal}, without those that no slot replaces."""
    return {name: hashlib.sha256(text).hexdigest() for name, text in sorted(sources.items()) if name not in FIXED}


def identity(modules):
    """ID_BYTES bytes of hashes(): an overlay stands on the golden app that has these."""
    listed = "".join(f"{name} {digest}\n" for name, digest in sorted(modules.items()))
    return hashlib.sha256(listed.encode()).digest()[:ID_BYTES]


def module(modules, when=("", "")):
    """Source of the frozen module `golden`, by which a board knows its own. when: built()."""
    return f"ID = {identity(modules)!r}\nBUILT = {tuple(when)!r}\n"


def built(folder):
    """(date, time), UTC, of the commit that a folder's checkout stands on: the same commit, the same image.

    SOURCE_DATE_EPOCH goes before it; ("", ""): neither is known.
    """
    said = os.environ.get("SOURCE_DATE_EPOCH", "")
    try:
        if not said:
            command = ["git", "-C", str(folder), "log", "-1", "--format=%ct"]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        then = time.gmtime(int(said))
        return time.strftime("%Y-%m-%d", then), time.strftime("%H:%M:%S", then)
    except (OSError, ValueError, OverflowError, subprocess.CalledProcessError):
        return "", ""
