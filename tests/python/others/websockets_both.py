"""websockets' server and client: large messages, fragments, pings, closing from either side."""

import asyncio
import logging

import websockets

from _support import run


async def serve(socket):
    async for message in socket:
        if message == 'close':
            await socket.close(4001, 'asked to')
        elif message == 'fail':
            raise ValueError('asked to fail')
        else:
            await socket.send(message)


async def main():
    logging.getLogger('websockets').setLevel(logging.CRITICAL)  # a server that fails tells it
    async with websockets.serve(serve, '127.0.0.1', 0, max_size=None) as server:
        uri = f'ws://127.0.0.1:{server.sockets[0].getsockname()[1]}'
        async with websockets.connect(uri, max_size=None) as socket:
            for message in ('hello', b'\x00\xff' * 10, 'x' * 3_000_000):
                await socket.send(message)
                print(await socket.recv() == message)
            await socket.send(['in ', 'three ', 'parts'])
            print(await socket.recv())
            pong = await socket.ping()
            await pong
        for word in ('close', 'fail'):
            async with websockets.connect(uri) as socket:
                await socket.send(word)
                try:
                    await socket.recv()
                except websockets.ConnectionClosed as closed:
                    print(closed.rcvd.code, closed.rcvd.reason)

        async def converse(n):
            async with websockets.connect(uri) as socket:
                for m in range(20):
                    await socket.send(f'{n} {m}')
                    assert await socket.recv() == f'{n} {m}'

        await asyncio.gather(*(converse(n) for n in range(50)))
        print('at once')
        lasting = await websockets.connect(uri)
    try:
        await lasting.recv()
    except websockets.ConnectionClosed as closed:
        print('server closes:', closed.rcvd.code)


run(main())
