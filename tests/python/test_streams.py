"""StreamReader and StreamWriter in C: what CPython's own test_streams does not look at.

That suite runs with them as well (cpython_suite.py).
"""

import asyncio
import collections.abc
import gc
import inspect
import random
import sys
import types
import unittest
import warnings
import weakref

from asyncio import streams
from unittest import mock

import eddyloop

from eddyloop import _streams
from support import LoopTest, run_program

asyncios_reader, asyncios_writer, _ = _streams._originals
NEWER = sys.version_info >= (3, 13)


class StreamTest(LoopTest):
    def setUp(self):
        super().setUp()
        self.reader = _streams.StreamReader(limit=16, loop=self.loop)

    def run_coroutine(self, coroutine):
        return self.loop.run_until_complete(asyncio.wait_for(coroutine, 30))

    async def connect(self, handler):
        """Returns a reader and a writer, connected with a server that calls handler for them."""

        async def handle(reader, writer):
            try:
                await handler(reader, writer)
            finally:
                writer.close()

        with in_place():
            server = await asyncio.start_server(handle, '127.0.0.1', 0)
            self.addCleanup(server.close)
            return await asyncio.open_connection(*server.sockets[0].getsockname())


def in_place():
    """The classes in the place of asyncio's, as after install()."""
    names = {c.__name__: c for c in (_streams.StreamReader, _streams.StreamWriter)}
    names['StreamReaderProtocol'] = _streams.StreamReaderProtocol
    return mock.patch.multiple(streams, **names)


class Transport:
    """A transport that notes whether it is paused."""

    paused = False

    def pause_reading(self):
        assert not self.paused
        self.paused = True

    def resume_reading(self):
        assert self.paused
        self.paused = False


class Course:
    """A random course of one reader: the words for all that can be seen of it."""

    def __init__(self, loop, make, seed):
        self.loop, self.random = loop, random.Random(seed)
        self.reader = make(limit=self.random.choice([1, 4, 20]), loop=loop)
        self.transport = Transport()
        self.words, self.tasks = [], []
        if self.random.random() < 0.8:
            self.reader.set_transport(self.transport)

    def method(self):
        """Returns a read of any kind."""
        r, n = self.reader, self.random.choice([-1, 0, 1, 2, 5, 30])
        separators = [b'\n', b'ab', b'aab', b'', b'\nb\n'] + [(b'ab', b'\n'), (b'',)] * NEWER
        return self.random.choice(
            [
                lambda: r.read(n),
                lambda: r.read(n=n),
                lambda: r.readexactly(n),
                lambda: r.readuntil(self.random.choice(separators)),
                lambda: r.readuntil(),
                lambda: r.readline(),
                lambda: r.__anext__(),
            ]
        )

    async def read(self, method):
        try:
            self.words.append(await method())
        except (Exception, asyncio.CancelledError) as error:
            self.note(error)

    def note(self, error):
        context = [type(e) for e in (error.__context__, error.__cause__)]
        self.words.append((type(error), error.args, vars(error), context))

    def feed(self):
        data = bytes(self.random.choice(b'aab\n') for _ in range(self.random.randrange(12)))
        data = self.random.choice([bytes, bytearray, memoryview, list])(data)
        try:
            self.reader.feed_data(data)
        except Exception as error:
            self.note(error)

    def set_exception(self, error):
        try:
            self.reader.set_exception(error)
        except TypeError:  # a future does not take None
            self.words.append('no exception')

    async def step(self):
        choice, r = self.random.random(), self.reader
        if choice < 0.4:
            self.feed()
        elif choice < 0.7:
            task = self.loop.create_task(self.read(self.method()))
            self.tasks.append(task)
            if self.random.random() < 0.2:
                await asyncio.sleep(0)
                task.cancel()
        elif choice < 0.72:
            r.feed_eof()
        elif choice < 0.74:
            self.set_exception(self.random.choice([OSError('lost'), None]))
        elif choice < 0.76:
            self.words.append(bytes(r._buffer))
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)
        info = [r._eof, r._paused, r._waiter is None, r.exception(), r.at_eof()]
        self.words.append(list(map(repr, [*info, self.transport.paused])))

    async def run(self):
        for _ in range(60):
            await self.step()
        for task in self.tasks:
            task.cancel()
        await asyncio.sleep(0)
        self.words.append(bytes(self.reader._buffer))
        return self.words


