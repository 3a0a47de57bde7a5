# The part of CPython's unittest that tests/unit uses, for MicroPython. There are no skips: a test runs or fails.


class TestCase:
    def __init__(self, method="runTest"):
        self.method = method

    def setUp(self):
        pass

    def tearDown(self):
        pass

    def fail(self, msg=None):
        raise AssertionError(msg or "failed")

    def _check(self, holds, msg, text, *values):
        if not holds:
            said = text % tuple(repr(value) for value in values)
            raise AssertionError("%s : %s" % (said, msg) if msg else said)

    def assertTrue(self, value, msg=None):
        self._check(value, msg, "%s is not true", value)

    def assertFalse(self, value, msg=None):
        self._check(not value, msg, "%s is not false", value)

    def assertEqual(self, first, second, msg=None):
        self._check(first == second, msg, "%s != %s", first, second)

    def assertNotEqual(self, first, second, msg=None):
        self._check(first != second, msg, "%s == %s", first, second)

    def assertIs(self, first, second, msg=None):
        self._check(first is second, msg, "%s is not %s", first, second)

    def assertIsNot(self, first, second, msg=None):
        self._check(first is not second, msg, "unexpectedly identical: %s", first)

    def assertIsNone(self, value, msg=None):
        self._check(value is None, msg, "%s is not None", value)

    def assertIsNotNone(self, value, msg=None):
        self._check(value is not None, msg, "unexpectedly None")

    def assertIn(self, member, container, msg=None):
        self._check(member in container, msg, "%s not found in %s", member, container)

    def assertNotIn(self, member, container, msg=None):
        self._check(member not in container, msg, "%s unexpectedly found in %s", member, container)

    def assertIsInstance(self, value, kind, msg=None):
        self._check(isinstance(value, kind), msg, "%s is not an instance of %s", value, kind)

    def assertLess(self, first, second, msg=None):
        self._check(first < second, msg, "%s not less than %s", first, second)

    def assertLessEqual(self, first, second, msg=None):
        self._check(first <= second, msg, "%s not less than or equal to %s", first, second)

    def assertGreater(self, first, second, msg=None):
        self._check(first > second, msg, "%s not greater than %s", first, second)

    def assertGreaterEqual(self, first, second, msg=None):
        self._check(first >= second, msg, "%s not greater than or equal to %s", first, second)

    def assertAlmostEqual(self, first, second, places=None, msg=None, delta=None):
        """Equal to `places` decimals (7 when neither is given), or within delta."""
        if first == second:
            return
        if delta is not None:
            if places is not None:
                raise TypeError("specify delta or places not both")
            self._check(abs(first - second) <= delta, msg, "%s != %s within %s delta", first, second, delta)
        else:
            places = 7 if places is None else places
            equal = round(abs(first - second), places) == 0
            self._check(equal, msg, "%s != %s within %s places", first, second, places)

    def assertRaises(self, expected, callable=None, *args, **kwargs):
        """With a callable, calls it; without, a context manager whose .exception is what was raised."""
        context = _Raises(expected)
        if callable is None:
            return context
        with context:
            callable(*args, **kwargs)


class _Raises:
    def __init__(self, expected):
        self._expected = expected
        self.exception = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is None:
            names = self._expected if isinstance(self._expected, tuple) else (self._expected,)
            raise AssertionError("%s not raised" % " or ".join(name.__name__ for name in names))
        if issubclass(kind, self._expected):
            self.exception = error
            return True
        return False


def run(case):
    """Run one case: None, or the exception that setUp, the test or tearDown raised first."""
    first = None
    try:
        case.setUp()
    except Exception as error:
        return error
    try:
        getattr(case, case.method)()
    except Exception as error:
        first = error
    try:
        case.tearDown()
    except Exception as error:
        first = first or error
    return first
