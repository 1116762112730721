"""Memory that runs out, and that is not given back; see memory/."""

import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def run(script, *arguments, **options):
    return subprocess.run(
        [sys.executable, '-W', 'ignore', f'{HERE}/memory/{script}', *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=600,
        **options,
    )


class FailingAllocations(unittest.TestCase):
    """Each allocation of a scenario fails once. Whatever happens then, the process survives.

    A run can last although the loop does nothing wrong: a Task of CPython's forgets its next step
    if memory is short just then, and socket.accept() a connection. So the measure is asyncio's own
    loop, on which more runs last.
    """

    MARGIN = 3  # of runs: the two loops make different allocations

    def setUp(self):
        try:
            import _testcapi
        except ImportError:
            self.skipTest('this Python has no _testcapi')
        if not hasattr(_testcapi, 'set_nomemory'):
            self.skipTest('this _testcapi lets no allocation fail')

    def endless(self, loop, scenario, last):
        """Returns the number of runs that do not end within a second."""
        n, first = 0, 1
        while first <= last:
            done = run('failing.py', loop, scenario, str(first), str(last))
            lines = re.findall(r'^(\d+) (\w+)$', done.stdout, re.MULTILINE)
            n += sum(word == 'lasted' for _, word in lines)
            first = int(lines[-1][0]) + 1 if lines else first
            if done.returncode == 0:
                break
            self.assertIn('Timeout (', done.stderr, f'{loop}: run {first} of {scenario}')
            n += 1
            first += 1
        return n

    def check(self, scenario, last):
        asyncios = self.endless('asyncio:SelectorEventLoop', scenario, last)
        eddys = self.endless('eddyloop:new_event_loop', scenario, last)
        self.assertLessEqual(eddys, asyncios + self.MARGIN)

    def test_of_callbacks_and_timers(self):
        self.check('timers', 40)

    def test_of_datagrams(self):
        self.check('datagrams', 40)

    def test_of_pipes(self):
        self.check('pipes', 40)

    def test_of_streams(self):
        self.check('streams', 180)


class Leaks(unittest.TestCase):
    """Tests that are repeated take no more memory and descriptors."""

    def check(self, *modules):
        done = run('repeat.py', *modules)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertGreater(len(lines), 10)
        self.assertEqual([line for line in lines if not line.endswith(' ok')], [])

    def test_of_callbacks(self):
        self.check('test_callbacks', 'test_descriptors')

    def test_of_transports(self):
        self.check('test_transports')

    def test_of_datagrams_and_pipes(self):
        self.check('test_datagrams', 'test_pipes')

    def test_of_tls(self):
        self.check('test_tls.Tls')


if __name__ == '__main__':
    unittest.main()