class ReaderTest(StreamTest):
    def test_random_courses_are_those_of_asyncios_reader(self):
        for seed in range(400):
            courses = [
                self.run_coroutine(Course(self.loop, make, seed).run())
                for make in (asyncios_reader, _streams.StreamReader)
            ]
            self.assertEqual(*courses, f'seed {seed}')

    def test_a_message_that_came_whole_is_read_without_a_copy(self):
        message = b'a message'
        self.reader.feed_data(message)
        self.assertIs(self.run_coroutine(self.reader.read(100)), message)

    def test_the_buffer_stays_the_one_that_the_program_has_seen(self):
        buffer = self.reader._buffer
        self.reader.feed_data(b'abc')
        self.assertEqual(buffer, b'abc')
        buffer.extend(b'd\nx')
        self.assertEqual(self.run_coroutine(self.reader.readline()), b'abcd\n')
        self.assertIs(self.reader._buffer, buffer)
        self.assertEqual(buffer, b'x')

    def test_a_buffer_of_the_programs_own_type_is_left_to_asyncios_code(self):
        class Buffer(bytearray):
            pass

        self.reader._buffer = Buffer(b'ab')
        self.reader.feed_data(b'cd')
        self.assertFalse(self.reader.at_eof())
        self.assertEqual(self.run_coroutine(self.reader.read(3)), b'abc')
        self.assertEqual(type(self.reader._buffer), Buffer)

    def test_a_subclass_overrides_what_asyncios_code_calls(self):
        class Upper(_streams.StreamReader):
            def feed_data(self, data):
                super().feed_data(data.upper())

            async def _wait_for_data(self, name):
                self.feed_data(b'waited')

        reader = Upper(loop=self.loop)
        self.assertEqual(self.run_coroutine(reader.read(100)), b'WAITED')

    def test_a_subclass_of_asyncios_reader_from_before_goes_with_the_writer(self):
        class Reader(asyncios_reader):
            pass

        _streams.install()
        self.addCleanup(setattr, asyncio, 'StreamReader', asyncios_reader)
        self.addCleanup(setattr, streams, 'StreamReader', asyncios_reader)
        transport = mock.Mock()
        for writer in (asyncios_writer, _streams.StreamWriter):
            for reader in (Reader(loop=self.loop), self.reader, None):
                made = writer(transport, mock.Mock(), reader, self.loop)
                self.assertIs(made._reader, reader)
            self.assertRaises(AssertionError, writer, transport, None, object(), self.loop)

    def test_limits_that_are_no_ints_are_kept(self):
        for limit in (float('inf'), 1 << 80, 2.0):
            reader = _streams.StreamReader(limit, self.loop)
            self.assertEqual(reader._limit, limit)
            reader.feed_data(b'a\n')
            self.assertEqual(self.run_coroutine(reader.readline()), b'a\n')
        for limit in (0, -1, -float('inf')):
            with self.assertRaisesRegex(ValueError, 'Limit cannot be <= 0'):
                _streams.StreamReader(limit, self.loop)

    def test_methods_look_like_asyncios(self):
        for name in ('read', 'readexactly', 'readuntil', 'readline', 'feed_data', 'at_eof'):
            method, original = getattr(self.reader, name), getattr(asyncios_reader, name)
            self.assertEqual(method.__name__, name)
            self.assertEqual(method.__qualname__, original.__qualname__)
            self.assertEqual(method.__doc__, original.__doc__)
            self.assertEqual(
                inspect.signature(getattr(_streams.StreamReader, name)),
                inspect.signature(original),
            )
            for check in (inspect.iscoroutinefunction, asyncio.iscoroutinefunction):
                self.assertEqual(check(method), check(original))

    def test_a_mock_of_the_class_has_awaitable_reads(self):
        reader = mock.create_autospec(_streams.StreamReader, instance=True)
        reader.readline.return_value = b'line'
        self.assertEqual(self.run_coroutine(reader.readline()), b'line')

    def test_wrong_arguments_raise_what_asyncios_methods_raise(self):
        for name, args, keywords in [
            ('readexactly', (), {}),
            ('readexactly', (1, 2), {}),
            ('read', (), {'size': 1}),
            ('readline', (1,), {}),
            ('feed_data', (), {}),
        ]:
            texts = []
            for reader in (self.reader, asyncios_reader(loop=self.loop)):
                with self.assertRaises(TypeError) as raised:
                    getattr(reader, name)(*args, **keywords)
                texts.append(str(raised.exception))
            self.assertEqual(*texts)

    def test_a_reader_is_collected_with_a_cycle_through_it(self):
        reader = _streams.StreamReader(loop=self.loop)
        reader.set_transport([reader])
        gone = weakref.ref(reader)
        del reader
        gc.collect()
        self.assertIsNone(gone())

    def test_debug_mode_has_asyncios_coroutines_and_tracebacks(self):
        self.loop.set_debug(True)
        reader = _streams.StreamReader(loop=self.loop)
        self.assertEqual(reader._source_traceback[-1].name, self._testMethodName)
        reader.feed_data(b'ab')
        coroutine = reader.read(1)
        self.assertTrue(inspect.iscoroutine(coroutine))
        self.assertEqual(self.run_coroutine(coroutine), b'a')


