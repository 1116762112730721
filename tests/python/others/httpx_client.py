"""httpx, which uses anyio's sockets, with asyncio's streams as its server; TLS as well."""

import asyncio
import ssl

import httpx

from _support import certificate, folder, run


async def answer(reader, writer):
    while (line := await reader.readline()) != b'':
        length = 0
        while (header := await reader.readline()) not in (b'\r\n', b''):
            if header.lower().startswith(b'content-length:'):
                length = int(header.partition(b':')[2])
        body = line.split()[1] + b' ' + await reader.readexactly(length)
        if b'/slow' in line:
            await asyncio.sleep(30)
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(body) + body)
        await writer.drain()
    writer.close()


async def use(client, base):
    response = await client.get(f'{base}/one')
    print(response.status_code, response.text)
    big = 'x' * 1_000_000
    response = await client.post(f'{base}/two', content=big)
    print(response.text == f'/two {big}')
    async with client.stream('POST', f'{base}/three', content=b'y' * 300_000) as response:
        print(sum([len(chunk) async for chunk in response.aiter_bytes()]))
    try:
        await client.get(f'{base}/slow', timeout=0.05)
    except httpx.ReadTimeout:
        print('too slow')
    answers = await asyncio.gather(*(client.get(f'{base}/{n}') for n in range(100)))
    print([a.text for a in answers] == [f'/{n} ' for n in range(100)])


async def main():
    with folder() as path:
        cert, key = certificate(path)
        server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server_side.load_cert_chain(cert, key)
        client_side = ssl.create_default_context(cafile=cert)
    for context, scheme in ((None, 'http'), (server_side, 'https')):
        server = await asyncio.start_server(answer, '127.0.0.1', 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        async with httpx.AsyncClient(verify=client_side) as client:
            await use(client, f'{scheme}://localhost:{port}')
        server.close()
    try:
        async with httpx.AsyncClient() as client:
            await client.get(f'http://127.0.0.1:{port}/')
    except httpx.ConnectError:
        print('nobody there')


run(main())
