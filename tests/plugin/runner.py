# Runs cases of one unittest file in this interpreter, CPython or MicroPython, and reports each as a line of JSON.
#
# usage: runner.py JOB.json    the job is written by twice.py: file, cases ("Class::test"),
# classes, report, first, last; trace and traced for tracer.py.
# Report lines: {"case", "status": start | pass | fail, "text"}, or {"status": "file", "text"} when none can run.
import io
import json
import sys

MICROPYTHON = sys.implementation.name == "micropython"


def traceback_of(error):
    if MICROPYTHON:
        text = io.StringIO()
        sys.print_exception(error, text)
        return text.getvalue()
    import traceback

    return "".join(traceback.format_exception(error))


class Report:
    def __init__(self, path):
        self._file = open(path, "w")

    def line(self, **fields):
        self._file.write(json.dumps(fields) + "\n")
        self._file.flush()


def run_case(case):
    """None, or the traceback of what went wrong in setUp, the test or tearDown."""
    if MICROPYTHON:
        import unittest

        error = unittest.run(case)
        return None if error is None else traceback_of(error)
    import unittest

    result = unittest.TestResult()
    case.run(result)
    troubles = [text for _, text in result.errors + result.failures]
    troubles += ["skipped (%s): tests here run or fail\n" % reason for _, reason in result.skipped]
    if result.expectedFailures or result.unexpectedSuccesses:
        troubles.append("expectedFailure: tests here run or fail\n")
    return "\n".join(troubles) or None


def test_classes(module, base):
    """Names of the module's classes that have cases."""
    for name in dir(module):
        thing = getattr(module, name)
        if isinstance(thing, type) and issubclass(thing, base):
            if any(method.startswith("test") for method in dir(thing)):
                yield name


def prepare(job):
    if MICROPYTHON:
        sys.path[:] = job["first"] + [".frozen"] + job["last"]
    else:
        sys.path[0:1] = job["first"]
        sys.path.extend(job["last"])
    import prepare_unit

    return prepare_unit


def main(job_path):
    with open(job_path) as file:
        job = json.load(file)
    report = Report(job["report"])
    tracer = None
    try:
        prepared = prepare(job)
        if "trace" in job:
            import tracer

            tracer.start(job["traced"])
        import unittest

        module = __import__(job["file"].rsplit("/", 1)[1][:-3])
        for name in test_classes(module, unittest.TestCase):
            if name not in job["classes"]:
                raise Exception("the cases of class %s cannot be counted: write it at this file's top level" % name)
    except BaseException as error:
        report.line(status="file", text=traceback_of(error))
        raise
    for case in job["cases"]:
        report.line(case=case, status="start")
        name, method = case.split("::")
        try:
            prepared.before_case()
            trouble = run_case(getattr(module, name)(method))
        except SystemExit as error:
            trouble = traceback_of(error)
        report.line(case=case, status="fail" if trouble else "pass", text=trouble or "")
        if tracer is not None:
            tracer.write(job["trace"])


main(sys.argv[1])