class CoroutineTest(StreamTest):
    def test_it_is_a_coroutine_for_asyncio(self):
        coroutine = self.reader.read(1)
        self.addCleanup(coroutine.close)
        self.assertTrue(asyncio.iscoroutine(coroutine))
        self.assertTrue(inspect.isawaitable(coroutine))
        self.assertTrue(inspect.iscoroutine(coroutine))
        self.assertIsInstance(coroutine, types.CoroutineType)
        self.assertIsInstance(coroutine, collections.abc.Coroutine)
        self.assertRegex(repr(coroutine), r'^<coroutine object StreamReader\.read at 0x')

    def test_its_state_is_that_of_a_coroutine(self):
        coroutine = self.reader.read(1)
        self.assertEqual((coroutine.cr_running, coroutine.cr_suspended), (False, False))
        task = self.loop.create_task(coroutine)
        self.run_once()
        self.assertEqual(inspect.getcoroutinestate(coroutine), inspect.CORO_SUSPENDED)
        self.assertIn('read', repr(task))
        self.reader.feed_data(b'a')
        self.assertEqual(self.run_coroutine(task), b'a')
        self.assertFalse(coroutine.cr_suspended)

    def test_nothing_happens_before_it_is_awaited(self):
        coroutine = self.reader.readexactly(2)
        self.assertIsNone(self.reader._waiter)
        self.reader.feed_data(b'abc')
        self.assertEqual(self.run_coroutine(coroutine), b'ab')

    def test_one_that_is_never_awaited_is_warned_of(self):
        message = r"coroutine 'StreamReader\.read' was never awaited"
        with self.assertWarnsRegex(RuntimeWarning, message):
            self.reader.read(1)
            gc.collect()

    def test_one_that_is_closed_is_not_warned_of(self):
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            self.reader.read(1).close()
            gc.collect()

    def test_it_can_be_awaited_once(self):
        self.reader.feed_data(b'abc')
        coroutine = self.reader.read(1)
        self.run_coroutine(coroutine)
        with self.assertRaisesRegex(RuntimeError, 'cannot reuse already awaited coroutine'):
            coroutine.send(None)
        with self.assertRaisesRegex(RuntimeError, 'cannot reuse already awaited coroutine'):
            coroutine.throw(OSError)

    def test_it_yields_the_future_and_returns_the_bytes(self):
        coroutine = self.reader.read(9)
        with self.assertRaisesRegex(TypeError, "can't send non-None value"):
            coroutine.send(1)
        future = coroutine.send(None)
        self.assertIs(future, self.reader._waiter)
        self.reader.feed_data(b'abc')
        with self.assertRaises(StopIteration) as raised:
            coroutine.send(None)
        self.assertEqual(raised.exception.value, b'abc')

    def test_an_exception_that_is_thrown_ends_the_wait(self):
        for wait in (False, True):
            coroutine = self.reader.read(9)
            if wait:
                coroutine.send(None)
            error = OSError('thrown')
            with self.assertRaises(OSError) as raised:
                coroutine.throw(error)
            self.assertIs(raised.exception, error)
            self.assertIsNone(self.reader._waiter)
        coroutine = self.reader.read(9)
        coroutine.send(None)
        self.assertRaises(ValueError, coroutine.throw, ValueError, 'text', None)
        self.assertRaises(TypeError, self.reader.read(9).throw, 'no exception')

    def test_a_wait_that_is_closed_or_dropped_lets_another_read(self):
        coroutine = self.reader.read(9)
        coroutine.send(None)
        coroutine.close()
        self.assertIsNone(self.reader._waiter)
        coroutine = self.reader.readline()
        coroutine.send(None)
        del coroutine
        gc.collect()
        self.assertIsNone(self.reader._waiter)

    def test_python_code_can_delegate_to_it(self):
        class Awaitable:
            def __await__(_):
                return (yield from self.reader.read(9).__await__())

        async def wait():
            return await Awaitable()

        self.loop.call_soon(self.reader.feed_data, b'abc')
        self.assertEqual(self.run_coroutine(wait()), b'abc')

    def test_the_tree_of_tasks_names_it(self):
        async def look():
            task = self.loop.create_task(self.reader.readline())
            await asyncio.sleep(0)
            tree = eddyloop.tasks.format_tree()
            task.cancel()
            return tree

        import eddyloop.tasks

        self.assertIn('StreamReader.readline', self.run_coroutine(look()))


