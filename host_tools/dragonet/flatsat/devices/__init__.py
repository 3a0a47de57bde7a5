# Register-level models of the parts on the boards. Plain Python that CPython and MicroPython both run:
# inside a virtual board's process, or in the hub for an emulated board. They import nothing but each other.
