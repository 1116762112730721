#!/usr/bin/env python3
"""CPython's own test_asyncio, unchanged, with another event loop beneath it.

    cpython_suite.py [--loop MODULE:CLASS] [--expect FILE] [--only REGEX] [--jobs N]
                     [--timeout SECONDS] [-v]

--loop     the loop under test (eddyloop:Loop), or asyncio's own: asyncio:SelectorEventLoop
--expect   known failures, one a line: "module.Class.test reason"; one that passes is a failure too
--only     of "module.Class"
--timeout  of one test; a test that hangs is killed, and the rest of its class goes on

The names by which the tests and asyncio make loops are bound to a subclass of the loop under test;
no test file is touched. Each class of tests runs in a process of its own. A class with a failure is
run once more, alone, when all others are done: the tests are CPython's, and some depend on the
speed of the machine. The output says so.

The tests of asyncio's own selector and proactor loops on mocks are left out, and of classes that
repeat the same tests on other selectors all but one. For each test it is noted whether the loop
under test ran. The last lines are "on the loop: N ran, N passed" and "N passed, N failed, N
skipped".
"""

import argparse
import collections
import concurrent.futures
import importlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import unittest

# One selector or child watcher of several; on another loop they are the same.
REPEATED = {
    'test_events': {'PollEventLoopTests', 'SelectEventLoopTests'},
    'test_sendfile': {'PollEventLoopTests', 'SelectEventLoopTests'},
    'test_sock_lowlevel': {'PollEventLoopTests', 'SelectEventLoopTests'},
    'test_subprocess': {
        'SubprocessFastWatcherTests',
        'SubprocessSafeWatcherTests',
        'SubprocessPidfdWatcherTests',
        'SubprocessMultiLoopWatcherTests',
    },
}
ALL = None
# Unit tests of asyncio's own loops: there is no place for another one.
WHITE_BOX = {
    'test_proactor_events': ALL,
    'test_selector_events': ALL,
    'test_windows_events': ALL,
    'test_windows_utils': ALL,
    'test_base_events': {
        'BaseEventLoopTests',
        'BaseLoopSockSendfileTests',
        'TestSelectorUtils',
        'BaseEventTests',
    },
    'test_unix_events': {
        'SelectorEventLoopSignalTests',
        'SelectorEventLoopUnixSocketTests',
        'SelectorEventLoopUnixSockSendfileTests',
        'UnixReadPipeTransportTests',
        'UnixWritePipeTransportTests',
        'AbstractChildWatcherTests',
        'BaseChildWatcherTests',
        'FastChildWatcherTests',
        'SafeChildWatcherTests',
    },
    'test_sslproto': {'ProactorStartTLSTests'},
    'test_server': {'ProactorStartServerTests'},
    'test_buffered_proto': {'BufferedProtocolProactorTests'},
    'test_subprocess': {'GenericWatcherTests', 'MultiLoopChildWatcherTests'},
}


def is_left_out(module, name):
    classes = WHITE_BOX.get(module, set())
    return classes is ALL or name in classes or name in REPEATED.get(module, set())


def test_modules():
    import test.test_asyncio

    folder = os.path.dirname(test.test_asyncio.__file__)
    return sorted(f[:-3] for f in os.listdir(folder) if re.fullmatch(r'test_\w+\.py', f))


def list_classes():
    """Prints the classes of tests, as JSON; in a process of its own, since modules have effects."""
    found = []
    for module in test_modules():
        try:
            namespace = vars(importlib.import_module('test.test_asyncio.' + module))
        except unittest.SkipTest:
            continue
        for c in namespace.values():
            if isinstance(c, type) and issubclass(c, unittest.TestCase):
                if c.__module__ == namespace['__name__'] and names_of(c):
                    found.append((module, c.__name__))
    print(json.dumps(found))


def names_of(test_class):
    return unittest.defaultTestLoader.getTestCaseNames(test_class)


class Counts:
    """How many loops were made and run so far in this process."""

    made = ran = 0


