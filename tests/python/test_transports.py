"""Transports of streams: the order of their callbacks, flow control, and what they leave behind."""

import asyncio
import contextvars
import gc
import logging
import os
import socket
import tempfile
import unittest
import weakref

import eddyloop

from support import LoopTest, Recorder, no_garbage_collection, run_program


class TransportTest(LoopTest):
    def pair(self, protocol=None):
        """Returns a transport's protocol, and the socket at the other end."""
        here, there = socket.socketpair()
        there.settimeout(10)
        self.addCleanup(there.close)
        transport, protocol = self.loop.run_until_complete(
            self.loop.create_connection(protocol or Recorder, sock=here)
        )
        self.lasting.add(transport)
        return transport, protocol, there

    def setUp(self):
        super().setUp()
        self.lasting = weakref.WeakSet()
        self.addCleanup(self.end_connections)

    def end_connections(self):
        for transport in list(self.lasting):
            transport.abort()
        self.run_for(0.001)

    def receive(self, there, size):
        """Receives @size bytes, while the loop runs."""

        async def receive():
            there.setblocking(False)
            received = bytearray()
            while len(received) < size:
                data = await self.loop.sock_recv(there, 1 << 20)
                if not data:
                    break
                received += data
            there.settimeout(10)
            return bytes(received)

        return self.loop.run_until_complete(receive())


