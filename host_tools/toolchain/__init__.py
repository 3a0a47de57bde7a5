"""`make toolchain`: MicroPython for tests and boards, built from Debian's packages into build/toolchain."""
