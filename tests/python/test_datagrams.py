"""Transports of datagrams: addresses, errors, flow control, and what they leave behind."""

import asyncio
import contextvars
import gc
import os
import socket
import sys
import tempfile
import unittest
import weakref

from support import LoopTest, no_garbage_collection


class Recorder(asyncio.DatagramProtocol):
    """Notes what it is called for."""

    def __init__(self):
        self.calls, self.received, self.failures = [], [], []

    def connection_made(self, transport):
        self.transport = transport
        self.calls.append('made')

    def datagram_received(self, data, address):
        self.received.append((data, address))

    def error_received(self, exc):
        self.failures.append(exc)

    def connection_lost(self, exc):
        self.exc = exc
        self.calls.append('lost')

    def pause_writing(self):
        self.calls.append('pause')

    def resume_writing(self):
        self.calls.append('resume')


class DatagramTest(LoopTest):
    def endpoint(self, protocol=Recorder, **options):
        transport, protocol = self.loop.run_until_complete(
            self.loop.create_datagram_endpoint(protocol, **options)
        )
        return transport, protocol

    def socket(self, *kind):
        made = socket.socket(*kind)
        made.settimeout(10)
        self.addCleanup(made.close)
        return made

    def bound(self, family, address):
        """Returns a socket of @family bound to @address."""
        made = self.socket(family, socket.SOCK_DGRAM)
        made.bind(address)
        return made

    def end(self, transport):
        transport.close()
        self.run_until(lambda: transport._sock is None)


class Addresses(DatagramTest):
    def echo(self, family, here, there):
        """Sends to and from a peer; the addresses are those of the socket module."""
        transport, protocol = self.endpoint(local_addr=here, family=family)
        peer = self.bound(family, there)
        name = transport.get_extra_info('sockname')
        self.assertIsNone(transport.get_extra_info('peername'))
        peer.sendto(b'there', name)
        self.run_until(lambda: protocol.received)
        self.assertEqual(protocol.received, [(b'there', peer.getsockname())])
        transport.sendto(b'back', protocol.received[0][1])
        self.assertEqual(peer.recvfrom(10), (b'back', name))
        self.end(transport)
        self.assertEqual(protocol.calls, ['made', 'lost'])

    def test_of_ipv4(self):
        self.echo(socket.AF_INET, ('127.0.0.1', 0), ('127.0.0.1', 0))

    def test_of_ipv6(self):
        try:
            self.bound(socket.AF_INET6, ('::1', 0))
        except OSError:
            self.skipTest('this machine has no IPv6')
        self.echo(socket.AF_INET6, ('::1', 0), ('::1', 0))

    def test_of_unix_sockets(self):
        with tempfile.TemporaryDirectory() as folder:
            self.echo(socket.AF_UNIX, f'{folder}/here', f'{folder}/thäre')

    def test_in_the_abstract_namespace_of_linux(self):
        name = b'\0eddyloop-%d' % os.getpid()
        here = self.bound(socket.AF_UNIX, name + b'here')
        transport, protocol = self.endpoint(sock=here)
        peer = self.bound(socket.AF_UNIX, name + b'there')
        peer.sendto(b'x', name + b'here')
        self.run_until(lambda: protocol.received)
        self.assertEqual(protocol.received, [(b'x', name + b'there')])
        transport.sendto(b'y', name + b'there')
        self.assertEqual(peer.recv(10), b'y')
        self.end(transport)

    def test_an_unnamed_sender_has_none(self):
        with tempfile.TemporaryDirectory() as folder:
            transport, protocol = self.endpoint(
                local_addr=f'{folder}/here', family=socket.AF_UNIX
            )
            self.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', f'{folder}/here')
            self.run_until(lambda: protocol.received)
            self.assertEqual(protocol.received, [(b'x', None)])
            self.end(transport)

    def test_names_are_looked_up(self):
        transport, protocol = self.endpoint(local_addr=('127.0.0.1', 0))
        peer = self.bound(socket.AF_INET, ('127.0.0.1', 0))
        transport.sendto(b'x', ('localhost', peer.getsockname()[1]))
        self.assertEqual(peer.recv(10), b'x')
        self.end(transport)

    def test_of_no_kind_break_the_transport(self):
        transport, protocol = self.endpoint(local_addr=('127.0.0.1', 0))
        transport.sendto(b'x', 'no address')
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertIsInstance(protocol.exc, TypeError)
        message = 'Fatal write error on datagram transport'
        self.assertEqual(self.errors[0]['message'], message)

    def test_a_connected_transport_has_one(self):
        peer = self.bound(socket.AF_INET, ('127.0.0.1', 0))
        transport, protocol = self.endpoint(remote_addr=peer.getsockname())
        transport.sendto(b'one')
        transport.sendto(bytearray(b'two'), peer.getsockname())
        transport.sendto(memoryview(b'xthreex')[1:6], addr=None)
        self.assertEqual([peer.recv(10) for _ in range(3)], [b'one', b'two', b'three'])
        with self.assertRaisesRegex(ValueError, 'must be None or'):
            transport.sendto(b'x', ('127.0.0.1', 1))
        self.end(transport)
        with self.assertLogs('asyncio', 'WARNING') as logs:
            for _ in range(6):
                transport.sendto(b'x')
        self.assertIn('socket.send() raised exception', logs.output[0])