class Callbacks(TransportTest):
    def test_the_connection_is_made_then_read_then_waited_for(self):
        here, there = socket.socketpair()
        there.send(b'early')

        async def connect():
            _, protocol = await self.loop.create_connection(Recorder, sock=here)
            self.assertEqual(protocol.calls, ['made'])
            return protocol

        protocol = self.loop.run_until_complete(connect())
        self.run_until(lambda: protocol.data)
        there.close()
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertEqual(protocol.calls, ['made', 'data', 'eof', 'lost'])
        self.assertIsNone(protocol.exc)
        self.assertEqual(here.fileno(), -1)

    def test_connection_lost_is_called_in_the_next_turn(self):
        transport, protocol, there = self.pair()
        transport.close()
        transport.close()
        self.assertEqual(protocol.calls, ['made'])
        self.assertTrue(transport.is_closing())
        self.run_once()
        self.assertEqual(protocol.calls, ['made', 'lost'])
        self.assertIn('closed', repr(transport))

    def test_data_that_is_kept_stays_as_it_is(self):
        kept = []

        class Keeper(Recorder):
            def data_received(self, data):
                self.data += data
                hash(data)  # is remembered in the object
                if len(self.data) % 3 == 0:
                    kept.append((data, bytearray(data)))

        transport, protocol, there = self.pair(Keeper)
        sent = b''
        for i in range(200):
            data = os.urandom((513, 600, 767, 768, 769, 1024, 1024)[i % 7])
            there.sendall(data)
            sent += data
            self.run_until(lambda: len(protocol.data) == len(sent))
        self.assertEqual(protocol.data, sent)
        self.assertGreater(len(kept), 10)
        for data, copy in kept:
            self.assertEqual(data, copy)
            self.assertEqual(hash(data), hash(bytes(copy)))

    def test_the_hash_of_data_is_that_of_its_bytes(self):
        hashes = []

        class Hasher(Recorder):
            def data_received(self, data):
                hashes.append((hash(data), hash(bytes(bytearray(data)))))

        transport, protocol, there = self.pair(Hasher)
        for i in range(20):
            there.sendall(bytes([i]) * 1024)
            self.run_until(lambda: len(hashes) == i + 1)
        self.assertEqual(len(set(hashes)), 20)
        for one, other in hashes:
            self.assertEqual(one, other)

    def test_large_and_small_data_arrive_in_order(self):
        transport, protocol, there = self.pair()
        sent = b''
        for size in (1, 4095, 4096, 4097, 8192, 100_000):
            data = os.urandom(size)
            there.sendall(data)
            sent += data
            self.run_until(lambda: len(protocol.data) == len(sent))
        self.assertEqual(protocol.data, sent)
        transport.abort()

    def test_protocols_are_called_in_the_context_of_the_creation(self):
        variable = contextvars.ContextVar('variable', default=0)
        seen = []

        class Protocol(Recorder):
            def connection_made(self, transport):
                seen.append(variable.get())
                variable.set(2)

            def data_received(self, data):
                seen.append(variable.get())

            def connection_lost(self, exc):
                seen.append(variable.get())

        variable.set(1)
        transport, protocol, there = self.pair(Protocol)
        variable.set(3)
        there.send(b'x')
        there.close()
        self.run_until(lambda: len(seen) == 3)
        self.assertEqual(seen, [1, 2, 2])

    def test_a_half_closed_connection_can_still_write(self):
        class Protocol(Recorder):
            def eof_received(self):
                super().eof_received()
                return True

        transport, protocol, there = self.pair(Protocol)
        there.shutdown(socket.SHUT_WR)
        self.run_until(lambda: 'eof' in protocol.calls)
        self.run_for(0.01)
        self.assertEqual(protocol.calls, ['made', 'eof'])
        transport.write(b'answer')
        self.assertEqual(there.recv(10), b'answer')
        transport.close()
        self.run_once()

    def test_errors_of_the_connection_are_those_of_the_system(self):
        server = socket.create_server(('127.0.0.1', 0))
        client = socket.create_connection(server.getsockname())
        here, _ = server.accept()
        server.close()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        transport, protocol = self.loop.run_until_complete(
            self.loop.create_connection(Recorder, sock=here)
        )
        client.close()
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertIsInstance(protocol.exc, ConnectionResetError)
        self.assertNotIn('eof', protocol.calls)
        self.assertEqual(self.errors, [])

    def test_an_exception_that_ends_the_run_leaves_it(self):
        class Protocol(Recorder):
            def data_received(self, data):
                raise KeyboardInterrupt

        transport, protocol, there = self.pair(Protocol)
        there.send(b'x')
        with self.assertRaises(KeyboardInterrupt):
            self.run_for(10)
        self.assertFalse(transport.is_closing())
        transport.abort()
        self.run_once()

    def test_another_protocol_takes_over(self):
        transport, first, there = self.pair()
        second = Recorder()
        transport.set_protocol(second)
        self.assertIs(transport.get_protocol(), second)
        there.send(b'x')
        self.run_until(lambda: second.data)
        self.assertEqual(first.calls, ['made'])
        transport.abort()
        self.run_once()
        self.assertEqual(second.calls, ['data', 'lost'])

    def test_a_protocol_with_memory_of_its_own_gets_everything(self):
        class Protocol(asyncio.BufferedProtocol):
            def __init__(self):
                self.memory, self.data = bytearray(6000), b''

            def get_buffer(self, hint):
                self.hint = hint
                return self.memory

            def buffer_updated(self, n):
                self.data += self.memory[:n]

        transport, protocol, there = self.pair(Protocol)
        sent = os.urandom(50_000)
        there.sendall(sent)
        self.run_until(lambda: len(protocol.data) == len(sent))
        self.assertEqual(protocol.data, sent)
        self.assertEqual(protocol.hint, -1)
        transport.abort()

    def test_slow_protocols_are_reported_in_debug_mode(self):
        class Protocol(Recorder):
            def data_received(self, data):
                super().data_received(data)

        self.loop.set_debug(True)
        self.loop.slow_callback_duration = 0
        transport, protocol, there = self.pair(Protocol)
        with self.assertLogs('asyncio', 'WARNING') as logs:
            there.send(b'x')
            self.run_until(lambda: protocol.data)
        self.assertTrue(any('_read_ready' in line for line in logs.output), logs.output)
        with self.assertLogs('asyncio', logging.DEBUG) as logs:
            transport.pause_reading()
            transport.resume_reading()
        self.assertIn('pauses reading', logs.output[0])
        transport.abort()


