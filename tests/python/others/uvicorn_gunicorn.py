"""uvicorn with httptools in two workers under gunicorn, which forks and sends signals."""

import asyncio
import os
import re
import signal
import subprocess
import sys

import httptools  # noqa: F401
from uvicorn.workers import UvicornWorker

from _support import expect_loop, folder, run


class Worker(UvicornWorker):
    CONFIG_KWARGS = {'loop': 'asyncio', 'http': 'httptools'}


async def app(scope, receive, send):
    """Answers with the process's number and the size of the request's body."""
    if scope['type'] == 'lifespan':
        return
    expect_loop()
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message['body'])
        more = message['more_body']
    await send({'type': 'http.response.start', 'status': 200, 'headers': []})
    await send({'type': 'http.response.body', 'body': f'{os.getpid()} {size}'.encode()})


async def request(port, size):
    """Sends a body of that size; returns the worker's number."""
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    writer.write(b'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n')
    writer.write(b'Content-Length: %d\r\n\r\n' % size + b'x' * size)
    head, _, rest = (await reader.read()).partition(b'\r\n\r\n')
    writer.close()
    if not head:
        raise EOFError
    assert head.startswith(b'HTTP/1.1 200'), head
    pid, length = re.search(rb'(\d+) (\d+)', rest).groups()
    assert int(length) == size
    return int(pid)


async def listens(log):
    """Waits for gunicorn's log to tell the port; returns it."""
    seen = ''
    while (line := (await log.readline()).decode()) != '':
        seen += line
        if found := re.search(r'Listening at: http://127.0.0.1:(\d+)', line):
            return int(found[1])
    raise RuntimeError(seen)


async def main():
    eddy = ['-m', 'eddyloop'] if 'eddyloop' in sys.modules else []
    with folder() as path:
        server = await asyncio.create_subprocess_exec(
            *[sys.executable, *eddy, '-m', 'gunicorn', '-w', '2', '-b', '127.0.0.1:0'],
            *['--worker-tmp-dir', path, '-k', 'uvicorn_gunicorn.Worker', 'uvicorn_gunicorn:app'],
            stderr=subprocess.PIPE,
            cwd=os.path.dirname(os.path.abspath(__file__)),
            env=dict(os.environ, PYTHONDONTWRITEBYTECODE='1'),
        )
        port = await listens(server.stderr)
        rest = asyncio.ensure_future(server.stderr.read())
        workers = await two_workers(port)
        os.kill(workers.pop(), signal.SIGKILL)  # gunicorn starts another one
        print('again two workers:', workers < await two_workers(port))
        server.send_signal(signal.SIGTERM)
        print('ends with', await server.wait())
        assert b'Traceback' not in await rest, (await rest).decode()


async def two_workers(port):
    """Sends requests until both workers have answered; returns the numbers of the workers."""
    workers = set()
    while len(workers) < 2:
        workers |= set(await asyncio.gather(*(retried(port, n * 1000) for n in range(20))))
    return workers


async def retried(port, size):
    """Sends a request; the connections of a worker that was killed are reset, or end early."""
    while True:
        try:
            return await request(port, size)
        except (ConnectionError, EOFError):
            await asyncio.sleep(0.01)


if __name__ == '__main__':
    run(main())
