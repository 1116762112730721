"""asyncssh's server and client: commands, files, forwarded ports."""

import asyncio
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'others'))

import asyncssh

from _support import folder, run


async def execute(process):
    data = await process.stdin.read()
    process.stdout.write(f'{process.command} {len(data)}\n')
    process.stderr.write('done\n')
    process.exit(3)


class Server(asyncssh.SSHServer):
    def begin_auth(self, username):
        return False

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        return True


async def echo(reader, writer):
    writer.write((await reader.readexactly(300_000))[::-1])
    await writer.drain()
    writer.close()


async def use(connection, path):
    done = await connection.run('count', input='x' * 500_000)
    print(done.exit_status, done.stdout, done.stderr)
    answers = await asyncio.gather(*(connection.run(f'c{n}', input='x') for n in range(10)))
    print([a.stdout for a in answers])
    async with connection.start_sftp_client() as sftp:
        data = os.urandom(400_000)
        async with sftp.open(f'{path}/file', 'wb') as file:
            await file.write(data)
        async with sftp.open(f'{path}/file', 'rb') as file:
            print(await file.read() == data, sorted(await sftp.listdir(path)))
    backend = await asyncio.start_server(echo, '127.0.0.1', 0)
    port = backend.sockets[0].getsockname()[1]
    forwarded = await connection.forward_local_port('', 0, '127.0.0.1', port)
    reader, writer = await asyncio.open_connection('127.0.0.1', forwarded.get_port())
    data = os.urandom(300_000)
    writer.write(data)
    print(await reader.read() == data[::-1])
    writer.close()
    forwarded.close()
    backend.close()


async def main():
    key = asyncssh.generate_private_key('ssh-ed25519')
    server = await asyncssh.create_server(
        Server,
        '127.0.0.1',
        0,
        server_host_keys=[key],
        process_factory=execute,
        sftp_factory=True,
    )
    port = server.sockets[0].getsockname()[1]
    with folder() as path:
        async with asyncssh.connect('127.0.0.1', port, known_hosts=None, config=None) as client:
            await use(client, path)
    server.close()
    await server.wait_closed()


run(main())
