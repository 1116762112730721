"""Gathered writes: several writes of one turn are sent together, and programs see no difference."""

import asyncio
import gc
import os
import signal
import socket
import sys
import time
import unittest

import eddyloop

from test_transports import Recorder, TransportTest


class Gathering(TransportTest):
    def setUp(self):
        super().setUp()
        self.transport, self.protocol, self.there = self.pair()

    def turn(self, *calls):
        """Makes calls in one callback; returns what the other end has got after each of them."""

        def run():
            for call in calls:
                call()
                found.append(self.sent())

        found = []
        self.loop.call_soon(run)
        self.run_once()
        return found

    def sent(self):
        """Returns what the other end has got since the last call."""
        self.there.setblocking(False)
        try:
            return self.there.recv(1 << 20)
        except BlockingIOError:
            return b''
        finally:
            self.there.settimeout(10)

    def write(self, data):
        return lambda: self.transport.write(data)

    def have_it_gather(self):
        """Writes twice in a turn: in the next one the first write is kept, too."""
        self.turn(self.write(b'1'), self.write(b'2'))
        self.sent()

    def test_the_first_write_of_a_turn_is_sent_at_once(self):
        self.assertEqual(self.turn(self.write(b'one')), [b'one'])
        self.assertEqual(self.turn(self.write(b'one')), [b'one'])

    def test_further_writes_are_sent_when_the_turn_ends(self):
        found = self.turn(self.write(b'a'), self.write(b'b'), self.write(b'c'))
        self.assertEqual(found, [b'a', b'', b''])
        self.assertEqual(self.sent(), b'bc')

    def test_after_several_writes_the_first_of_the_next_turn_is_kept(self):
        self.have_it_gather()
        self.assertEqual(self.turn(self.write(b'a'), self.write(b'b')), [b'', b''])
        self.assertEqual(self.sent(), b'ab')
        self.assertEqual(self.turn(self.write(b'c')), [b''])
        self.assertEqual(self.sent(), b'c')
        self.assertEqual(self.turn(self.write(b'd')), [b'd'])

    def test_writes_of_several_callbacks_of_a_turn_are_gathered(self):
        self.have_it_gather()
        for data in (b'a', b'b', b'c'):
            self.loop.call_soon(self.transport.write, data)
        self.loop.call_soon(lambda: found.append(self.transport._polling()))
        found = []
        self.run_once()
        self.assertEqual(found, [(True, False)])
        self.assertEqual(self.sent(), b'abc')

    def test_lines_are_gathered_with_writes(self):
        self.have_it_gather()
        lines = [bytearray(b'b'), b'', memoryview(b'c')]
        found = self.turn(self.write(b'a'), lambda: self.transport.writelines(lines))
        self.assertEqual(found, [b'', b''])
        self.assertEqual(self.sent(), b'abc')

    def test_memory_that_changes_after_the_write_is_sent_as_it_was(self):
        self.have_it_gather()
        memory = bytearray(b'as it was')

        def change():
            memory[:] = bytes(9)

        self.turn(self.write(memory), self.write(memoryview(memory)[:2]), change)
        self.assertEqual(self.sent(), b'as it wasas')

    def test_a_large_write_is_sent_at_once_and_in_order(self):
        large = os.urandom(30_000)
        self.have_it_gather()
        found = self.turn(self.write(b'a'), self.write(large), self.write(b'b'))
        self.assertEqual(found, [b'', b'a' + large, b''])
        self.assertEqual(self.sent(), b'b')

    def test_whatever_depends_on_the_buffer_sends_it(self):
        for call in (
            self.transport.get_write_buffer_size,
            self.transport._make_empty_waiter,
            lambda: self.transport.set_write_buffer_limits(1000),
            self.transport.write_eof,
        ):
            self.have_it_gather()
            found = self.turn(self.write(b'a'), call)
            self.assertEqual(found, [b'', b'a'], call)
            self.transport._reset_empty_waiter()

    def test_the_size_of_the_buffer_is_zero_after_small_writes(self):
        sizes = []
        self.have_it_gather()
        self.turn(self.write(b'a'), lambda: sizes.append(self.transport.get_write_buffer_size()))
        self.assertEqual(sizes, [0])

    def test_nothing_is_lost_when_the_transport_is_closed_or_aborted(self):
        for close in ('close', 'abort'):
            self.have_it_gather()
            self.turn(self.write(b'the '), self.write(b'end'), getattr(self.transport, close))
            self.run_until(lambda: 'lost' in self.protocol.calls)
            self.assertEqual(self.there.recv(100), b'')  # turn() has taken the rest
            self.transport, self.protocol, self.there = self.pair()

    def test_closing_sends_before_it_ends(self):
        for close in ('close', 'abort', 'write_eof'):
            self.have_it_gather()
            found = self.turn(self.write(b'end'), getattr(self.transport, close))
            self.assertEqual(found, [b'', b'end'])
            self.transport, self.protocol, self.there = self.pair()

    def test_nothing_is_lost_when_the_protocol_fails(self):
        class Fails(Recorder):
            def data_received(self, data):
                self.transport.write(b'a')
                self.transport.write(b'b')
                raise ValueError('failed')

        _, protocol, there = self.pair(Fails)
        there.send(b'.')
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertEqual(there.recv(100), b'ab')
        self.assertEqual([str(e['exception']) for e in self.errors], ['failed'])

    def test_nothing_is_lost_when_the_run_is_broken_off(self):
        def leave():
            self.transport.write(b'a')
            self.transport.write(b'b')
            raise SystemExit

        for _ in range(2):
            self.loop.call_soon(leave)
            self.assertRaises(SystemExit, self.loop.run_forever)
            self.assertEqual(self.sent(), b'ab')

    def test_a_broken_connection_is_lost_once(self):
        self.have_it_gather()
        self.there.close()
        self.loop.call_soon(self.transport.write, b'a')
        self.loop.call_soon(self.transport.write, b'b')
        self.loop.call_soon(self.transport.close)
        self.run_until(lambda: 'lost' in self.protocol.calls)
        self.run_for(0.001)
        self.assertEqual(self.protocol.calls.count('lost'), 1)
        self.assertEqual(self.errors, [])

    def test_the_protocol_is_paused_where_asyncio_pauses_it(self):
        self.transport.set_write_buffer_limits(2000, 1000)
        self.have_it_gather()
        piece = os.urandom(1999)

        def write():
            while 'pause' not in self.protocol.calls:
                self.transport.write(piece)
                size = self.transport.get_write_buffer_size()
                self.assertEqual(size > 2000, 'pause' in self.protocol.calls)
                sizes.append(size)

        sizes = []
        self.loop.call_soon(write)
        self.run_once()
        self.assertEqual(self.receive(self.there, len(sizes) * 1999), piece * len(sizes))
        self.run_until(lambda: 'resume' in self.protocol.calls)
        self.assertEqual(self.errors, [])

    def test_a_turn_that_takes_long_sends_between_callbacks(self):
        def write_and_compute():
            self.transport.write(b'a')
            end = time.perf_counter() + 0.001
            while time.perf_counter() < end:
                pass

        found = []
        self.have_it_gather()
        self.loop.call_soon(write_and_compute)
        self.loop.call_soon(lambda: found.append(self.sent()))
        self.run_once()
        self.assertEqual(found, [b'a'])

    def test_outside_of_a_run_writes_are_sent_at_once(self):
        self.have_it_gather()
        for data in (b'a', b'b'):
            self.transport.write(data)
            self.assertEqual(self.sent(), data)

    def test_a_transport_that_nothing_refers_to_sends_what_it_has(self):
        self.have_it_gather()

        def write():
            self.transport.pause_reading()
            self.transport.write(b'last')
            self.transport = None

        self.loop.call_soon(write)
        with self.assertWarns(ResourceWarning):
            del self.protocol
            self.run_once()
            self.run_once()
            gc.collect()
        self.assertEqual(self.there.recv(100), b'last')

    def test_a_signal_handler_that_raises_loses_nothing(self):
        def write():
            self.transport.write(b'a')
            os.kill(os.getpid(), signal.SIGINT)

        self.have_it_gather()
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        self.loop.call_soon(write)
        self.assertRaises(KeyboardInterrupt, self.loop.run_forever)
        self.assertEqual(self.sent(), b'a')


class SystemCalls(unittest.TestCase):
    def test_an_answer_of_two_writes_is_one_segment(self):
        class TwoWrites(asyncio.Protocol):
            def connection_made(self, transport):
                self.transport = transport

            def data_received(self, data):
                self.transport.write(b'head')
                self.transport.write(data)

        async def segments():
            loop = asyncio.get_running_loop()
            server = await loop.create_server(TwoWrites, '127.0.0.1', 0)
            with socket.create_connection(server.sockets[0].getsockname()) as sock:
                sock.setblocking(False)
                for _ in range(50):
                    await loop.sock_sendall(sock, b'body')
                    received = b''
                    while len(received) < 8:
                        received += await loop.sock_recv(sock, 100)
                # struct tcp_info: tcpi_data_segs_in, the number of segments with data that came
                info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            server.close()
            return int.from_bytes(info[152:156], sys.byteorder)

        self.assertLess(eddyloop.run(segments()), 60)
