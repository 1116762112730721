"""Transports of pipes: the order of their callbacks, flow control, and what they leave behind."""

import asyncio
import contextlib
import contextvars
import gc
import logging
import os
import pty
import socket
import tempfile
import tty
import unittest
import weakref

import eddyloop

from support import LoopTest, Recorder, no_garbage_collection


class PipeTest(LoopTest):
    def reading(self, protocol=Recorder):
        """Returns the transport and the protocol of a read end, and the write end."""
        read_end, write_end = os.pipe()
        self.addCleanup(self.close_if_open, write_end)
        return *self.connect(self.loop.connect_read_pipe, protocol, read_end, 'rb'), write_end

    def writing(self, protocol=Recorder):
        """Returns the transport and the protocol of a write end, and the read end."""
        read_end, write_end = os.pipe()
        self.addCleanup(self.close_if_open, read_end)
        return *self.connect(self.loop.connect_write_pipe, protocol, write_end, 'wb'), read_end

    def connect(self, connect, protocol, fd, mode, **options):
        return self.loop.run_until_complete(connect(protocol, open(fd, mode, 0, **options)))

    @staticmethod
    def close_if_open(fd):
        try:
            os.close(fd)
        except OSError:
            pass

    def end(self, transport):
        transport.close()
        self.run_until(lambda: transport._sock is None)

    def drain(self, fd, size):
        """Reads @size bytes of a pipe, while the loop runs."""
        os.set_blocking(fd, False)
        got = bytearray()

        def read():
            try:
                got.extend(os.read(fd, 1 << 20))
            except BlockingIOError:
                pass
            return len(got) >= size

        self.run_until(read)
        return bytes(got)


class Reading(PipeTest):
    def test_all_bytes_arrive_then_the_end(self):
        transport, protocol, write_end = self.reading()
        self.assertIn('polling', repr(transport))
        os.write(write_end, b'x' * 60_000)
        self.run_until(lambda: len(protocol.data) == 60_000)
        os.close(write_end)
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertEqual(protocol.calls[-2:], ['eof', 'lost'])
        self.assertIsNone(protocol.exc)
        self.assertEqual(self.errors, [])
        self.assertTrue(transport.is_closing())

    def test_it_is_a_read_transport_and_no_other(self):
        transport, protocol, write_end = self.reading()
        self.assertIsInstance(transport, asyncio.ReadTransport)
        self.assertNotIsInstance(transport, asyncio.WriteTransport)
        self.assertFalse(hasattr(transport, 'write'))
        pipe = transport.get_extra_info('pipe')
        self.assertEqual(transport._fileno, pipe.fileno())
        self.assertFalse(os.get_blocking(pipe.fileno()))
        self.end(transport)
        self.assertTrue(pipe.closed)

    def test_the_bytes_of_a_large_pipe_arrive_in_pieces_of_256_kib(self):
        sizes = []

        class Protocol(Recorder):
            def data_received(self, data):
                sizes.append(len(data))

        here, there = socket.socketpair()
        for s in (here, there):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        there.setblocking(False)
        sent = there.send(bytes(600_000))
        transport, _ = self.connect(
            self.loop.connect_read_pipe, Protocol, here.detach(), 'rb'
        )
        self.run_until(lambda: sum(sizes) == sent)
        self.assertLessEqual(max(sizes), 256 * 1024)
        there.close()
        self.run_until(lambda: transport._sock is None)

    def test_nothing_is_read_while_paused(self):
        transport, protocol, write_end = self.reading()
        transport.pause_reading()
        transport.pause_reading()
        self.assertIn('idle', repr(transport))
        os.write(write_end, b'x')
        self.run_for(0.02)
        self.assertEqual(protocol.calls, ['made'])
        transport.resume_reading()
        self.run_until(lambda: protocol.data)
        self.end(transport)

    def test_a_terminal_whose_other_side_closes_is_broken_without_a_report(self):
        master, slave = pty.openpty()
        transport, protocol = self.connect(self.loop.connect_read_pipe, Recorder, master, 'rb')
        os.write(slave, b'x')
        self.run_until(lambda: protocol.data)
        os.close(slave)
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertEqual(protocol.exc.errno, 5)
        self.assertNotIn('eof', protocol.calls)
        self.assertEqual(self.errors, [])

    def test_a_pipe_that_cannot_be_read_is_reported(self):
        with socket.create_server(('127.0.0.1', 0)) as server:
            there = socket.create_connection(server.getsockname())
            here, _ = server.accept()
        transport, protocol = self.connect(
            self.loop.connect_read_pipe, Recorder, here.detach(), 'rb'
        )
        there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        there.close()
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertIsInstance(protocol.exc, ConnectionResetError)
        self.assertEqual(self.errors[0]['message'], 'Fatal read error on pipe transport')

    def test_an_exception_of_the_protocol_is_reported_and_reading_goes_on(self):
        class Protocol(Recorder):
            def data_received(self, data):
                super().data_received(data)
                if data == b'a':
                    raise ZeroDivisionError

        transport, protocol, write_end = self.reading(Protocol)
        os.write(write_end, b'a')
        self.run_until(lambda: self.errors)
        self.assertIn('_read_ready', self.errors[0]['message'])
        self.assertIsInstance(self.errors[0]['exception'], ZeroDivisionError)
        os.write(write_end, b'b')
        self.run_until(lambda: protocol.data == b'ab')
        self.end(transport)

    def test_files_are_no_pipes(self):
        for connect in (self.loop.connect_read_pipe, self.loop.connect_write_pipe):
            with tempfile.TemporaryFile() as file, self.assertRaises(ValueError):
                self.loop.run_until_complete(connect(Recorder, file))

    def test_the_end_is_logged_in_debug_mode(self):
        self.loop.set_debug(True)
        transport, protocol, write_end = self.reading()
        with self.assertLogs('asyncio', logging.INFO) as logs:
            os.close(write_end)
            self.run_until(lambda: 'lost' in protocol.calls)
        self.assertTrue(any('was closed by peer' in line for line in logs.output), logs.output)


