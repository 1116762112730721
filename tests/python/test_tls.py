"""TLS, whose records are moved in C: that it behaves as asyncio's own code does."""

import asyncio
import contextvars
import gc
import os
import socket
import ssl
import subprocess
import tempfile
import unittest
import weakref

from unittest import mock

import eddyloop

from eddyloop import _eddyloop, _tls
from support import LoopTest, Recorder


def setUpModule():
    global folder, server_context, client_context
    folder = tempfile.TemporaryDirectory()
    key, certificate = f'{folder.name}/key.pem', f'{folder.name}/cert.pem'
    subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key]
        + ['-out', certificate, '-days', '2', '-subj', '/CN=localhost'],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate, key)
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE


def tearDownModule():
    folder.cleanup()


class TlsTest(LoopTest):
    def pair(self, client=Recorder, server=Recorder):
        """Returns the two protocols of a connection."""

        async def connect():
            here, there = socket.socketpair()
            connecting = self.loop.create_connection(
                client, sock=here, ssl=client_context, server_hostname=''
            )
            accepting = self.loop.connect_accepted_socket(server, there, ssl=server_context)
            (_, one), (_, other) = await asyncio.gather(connecting, accepting)
            return one, other

        one, other = self.loop.run_until_complete(connect())
        for protocol in one, other:
            self.addCleanup(self.end, protocol.transport)
        return one, other

    def end(self, transport):
        transport.abort()
        self.run_for(0.001)


class Layouts(TlsTest):
    """What OpenSSL keeps of each look at its objects is never given back."""

    def check_without_c(self, make):
        """Has eddyloop look at what make() returns; nothing of that may be used by C."""
        self.addCleanup(_tls._open)
        self.assertFalse(_eddyloop._open_openssl(ssl._ssl.__file__, make))
        client, server = self.pair()
        self.assertFalse(client.transport._ssl_protocol._is_bound)
        client.transport.write(b'question')
        server.transport.write(b'x' * 100_000)
        self.run_until(lambda: server.data == b'question' and len(client.data) == 100_000)
        client.transport.close()
        self.run_until(lambda: 'lost' in server.calls and 'lost' in client.calls)
        self.assertEqual(self.errors, [])

    def test_objects_of_another_layout_are_left_to_asyncio(self):
        class Moved:
            """Its second word is not the address of an SSL."""

            __slots__ = ('first', 'second', 'third')

            def __init__(self, first, second, third=None):
                self.first, self.second, self.third = first, second, third

        socket, context = _tls._make()
        self.check_without_c(lambda: (Moved(None, _tls._make()[0]), context))
        self.check_without_c(lambda: (Moved(None, context, _tls._make()), context))

    def test_objects_that_are_too_small_are_left_to_asyncio(self):
        self.check_without_c(lambda: (object(), _tls._make()[1]))
        self.check_without_c(lambda: (_tls._make()[0], object()))

    def test_an_object_that_was_made_before_is_left_to_asyncio(self):
        made = _tls._make()
        self.check_without_c(lambda: made)

    def test_a_socket_of_another_context_is_left_to_asyncio(self):
        self.check_without_c(lambda: (_tls._make()[0], ssl.create_default_context()))

    def test_an_error_while_looking_is_raised(self):
        self.addCleanup(_tls._open)
        with self.assertRaises(ZeroDivisionError):
            _eddyloop._open_openssl(ssl._ssl.__file__, lambda: 1 / 0)
        with self.assertRaises(TypeError):
            _eddyloop._open_openssl(ssl._ssl.__file__, lambda: None)

    def test_without_the_ssl_of_python_asyncio_does_it_all(self):
        with mock.patch.object(_tls, 'ssl', None):
            self.assertFalse(_tls._open())
        self.assertFalse(_eddyloop._open_openssl('/no/module.so', _tls._make))
        self.assertTrue(_tls._open())
        with mock.patch.object(_tls.SSLProtocol, '_bind', lambda self, tls: False):
            client, server = self.pair()
            self.assertFalse(client.transport._ssl_protocol._is_bound)
            client.transport.write(bytes(100_000))
            self.run_until(lambda: len(server.data) == 100_000)


