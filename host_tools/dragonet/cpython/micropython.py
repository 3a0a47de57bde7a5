"""MicroPython's module `micropython` for CPython: decorators do nothing, so flight code runs as plain Python."""

import builtins


def const(value):
    return value


def _plain(function):
    return function


native = viper = bytecode = _plain


def schedule(function, argument):
    """MicroPython runs it soon, between two bytecodes; here it runs at once."""
    function(argument)


_heap_locks = 0


def heap_lock():
    global _heap_locks
    _heap_locks += 1
    return _heap_locks


def heap_unlock():
    global _heap_locks
    _heap_locks -= 1
    return _heap_locks


def heap_locked():
    return _heap_locks


def opt_level(level=None):
    return 0 if level is None else None


def alloc_emergency_exception_buf(size):
    del size


def kbd_intr(character):
    del character


def mem_info(verbose=False):
    del verbose


def _viper_buffer(buffer):
    return buffer


def _viper_uint(value):
    return value & 0xFFFFFFFF


# Viper's types are names the compiler knows; plain Python meets them in annotations and casts.
for _name in ("ptr", "ptr8", "ptr16", "ptr32"):
    if not hasattr(builtins, _name):
        setattr(builtins, _name, _viper_buffer)
if not hasattr(builtins, "uint"):
    setattr(builtins, "uint", _viper_uint)