def put_beneath(loop):
    """Binds what makes loops to a subclass of the loop under test that counts."""
    import asyncio
    import asyncio.unix_events as unix

    module, _, name = loop.partition(':')
    if module == 'eddyloop':
        importlib.import_module('eddyloop._streams').install()
    base = getattr(importlib.import_module(module), name)

    class Loop(base):
        def __init__(self, selector=None):
            Counts.made += 1
            super().__init__(*([selector] if base is asyncio.SelectorEventLoop else []))

        def run_forever(self):
            Counts.ran += 1
            return super().run_forever()

        def run_until_complete(self, future):
            Counts.ran += 1
            return super().run_until_complete(future)

    Loop.__name__ = base.__name__
    Loop.__qualname__ = base.__qualname__
    for place in (asyncio, unix):
        place.SelectorEventLoop = Loop
        if hasattr(place, 'EventLoop'):
            place.EventLoop = Loop
    for policy in ('_UnixDefaultEventLoopPolicy', '_DefaultEventLoopPolicy'):
        if hasattr(unix, policy):
            getattr(unix, policy)._loop_factory = Loop


class Result(unittest.TestResult):
    """Writes a line of JSON to a descriptor when a test begins, and when it ends."""

    def __init__(self, fd):
        super().__init__()
        self.fd = fd
        self.begun = False

    def say(self, **words):
        os.write(self.fd, (json.dumps(words) + '\n').encode())

    def startTest(self, test):
        super().startTest(test)
        self.begun, self.status, self.why = True, 'passed', ''
        self.ran = Counts.ran
        self.say(start=test._testMethodName)

    def stopTest(self, test):
        super().stopTest(test)
        self.say(
            test=test._testMethodName,
            status=self.status,
            why=self.why[-3000:],
            ran=Counts.ran > self.ran,
        )

    def failed(self, error):
        text = error if isinstance(error, str) else self._exc_info_to_string(error, self.case)
        self.status, self.why = 'failed', f'{self.why}\n{text}'.strip()

    case = unittest.TestCase()

    def addError(self, test, error):
        if not self.begun:  # in setUpClass
            self.say(test='setUpClass', status='failed', why=str(error[1]), ran=False)
        else:
            self.failed(error)

    def addFailure(self, test, error):
        self.failed(error)

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.failed(error)

    def addSkip(self, test, reason):
        self.status, self.why = 'skipped', reason

    def addExpectedFailure(self, test, error):
        pass

    def addUnexpectedSuccess(self, test):
        self.failed('unexpected success')


def run_here(options):
    """Runs the tests of one class in this process, except those that have run before."""
    import faulthandler

    from test import support

    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    put_beneath(options.loop)
    support.use_resources = []  # nothing outside of this machine
    module = importlib.import_module('test.test_asyncio.' + options.module)
    test_class = getattr(module, options.test_class)
    names = [n for n in names_of(test_class) if n not in options.skip.split(',')]
    result = Result(options.fd)
    unittest.TestSuite(test_class(n) for n in names).run(result)
    result.say(end=True)
    os._exit(0)


