"""Runs each test of unittest modules several times, and tells which of them leak.

    repeat.py MODULE[.CLASS]…

Counts the blocks of Python's allocator, the bytes of malloc(), which has eddy's own memory, and the
open descriptors. A test leaks if one of these grows each time. Prints a line for each test:
"ok", or "leaks" with what has grown.
"""

import array
import contextvars
import ctypes
import gc
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

WARM_UP, TIMES = 4, 6


class Mallinfo2(ctypes.Structure):
    """struct mallinfo2"""

    names = 'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]


libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Mallinfo2


def measure(counts, i):
    gc.collect()
    gc.collect()
    sys._clear_type_cache()  # which remembers names of attributes
    info = libc.mallinfo2()
    counts[i] = sys.getallocatedblocks()
    counts[i + 1] = info.uordblks + info.hblkhd
    counts[i + 2] = len(os.listdir('/proc/self/fd'))


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def grown(test):
    """Runs a test; returns the kinds of memory that grow each time, with the growth."""
    kind, name = type(test), test._testMethodName
    kinds = 'blocks', 'bytes of malloc', 'descriptors'
    counts = array.array('q', bytes(8 * len(kinds) * (TIMES + 1)))  # takes no memory later
    for n in range(WARM_UP + TIMES + 1):
        result = unittest.TestResult()
        contextvars.copy_context().run(kind(name).run, result)  # variables that are set
        if not result.wasSuccessful():
            return []  # it is for others to tell that a test fails
        del result
        if n >= WARM_UP:
            measure(counts, len(kinds) * (n - WARM_UP))
    columns = [counts[i :: len(kinds)] for i in range(len(kinds))]
    deltas = [[b - a for a, b in zip(column, column[1:])] for column in columns]
    return [f'{kind}: {d}' for kind, d in zip(kinds, deltas) if min(d) > 0]


def main():
    for tests in sys.argv[1:]:
        suite = unittest.defaultTestLoader.loadTestsFromName(tests)
        module = tests.partition('.')[0]
        sys.modules[module].__dict__.get('setUpModule', int)()
        for test in tests_of(suite):
            what = grown(test)
            name = f'{module}.{test._testMethodName.removeprefix("test_")}'
            print(f'{name} leaks {"; ".join(what)}' if what else f'{name} ok', flush=True)
        sys.modules[module].__dict__.get('tearDownModule', int)()


if __name__ == '__main__':
    main()