class Transfer(DatagramTest):
    def pair(self, protocol=Recorder):
        peer = self.bound(socket.AF_INET, ('127.0.0.1', 0))
        return *self.endpoint(protocol, remote_addr=peer.getsockname()), peer

    def crowded(self):
        """Returns a transport and its protocol whose peer's queue is full, and the peer."""
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(there.close)
        with tempfile.TemporaryDirectory() as folder:
            peer = self.bound(socket.AF_UNIX, f'{folder}/peer')
            transport, protocol = self.endpoint(
                remote_addr=f'{folder}/peer', family=socket.AF_UNIX
            )
        here.close()
        n = 0
        while transport.get_write_buffer_size() == 0:
            transport.sendto(b'%06d' % n)
            n += 1
        return transport, protocol, peer, n

    def test_it_is_a_datagram_transport(self):
        transport, protocol, peer = self.pair()
        self.assertIsInstance(transport, asyncio.DatagramTransport)
        self.assertIs(transport.get_protocol(), protocol)
        self.assertIn('read=polling write=<idle, bufsize=0>', repr(transport))
        self.assertEqual(transport.get_extra_info('socket').type, socket.SOCK_DGRAM)
        self.end(transport)
        self.assertIn('closed', repr(transport))

    def test_one_datagram_is_received_in_a_turn(self):
        order = []

        class Protocol(Recorder):
            def datagram_received(self, data, address):
                order.append(data)
                asyncio.get_running_loop().call_soon(order.append, 'turn')

        transport, protocol, peer = self.pair(Protocol)
        for data in (b'a', b'b', b'c'):
            peer.sendto(data, transport.get_extra_info('sockname'))
        self.run_until(lambda: len(order) == 6)
        self.assertEqual(order, [b'a', 'turn', b'b', 'turn', b'c', 'turn'])
        self.end(transport)

    def test_large_datagrams_arrive_whole(self):
        transport, protocol, peer = self.pair()
        sent = os.urandom(65507)
        peer.sendto(sent, transport.get_extra_info('sockname'))
        self.run_until(lambda: protocol.received)
        self.assertEqual(protocol.received[0][0], sent)
        transport.sendto(sent)
        self.assertEqual(peer.recv(70_000), sent)
        self.end(transport)

    def test_only_bytes_are_sent(self):
        transport, protocol, peer = self.pair()
        for data in ('text', None, [1]):
            with self.assertRaisesRegex(TypeError, 'bytes-like'):
                transport.sendto(data)
        with self.assertRaises(TypeError):
            transport.sendto()
        self.end(transport)

    def test_empty_datagrams_are_sent_as_asyncio_does(self):
        transport, protocol, peer = self.pair()
        transport.sendto(b'')
        transport.sendto(b'x')
        expected = [b'', b'x'] if sys.version_info >= (3, 13) else [b'x']
        self.assertEqual([peer.recv(10) for _ in expected], expected)
        peer.sendto(b'', transport.get_extra_info('sockname'))
        self.run_until(lambda: protocol.received)
        self.assertEqual(protocol.received[0][0], b'')
        self.end(transport)

    def test_errors_are_the_protocols(self):
        transport, protocol, peer = self.pair()
        peer.close()
        transport.sendto(b'x')
        self.run_until(lambda: protocol.failures)
        self.assertIsInstance(protocol.failures[0], ConnectionRefusedError)
        transport.sendto(bytes(70_000))
        self.assertEqual(protocol.failures[-1].errno, 90)
        self.assertFalse(transport.is_closing())
        self.end(transport)
        self.assertEqual(self.errors, [])

    def test_an_exception_of_the_protocol_is_reported_and_receiving_goes_on(self):
        class Protocol(Recorder):
            def datagram_received(self, data, address):
                super().datagram_received(data, address)
                if data == b'a':
                    raise ZeroDivisionError

        transport, protocol, peer = self.pair(Protocol)
        peer.sendto(b'a', transport.get_extra_info('sockname'))
        peer.sendto(b'b', transport.get_extra_info('sockname'))
        self.run_until(lambda: len(protocol.received) == 2)
        self.assertIsInstance(self.errors[0]['exception'], ZeroDivisionError)
        self.assertIn('_read_ready', self.errors[0]['message'])
        self.end(transport)

    def test_what_the_kernel_does_not_take_is_kept_in_order(self):
        transport, protocol, peer, n = self.crowded()
        transport.set_write_buffer_limits(high=10)
        transport.sendto(memory := bytearray(b'%06d' % n))
        transport.sendto(b'%06d' % (n + 1))
        memory[:] = b'change'
        header = 8 if sys.version_info >= (3, 13) else 0
        self.assertEqual(transport.get_write_buffer_size(), 3 * (6 + header))
        self.assertEqual(protocol.calls, ['made', 'pause'])
        self.assertIn('write=<polling', repr(transport))
        got = []

        def receive():
            peer.setblocking(False)
            try:
                while True:
                    got.append(peer.recv(100))
            except BlockingIOError:
                return len(got) == n + 2

        self.run_until(receive)
        self.assertEqual(got, [b'%06d' % i for i in range(n + 2)])
        self.assertEqual(protocol.calls, ['made', 'pause', 'resume'])
        self.assertEqual(transport.get_write_buffer_size(), 0)
        self.end(transport)

    def test_all_that_is_kept_is_sent_before_the_end(self):
        transport, protocol, peer, n = self.crowded()
        transport.close()
        self.run_for(0.01)
        self.assertEqual(protocol.calls, ['made'])
        got = []
        while len(got) < n:
            got.append(peer.recv(100))
            self.run_once()
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertIsNone(protocol.exc)

    def test_aborting_drops_what_is_kept(self):
        transport, protocol, peer, n = self.crowded()
        transport.abort()
        transport.abort()
        self.assertEqual(transport.get_write_buffer_size(), 0)
        self.run_until(lambda: 'lost' in protocol.calls)
        self.run_for(0.01)
        self.assertEqual(protocol.calls, ['made', 'lost'])

    def test_a_failure_while_sending_what_is_kept_does_not_stop_the_rest(self):
        transport, protocol, peer, n = self.crowded()
        peer.close()
        self.run_until(lambda: protocol.failures)
        self.assertIsInstance(protocol.failures[0], ConnectionRefusedError)
        self.run_until(lambda: transport.get_write_buffer_size() == 0)
        transport.close()
        self.run_until(lambda: 'lost' in protocol.calls)
        self.assertEqual(self.errors, [])

    def test_nothing_is_received_while_paused(self):
        transport, protocol, peer = self.pair()
        transport.pause_reading()
        peer.sendto(b'x', transport.get_extra_info('sockname'))
        self.run_for(0.02)
        self.assertEqual(protocol.received, [])
        transport.resume_reading()
        self.run_until(lambda: protocol.received)
        self.end(transport)


