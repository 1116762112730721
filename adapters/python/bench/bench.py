#!/usr/bin/env python3
"""Compares event loops of Python: processor time, or user instructions, of each operation.

    bench.py [--instructions] [--rounds N] [LOOP…] [-- WORKLOAD…]

LOOP is asyncio, eddyloop, eddyloop:epoll, eddyloop:io_uring or uvloop; by default asyncio,
eddyloop on both backends, and uvloop if it is installed. Each figure is the median of the rounds,
of a process of its own; in each round all loops have their turn. Behind a figure is its ratio to
that of the last loop, the median of the ratios of the rounds. An echo is one message from a client
in another process and back; the figure is that of the server's process alone, as the difference of
a long and a short run.

--instructions  counts user instructions by valgrind, which knows no io_uring; exact, but slow
"""

import argparse
import asyncio
import os
import re
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time

# name: (what the server does, bytes of a message, connections, messages)
ECHOES = {
    'echo protocol 64 B': ('protocol', 64, 16, 20_000),
    'echo protocol 1 KiB': ('protocol', 1024, 16, 20_000),
    'echo protocol 100 KiB': ('protocol', 102_400, 4, 2_000),
    'echo two writes': ('two writes', 1024, 16, 20_000),
    'echo streams 1 KiB': ('streams', 1024, 16, 10_000),
    'echo TLS 1 KiB': ('protocol TLS', 1024, 16, 10_000),
    'echo TLS 100 KiB': ('protocol TLS', 102_400, 4, 1_000),
    'echo streams TLS 1 KiB': ('streams TLS', 1024, 16, 10_000),
}


def new_loop(name):
    if name == 'asyncio':
        return asyncio.new_event_loop()
    name, _, backend = name.partition(':')
    if backend:
        os.environ['EDDY_BACKEND'] = backend
    module = __import__(name)
    module.install()
    return module.new_event_loop()


# Workloads of one process: coroutines that do n operations.


async def call_soon_chain(loop, n):
    done = loop.create_future()

    def step(left):
        if left:
            loop.call_soon(step, left - 1)
        else:
            done.set_result(None)

    loop.call_soon(step, n)
    await done


