#!/usr/bin/env python3
"""asyncio and uvloop: servers, and the workloads of one process.

python_bench.py asyncio|uvloop WORKLOAD
python_bench.py asyncio|uvloop echo|http|udp PORT [streams]
python_bench.py asyncio|uvloop tls PORT FILE
"""
import asyncio
import math
import os
import random
import socket
import ssl
import sys
import threading
import time

PEER, WORKLOAD = sys.argv[1], sys.argv[2]
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: p\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nHello"
)
BACKLOG = 4096
now = time.perf_counter_ns


def show(workload, value, unit):
    print(f"{PEER} {workload} {value:.3f} {unit}", flush=True)


class Echo(asyncio.Protocol):
    __slots__ = ("transport",)

    def connection_made(self, transport):
        self.transport = transport
        connection = transport.get_extra_info("socket")
        if connection.family == socket.AF_INET:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data):
        self.transport.write(data)

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


class Http(asyncio.Protocol):
    """Counts empty lines: no parser written in Python could be faster."""

    __slots__ = ("transport", "rest")

    def connection_made(self, transport):
        self.transport = transport
        self.rest = b""

    def data_received(self, data):
        data = self.rest + data
        n = data.count(b"\r\n\r\n")
        if n:
            self.transport.write(ANSWER * n)
            data = data[data.rfind(b"\r\n\r\n") + 4 :]
        self.rest = data


