"""pyzmq's asyncio sockets, which watch a descriptor whose edges tell of messages."""

import asyncio

import zmq
import zmq.asyncio

from _support import run


async def serve(context, address):
    with context.socket(zmq.REP) as socket:
        socket.connect(address)
        while (parts := await socket.recv_multipart()) != [b'stop']:
            await socket.send_multipart([part.upper() for part in parts])
        await socket.send(b'stopped')


async def main():
    context = zmq.asyncio.Context()
    with context.socket(zmq.REQ) as socket:
        port = socket.bind_to_random_port('tcp://127.0.0.1')
        server = asyncio.create_task(serve(context, f'tcp://127.0.0.1:{port}'))
        for n in range(200):
            await socket.send_multipart([b'message', b'%d' % n])
            assert await socket.recv_multipart() == [b'MESSAGE', b'%d' % n]
        await socket.send(b'x' * 2_000_000)
        print(len(await socket.recv()))
        print(await socket.poll(10))
        await socket.send(b'stop')
        print(await socket.recv())
        await server
    with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
        push.bind('inproc://pipe')
        pull.connect('inproc://pipe')
        late = asyncio.ensure_future(pull.recv())
        await asyncio.sleep(0.01)
        await push.send(b'late')
        print(await late)
        await asyncio.gather(*(push.send(b'%d' % n) for n in range(500)))
        print(sum([int(await pull.recv()) for n in range(500)]))
        try:
            await asyncio.wait_for(pull.recv(), 0.01)
        except asyncio.TimeoutError:
            print('nothing')
    context.term()


run(main())