async def call_soon_1000_live(loop, n):
    done, live = loop.create_future(), 1000

    def step(left):
        nonlocal live
        if left:
            loop.call_soon(step, left - 1)
        else:
            live -= 1
            if not live:
                done.set_result(None)

    for _ in range(live):
        loop.call_soon(step, n // 1000)
    await done


async def call_later_and_cancel(loop, n):
    for i in range(n):
        loop.call_later(60, print).cancel()
        if i % 100 == 0:
            await asyncio.sleep(0)


async def create_task(loop, n):
    async def nothing():
        pass

    for _ in range(n):
        await loop.create_task(nothing())


async def sleep_0(loop, n):
    for _ in range(n):
        await asyncio.sleep(0)


async def timeout(loop, n):
    for _ in range(n):
        async with asyncio.timeout(60):
            await asyncio.sleep(0)


async def queue(loop, n):
    items = asyncio.Queue(1)

    async def put():
        for i in range(n):
            await items.put(i)

    task = loop.create_task(put())
    for _ in range(n):
        await items.get()
    await task


async def stream_reader(loop, n):
    reader = asyncio.StreamReader()
    for _ in range(n):
        loop.call_soon(reader.feed_data, b'a line\n')
        await reader.readline()


async def run_in_executor(loop, n):
    for _ in range(n):
        await loop.run_in_executor(None, int)


async def call_soon_threadsafe(loop, n):
    done = loop.create_future()

    def post():
        for _ in range(n):
            loop.call_soon_threadsafe(int)
        loop.call_soon_threadsafe(done.set_result, None)

    thread = threading.Thread(target=post)
    thread.start()
    await done
    thread.join()


LOCAL = {
    'call_soon chain': (call_soon_chain, 500_000),
    'call_soon, 1 000 live': (call_soon_1000_live, 200_000),
    'call_later and cancel': (call_later_and_cancel, 30_000),
    'create_task and await': (create_task, 20_000),
    'sleep(0)': (sleep_0, 50_000),
    'timeout()': (timeout, 20_000),
    'Queue put and get': (queue, 20_000),
    'StreamReader.readline()': (stream_reader, 20_000),
    'run_in_executor': (run_in_executor, 3_000),
    'call_soon_threadsafe': (call_soon_threadsafe, 50_000),
}


# The server.


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


class TwoWrites(Echo):
    def data_received(self, data):
        self.transport.write(data[:100])
        self.transport.write(data[100:])


async def echo_stream(reader, writer):
    while data := await reader.read(1 << 18):
        writer.write(data)
        await writer.drain()
    writer.close()


def server_context(folder):
    names = [f'{folder}/key.pem', f'{folder}/cert.pem']
    subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', names[0]]
        + ['-out', names[1], '-days', '2', '-subj', '/CN=localhost'],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(names[1], names[0])
    return context


async def serve(loop, what, size, connections, n):
    """Serves a client in another process until it ends."""
    with tempfile.TemporaryDirectory() as folder:
        context = server_context(folder) if what.endswith('TLS') else None
    if what.startswith('streams'):
        server = await asyncio.start_server(echo_stream, '127.0.0.1', 0, ssl=context)
    else:
        protocol = TwoWrites if what == 'two writes' else Echo
        server = await loop.create_server(protocol, '127.0.0.1', 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    client = subprocess.Popen(
        [sys.executable, __file__, '--client', str(port), str(size), str(connections), str(n)]
        + (['TLS'] if context else []),
        stdout=subprocess.PIPE,
    )
    ended = loop.create_future()
    loop.add_reader(client.stdout, ended.set_result, None)
    await ended
    loop.remove_reader(client.stdout)
    client.stdout.close()
    if client.wait() != 0:
        raise SystemExit('the client has failed')
    server.close()


def be_client(port, size, connections, n, tls):
    socks = []
    for _ in range(connections):
        sock = socket.create_connection(('127.0.0.1', port), timeout=60)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            sock = context.wrap_socket(sock)
        socks.append(sock)
    message = bytes(size)
    for _ in range(n // connections):
        for sock in socks:
            sock.sendall(message)
        for sock in socks:
            left = size
            while left:
                left -= len(sock.recv(left))
    for sock in socks:
        sock.close()


def be_subject(name, workload, n):
    """Does @n operations of @workload on the loop; prints the processor time in nanoseconds."""
    loop = new_loop(name)
    if workload in LOCAL:
        coroutine = LOCAL[workload][0](loop, n)
    else:
        what, size, connections, _ = ECHOES[workload]
        coroutine = serve(loop, what, size, connections, n)
    before = time.process_time_ns()
    loop.run_until_complete(coroutine)
    print(time.process_time_ns() - before)
    loop.close()


def cost(name, workload, n, instructions):
    command = [sys.executable, __file__, '--subject', name, workload, str(n)]
    if instructions:
        count = ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null']
        command = count + command
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, errors='replace')
    if done.returncode != 0:
        raise SystemExit(f'{name}, {workload}: {done.stderr}')
    if instructions:
        return int(re.findall(r'Collected : (\d+)', done.stderr)[0])
    return int(done.stdout)


def measure(name, workload, instructions):
    """Returns the cost of one operation, without that of the beginning and the end."""
    n = LOCAL[workload][1] if workload in LOCAL else ECHOES[workload][3]
    if instructions:
        n //= 10
    more = cost(name, workload, n, instructions) - cost(name, workload, n // 5, instructions)
    return more / (n - n // 5)


def compare(loops, workload, rounds, instructions):
    """Returns the cost for each loop, and its ratio to that of the last one."""
    costs = [[measure(name, workload, instructions) for name in loops] for _ in range(rounds)]
    ratios = [[c / of_round[-1] for c in of_round] for of_round in costs]
    return [
        (statistics.median(c), statistics.median(r))
        for c, r in zip(zip(*costs), zip(*ratios))
    ]


def usual_loops(instructions):
    loops = ['asyncio', 'eddyloop:epoll'] + ([] if instructions else ['eddyloop:io_uring'])
    try:
        import uvloop

        return [*loops, uvloop.__name__]
    except ImportError:
        return loops


def main():
    if sys.argv[1:2] == ['--client']:
        port, size, connections, n = map(int, sys.argv[2:6])
        return be_client(port, size, connections, n, len(sys.argv) > 6)
    if sys.argv[1:2] == ['--subject']:
        return be_subject(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    parser = argparse.ArgumentParser()
    parser.add_argument('--instructions', action='store_true')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('loops', nargs='*')
    arguments, workloads = sys.argv[1:], []
    if '--' in arguments:
        workloads = arguments[arguments.index('--') + 1 :]
        arguments = arguments[: arguments.index('--')]
    options = parser.parse_args(arguments)
    loops = options.loops or usual_loops(options.instructions)
    unit = 'instructions' if options.instructions else 'ns'
    print(f'{unit + " of an operation":24}', *(f'{name:>18}' for name in loops))
    for workload in workloads or [*LOCAL, *ECHOES]:
        rounds = 1 if options.instructions else options.rounds
        costs = compare(loops, workload, rounds, options.instructions)
        words = [f'{c:,.0f} {ratio:5.2f}' for c, ratio in costs]
        print(f'{workload:24}', *(f'{word:>18}' for word in words), flush=True)


if __name__ == '__main__':
    main()
