"""Connections, pipes, subprocesses: what users of other event loops have met trouble with."""

import asyncio
import os
import socket
import sys
import tempfile
import unittest

from unittest import mock

import eddyloop

from support import nothing


def setUpModule():
    eddyloop.install()


def tearDownModule():
    asyncio.set_event_loop_policy(None)


class Connections(unittest.IsolatedAsyncioTestCase):
    async def pair(self, protocol=asyncio.Protocol):
        """Returns a transport, its protocol, and the socket at the other end."""
        here, there = socket.socketpair()
        self.addCleanup(there.close)
        loop = asyncio.get_running_loop()
        transport, made = await loop.create_connection(protocol, sock=here)
        self.addCleanup(transport.abort)
        return transport, made, there

    async def test_a_transport_is_asyncios(self):
        transport, _, there = await self.pair()
        self.assertIsInstance(transport, asyncio.Transport)
        self.assertIsInstance(asyncio.get_running_loop(), eddyloop.Loop)
        self.assertEqual(transport.get_extra_info('socket').fileno(), transport._sock_fd)

    async def test_bytes_arrive_as_they_were_sent(self):
        transport, _, there = await self.pair()
        for data in (b'ab', bytearray(b'cd'), memoryview(b'xefx')[1:3], b''):
            transport.write(data)
        transport.write(data=b'gh')
        await asyncio.sleep(0)
        self.assertEqual(there.recv(100), b'abcdefgh')
        with self.assertRaises(TypeError):
            transport.write('text')
        with self.assertRaises(TypeError):
            transport.write()

    async def test_more_than_the_socket_takes_is_buffered(self):
        transport, protocol, there = await self.pair(mock.Mock)
        sent = os.urandom(3_000_000)
        transport.write(sent)
        protocol.pause_writing.assert_called_once_with()
        self.assertGreater(transport.get_write_buffer_size(), 0)
        received = bytearray()
        there.setblocking(False)
        while len(received) < len(sent):
            received += await asyncio.get_running_loop().sock_recv(there, 1 << 20)
        self.assertEqual(received, sent)
        await asyncio.sleep(0)
        protocol.resume_writing.assert_called_once_with()

    async def test_a_view_of_numbers_is_sent_byte_by_byte(self):
        import array

        transport, _, there = await self.pair()
        numbers = array.array('q', range(400_000))
        transport.write(memoryview(numbers))
        there.setblocking(False)
        received = bytearray()
        while len(received) < len(numbers) * 8:
            received += await asyncio.get_running_loop().sock_recv(there, 1 << 20)
        self.assertEqual(received, numbers.tobytes())

    async def test_an_error_in_a_protocol_ends_its_connection(self):
        errors = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, c: errors.append(c))
        transport, protocol, there = await self.pair(mock.Mock)
        protocol.data_received.side_effect = ZeroDivisionError
        there.send(b'x')
        await asyncio.sleep(0.02)
        self.assertIn('protocol.data_received() call failed', errors[0]['message'])
        self.assertIs(errors[0]['transport'], transport)
        self.assertIsInstance(protocol.connection_lost.call_args[0][0], ZeroDivisionError)
        self.assertEqual(there.recv(1), b'')

    async def test_a_buffered_protocol_receives_into_its_own_memory(self):
        class Buffered(asyncio.BufferedProtocol):
            def __init__(self):
                self.memory, self.got = bytearray(4), b''

            def get_buffer(self, size_hint):
                return self.memory

            def buffer_updated(self, size):
                self.got += self.memory[:size]

        transport, protocol, there = await self.pair(Buffered)
        there.send(b'0123456789')
        await asyncio.sleep(0.1)
        self.assertEqual(protocol.got, b'0123456789')
        protocol.memory = bytearray()
        lost = protocol.connection_lost = mock.Mock()
        asyncio.get_running_loop().set_exception_handler(nothing)
        there.send(b'x')
        await asyncio.sleep(0.02)
        self.assertIn('empty buffer', str(lost.call_args[0][0]))

    async def test_writing_to_a_lost_connection_is_ignored_and_later_warned_of(self):
        transport, _, there = await self.pair()
        transport.close()
        await asyncio.sleep(0.01)
        with self.assertLogs('asyncio', 'WARNING') as logs:
            for _ in range(6):
                transport.write(b'x')
        self.assertIn('socket.send() raised exception', logs.output[0])

    async def test_a_cancelled_connect_leaves_no_transport_on_its_descriptor(self):
        loop = asyncio.get_running_loop()
        with socket.create_server(('127.0.0.1', 0), backlog=1) as server:
            for _ in range(20):
                task = loop.create_task(
                    loop.create_connection(asyncio.Protocol, *server.getsockname())
                )
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            here, there = socket.socketpair()
            with here, there:
                loop.add_reader(here, nothing)
                loop.remove_reader(here)

    async def test_files_are_sent(self):
        transport, _, there = await self.pair()
        loop = asyncio.get_running_loop()
        with tempfile.TemporaryFile() as file:
            file.write(b'x' * 1000)
            file.seek(0)
            self.assertEqual(await loop.sendfile(transport, file), 1000)
            self.assertEqual(len(there.recv(2000)), 1000)
            here, there = socket.socketpair()
            with here, there:
                here.setblocking(False)
                self.assertEqual(await loop.sock_sendfile(here, file), 1000)

    async def test_datagrams_over_sockets_and_transports(self):
        loop = asyncio.get_running_loop()
        protocol = mock.Mock()
        received = loop.create_future()
        protocol.datagram_received = lambda data, addr: received.set_result((data, addr))
        transport, _ = await loop.create_datagram_endpoint(
            lambda: protocol, local_addr=('127.0.0.1', 0)
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.bind(('127.0.0.1', 0))
            await loop.sock_sendto(sock, b'to', transport.get_extra_info('sockname'))
            self.assertEqual(await received, (b'to', sock.getsockname()))
            transport.sendto(b'fro', sock.getsockname())
            self.assertEqual((await loop.sock_recvfrom(sock, 10))[0], b'fro')
        transport.close()

    async def test_unix_datagrams(self):
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        received = loop.create_future()
        protocol = mock.Mock()
        protocol.datagram_received = lambda data, addr: received.set_result(data)
        transport, _ = await loop.create_datagram_endpoint(lambda: protocol, sock=here)
        with there:
            there.send(b'x' * 70_000)
            self.assertEqual(len(await received), 70_000)
        transport.close()

    async def test_tasks_take_the_keywords_of_asyncio(self):
        import contextvars

        async def name():
            return asyncio.current_task().get_name()

        loop, context = asyncio.get_running_loop(), contextvars.copy_context()
        self.assertEqual(await loop.create_task(name(), name='x', context=context), 'x')
        with self.assertRaises(TypeError):
            coroutine = name()
            try:
                loop.create_task(coroutine, nonsense=1)
            finally:
                coroutine.close()

    async def test_addresses_are_tried_in_parallel(self):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, '127.0.0.1', 0)
        transport, _ = await loop.create_connection(
            asyncio.Protocol,
            *server.sockets[0].getsockname(),
            happy_eyeballs_delay=0.1,
            interleave=1,
        )
        transport.close()
        server.close()

    @unittest.skipIf(sys.version_info < (3, 13), 'Server.close_clients() is of Python 3.13')
    async def test_a_server_closes_its_clients(self):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, '127.0.0.1', 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await asyncio.sleep(0.01)
        server.close()
        server.close_clients()
        self.assertEqual(await reader.read(), b'')
        writer.close()
        await server.wait_closed()