class Class:
    """One class of tests, in as many processes as it takes: one more for each that ends early."""

    def __init__(self, options, module, name):
        self.options, self.module, self.name = options, module, name
        self.results = {}

    def run(self):
        self.results = {}
        while not self.run_rest():
            pass
        return self

    def failures(self):
        return [r for r in self.results.values() if r['status'] in ('failed', 'hung', 'crashed')]

    def start(self, fd):
        command = [sys.executable, '-W', 'default', os.path.abspath(__file__)]
        command += ['--loop', self.options.loop, '--module', self.module]
        command += ['--test-class', self.name, '--fd', str(fd), '--skip', ','.join(self.results)]
        return subprocess.Popen(
            command,
            pass_fds=[fd],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def run_rest(self):
        """Runs the tests that have no result yet; returns whether all now have one."""
        read_end, write_end = os.pipe()
        with open(read_end, 'rb', buffering=0) as pipe:
            process = self.start(write_end)
            os.close(write_end)
            running, outcome = self.listen(pipe)
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        if outcome == 'end':
            return True
        name = running or 'import'
        why = f'{outcome}; exit status {process.returncode}'
        self.results[name] = dict(test=name, status=outcome, why=why, ran=True)
        return running is None

    def listen(self, pipe):
        """Takes the results; returns the test that was running at last, and how it all ended."""
        running, rest = None, b''
        while True:
            if not select.select([pipe], [], [], self.options.timeout)[0]:
                return running, 'hung'
            data = os.read(pipe.fileno(), 65536)
            if not data:
                return running, 'crashed'
            *lines, rest = (rest + data).split(b'\n')
            for message in map(json.loads, lines):
                if 'end' in message:
                    return None, 'end'
                running = message.get('start')
                if 'test' in message:
                    self.results[message['test']] = message


def read_expected(file):
    """Returns the reasons of known failures by the names of the tests."""
    if not file:
        return {}
    with open(file) as lines:
        pairs = [line.split(None, 1) for line in lines if line.strip() and line[0] != '#']
    return {name: reason.strip() for name, reason in pairs}


def run_all(options, listed):
    classes = [Class(options, *names) for names in listed]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for _ in pool.map(Class.run, classes):
            pass
    expected = read_expected(options.expect)
    for c in classes:
        unexpected = [f for f in c.failures() if full_name(c, f) not in expected]
        if unexpected:
            print(f'{c.module}.{c.name}: {len(unexpected)} failed; run once more, alone:')
            for failure in unexpected:
                print(f'    {failure["test"]}: {last_line(failure)}', flush=True)
            c.run()
    return classes, expected


def full_name(c, result):
    return f'{c.module}.{c.name}.{result["test"]}'


def last_line(result):
    return (result['why'].splitlines() or [''])[-1][:200]


def report(options, classes, expected):
    """Prints what failed and the numbers; returns the exit status."""
    count = collections.Counter()
    for c in classes:
        for result in c.results.values():
            name, status = full_name(c, result), result['status']
            if status == 'passed':
                status = 'passed, but was expected to fail' if name in expected else status
            elif status != 'skipped':
                status = 'expected' if name in expected else status
            count[status] += 1
            if result['ran']:
                count['ran'] += 1
                count['ran and passed'] += result['status'] == 'passed'
            if options.verbose or status not in ('passed', 'skipped', 'expected'):
                print(f'{status}: {name}: {result["why"] or "-"}')
    skipped = count['skipped'] + count['expected']
    passed, total = count['passed'], sum(len(c.results) for c in classes)
    print(f'on the loop: {count["ran"]} ran, {count["ran and passed"]} passed')
    print(f'{passed} passed, {total - passed - skipped} failed, {skipped} skipped')
    return int(passed == 0 or passed + skipped != total)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--loop', default='eddyloop:Loop')
    parser.add_argument('--expect')
    parser.add_argument('--only', default='')
    parser.add_argument('--jobs', type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument('--timeout', type=float, default=60)
    parser.add_argument('-v', '--verbose', action='store_true')
    parser.add_argument('--list', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('--module', help=argparse.SUPPRESS)
    parser.add_argument('--test-class', help=argparse.SUPPRESS)
    parser.add_argument('--fd', type=int, help=argparse.SUPPRESS)
    parser.add_argument('--skip', default='', help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.list:
        return list_classes()
    if options.module:
        return run_here(options)
    begun = time.monotonic()
    command = [sys.executable, os.path.abspath(__file__), '--list']
    listed = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    listed = [n for n in listed if not is_left_out(*n) and re.search(options.only, '.'.join(n))]
    status = report(options, *run_all(options, listed))
    print(f'# {time.monotonic() - begun:.0f} s, Python {sys.version.split()[0]}, {options.loop}')
    return status


if __name__ == '__main__':
    sys.exit(main())
