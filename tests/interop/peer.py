"""Does in asyncio what subject.c does with eddy:

    peer.py [--tls DIR | --starttls DIR] serve [PATH] | ask PORT|PATH
"""
import asyncio
import ssl
import sys

tls = None
starttls = False


def open_tls(purpose, folder, who):
    context = ssl.create_default_context(purpose, cafile=folder + "/ca.pem")
    context.load_cert_chain(f"{folder}/{who}.pem", f"{folder}/{who}.key")
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["interop"])
    return context


def describe(writer):
    tls = writer.get_extra_info("ssl_object")
    subject = dict(pair for part in tls.getpeercert()["subject"] for pair in part)
    return f"{tls.version()} {tls.selected_alpn_protocol()} {subject['commonName']}\n".encode()


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
    elif verb == "starttls":
        writer.write(b"go on\n")
        await writer.start_tls(tls)
    elif verb == "tls":
        writer.write(describe(writer))
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
        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=None if starttls else tls)
        print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def connect(where):
    if where.startswith("/"):
        return await asyncio.open_unix_connection(where)
    if tls and not starttls:
        return await asyncio.open_connection(
            "127.0.0.1", int(where), ssl=tls, server_hostname="localhost"
        )
    return await asyncio.open_connection("127.0.0.1", int(where))


async def ask_for_tls(reader, writer):
    if starttls:
        writer.write(b"starttls\n")
        assert await reader.readline() == b"go on\n"
        await writer.start_tls(tls, server_hostname="localhost")
    writer.write(b"tls\n")
    assert await reader.readline() == b"TLSv1.3 interop client\n"


async def ask_for_count(reader, writer):
    writer.writelines([b"count\n", b"m" * 3000000])
    await writer.drain()
    writer.write_eof()
    assert await reader.read() == b"3000000\n"


async def ask(where):
    reader, writer = await connect(where)
    if tls:
        await ask_for_tls(reader, writer)
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
    if not tls:  # of which asyncio cannot close one half
        await ask_for_count(reader, writer)
    writer.close()
    await writer.wait_closed()

    reader, writer = await connect(where)
    writer.write(b"reset\n")
    try:
        assert await reader.read() == b""
    except ConnectionResetError:
        pass
    writer.close()


arguments = sys.argv[1:]
if arguments[0].startswith("--"):
    starttls = arguments[0] == "--starttls"
    if arguments[2] == "serve":
        tls = open_tls(ssl.Purpose.CLIENT_AUTH, arguments[1], "server")
    else:
        tls = open_tls(ssl.Purpose.SERVER_AUTH, arguments[1], "client")
    arguments = arguments[2:]
asyncio.run({"serve": serve, "ask": ask}[arguments[0]](*arguments[1:]))
