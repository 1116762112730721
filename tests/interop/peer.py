"""The same as subject.c, in asyncio: peer.py serve [PATH], peer.py ask PORT|PATH."""
import asyncio
import sys


async def until(reader):
    """Up to "--" or "++"; readuntil takes several separators from CPython 3.13 on only."""
    data = b""
    while not data.endswith((b"--", b"++")):
        data += await reader.readexactly(1)
    return data


async def obey(reader, writer, line):
    verb, _, rest = line.decode().rstrip("\n").partition(" ")
    if verb == "echo":
        writer.write(rest.encode() + b"\n")
    elif verb == "exact":
        writer.write(await reader.readexactly(int(rest)))
    elif verb == "much":
        writer.write(b"m" * int(rest))
    elif verb == "until":
        writer.write(await until(reader))
    elif verb == "count":
        writer.write(b"%d\n" % len(await reader.read(-1)))
    else:
        writer.transport.abort()
    await writer.drain()


async def handle(reader, writer):
    try:
        while line := await reader.readline():
            await obey(reader, writer, line)
    except ConnectionError:
        pass
    writer.close()


async def serve(path=None):
    if path:
        server = await asyncio.start_unix_server(handle, path)
        print(0, flush=True)
    else:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def connect(where):
    if where.startswith("/"):
        return await asyncio.open_unix_connection(where)
    return await asyncio.open_connection("127.0.0.1", int(where))


async def ask(where):
    reader, writer = await connect(where)
    writer.write(b"echo hello\n")
    assert await reader.readline() == b"hello\n"
    for byte in b"exact 5\na\nb\nc":  # in as many segments
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    assert await reader.readexactly(5) == b"a\nb\nc"
    writer.write(b"until\none+two-three++until\nfour--")
    assert await reader.readuntil(b"--") == b"one+two-three++four--"
    writer.write(b"much 3000000\n")
    assert await reader.readexactly(3000000) == b"m" * 3000000
    writer.writelines([b"count\n", b"m" * 3000000])
    await writer.drain()
    writer.write_eof()
    assert await reader.read() == b"3000000\n"
    writer.close()
    await writer.wait_closed()

    reader, writer = await connect(where)
    writer.write(b"reset\n")
    try:
        assert await reader.read() == b""
    except ConnectionResetError:
        pass
    writer.close()


asyncio.run({"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:]))
