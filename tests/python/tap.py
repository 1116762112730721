#!/usr/bin/env python3
"""Runs unittest modules of this folder and prints a line for each test, as the tests in C do.

    tap.py LABEL MODULE…

"ok test_loop.a_timer_never_runs_early (LABEL)" or "not ok … - reason".
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


class Result(unittest.TestResult):
    """Prints as it goes, so that a crash leaves the results before it."""

    def __init__(self, label):
        super().__init__()
        self.label = label

    def say(self, word, test, rest=''):
        parts = test.id().split('.')
        name = f'{parts[0]}.{parts[-1].removeprefix("test_")}'
        print(f'{word} {name} ({self.label}){rest}', flush=True)

    def addSuccess(self, test):
        self.say('ok', test)

    def addSkip(self, test, reason):
        self.say('ok', test, f' # skip {reason}')

    def addFailure(self, test, error):
        super().addFailure(test, error)
        text = self._exc_info_to_string(error, test).strip()
        self.say('not ok', test, f' - {text.splitlines()[-1]}')
        print(''.join(f'# {line}\n' for line in text.splitlines()), end='', flush=True)

    addError = addFailure

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.addFailure(test, error)


def main():
    result = Result(sys.argv[1])
    unittest.defaultTestLoader.loadTestsFromNames(sys.argv[2:]).run(result)
    return 0 if result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main())
