#!/usr/bin/env python3
"""Makes many connections to a server in the same process, some at a time, and looks for a leak.

    connections.py plain|TLS NUMBER

Each connection sends a message, gets it back, and is closed, half of them by the server. After a
tenth of them the memory and the descriptors of the process are noted; at the end there must not be
more of them: of memory, GROWTH more, as malloc() needs a while to find its size.
"""

import asyncio
import gc
import os
import ssl
import subprocess
import sys
import tempfile

import eddyloop

AT_ONCE, GROWTH = 50, 4 << 20
MESSAGE = b'a message of a connection\n'


def contexts():
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = f'{folder}/key.pem', f'{folder}/cert.pem'
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
            + ['-nodes', '-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=here'],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate, key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    return server, client


def memory():
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def descriptors():
    return len(os.listdir('/proc/self/fd'))


class Server(asyncio.Protocol):
    live = made = 0

    def connection_made(self, transport):
        Server.live += 1
        Server.made += 1
        self.transport, self.closes = transport, Server.made % 2 == 0

    def data_received(self, data):
        self.transport.write(data)
        if self.closes:
            self.transport.close()

    def connection_lost(self, exc):
        Server.live -= 1


class Client(asyncio.Protocol):
    def __init__(self, ended):
        self.ended, self.data = ended, b''

    def connection_made(self, transport):
        self.transport = transport
        transport.write(MESSAGE)

    def data_received(self, data):
        self.data += data
        if self.data == MESSAGE:
            self.transport.close()

    def connection_lost(self, exc):
        self.ended.set_result(self.data)


async def connect(loop, port, i, context):
    """Connects from one of many addresses: one has ports for 28 000 connections a minute."""
    ended = loop.create_future()
    source = f'127.0.{1 + i % 100}.{1 + i // 100 % 200}'
    await loop.create_connection(
        lambda: Client(ended), '127.0.0.1', port, local_addr=(source, 0), ssl=context,
        server_hostname='' if context else None,
    )
    return await ended


async def connect_all(loop, kind, number):
    of_server, of_client = contexts() if kind == 'TLS' else (None, None)
    server = await loop.create_server(Server, '127.0.0.1', 0, ssl=of_server, backlog=AT_ONCE)
    port = server.sockets[0].getsockname()[1]
    noted = None
    for i in range(0, number, AT_ONCE):
        data = await asyncio.gather(
            *(connect(loop, port, j, of_client) for j in range(i, min(i + AT_ONCE, number)))
        )
        if data.count(MESSAGE) != len(data):
            raise SystemExit(f'message {i} … of {kind} came back as something else')
        while Server.live:
            await asyncio.sleep(0.001)
        if noted is None and i >= number // 10:
            gc.collect()
            noted = memory(), descriptors()
    gc.collect()
    server.close()
    return noted, (memory(), descriptors())


def main():
    kind, number = sys.argv[1], int(sys.argv[2])
    with asyncio.Runner(loop_factory=eddyloop.new_event_loop) as runner:
        loop = runner.get_loop()
        (before, files_before), (after, files) = runner.run(connect_all(loop, kind, number))
        print(f'{number} {kind} connections on {loop.backend}: memory {before >> 10} KiB, then '
              f'{after >> 10} KiB; descriptors {files_before}, then {files}')
    sys.exit(after > before + GROWTH or files > files_before)


if __name__ == '__main__':
    main()