class Tls(TlsTest):
    def test_protocols_are_called_in_the_context_of_the_creation(self):
        variable = contextvars.ContextVar('variable', default=0)
        seen = {}

        class Protocol(Recorder):
            def data_received(self, data):
                seen['data'] = variable.get()

            def pause_writing(self):
                seen['pause'] = variable.get()

            def resume_writing(self):
                seen['resume'] = variable.get()

            def connection_lost(self, exc):
                super().connection_lost(exc)
                seen['lost'] = variable.get()

        variable.set(1)
        client, server = self.pair(Protocol)
        variable.set(2)
        client.transport.pause_reading()
        server.transport.write(b'x')
        self.run_for(0.02)
        client.transport.resume_reading()
        self.run_until(lambda: 'data' in seen)
        server.transport.pause_reading()
        while 'pause' not in seen:
            client.transport.write(bytes(100_000))
        server.transport.resume_reading()
        self.run_until(lambda: 'resume' in seen)
        client.transport.pause_reading()
        server.transport.write(b'y')
        self.run_for(0.02)
        del seen['data']
        client.transport.resume_reading()
        client.transport.close()  # delivers what has come
        self.run_until(lambda: 'lost' in seen)
        self.assertEqual(seen, {'data': 1, 'pause': 1, 'resume': 1, 'lost': 1})

    def test_records_are_moved_in_c(self):
        self.assertTrue(_tls.in_c)
        client, server = self.pair()
        self.assertIsInstance(client.transport, asyncio.Transport)
        self.assertIn('ssl', type(client.transport).__name__.lower())
        self.assertTrue(client.transport._ssl_protocol._is_bound)
        self.assertEqual(len(client.transport._ssl_protocol._ssl_buffer), 0)
        self.assertIsInstance(client.transport.get_extra_info('ssl_object'), ssl.SSLObject)

    def test_data_of_all_sizes_arrive(self):
        client, server = self.pair()
        sent = b''
        for size in (1, 4000, 16384, 16385, 100_000, 1_000_000):
            data = os.urandom(size)
            client.transport.write(memoryview(bytearray(data)))
            client.transport.write(b'')
            sent += data
            self.run_until(lambda: len(server.data) == len(sent))
        self.assertEqual(server.data, sent)
        server.transport.writelines([b'a', b'b'])
        self.run_until(lambda: client.data == b'ab')
        with self.assertRaises(TypeError):
            client.transport.write('text')

    def test_writers_are_paused_when_the_peer_does_not_read(self):
        client, server = self.pair()
        server.transport.pause_reading()
        sent = os.urandom(100_000)
        for _ in range(50):
            client.transport.write(sent)
            self.run_once()
        self.assertIn('pause', client.calls)
        self.assertGreater(client.transport.get_write_buffer_size(), 0)
        server.transport.resume_reading()
        self.run_until(lambda: len(server.data) == 50 * len(sent))
        self.assertEqual(server.data, 50 * sent)
        self.run_until(lambda: 'resume' in client.calls)

    def test_nothing_is_delivered_while_paused(self):
        client, server = self.pair()
        server.transport.pause_reading()
        client.transport.write(b'x' * 10_000)
        self.run_for(0.05)
        self.assertEqual(server.data, b'')
        server.transport.resume_reading()
        self.run_until(lambda: len(server.data) == 10_000)

    def test_a_protocol_with_memory_of_its_own(self):
        class Protocol(asyncio.BufferedProtocol):
            def __init__(self):
                self.memory, self.data = memoryview(bytearray(3000)), b''

            def connection_made(self, transport):
                self.transport = transport

            def get_buffer(self, hint):
                return self.memory

            def buffer_updated(self, n):
                self.data += self.memory[:n]

        client, server = self.pair(server=Protocol)
        sent = os.urandom(50_000)
        client.transport.write(sent)
        self.run_until(lambda: len(server.data) == len(sent))
        self.assertEqual(server.data, sent)

    def test_the_end_comes_after_all_data(self):
        client, server = self.pair()
        sent = os.urandom(300_000)
        client.transport.write(sent)
        client.transport.close()
        client.transport.write(b'too late')
        self.run_until(lambda: 'lost' in server.calls)
        self.assertEqual(server.data, sent)
        self.assertEqual(server.calls[-2:], ['eof', 'lost'])
        self.assertIsNone(server.exc)

    def test_a_broken_record_breaks_the_connection(self):
        client, server = self.pair()
        lower = client.transport._ssl_protocol._transport
        self.run_for(0.01)
        lower.write(b'\x17\x03\x03\x00\x20' + bytes(32))
        self.run_until(lambda: 'lost' in server.calls)
        self.assertIsInstance(server.exc, ssl.SSLError)
        self.assertEqual(server.exc.reason, 'DECRYPTION_FAILED_OR_BAD_RECORD_MAC')

    def test_a_cut_connection_is_no_end(self):
        client, server = self.pair()
        client.transport.abort()
        self.run_until(lambda: 'lost' in server.calls)

    def test_an_error_in_a_protocol_is_reported(self):
        class Protocol(Recorder):
            def data_received(self, data):
                raise ZeroDivisionError

        client, server = self.pair(server=Protocol)
        client.transport.write(b'x')
        self.run_until(lambda: 'lost' in server.calls)
        self.assertIsInstance(server.exc, ZeroDivisionError)
        self.assertEqual(self.errors[0]['message'], 'Fatal error on SSL protocol')

    def test_an_exception_that_ends_the_run_leaves_it(self):
        class Protocol(Recorder):
            def data_received(self, data):
                raise KeyboardInterrupt

        client, server = self.pair(server=Protocol)
        client.transport.write(b'x')
        with self.assertRaises(KeyboardInterrupt):
            self.run_for(10)

    def test_starting_tls_keeps_what_was_said_before(self):
        async def talk():
            async def serve(reader, writer):
                self.assertEqual(await reader.readline(), b'STARTTLS\n')
                writer.write(b'go on\n')
                protocol = writer.transport.get_protocol()
                transport = await self.loop.start_tls(
                    writer.transport, protocol, server_context, server_side=True
                )
                transport.write(await reader.readline())
                transport.close()

            server = await asyncio.start_server(serve, '127.0.0.1', 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b'STARTTLS\n')
            self.assertEqual(await reader.readline(), b'go on\n')
            await writer.start_tls(client_context)
            writer.write(b'secret\n')
            self.assertEqual(await reader.readline(), b'secret\n')
            self.assertEqual(await reader.read(), b'')
            writer.close()
            server.close()

        self.loop.run_until_complete(asyncio.wait_for(talk(), 20))

    def test_bytes_that_come_with_the_go_ahead_are_not_lost(self):
        async def talk():
            here, there = socket.socketpair()
            there.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=here)

            async def serve():
                # The other end says that it begins, and begins, in one segment.
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = client_context.wrap_bio(incoming, outgoing)
                with self.assertRaises(ssl.SSLWantReadError):
                    tls.do_handshake()
                await self.loop.sock_sendall(there, outgoing.read())
                while True:
                    incoming.write(await self.loop.sock_recv(there, 65536))
                    try:
                        tls.do_handshake()
                        break
                    except ssl.SSLWantReadError:
                        pass
                tls.write(b'first')  # together with the end of the handshake
                await self.loop.sock_sendall(there, outgoing.read())

            serving = self.loop.create_task(serve())
            transport = await self.loop.start_tls(
                writer.transport, writer.transport.get_protocol(), server_context, server_side=True
            )
            self.assertEqual(await reader.readexactly(5), b'first')
            await serving
            transport.abort()
            there.close()

        self.loop.run_until_complete(asyncio.wait_for(talk(), 20))

    def test_nothing_is_received_after_the_connection_is_lost(self):
        class Protocol(Recorder):
            def data_received(self, data):
                super().data_received(data)
                self.transport.abort()

        client, server = self.pair(server=Protocol)
        for _ in range(3):
            client.transport.write(bytes(20_000))
        self.run_until(lambda: 'lost' in server.calls)
        self.run_for(0.02)
        self.assertEqual(server.calls[-1], 'lost')
        self.assertEqual(server.calls.count('data'), 1)

    def test_a_protocol_may_write_whenever_it_is_called(self):
        class Protocol(Recorder):
            def pause_writing(self):
                super().pause_writing()
                self.transport.write(b'p')

            def resume_writing(self):
                super().resume_writing()
                self.transport.write(b'r')

            def data_received(self, data):
                super().data_received(data)
                self.transport.write(b'd')

        client, server = self.pair(client=Protocol)
        server.transport.pause_reading()
        written = 0
        while 'pause' not in client.calls:
            client.transport.write(bytes(100_000))
            written += 100_000
        server.transport.resume_reading()
        server.transport.write(b'x')
        self.run_until(lambda: 'resume' in client.calls and b'd' in server.data)
        notes = {b'p': client.calls.count('pause'), b'r': client.calls.count('resume'), b'd': 1}
        self.run_until(lambda: len(server.data) >= written + sum(notes.values()))
        self.assertEqual(server.data.count(0), written)
        self.assertEqual({note: server.data.count(note) for note in notes}, notes)

    def test_a_handshake_that_fails_leaves_nothing_behind(self):
        made = weakref.WeakSet()

        class Watched(_tls.SSLProtocol):
            def __init__(self, *args, **keywords):
                super().__init__(*args, **keywords)
                made.add(self)

        async def fail():
            here, there = socket.socketpair()
            there.sendall(b'GET / HTTP/1.0\r\n\r\n')
            with self.assertRaises(ssl.SSLError):
                await self.loop.connect_accepted_socket(Recorder, here, ssl=server_context)
            there.close()
            return here.fileno()

        with mock.patch.object(eddyloop._loop, 'SSLProtocol', Watched):
            for _ in range(10):
                self.assertEqual(self.loop.run_until_complete(fail()), -1)
        gc.collect()
        self.assertEqual(len(made), 0)

    def test_objects_that_are_no_ssl_are_refused(self):
        client, server = self.pair()
        self.assertFalse(client.transport._ssl_protocol._bind(object()))
        self.assertFalse(client.transport._ssl_protocol._bind())

    def test_connections_leave_nothing_behind(self):
        client, server = self.pair()
        known = [weakref.ref(p.transport) for p in (client, server)]
        known += [weakref.ref(p.transport._ssl_protocol) for p in (client, server)]
        client.transport.close()
        self.run_until(lambda: 'lost' in client.calls and 'lost' in server.calls)
        self.doCleanups()
        self.loop = eddyloop.new_event_loop()
        self.addCleanup(self.loop.close)
        del client, server
        gc.collect()
        self.assertEqual([k() for k in known], 4 * [None])


if __name__ == '__main__':
    unittest.main()
