"""A scenario, once for each allocation of Python's that fails; see memory_test.py.

    failing.py LOOP SCENARIO FIRST LAST

LOOP is MODULE:FUNCTION. Prints a line for each run: its number, and "ended", in whatever way, or
"lasted" for more than a second, after which it was cancelled. A run that cannot even be cancelled
ends the process.
"""

import asyncio
import faulthandler
import importlib
import os
import sys

import _testcapi


async def streams():
    async def answer(reader, writer):
        try:
            writer.write(await reader.readline())
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(answer, '127.0.0.1', 0)
    address = server.sockets[0].getsockname()
    yield
    try:
        reader, writer = await asyncio.open_connection(*address)
        try:
            writer.write(b'question\n')
            await reader.readline()
        finally:
            writer.close()
    finally:
        server.close()


class Noting(asyncio.DatagramProtocol, asyncio.Protocol):
    """A protocol that keeps what its transport brings."""

    def __init__(self):
        self.got = []

    def note(self, *what):
        self.got.append(what)

    datagram_received = error_received = data_received = connection_lost = note


async def some(protocol):
    """Waits until something has come."""
    while not protocol.got:
        await asyncio.sleep(0.001)


async def datagrams():
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        Noting, local_addr=('127.0.0.1', 0)
    )
    name = transport.get_extra_info('sockname')
    yield
    try:
        transport.sendto(b'x', name)
        await some(protocol)
    finally:
        transport.abort()


async def pipes():
    loop = asyncio.get_running_loop()
    read_end, write_end = os.pipe()
    reader, protocol = await loop.connect_read_pipe(Noting, open(read_end, 'rb', 0))
    writer, _ = await loop.connect_write_pipe(Noting, open(write_end, 'wb', 0))
    yield
    try:
        writer.write(bytes(100))
        await some(protocol)
    finally:
        reader.close()
        writer.close()


async def timers():
    loop = asyncio.get_running_loop()
    yield
    loop.call_soon(int)
    loop.call_later(0.001, int).cancel()
    await asyncio.gather(*(asyncio.sleep(0.001 * i) for i in range(3)))
    await asyncio.wait_for(asyncio.sleep(0), 1)


async def whole(scenario, n):
    steps = scenario()
    await steps.__anext__()
    _testcapi.set_nomemory(n, n + 1)
    try:
        await anext(steps, None)
    finally:
        _testcapi.remove_mem_hooks()


def run(loop, scenario, n):
    loop.set_exception_handler(lambda loop, context: None)
    try:
        task = loop.create_task(whole(scenario, n))
        late = loop.call_later(1, task.cancel)
        loop.run_until_complete(task)
    except (asyncio.CancelledError, MemoryError, OSError, SystemError):
        pass  # parts of CPython forget to set an exception, which is a SystemError
    finally:
        _testcapi.remove_mem_hooks()
    lasted = task.cancelled()
    late.cancel()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    return 'lasted' if lasted else 'ended'


def main():
    module, _, function = sys.argv[1].partition(':')
    new_event_loop = getattr(importlib.import_module(module), function)
    for n in range(int(sys.argv[3]), int(sys.argv[4]) + 1):
        faulthandler.dump_traceback_later(4, exit=True)
        print(n, run(new_event_loop(), globals()[sys.argv[2]], n), flush=True)


if __name__ == '__main__':
    main()
