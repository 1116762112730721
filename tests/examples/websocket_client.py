"""Clients of websocket-echo, by Python's websockets: websocket_client.py WHAT PORT."""
import asyncio
import os
import sys

import websockets

WHAT, PORT = sys.argv[1], sys.argv[2]
URI = f"ws://localhost:{PORT}/"


async def talk(number):
    """Messages of all sizes at which frames change their form, and many at the same time."""
    async with websockets.connect(URI) as ws:
        for size in 0, 1, 125, 126, 65535, 65536, 200000:
            message = os.urandom(size)
            await ws.send(message)
            assert await ws.recv() == message, size
        await ws.send("héllo")
        assert await ws.recv() == "héllo"
        await ws.send(["a message ", "in three ", "frames"])
        assert await ws.recv() == "a message in three frames"
        await (await ws.ping())
        for i in range(100):
            await ws.send(f"{number} {i}")
        for i in range(100):
            assert await ws.recv() == f"{number} {i}"


async def many():
    await asyncio.gather(*(talk(number) for number in range(20)))


async def too_long():
    """A message that is longer than the server allows: it says so and ends."""
    async with websockets.connect(URI) as ws:
        try:
            await ws.send(b"x" * (1 << 20))
            assert await ws.recv() == b"x" * (1 << 20)
            await ws.send(b"x" * ((1 << 20) + 1))
            await ws.recv()
        except websockets.ConnectionClosed as closed:
            assert closed.code == 1009, closed
        else:
            raise AssertionError("it was accepted")


async def going_away():
    """Says that it is there, and expects to be told that the server ends."""
    async with websockets.connect(URI) as ws:
        await ws.send("hello")
        print(await ws.recv(), flush=True)
        try:
            await ws.recv()
        except websockets.ConnectionClosed as closed:
            assert closed.code == 1001, closed
            print("going away")


async def slow():
    """Sends and does not read, until the server takes no more; another client is served."""
    async with websockets.connect(URI, max_queue=1, read_limit=1024) as ws:
        ws.transport.pause_reading()
        sent = 0
        try:
            while True:
                await asyncio.wait_for(ws.send(b"x" * 100000), 0.5)
                sent += 100000
        except asyncio.TimeoutError:
            print(sent, "bytes", flush=True)
        await talk(0)
        ws.transport.abort()


asyncio.run(globals()[WHAT]())
