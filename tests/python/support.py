"""What several tests of the Python package need."""

import asyncio
import contextlib
import gc
import os
import subprocess
import sys
import textwrap
import unittest

import eddyloop


class LoopTest(unittest.TestCase):
    """A test with a loop of its own, whose errors fail the test."""

    def setUp(self):
        self.loop = eddyloop.new_event_loop()
        self.addCleanup(self.loop.close)
        self.errors = []
        self.loop.set_exception_handler(lambda loop, context: self.errors.append(context))

    def run_once(self):
        """Runs one turn of the loop."""
        self.loop.stop()
        self.loop.run_forever()

    def run_for(self, seconds):
        self.loop.call_later(seconds, self.loop.stop)
        self.loop.run_forever()

    def run_until(self, condition):
        async def wait():
            while not condition():
                await asyncio.sleep(0.001)

        self.loop.run_until_complete(asyncio.wait_for(wait(), 20))


class Recorder(asyncio.Protocol):
    """A protocol that notes what it is called for."""

    def __init__(self):
        self.calls, self.data = [], b''

    def connection_made(self, transport):
        self.transport = transport
        self.calls.append('made')

    def data_received(self, data):
        self.data += data
        self.calls.append('data')

    def eof_received(self):
        self.calls.append('eof')

    def connection_lost(self, exc):
        self.exc = exc
        self.calls.append('lost')

    def pause_writing(self):
        self.calls.append('pause')

    def resume_writing(self):
        self.calls.append('resume')


@contextlib.contextmanager
def no_garbage_collection():
    """Keeps the garbage collector from running by itself."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def run_program(source, *options, timeout=60, **keywords):
    """Runs a Python program in a process of its own; returns the CompletedProcess."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    environment.update(keywords.pop('env', {}))
    return subprocess.run(
        [sys.executable, *options, '-c', textwrap.dedent(source)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=timeout,
        env=environment,
        **keywords,
    )


def nothing(*args):
    pass