async def echo_streams(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


class Datagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def serve_datagrams(port):
    await asyncio.get_running_loop().create_datagram_endpoint(
        Datagrams, local_addr=("0.0.0.0", port)
    )
    await asyncio.get_running_loop().create_future()


async def serve_tls(port, file):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = await asyncio.get_running_loop().create_server(
        Echo, "0.0.0.0", port, backlog=BACKLOG, ssl=context
    )
    await server.serve_forever()


async def serve_unix(path, streams):
    if streams:
        server = await asyncio.start_unix_server(echo_streams, path, backlog=BACKLOG)
    else:
        server = await asyncio.get_running_loop().create_unix_server(Echo, path, backlog=BACKLOG)
    await server.serve_forever()


async def serve(port, streams):
    if streams:
        server = await asyncio.start_server(echo_streams, "0.0.0.0", port, backlog=BACKLOG)
    else:
        protocol = Http if WORKLOAD == "http" else Echo
        server = await asyncio.get_running_loop().create_server(
            protocol, "0.0.0.0", port, backlog=BACKLOG
        )
    await server.serve_forever()


async def trivial():
    return 1


async def switch():
    n = 500_000

    async def yields():
        for _ in range(n):
            await asyncio.sleep(0)

    began = now()
    await asyncio.gather(yields(), yields())
    show("switch", (now() - began) / (2 * n), "ns")


async def spawn_join():
    n = 200_000
    began = now()
    for _ in range(n):
        await asyncio.create_task(trivial())
    show("spawn_join", (now() - began) / n, "ns")


async def spawn_gather():
    n, rounds = 10_000, 20
    for i in range(1 + rounds):
        if i == 1:  # the first time was for the memory
            began = now()
        await asyncio.gather(*[asyncio.create_task(trivial()) for _ in range(n)])
    show("spawn_gather", (now() - began) / (n * rounds), "ns/task")


def memory_used():
    with open("/proc/self/status") as f:
        return (
            sum(int(line.split()[1]) for line in f if line.startswith(("VmRSS:", "VmPTE:"))) * 1024
        )


async def memory():
    n = 100_000 if WORKLOAD == "memory_100k" else 1_000_000
    loop = asyncio.get_running_loop()

    async def wait():
        await loop.create_future()

    before = memory_used()
    tasks = [loop.create_task(wait()) for _ in range(n)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    show(WORKLOAD, (memory_used() - before) / len(tasks), "B/task")
    os._exit(0)


async def timer_cancel():
    n = 1_000_000
    loop = asyncio.get_running_loop()
    delays = [random.uniform(1, 61) for _ in range(n)]
    for _ in range(2):  # the first time is for the memory
        began = now()
        handles = [loop.call_later(delay, int) for delay in delays]
        for handle in handles:
            handle.cancel()
        await asyncio.sleep(0)  # it sweeps its heap now
        await asyncio.sleep(0)
    show("timer_cancel", (now() - began) / n, "ns")


async def sleepers():
    n = 10_000 if WORKLOAD == "sleepers_10k" else 100_000
    late = []
    to_begin, since, until = n, math.inf, math.inf  # as in sleepers.h

    async def sleeper():
        nonlocal to_begin, since, until
        to_begin -= 1
        if to_begin == 0:
            since = now()
            until = since + 3_000_000_000
        while (began := now()) <= until:
            delay = random.random() * 0.1
            await asyncio.sleep(delay)
            if (woke := now()) >= since:
                late.append(woke - began - delay * 1e9)

    await asyncio.gather(*[sleeper() for _ in range(n)])
    elapsed = (now() - since) / 1e9
    late.sort()
    show(WORKLOAD, len(late) / elapsed, "wakeups/s")
    if late:
        show(WORKLOAD + "_p99", late[len(late) * 99 // 100] / 1e3, "us")


async def queue():
    n = 100_000
    questions, answers = asyncio.Queue(1), asyncio.Queue(1)

    async def answer():
        while True:
            await answers.put(await questions.get())

    other = asyncio.create_task(answer())
    began = now()
    for i in range(n):
        await questions.put(i)
        await answers.get()
    show("queue", (now() - began) / (2 * n), "ns/msg")
    other.cancel()


async def lock():
    live, n = 100, 2000
    the_lock = asyncio.Lock()

    async def lock_and_yield():
        for _ in range(n):
            async with the_lock:
                await asyncio.sleep(0)

    began = now()
    await asyncio.gather(*[lock_and_yield() for _ in range(live)])
    show("lock", (now() - began) / (live * n), "ns/acquire")


async def call_soon():
    live, n = (1, 200_000) if WORKLOAD == "call_soon_chain" else (1000, 1_000_000)
    loop = asyncio.get_running_loop()
    left, done = n, loop.create_future()

    def again():
        nonlocal left
        left -= 1
        if left > 0:
            loop.call_soon(again)
        elif not done.done():
            done.set_result(None)

    began = now()
    for _ in range(live):
        loop.call_soon(again)
    await done
    show(WORKLOAD, (now() - began) / n, "ns")


async def post():
    loop = asyncio.get_running_loop()
    finished = loop.create_future()

    def round_trips(n=20_000):
        answered = threading.Semaphore(0)
        began = now()
        for _ in range(n):
            loop.call_soon_threadsafe(answered.release)
            answered.acquire()
        show("post_rt", (now() - began) / n / 1e3, "us")

    def flood(n=500_000):
        seen, done = 0, threading.Event()

        def count():
            nonlocal seen
            seen += 1
            if seen == n:
                done.set()

        began = now()
        for _ in range(n):
            loop.call_soon_threadsafe(count)
        done.wait()
        show("post_flood", n / ((now() - began) / 1e9), "posts/s")

    def thread():
        round_trips() if WORKLOAD == "post_rt" else flood()
        loop.call_soon_threadsafe(finished.set_result, None)

    threading.Thread(target=thread).start()
    await finished


async def executor():
    loop = asyncio.get_running_loop()

    def no_op():
        return 1

    if WORKLOAD == "executor_rt":
        n = 20_000
        began = now()
        for _ in range(n):
            await loop.run_in_executor(None, no_op)
        show("executor_rt", (now() - began) / n / 1e3, "us")
        return
    rounds, n = 10, 5000
    began = now()
    for _ in range(rounds):
        await asyncio.gather(*[loop.run_in_executor(None, no_op) for _ in range(n)])
    show("executor_flood", rounds * n / ((now() - began) / 1e9), "jobs/s")


WORKLOADS = {
    "switch": switch,
    "spawn_join": spawn_join,
    "spawn_gather": spawn_gather,
    "memory_100k": memory,
    "memory_1m": memory,
    "timer_cancel": timer_cancel,
    "sleepers": sleepers,
    "sleepers_10k": sleepers,
    "queue": queue,
    "lock": lock,
    "call_soon": call_soon,
    "call_soon_chain": call_soon,
    "post_rt": post,
    "post_flood": post,
    "executor_rt": executor,
    "executor_flood": executor,
}


def main():
    if PEER == "uvloop":
        import uvloop

        uvloop.install()
    if WORKLOAD == "udp":
        asyncio.run(serve_datagrams(int(sys.argv[3])))
    elif WORKLOAD == "tls":
        asyncio.run(serve_tls(int(sys.argv[3]), sys.argv[4]))
    elif WORKLOAD == "echo" and "/" in sys.argv[3]:
        asyncio.run(serve_unix(sys.argv[3], sys.argv[4:] == ["streams"]))
    elif WORKLOAD in ("echo", "http"):
        asyncio.run(serve(int(sys.argv[3]), sys.argv[4:] == ["streams"]))
    else:
        asyncio.run(WORKLOADS[WORKLOAD]())


main()
