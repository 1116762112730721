"""tornado: executors, timers, its HTTP server and client, web sockets; its loop is asyncio's."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from tornado import gen, httpclient, httpserver, ioloop, iostream, web, websocket
from tornado.concurrent import run_on_executor
from tornado.testing import bind_unused_port

from _support import expect_loop


class Worker:
    def __init__(self):
        self.executor = ThreadPoolExecutor(2)

    @run_on_executor
    def double(self, n):
        return 2 * n, threading.current_thread() is threading.main_thread()

    @run_on_executor
    def fail(self):
        raise KeyError('in a thread')


class Echo(web.RequestHandler):
    async def post(self):
        self.set_header('Content-Type', 'application/octet-stream')
        self.finish(self.request.body)


class Sockets(websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message(message.upper())


async def executors():
    loop = ioloop.IOLoop.current()
    print(await loop.run_in_executor(None, pow, 2, 100))
    try:
        await loop.run_in_executor(None, int, 'x')
    except ValueError as error:
        print(error)
    worker = Worker()
    print(await worker.double(21))
    print(await gen.multi([worker.double(n) for n in range(5)]))
    try:
        await worker.fail()
    except KeyError as error:
        print(error)
    worker.executor.shutdown()


async def timers():
    loop, calls = ioloop.IOLoop.current(), []
    periodic = ioloop.PeriodicCallback(lambda: calls.append(1), 5)
    periodic.start()
    while len(calls) < 3:
        await gen.sleep(0.005)
    periodic.stop()
    try:
        await gen.with_timeout(loop.time() + 0.01, asyncio.Future())
    except gen.TimeoutError:
        print('too late')


async def servers():
    app = web.Application([('/echo', Echo), ('/sockets', Sockets)])
    sock, port = bind_unused_port()
    server = httpserver.HTTPServer(app)
    server.add_sockets([sock])
    client = httpclient.AsyncHTTPClient()
    big = b'z' * 1_000_000
    for body in (b'small', big):
        url = f'http://127.0.0.1:{port}/echo'
        response = await client.fetch(url, method='POST', body=body)
        print(response.code, response.body == body)
    socket = await websocket.websocket_connect(f'ws://127.0.0.1:{port}/sockets')
    await socket.write_message('hello')
    print(await socket.read_message())
    socket.close()
    server.stop()
    await server.close_all_connections()
    try:
        await client.fetch(f'http://127.0.0.1:{port}/echo')
    except (OSError, iostream.StreamClosedError) as error:
        print(type(error).__name__)


async def main():
    expect_loop()
    await executors()
    await timers()
    await servers()


ioloop.IOLoop.current().run_sync(main, timeout=60)
