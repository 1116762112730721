"""redis.asyncio with a server of its own: commands, pipelines, blocking pops, publish, many."""

import asyncio
import os

import redis.asyncio as redis

from _support import folder, process, run


async def listen(subscription):
    words = []
    async for message in subscription.listen():
        if message['type'] == 'message':
            words.append(message['data'])
            if message['data'] == b'last':
                return words


async def use(client):
    print(await client.set('key', b'\x00value'), await client.get('key'))
    big = os.urandom(3_000_000)
    await client.set('big', big)
    print(await client.get('big') == big)
    async with client.pipeline(transaction=True) as pipe:
        for _ in range(1000):
            pipe.incr('counter')
        print((await pipe.execute())[-1])
    popped = asyncio.create_task(client.blpop('list', timeout=10))
    await asyncio.sleep(0.01)
    await client.rpush('list', 'item')
    print(await popped)
    print(await client.blpop('list', timeout=1))
    async with client.pubsub() as subscription:
        await subscription.subscribe('channel')
        heard = asyncio.create_task(listen(subscription))
        while not await client.pubsub_numsub('channel') == [(b'channel', 1)]:
            await asyncio.sleep(0.01)
        for word in ('first', 'second', 'last'):
            await client.publish('channel', word)
        print(await heard)
    try:
        await client.lpush('key', 'x')
    except redis.ResponseError as error:
        print(str(error)[:9])
    values = await asyncio.gather(*(client.incr('counter') for _ in range(100)))
    print(sorted(values)[-1])


async def main():
    with folder() as path:
        socket = os.path.join(path, 'socket')
        # The server is the program redis-check-rdb under another name.
        command = ['redis-server', '--port', '0', '--unixsocket', socket, '--save', '']
        options = dict(executable='/usr/bin/redis-check-rdb', cwd=path)
        with process(*command, answers=lambda: os.path.exists(socket), **options):
            client = redis.Redis(unix_socket_path=socket, max_connections=200)
            await use(client)
            await client.close(close_connection_pool=True)


run(main())
