"""Faults that users of other event loops have met, as far as they are about no transport."""

import _thread
import asyncio
import os
import socket
import time
import unittest

import eddyloop

from support import LoopTest, run_program


class Subprocesses(unittest.TestCase):
    def test_starting_one_runs_no_hooks_of_fork(self):
        done = run_program(
            """
            import asyncio, os, sys
            import eddyloop

            async def main():
                process = await asyncio.create_subprocess_exec(sys.executable, '-c', 'print(1)')
                return await process.wait()

            hooks = ('before', 'after_in_parent', 'after_in_child')
            os.register_at_fork(**{name: lambda: print('hook', flush=True) for name in hooks})
            assert eddyloop.run(main()) == 0
            """
        )
        self.assertEqual((done.stdout, done.stderr, done.returncode), ('1\n', '', 0))

    def test_their_pipes_are_known(self):
        async def main():
            loop = asyncio.get_running_loop()
            protocol = asyncio.SubprocessProtocol
            transport, _ = await loop.subprocess_exec(protocol, 'cat', stderr=None)
            pipes = [transport.get_pipe_transport(n) for n in (0, 1)]
            self.assertIsNone(transport.get_pipe_transport(2))
            for pipe in pipes:
                self.assertGreater(pipe.get_extra_info('pipe').fileno(), 2)
            pipes[0].close()
            self.assertEqual(await transport._wait(), 0)
            transport.close()

        eddyloop.run(main())

    def test_one_that_cannot_start_is_an_error_at_once(self):
        async def main():
            before = len(os.listdir('/proc/self/fd'))
            for command, error in (('/does/not/exist', FileNotFoundError), ('/', PermissionError)):
                with self.assertRaises(error):
                    await asyncio.create_subprocess_exec(command, stdout=-1, stdin=-1)
            self.assertEqual(len(os.listdir('/proc/self/fd')), before)

        eddyloop.run(main())

    def test_they_start_where_standard_descriptors_are_closed(self):
        done = run_program(
            """
            import os
            os.close(0), os.close(1)
            import asyncio, subprocess, sys
            import eddyloop

            async def main():
                process = await asyncio.create_subprocess_exec(
                    'cat', stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
                return await process.communicate(b'through')

            os.write(2, repr(eddyloop.run(main())).encode())
            """
        )
        self.assertEqual((done.stderr, done.returncode), ("(b'through', None)", 0))


class DebugMode(LoopTest):
    def test_a_call_without_a_frame_of_python(self):
        """Threads may begin with a method in C: there is no frame to remember."""
        self.loop.set_debug(True)
        _thread.start_new_thread(self.loop.call_soon_threadsafe, (self.loop.stop,))
        self.loop.run_forever()

    def test_the_traces_of_all_that_is_scheduled(self):
        async def main():
            loop = asyncio.get_running_loop()
            one, other = socket.socketpair()
            with one, other:
                future = loop.create_future()
                loop.add_reader(one, future.set_result, None)
                handles = [loop.call_soon(int), loop.call_later(10, int)]
                other.send(b'x')
                await future
                loop.remove_reader(one)
                for handle in handles:
                    self.assertIn('created at', repr(handle))
                handles[1].cancel()
            self.assertIn('created at', repr(asyncio.current_task()))

        eddyloop.run(main(), debug=True)

    def test_development_mode_has_nothing_to_say(self):
        done = run_program(
            """
            import asyncio
            import eddyloop

            async def echo(reader, writer):
                writer.write(await reader.read(100))
                await writer.drain()
                writer.close()
                await writer.wait_closed()

            async def main():
                server = await asyncio.start_server(echo, '127.0.0.1', 0)
                reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
                writer.write(b'x')
                print(await reader.read())
                writer.close()
                await writer.wait_closed()
                process = await asyncio.create_subprocess_exec('true')
                await process.wait()
                await asyncio.to_thread(int)
                server.close()
                await server.wait_closed()

            eddyloop.run(main())
            """,
            '-X',
            'dev',
        )
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("b'x'\n", '', 0))


class Idleness(unittest.TestCase):
    def test_a_loop_without_events_uses_no_processor(self):
        async def main():
            loop = asyncio.get_running_loop()
            sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(50)]
            for each in sockets:
                each.setblocking(False)
                each.bind(('127.0.0.1', 0))
                loop.add_reader(each, each.recv, 100)
            await asyncio.sleep(0.05)
            begin = time.thread_time()
            await asyncio.sleep(0.5)
            used = time.thread_time() - begin
            for each in sockets:
                loop.remove_reader(each)
                each.close()
            return used

        self.assertLess(eddyloop.run(main()), 0.05)