class Writing(PipeTest):
    def test_bytes_are_written_at_once(self):
        transport, protocol, read_end = self.writing()
        self.assertIsInstance(transport, asyncio.WriteTransport)
        for data in (b'a', bytearray(b'b'), memoryview(b'xcx')[1:2], b''):
            transport.write(data)
        transport.writelines([b'd', b'e'])
        self.assertEqual(os.read(read_end, 10), b'abcde')
        self.assertIn('idle bufsize=0', repr(transport))
        self.assertTrue(transport.can_write_eof())
        self.end(transport)
        self.assertEqual(os.read(read_end, 10), b'')
        self.assertEqual(protocol.calls, ['made', 'lost'])

    def test_the_protocol_is_paused_and_resumed_when_all_is_written(self):
        transport, protocol, read_end = self.writing()
        sent = os.urandom(700_000)
        transport.set_write_buffer_limits(high=1000)
        transport.write(sent)
        self.assertEqual(protocol.calls, ['made', 'pause'])
        self.assertIn('polling bufsize=', repr(transport))
        self.assertEqual(self.drain(read_end, len(sent)), sent)
        self.run_until(lambda: 'resume' in protocol.calls)
        self.assertEqual(transport.get_write_buffer_size(), 0)
        self.end(transport)

    def test_all_is_written_before_the_end(self):
        transport, protocol, read_end = self.writing()
        sent = os.urandom(300_000)
        transport.write(sent)
        transport.write_eof()
        transport.write(b'ignored')
        self.assertEqual(self.drain(read_end, len(sent)), sent)
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertIsNone(protocol.exc)
        self.assertEqual(os.read(read_end, 10), b'')

    def test_a_reader_that_leaves_ends_the_pipe(self):
        transport, protocol, read_end = self.writing()
        os.close(read_end)
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertIsNone(protocol.exc)
        self.assertEqual(self.errors, [])

    def test_a_reader_that_leaves_bytes_behind_breaks_the_pipe(self):
        transport, protocol, read_end = self.writing()
        transport.write(bytes(300_000))
        os.close(read_end)
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertIsInstance(protocol.exc, BrokenPipeError)

    def test_aborting_drops_what_is_buffered(self):
        transport, protocol, read_end = self.writing()
        transport.write(bytes(300_000))
        transport.abort()
        self.assertEqual(transport.get_write_buffer_size(), 0)
        transport.abort()
        self.run_until(lambda: 'lost' in protocol.calls)
        self.run_for(0.01)
        self.assertEqual(protocol.calls.count('lost'), 1)
        self.assertEqual(self.errors, [])

    def test_an_abort_after_the_end_changes_nothing(self):
        transport, protocol, read_end = self.writing()
        transport.close()
        transport.abort()
        self.run_for(0.01)
        self.assertEqual(protocol.calls, ['made', 'lost'])
        self.assertEqual(self.errors, [])

    def test_writing_in_vain_is_warned_of_after_some_time(self):
        transport, protocol, read_end = self.writing()
        self.end(transport)
        with self.assertLogs('asyncio', logging.WARNING) as logs:
            for _ in range(6):
                transport.write(b'x')
        self.assertIn('pipe closed by peer or os.write(pipe, data) raised', logs.output[0])

    def test_input_of_a_terminal_does_not_end_its_writer(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        tty.setraw(slave)
        transport, protocol = self.connect(self.loop.connect_write_pipe, Recorder, slave, 'wb')
        os.write(master, b'input')
        self.run_for(0.02)
        transport.write(b'output')
        self.assertEqual(os.read(master, 10), b'output')
        self.end(transport)

    def test_both_ends_may_be_one_terminal(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, slave)
        tty.setraw(slave)
        reader, read_protocol = self.connect(
            self.loop.connect_read_pipe, Recorder, master, 'rb', closefd=False
        )
        writer, _ = self.connect(self.loop.connect_write_pipe, Recorder, master, 'wb')
        os.write(slave, b'to read')
        self.run_until(lambda: read_protocol.data == b'to read')
        writer.write(b'written')
        self.assertEqual(os.read(slave, 10), b'written')
        self.end(reader)
        writer.write(b'still')
        self.assertEqual(os.read(slave, 10), b'still')
        self.end(writer)


class Remains(PipeTest):
    def test_protocols_are_called_in_the_context_of_the_creation(self):
        variable = contextvars.ContextVar('variable', default=0)
        seen = {}

        class Protocol(Recorder):
            def connection_made(self, transport):
                seen['made'] = variable.get()

            def data_received(self, data):
                seen['data'] = variable.get()

            def eof_received(self):
                seen['eof'] = variable.get()

            def connection_lost(self, exc):
                seen['lost'] = variable.get()

            def pause_writing(self):
                seen['pause'] = variable.get()

            def resume_writing(self):
                seen['resume'] = variable.get()

        variable.set(1)
        reader, _, write_end = self.reading(Protocol)
        writer, _, read_end = self.writing(Protocol)
        variable.set(2)
        os.write(write_end, b'x')
        self.run_until(lambda: 'data' in seen)
        os.close(write_end)
        self.run_until(lambda: 'lost' in seen)
        writer.write(bytes(300_000))
        self.drain(read_end, 300_000)
        self.run_until(lambda: 'resume' in seen)
        self.assertEqual(seen, dict.fromkeys(seen, 1))
        self.assertEqual(len(seen), 6)
        self.end(writer)

    def test_protocols_of_processes_are_too(self):
        variable = contextvars.ContextVar('variable', default=0)
        seen = {}

        class Protocol(asyncio.SubprocessProtocol):
            def connection_made(self, transport):
                seen['made'] = variable.get()

            def pipe_data_received(self, fd, data):
                seen['data'] = variable.get()

            def pipe_connection_lost(self, fd, exc):
                seen['pipe lost'] = variable.get()

            def process_exited(self):
                seen['exited'] = variable.get()

            def connection_lost(self, exc):
                seen['lost'] = variable.get()

        async def start():
            variable.set(1)
            return await self.loop.subprocess_exec(Protocol, 'cat')

        with self.watcher():
            transport, _ = self.loop.run_until_complete(start())
            variable.set(2)
            pipe = transport.get_pipe_transport(0)
            pipe.write(b'x')
            pipe.close()
            self.run_until(lambda: 'lost' in seen)
        transport.close()
        self.assertEqual(seen, dict.fromkeys(seen, 1))
        self.assertEqual(len(seen), 5)

    @contextlib.contextmanager
    def watcher(self):
        """Lets asyncio notice ends of processes, which in some versions takes a current loop."""
        asyncio.set_event_loop(self.loop)
        try:
            yield
        finally:
            asyncio.set_event_loop(None)

    def test_a_pipe_that_is_waited_for_is_kept_alive(self):
        with no_garbage_collection():
            transport, protocol, write_end = self.reading()
            known = weakref.ref(transport)
            del transport, protocol.transport
            gc.collect()
            self.assertIsNotNone(known())
            os.close(write_end)
            self.run_until(lambda: 'lost' in protocol.calls)
            gc.collect()
            self.assertIsNone(known())

    def test_a_pipe_that_nothing_refers_to_is_collected_and_closed(self):
        with no_garbage_collection():
            transport, protocol, write_end = self.reading()
            transport.pause_reading()
            self.run_for(0.01)
            known = weakref.ref(transport)
            with self.assertWarns(ResourceWarning):
                del transport, protocol.transport
                gc.collect()
            self.assertIsNone(known())
            self.run_for(0.01)
            with self.assertRaises(BrokenPipeError):
                os.write(write_end, b'x')

    def test_an_unclosed_loop_is_collected_with_its_pipes(self):
        def make():
            loop = eddyloop.new_event_loop()
            read_end, write_end = os.pipe()
            transport, _ = loop.run_until_complete(
                loop.connect_write_pipe(Recorder, open(write_end, 'wb', 0))
            )
            transport.write(bytes(300_000))
            loop.run_until_complete(asyncio.sleep(0.01))
            return weakref.ref(loop), weakref.ref(transport), read_end

        with no_garbage_collection(), self.assertWarns(ResourceWarning):
            loop, transport, read_end = make()
            gc.collect()
        self.assertIsNone(loop())
        self.assertIsNone(transport())
        while os.read(read_end, 1 << 20):
            pass
        os.close(read_end)

    def test_pipes_leave_nothing_behind(self):
        def remains():
            gc.collect()
            return len(gc.get_objects()), len(os.listdir('/proc/self/fd'))

        def open_and_close(n):
            for _ in range(n):
                reader, protocol, write_end = self.reading()
                os.write(write_end, b'x')
                self.run_until(lambda: protocol.data)
                os.close(write_end)
                self.run_until(lambda: 'lost' in protocol.calls)
                writer, protocol, read_end = self.writing()
                writer.write(bytes(100_000))
                os.close(read_end)
                self.run_until(lambda: 'lost' in protocol.calls)
            self._cleanups.clear()
            self.addCleanup(self.loop.close)

        open_and_close(5)
        before = remains()
        open_and_close(100)
        after = remains()
        self.assertLess(after[0] - before[0], 50)
        self.assertEqual(after[1], before[1])


if __name__ == '__main__':
    unittest.main()
