"""aiohttp's server and client: bodies of all sorts, TLS, web sockets, deadlines, many at once."""

import asyncio
import hashlib
import ssl

import aiohttp
from aiohttp import web

from _support import certificate, folder, run

BIG = bytes(range(256)) * 16384


async def hello(request):
    return web.Response(text=f'hello {request.match_info["name"]}')


async def digest(request):
    sha = hashlib.sha256()
    async for chunk in request.content.iter_chunked(65536):
        sha.update(chunk)
    return web.json_response({'sha256': sha.hexdigest()})


async def stream(request):
    response = web.StreamResponse()
    await response.prepare(request)
    for start in range(0, len(BIG), 100_000):
        await response.write(BIG[start : start + 100_000])
    await response.write_eof()
    return response


async def slow(request):
    await asyncio.sleep(30)


async def sockets(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.data == 'bye':
            await socket.close(code=4000, message=b'as you wish')
        else:
            await socket.send_str(message.data.upper())
    return socket


async def chunks():
    for start in range(0, len(BIG), 77_777):
        yield BIG[start : start + 77_777]


async def use(session, base):
    async with session.get(f'{base}/hello/world') as response:
        print(response.status, await response.text())
    async with session.get(f'{base}/nothing') as response:
        print(response.status)
    for body in (BIG, chunks()):
        async with session.post(f'{base}/digest', data=body) as response:
            sha = (await response.json())['sha256']
            print('sent', sha == hashlib.sha256(BIG).hexdigest())
    async with session.get(f'{base}/stream') as response:
        print('received', await response.read() == BIG)
    try:
        async with session.get(f'{base}/slow', timeout=aiohttp.ClientTimeout(total=0.05)):
            pass
    except asyncio.TimeoutError:
        print('too slow')
    await use_sockets(session, base)

    async def get(n):
        async with session.get(f'{base}/hello/{n}') as response:
            return await response.text()

    texts = await asyncio.gather(*(get(n) for n in range(200)))
    print('at once', texts == [f'hello {n}' for n in range(200)])


async def use_sockets(session, base):
    async with session.ws_connect(f'{base}/sockets') as socket:
        await socket.send_str('x' * 100_000)
        print('socket', await socket.receive_str() == 'X' * 100_000)
        await socket.send_str('bye')
        message = await socket.receive()
        print(message.type.name, socket.close_code)


async def main():
    app = web.Application(client_max_size=2 * len(BIG))
    app.add_routes([web.get('/hello/{name}', hello), web.post('/digest', digest)])
    app.add_routes([web.get('/stream', stream), web.get('/slow', slow)])
    app.add_routes([web.get('/sockets', sockets)])
    runner = web.AppRunner(app)
    await runner.setup()
    with folder() as path:
        cert, key = certificate(path)
        server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server_side.load_cert_chain(cert, key)
        client_side = ssl.create_default_context(cafile=cert)
    for context, scheme in ((None, 'http'), (server_side, 'https')):
        site = web.TCPSite(runner, '127.0.0.1', 0, ssl_context=context)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        connector = aiohttp.TCPConnector(ssl=client_side, limit=50)
        async with aiohttp.ClientSession(connector=connector) as session:
            await use(session, f'{scheme}://localhost:{port}')
        await site.stop()
    await runner.cleanup()


run(main())