class Load(unittest.TestCase):
    def test_connections_that_break_at_any_moment_crash_nothing(self):
        """The process has no errors, and none of its connections is left."""
        done = run_program(
            """
            import asyncio, gc, logging, random
            import eddyloop

            logging.disable()  # of writes to connections that are lost
            chance = random.Random(1)
            live = set()  # a paused transport is collected, as asyncio's is

            class Server(asyncio.Protocol):
                def connection_made(self, transport):
                    live.add(self)
                    self.transport = transport
                    self.step()

                def data_received(self, data):
                    self.transport.write(data * chance.randrange(1, 40))
                    self.step()

                def pause_writing(self):
                    self.step()

                def resume_writing(self):
                    self.step()

                def eof_received(self):
                    return chance.random() < 0.5

                def connection_lost(self, exc):
                    live.remove(self)
                    self.transport.write(b'too late')

                def step(self):
                    t = self.transport
                    chance.choice((
                        t.close, t.abort, t.pause_reading, t.resume_reading, gc.collect,
                        lambda: t.write(bytes(chance.randrange(1, 300_000))),
                        lambda: t.writelines([b'a', b'b' * 5000]),
                        lambda: t.set_write_buffer_limits(chance.randrange(1, 100_000)),
                        *5 * [int],
                    ))()

            async def client(address):
                reader, writer = await asyncio.open_connection(*address)
                try:
                    for _ in range(chance.randrange(8)):
                        writer.write(bytes(chance.randrange(1, 20_000)))
                        await asyncio.wait_for(reader.read(65536), 0.02)
                except (OSError, TimeoutError):
                    pass
                if chance.random() < 0.5:
                    writer.transport.abort()
                writer.close()

            async def main():
                loop = asyncio.get_running_loop()
                loop.set_exception_handler(lambda loop, context: print(context))
                server = await loop.create_server(Server, '127.0.0.1', 0)
                address = server.sockets[0].getsockname()
                for _ in range(20):
                    await asyncio.gather(*(client(address) for _ in range(20)))
                server.close()
                for each in list(live):
                    each.transport.abort()
                for _ in range(5):
                    await asyncio.sleep(0)
                print('left', len(live))

            eddyloop.install()
            eddyloop.run(main())
            """,
            '-W',
            'ignore',
            timeout=120,
        )
        self.assertEqual((done.stdout, done.stderr, done.returncode), ('left 0\n', '', 0))


class Names(unittest.TestCase):
    def test_many_are_looked_up_at_once(self):
        async def main():
            loop = asyncio.get_running_loop()
            lookups = [loop.getaddrinfo('localhost', port) for port in range(1, 101)]
            for port, found in enumerate(await asyncio.gather(*lookups), 1):
                self.assertEqual({address[4][1] for address in found}, {port})

        eddyloop.run(main())

    def test_the_zone_of_an_address_is_kept(self):
        async def main():
            return await asyncio.get_running_loop().getaddrinfo('fe80::1%lo', 80)

        try:
            expected = socket.getaddrinfo('fe80::1%lo', 80)
        except OSError as error:
            self.skipTest(f'there is no IPv6: {error}')
        self.assertEqual(eddyloop.run(main()), expected)


class OtherSockets(unittest.TestCase):
    def test_sequenced_packets_keep_their_borders(self):
        async def main():
            loop = asyncio.get_running_loop()
            one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with one, other:
                one.setblocking(False)
                other.setblocking(False)
                receiving = asyncio.create_task(loop.sock_recv(other, 100))
                await asyncio.sleep(0)
                await loop.sock_sendall(one, b'first')
                await loop.sock_sendall(one, b'second')
                return await receiving, await loop.sock_recv(other, 100)

        self.assertEqual(eddyloop.run(main()), (b'first', b'second'))

    def test_two_transports_write_to_one_pipe(self):
        async def main():
            loop = asyncio.get_running_loop()
            read_end, write_end = os.pipe()
            transports = []
            for _ in range(2):
                file = os.fdopen(os.dup(write_end), 'wb', 0)
                transports.append((await loop.connect_write_pipe(asyncio.Protocol, file))[0])
            for n, transport in enumerate(transports):
                transport.write(b'%d' % n)
                transport.close()
            os.close(write_end)
            with os.fdopen(read_end, 'rb', 0) as pipe:
                return await asyncio.to_thread(pipe.readall)

        self.assertEqual(eddyloop.run(main()), b'01')