class Remains(DatagramTest):
    def test_protocols_are_called_in_the_context_of_the_creation(self):
        variable = contextvars.ContextVar('variable', default=0)
        seen = {}

        class Protocol(Recorder):
            def connection_made(self, transport):
                seen['made'] = variable.get()

            def datagram_received(self, data, address):
                seen['data'] = variable.get()

            def connection_lost(self, exc):
                super().connection_lost(exc)
                seen['lost'] = variable.get()

        variable.set(1)
        transport, protocol = self.endpoint(Protocol, local_addr=('127.0.0.1', 0))
        variable.set(2)
        peer = self.bound(socket.AF_INET, ('127.0.0.1', 0))
        peer.sendto(b'x', transport.get_extra_info('sockname'))
        self.run_until(lambda: 'data' in seen)
        self.end(transport)
        self.assertEqual(seen, {'made': 1, 'data': 1, 'lost': 1})

    def test_a_transport_that_waits_is_kept_alive(self):
        with no_garbage_collection():
            transport, protocol = self.endpoint(local_addr=('127.0.0.1', 0))
            known = weakref.ref(transport)
            del transport, protocol.transport
            gc.collect()
            self.assertIsNotNone(known())
            known().abort()
            self.run_for(0.01)
            gc.collect()
            self.assertIsNone(known())

    def test_a_transport_that_nothing_refers_to_is_collected_and_closed(self):
        with no_garbage_collection():
            transport, protocol = self.endpoint(local_addr=('127.0.0.1', 0))
            transport.pause_reading()
            self.run_for(0.01)
            known = weakref.ref(transport)
            name = transport.get_extra_info('sockname')
            with self.assertWarns(ResourceWarning):
                del transport, protocol.transport
                gc.collect()
            self.assertIsNone(known())
            self.run_for(0.01)
            self.bound(socket.AF_INET, name)

    def test_an_address_that_is_kept_may_refer_to_its_transport(self):
        class Address(str):
            """A path with attributes."""

        with no_garbage_collection(), tempfile.TemporaryDirectory() as folder:
            peer = self.bound(socket.AF_UNIX, f'{folder}/peer')
            here = self.bound(socket.AF_UNIX, f'{folder}/here')
            transport, protocol = self.endpoint(sock=here)
            address = Address(f'{folder}/peer')
            address.transport = transport
            while transport.get_write_buffer_size() == 0:
                transport.sendto(b'x', address)
            known = weakref.ref(transport)
            del transport, protocol.transport, address
            peer.close()
            self.run_until(lambda: protocol.failures)
            known().abort()
            self.run_for(0.01)
            protocol.failures.clear()
            gc.collect()
            self.assertIsNone(known())

    def test_endpoints_leave_nothing_behind(self):
        def remains():
            gc.collect()
            return len(gc.get_objects()), len(os.listdir('/proc/self/fd'))

        def open_and_close(n):
            for _ in range(n):
                transport, protocol = self.endpoint(local_addr=('127.0.0.1', 0))
                transport.sendto(b'x', transport.get_extra_info('sockname'))
                self.run_until(lambda: protocol.received)
                self.end(transport)

        open_and_close(5)
        before = remains()
        open_and_close(100)
        after = remains()
        self.assertLess(after[0] - before[0], 50)
        self.assertEqual(after[1], before[1])


if __name__ == '__main__':
    unittest.main()