class ConnectionTest(StreamTest):
    async def echo(self, reader, writer):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()

    def test_lines_and_blocks_go_over_a_connection(self):
        async def talk():
            reader, writer = await self.connect(self.echo)
            self.assertIs(type(reader), _streams.StreamReader)
            self.assertIs(type(writer), _streams.StreamWriter)
            writer.writelines([b'one\n', b'two\n', bytes(300_000)])
            await writer.drain()
            lines = [await reader.readline(), await reader.readuntil(b'\n')]
            self.assertEqual(lines, [b'one\n', b'two\n'])
            self.assertEqual(await reader.readexactly(300_000), bytes(300_000))
            writer.write(b'a\nb\nrest')
            writer.write_eof()
            self.assertEqual([line async for line in reader], [b'a\n', b'b\n', b'rest'])
            self.assertTrue(reader.at_eof())
            writer.close()
            self.assertTrue(writer.is_closing())
            await writer.wait_closed()

        self.run_coroutine(talk())

    def test_a_slow_reader_pauses_the_peer(self):
        async def send(reader, writer):
            writer.write(bytes(20_000_000))
            await reader.read(1)
            self.assertGreater(writer.transport.get_write_buffer_size(), 0)
            await writer.drain()

        async def talk():
            reader, writer = await self.connect(send)
            while not reader._paused:
                await asyncio.sleep(0.001)
            self.assertFalse(writer.transport.is_reading())
            writer.write(b'.')
            self.assertEqual(len(await reader.readexactly(20_000_000)), 20_000_000)
            writer.close()

        self.run_coroutine(talk())
        self.assertEqual(self.errors, [])

    def test_drain_raises_what_the_reader_has_and_waits_when_closing(self):
        async def talk():
            reader, writer = await self.connect(self.echo)
            reader.set_exception(OSError('broken'))
            with self.assertRaisesRegex(OSError, 'broken'):
                await writer.drain()
            reader.set_exception(None)
            writer.close()
            with self.assertRaisesRegex(ConnectionResetError, 'Connection lost'):
                for _ in range(10):
                    await writer.drain()

        self.run_coroutine(talk())

    def test_a_connection_that_is_dropped_is_collected(self):
        async def talk():
            reader, writer = await self.connect(self.echo)
            gone = weakref.ref(reader), weakref.ref(writer)
            writer.transport.abort()
            await asyncio.sleep(0.01)
            del reader, writer
            gc.collect()
            return [w() for w in gone]

        self.assertEqual(self.run_coroutine(talk()), [None, None])


class InstallTest(unittest.TestCase):
    def test_streams_are_in_c_after_install_and_with_m_eddyloop_only(self):
        program = """
            import asyncio, eddyloop
            def kinds():
                names = 'StreamReader', 'StreamWriter', 'StreamReaderProtocol'
                return [[hasattr(m, n) and getattr(m, n).__mro__[1].__module__ for n in names]
                        for m in (asyncio, asyncio.streams)]
            print(kinds() == [['eddyloop._eddyloop'] * 3] * 2)
            %s
            print(kinds() == [['eddyloop._eddyloop'] * 3] * 2)
            """
        done = run_program(program % 'eddyloop.run(asyncio.sleep(0))')
        self.assertEqual((done.stdout, done.stderr), ('False\nFalse\n', ''))
        done = run_program(program % 'eddyloop.install(); eddyloop.install()')
        self.assertEqual((done.stdout, done.stderr), ('False\nTrue\n', ''))
        done = run_program(
            """
            import subprocess, sys
            code = 'import asyncio; print(asyncio.StreamReader.__mro__[1])'
            subprocess.run([sys.executable, '-m', 'eddyloop', '-c', code], check=True)
            """
        )
        self.assertIn('eddyloop._eddyloop.StreamReader', done.stdout)