class Flow(TransportTest):
    def test_nothing_is_received_while_paused(self):
        transport, protocol, there = self.pair()
        self.run_for(0.01)
        transport.pause_reading()
        transport.pause_reading()
        self.assertFalse(transport.is_reading())
        there.send(b'first')
        self.run_for(0.02)
        self.assertEqual(protocol.data, b'')
        transport.resume_reading()
        there.send(b' second')
        self.run_until(lambda: len(protocol.data) == 12)
        self.assertEqual(protocol.data, b'first second')
        transport.abort()

    def test_pausing_in_a_callback_keeps_the_rest_in_the_kernel(self):
        class Protocol(Recorder):
            def data_received(self, data):
                super().data_received(data)
                self.transport.pause_reading()

        transport, protocol, there = self.pair(Protocol)
        there.send(b'a')
        self.run_until(lambda: protocol.data)
        there.send(b'b')
        self.run_for(0.02)
        self.assertEqual(protocol.data, b'a')
        self.assertIn('read=idle', repr(transport))
        transport.resume_reading()
        self.run_until(lambda: protocol.data == b'ab')
        transport.abort()

    def test_writers_are_paused_at_the_limits(self):
        transport, protocol, there = self.pair()
        self.assertEqual(transport.get_write_buffer_limits(), (16384, 65536))
        with self.assertRaises(ValueError):
            transport.set_write_buffer_limits(high=1, low=2)
        sent = os.urandom(2_000_000)
        transport.set_write_buffer_limits(high=1000)
        transport.write(sent)
        self.assertEqual(protocol.calls, ['made', 'pause'])
        self.assertIn('write=<polling, bufsize=', repr(transport))
        self.assertEqual(self.receive(there, len(sent)), sent)
        self.run_until(lambda: 'resume' in protocol.calls)
        self.assertEqual(transport.get_write_buffer_size(), 0)
        transport.set_write_buffer_limits(high=2**80)
        transport.abort()

    def test_all_that_was_written_is_sent_before_the_end(self):
        transport, protocol, there = self.pair()
        sent = os.urandom(1_500_000)
        transport.write(sent)
        transport.write(b'the end')
        transport.close()
        self.assertEqual(self.receive(there, len(sent) + 8), sent + b'the end')
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertIsNone(protocol.exc)

    def test_the_end_is_sent_after_what_was_written(self):
        transport, protocol, there = self.pair()
        sent = os.urandom(1_500_000)
        transport.write(sent)
        transport.write_eof()
        with self.assertRaises(RuntimeError):
            transport.write(b'more')
        with self.assertRaises(RuntimeError):
            transport.writelines([b'more'])
        self.assertEqual(self.receive(there, len(sent) + 1), sent)
        self.assertFalse(transport.is_closing())
        there.send(b'x')
        self.run_until(lambda: protocol.data)
        transport.abort()

    def test_lines_are_sent_together(self):
        transport, protocol, there = self.pair()
        transport.writelines([b'a', bytearray(b'b'), memoryview(b'xcx')[1:2], b''])
        transport.writelines([])
        transport.writelines(iter([b'd']))
        self.assertEqual(self.receive(there, 4), b'abcd')
        pieces = [os.urandom(1000) for _ in range(2000)]
        transport.writelines(pieces)
        self.assertEqual(self.receive(there, 2_000_000), b''.join(pieces))
        with self.assertRaises(TypeError):
            transport.writelines(['text'])
        transport.abort()

    def test_memory_may_change_after_a_write(self):
        transport, protocol, there = self.pair()
        memory = bytearray(os.urandom(1_000_000))
        sent = bytes(memory)
        transport.write(memory)
        transport.write(memory)
        memory.clear()
        self.assertEqual(self.receive(there, 2 * len(sent)), 2 * sent)
        transport.abort()

    def test_aborting_drops_what_is_buffered(self):
        transport, protocol, there = self.pair()
        transport.write(bytes(3_000_000))
        transport.abort()
        self.assertEqual(transport.get_write_buffer_size(), 0)
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertIsNone(protocol.exc)

    def test_writing_to_a_peer_that_is_gone_breaks_the_connection(self):
        transport, protocol, there = self.pair()
        transport.pause_reading()
        there.close()
        transport.write(b'x')
        transport.write(b'x')
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertIsInstance(protocol.exc, (BrokenPipeError, ConnectionResetError))

    def test_files_are_sent_behind_what_was_written(self):
        transport, protocol, there = self.pair()
        content = os.urandom(2_000_000)
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            transport.write(content)
            sending = self.loop.create_task(self.loop.sendfile(transport, file, 10, 1_500_000))
            received = self.receive(there, 3_500_000)
            self.assertEqual(self.loop.run_until_complete(sending), 1_500_000)
            self.assertEqual(file.tell(), 1_500_010)
        self.assertEqual(received, content + content[10:1_500_010])
        self.assertTrue(transport.is_reading())
        transport.abort()

    def test_a_file_is_not_sent_to_a_peer_that_leaves(self):
        transport, protocol, there = self.pair()
        with tempfile.TemporaryFile() as file:
            file.truncate(5_000_000)
            sending = self.loop.create_task(self.loop.sendfile(transport, file))
            self.run_for(0.02)
            there.close()
            with self.assertRaises(ConnectionError):
                self.loop.run_until_complete(sending)


