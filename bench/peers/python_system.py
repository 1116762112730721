#!/usr/bin/env python3
"""asyncio and uvloop in the rows of pipes, names and processes; see system.h.

python_system.py asyncio|uvloop|multiprocessing WORKLOAD
"""
import asyncio
import concurrent.futures
import mmap
import multiprocessing
import os
import socket
import sys
import time

PEER, WORKLOAD = sys.argv[1], sys.argv[2]
PROCESSES = 2
MADV_POPULATE_READ = 22  # see occupy() in system.h
now = time.perf_counter_ns


def show(workload, value, unit):
    print(f"{PEER} {workload} {value:.3f} {unit}", flush=True)


async def open_pipe():
    loop = asyncio.get_running_loop()
    fds = os.pipe()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fds[0]))
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(fds[1], "wb")
    )
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


async def pipes():
    n, size = (500, 65536) if WORKLOAD == "pipe_64k" else (5_000, 64)
    (questions, ask), (answers, answer) = await open_pipe(), await open_pipe()

    async def send_back():
        while data := await questions.read(65536):
            answer.write(data)
            await answer.drain()

    other = asyncio.create_task(send_back())
    message = b"m" * size
    began = now()
    for _ in range(n):
        ask.write(message)
        await ask.drain()
        await answers.readexactly(size)
    show(WORKLOAD, (now() - began) / n, "ns")
    other.cancel()


async def names():
    n, live = 10_000, 1000
    loop = asyncio.get_running_loop()

    async def look_up(i):
        for _ in range(n // live):
            found = await loop.getaddrinfo(
                f"h{i}.bench.test", None, family=socket.AF_INET, type=socket.SOCK_STREAM
            )
            assert found[0][4][0] == f"10.0.{i >> 8}.{i & 255}"

    began, cpu = now(), time.process_time_ns()
    await asyncio.gather(*[look_up(i) for i in range(live)])
    show(WORKLOAD, (now() - began) / n / 1e3, "us")
    show("names_cpu", (time.process_time_ns() - cpu) / n, "ns")


async def spawn():
    n, size = (20, 4096 << 20) if WORKLOAD == "spawn_4g" else (100, 10 << 20)
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    memory[0] = 1
    memory.madvise(MADV_POPULATE_READ)
    for i in range(-1, n):
        if i == 0:
            began = now()
        process = await asyncio.create_subprocess_exec("/bin/true")
        assert await process.wait() == 0
    show(WORKLOAD, (now() - began) / n / 1e3, "us")


def double(number):
    return number * 2


async def process_pool():
    loop = asyncio.get_running_loop()
    with concurrent.futures.ProcessPoolExecutor(PROCESSES) as pool:
        await asyncio.gather(*[loop.run_in_executor(pool, double, i) for i in range(8)])
        n, live = (2000, 1) if WORKLOAD == "process_rt" else (20_000, 1000)

        async def jobs():
            for i in range(n // live):
                assert await loop.run_in_executor(pool, double, i) == 2 * i

        began = now()
        await asyncio.gather(*[jobs() for _ in range(live)])
        show_jobs(n, began)


def show_jobs(n, began):
    elapsed = now() - began
    if WORKLOAD == "process_rt":
        show(WORKLOAD, elapsed / n / 1e3, "us")
    else:
        show(WORKLOAD, n / (elapsed / 1e9), "jobs/s")


def multiprocessing_pool():
    with multiprocessing.Pool(PROCESSES) as pool:
        pool.map(double, range(8), chunksize=1)
        if WORKLOAD == "process_rt":
            n, began = 2000, now()
            for i in range(n):
                assert pool.apply(double, (i,)) == 2 * i
        else:
            n, began = 20_000, now()
            for _ in range(n // 1000):
                pool.map(double, range(1000), chunksize=1)
        show_jobs(n, began)


WORKLOADS = {
    "pipe": pipes,
    "pipe_64k": pipes,
    "names": names,
    "spawn_10m": spawn,
    "spawn_4g": spawn,
    "process_rt": process_pool,
    "process_flood": process_pool,
}


def main():
    if PEER == "multiprocessing":
        return multiprocessing_pool()
    if PEER == "uvloop":
        import uvloop

        uvloop.install()
    asyncio.run(WORKLOADS[WORKLOAD]())


if __name__ == "__main__":
    main()