class Pipes(unittest.IsolatedAsyncioTestCase):
    async def test_a_pipe_is_closed_once(self):
        read_end, write_end = os.pipe()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(asyncio.Protocol, os.fdopen(read_end, 'rb'))
        transport.close()
        await asyncio.sleep(0.01)
        again = os.open('/dev/null', os.O_RDONLY)
        self.assertEqual(again, read_end)
        await asyncio.sleep(0.01)
        os.fstat(again)
        os.close(again)
        os.close(write_end)

    async def test_a_child_can_open_its_standard_input(self):
        process = await asyncio.create_subprocess_exec(
            'sh', '-c', 'cat /dev/stdin >/proc/self/fd/1', stdin=-1, stdout=-1, stderr=-1
        )
        self.assertEqual(await process.communicate(b'text'), (b'text', b''))
        pipe = process._transport.get_pipe_transport(1)
        self.assertIsNotNone(pipe.get_extra_info('pipe'))

    async def test_many_children_at_once(self):
        async def child(n):
            process = await asyncio.create_subprocess_exec('echo', str(n), stdout=-1)
            return (await process.communicate())[0]

        results = await asyncio.gather(*map(child, range(20)))
        self.assertEqual(results, [b'%d\n' % n for n in range(20)])


if __name__ == '__main__':
    unittest.main()