class Remains(TransportTest):
    def test_sockets_that_are_no_streams_work_too(self):
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        protocol = Recorder()
        waiter = self.loop.create_future()
        transport = self.loop._make_socket_transport(here, protocol, waiter)
        self.loop.run_until_complete(waiter)
        there.send(b'x')
        self.run_until(lambda: protocol.data)
        transport.close()
        self.run_once()
        there.close()

    def test_a_transport_that_waits_is_kept_alive(self):
        with no_garbage_collection():
            transport, protocol, there = self.pair()
            known = weakref.ref(transport)
            del transport, protocol.transport
            gc.collect()
            self.assertIsNotNone(known())
            known().abort()
            self.run_once()
            gc.collect()
            self.assertIsNone(known())

    def test_a_transport_that_nothing_refers_to_is_collected(self):
        with no_garbage_collection():
            transport, protocol, there = self.pair()
            self.run_for(0.01)
            transport.pause_reading()
            self.run_for(0.01)
            known = weakref.ref(transport)
            with self.assertWarns(ResourceWarning):
                del transport, protocol.transport
                gc.collect()
            self.assertIsNone(known())
            self.run_for(0.01)
            self.assertEqual(there.recv(1), b'')

    def test_an_unclosed_loop_is_collected_with_its_transports(self):
        def make():
            loop = eddyloop.new_event_loop()
            here, there = socket.socketpair()
            transport, protocol = loop.run_until_complete(
                loop.create_connection(Recorder, sock=here)
            )
            transport.write(bytes(3_000_000))
            loop.run_until_complete(asyncio.sleep(0.01))
            return weakref.ref(loop), weakref.ref(transport), there

        with no_garbage_collection(), self.assertWarns(ResourceWarning):
            loop, transport, there = make()
            gc.collect()
        with there:
            self.assertIsNone(loop())
            self.assertIsNone(transport())
            while there.recv(1 << 20):
                pass

    def test_transports_survive_their_loop(self):
        loop = eddyloop.new_event_loop()
        here, there = socket.socketpair()
        transport, protocol = loop.run_until_complete(loop.create_connection(Recorder, sock=here))
        loop.close()
        transport.write(b'x')
        repr(transport)
        with self.assertWarns(ResourceWarning):
            del transport, protocol
            gc.collect()
        with there:
            self.assertEqual(there.recv(10), b'')

    def test_connections_leave_nothing_behind(self):
        async def serve(n):
            async def answer(reader, writer):
                writer.write(await reader.readline())
                writer.close()

            async def ask():
                for _ in range(n // 10):
                    reader, writer = await asyncio.open_connection(*address)
                    writer.write(b'question\n')
                    self.assertEqual(await reader.read(), b'question\n')
                    writer.close()
                    await writer.wait_closed()

            server = await asyncio.start_server(answer, '127.0.0.1', 0)
            address = server.sockets[0].getsockname()
            await asyncio.gather(*(ask() for _ in range(10)))
            server.close()
            await server.wait_closed()

        def remains():
            gc.collect()
            return len(gc.get_objects()), len(os.listdir('/proc/self/fd'))

        self.loop.run_until_complete(serve(50))
        before = remains()
        self.loop.run_until_complete(serve(int(os.environ.get('EDDY_CONNECTIONS', 500))))
        after = remains()
        self.assertLess(after[0] - before[0], 50)
        self.assertEqual(after[1], before[1])

    def test_a_forked_child_leaves_the_parents_connection_alone(self):
        done = run_program(
            """
            import asyncio, os, socket, eddyloop
            loop = eddyloop.new_event_loop()
            here, there = socket.socketpair()
            transport, _ = loop.run_until_complete(
                loop.create_connection(asyncio.Protocol, sock=here))
            if os.fork() == 0:
                async def child():
                    reader, writer = await asyncio.open_connection(sock=socket.socketpair()[0])
                    writer.close()
                eddyloop.run(child())
                loop.close()
                os._exit(0)
            assert os.wait()[1] == 0
            transport.write(b'still here')
            assert there.recv(100) == b'still here'
            transport.close()
            loop.run_until_complete(asyncio.sleep(0.01))
            assert there.recv(1) == b''
            loop.close()
            """
        )
        self.assertEqual((done.returncode, done.stderr), (0, ''))

    def test_four_threads_with_a_loop_each(self):
        done = run_program(
            """
            import asyncio, threading, eddyloop
            results = []
            def run():
                async def main():
                    async def echo(reader, writer):
                        while data := await reader.read(100):
                            writer.write(data)
                        writer.close()
                    server = await asyncio.start_server(echo, '127.0.0.1', 0)
                    reader, writer = await asyncio.open_connection(
                        *server.sockets[0].getsockname())
                    for i in range(200):
                        writer.write(b'%03d' % i)
                        assert await reader.readexactly(3) == b'%03d' % i
                    writer.close()
                    server.close()
                eddyloop.run(main())
                results.append(True)
            threads = [threading.Thread(target=run) for _ in range(4)]
            [t.start() for t in threads]
            [t.join() for t in threads]
            assert results == 4 * [True]
            """
        )
        self.assertEqual((done.returncode, done.stderr), (0, ''))


if __name__ == '__main__':
    unittest.main()
