"""Who takes part in what: the programs, their arguments, and the loads."""
import os

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"  # Debian's: uvloop is built for it
PYTHON_SYSTEM = os.path.join(HERE, "peers", "python_system.py")
PYTHON_BENCH = os.path.join(HERE, "peers", "python_bench.py")

TASKS = "switch spawn_join spawn_gather"
WAITING = "queue lock"
TIMERS = "timer_cancel sleepers sleepers_10k"
MEMORY = "memory_100k memory_1m"
CALLBACKS = "call_soon call_soon_chain"
POSTS = "post_rt post_flood"
JOBS = "executor_rt executor_flood"

# They need both processors; all others have one thread and are pinned.
TWO_THREADS = set(f"{POSTS} {JOBS} post_rt_busy names process_rt process_flood".split())

# They run in a network of their own, beside a name server (with_names.c).
WITH_NAMES = {"names"}

# Servers with several threads, which share the one processor that they are pinned to.
THREADED = {"Go", "Go net/http", "Go udp", "Go tls", "Node.js"}

# What eddy-bench measures for comparison, as peers, or in another way.
RENAMED = {
    "timer_cancel_later": ("timer_cancel", "eddy by delay"),
    "queue_alike": ("queue", "eddy alike"),
    "switch_raw": ("switch", "by hand"),
    "sleepers_raw": ("sleepers", "by hand"),
    "sleepers_raw_pages": ("sleepers", "by hand, a page each"),
    "sleepers_10k_raw_p99": ("sleepers_10k_p99", "by hand"),
    "call_soon_chain_poll": ("call_soon_chain", "one poll"),
    "file_pread": ("file", "pread"),
    "file_preadv2": ("file", "preadv2"),
}


# A first impression.
QUICK_WORKLOADS = (
    "switch spawn_gather queue lock timer_cancel call_soon post_flood echo_64x64x16 http "
    "udp_16x64x8 tls_64x1024 pipe names spawn_10m process_flood direct proxy_64x1024x1 "
    "static_1_KiB fetch_1000_x_1_KiB,_written copy_2000_files"
).split()
QUICK_PEERS = ["eddy", "raw epoll", "by hand", "recvmmsg", "OpenSSL", "32 threads", "libuv"]
QUICK_PEERS += ["tokio", "Go", "nginx", "HAProxy", "ProcessPool", "curl", "cp"]


def IN_PROCESS(build):
    """name: (command, environment, workloads)"""
    peers = build + "/peers"
    python = f"{TASKS} {MEMORY} {TIMERS} {WAITING} {CALLBACKS} {POSTS} {JOBS}"
    return {
        "eddy": (
            [build + "/eddy-bench"],
            {},
            f"{TASKS} switch_raw spawn_gather_eager {MEMORY} memory_1m_32k {TIMERS} "
            "sleepers_raw sleepers_raw_pages sleepers_10k_raw timer_cancel_later timer_push "
            f"{WAITING} queue_alike {CALLBACKS} {POSTS} "
            f"post_rt_busy {JOBS} file",
        ),
        "libuv": (
            [peers + "/uv-bench"],
            {},
            f"{TIMERS} timer_push {CALLBACKS} {POSTS} {JOBS} file",
        ),
        "libev": ([peers + "/ev-bench"], {}, f"{TIMERS} timer_push {CALLBACKS} {POSTS}"),
        "State Threads": (
            [peers + "/st-bench"],
            {},
            f"{TASKS} {MEMORY} sleepers sleepers_10k {WAITING}",
        ),
        "Boost": (
            [peers + "/boost-bench"],
            {},
            f"{TASKS} {TIMERS} {WAITING} {CALLBACKS} {POSTS} {JOBS}",
        ),
        # As a loop: one thread of its own unless there is another by nature.
        "Go": ([peers + "/go-bench"], {"GOMAXPROCS": "1"}, f"{TASKS} {MEMORY} {TIMERS} {WAITING}"),
        "Go 2": ([peers + "/go-bench"], {}, POSTS),
        "tokio": (
            [peers + "/tokio-bench"],
            {},
            f"{TASKS} {MEMORY} {TIMERS} {WAITING} {POSTS} {JOBS}",
        ),
        "asyncio": ([PYTHON, PYTHON_BENCH, "asyncio"], {}, python),
        "uvloop": ([PYTHON, PYTHON_BENCH, "uvloop"], {}, python),
    }


def SYSTEM(build):
    """name: (command, environment, workloads); pipes, names, processes and files"""
    peers = build + "/peers"
    blocks = {"BENCH_FILE": build + "/blocks"}
    pipes, spawn, pool = "pipe pipe_64k", "spawn_10m spawn_4g", "process_rt process_flood"
    return {
        "eddy": ([build + "/eddy-bench"], blocks, f"{pipes} names {spawn} {pool} direct"),
        "by hand": ([peers + "/hand-bench"], blocks, f"{pipes} {spawn} {pool} direct"),
        "32 threads": ([peers + "/hand-bench"], {"NAMES_THREADS": "32"}, "names"),
        "1,000 threads": ([peers + "/hand-bench"], {"NAMES_THREADS": "1000"}, "names"),
        "libuv": ([peers + "/uv-system-bench"], blocks, f"{pipes} names {spawn} direct"),
        "libuv, 32 threads": (
            [peers + "/uv-system-bench"],
            {**blocks, "UV_THREADPOOL_SIZE": "32"},
            "names direct",
        ),
        "Go": (
            [peers + "/go-bench"],
            {**blocks, "GOMAXPROCS": "1"},
            f"{pipes} names {spawn} direct",
        ),
        "asyncio": ([PYTHON, PYTHON_SYSTEM, "asyncio"], {}, f"{pipes} names {spawn}"),
        "uvloop": ([PYTHON, PYTHON_SYSTEM, "uvloop"], {}, f"{pipes} names {spawn}"),
        "ProcessPoolExecutor": ([PYTHON, PYTHON_SYSTEM, "asyncio"], {}, pool),
        "multiprocessing": ([PYTHON, PYTHON_SYSTEM, "multiprocessing"], {}, pool),
    }


def SERVERS(build):
    """name: (command, environment, loads)"""
    peers = build + "/peers"
    uring, epoll = {"EDDY_BACKEND": "io_uring"}, {"EDDY_BACKEND": "epoll"}
    tls = {"tls", "handshake", "resume", "idle"}
    pem = build + "/tls.pem"
    echo, http, files, udp = {"echo", "accept"}, {"http"}, {"files"}, {"udp"}
    port, folder = "{port}", build + "/files"
    static = [os.path.dirname(build) + "/bin/static-server", "-p", port, folder]
    return {
        "eddy io_uring": ([build + "/echo-server", port], uring, echo),
        "eddy epoll": ([build + "/echo-server", port], epoll, echo),
        "eddy streams io_uring": ([build + "/echo-server", "--streams", port], uring, echo),
        "eddy streams epoll": ([build + "/echo-server", "--streams", port], epoll, echo),
        "raw epoll": ([peers + "/epoll-server", port], {}, echo),
        "raw io_uring": ([peers + "/uring-server", port], {}, echo),
        "raw io_uring, 64 KiB buffers": (
            [peers + "/uring-server", port, "65536", "1024"],
            {},
            {"echo"},
        ),
        "raw io_uring, single receives": ([peers + "/uring-server", port, "single"], {}, {"echo"}),
        "raw io_uring, send(2)": ([peers + "/uring-server", port, "send"], {}, {"echo"}),
        "raw io_uring, single receives, send(2)": (
            [peers + "/uring-server", port, "single", "send"],
            {},
            {"echo"},
        ),
        "libuv": ([peers + "/uv-server", port], {}, echo),
        "libev": ([peers + "/ev-server", port], {}, echo),
        "State Threads": ([peers + "/st-server", port], {}, echo),
        "Asio": ([peers + "/asio-server", port, "callbacks"], {}, echo),
        "Asio spawn": ([peers + "/asio-server", port, "spawn"], {}, echo),
        "Go": ([peers + "/go-bench", "echo", port], {}, echo),
        "tokio": ([peers + "/tokio-bench", "echo", port], {}, echo),
        "asyncio": ([PYTHON, PYTHON_BENCH, "asyncio", "echo", port], {}, echo),
        "uvloop": ([PYTHON, PYTHON_BENCH, "uvloop", "echo", port], {}, echo),
        "uvloop streams": ([PYTHON, PYTHON_BENCH, "uvloop", "echo", port, "streams"], {}, echo),
        "eddy http io_uring": ([build + "/http-server", port], uring, http),
        "eddy http epoll": ([build + "/http-server", port], epoll, http),
        "raw epoll, no parser": ([peers + "/epoll-server", port, "http"], {}, http),
        "libuv + http-parser": ([peers + "/uv-server", port, "http"], {}, http),
        "Go net/http": ([peers + "/go-bench", "http", port], {}, http),
        "tokio, no parser": ([peers + "/tokio-bench", "http", port], {}, http),
        "asyncio, no parser": ([PYTHON, PYTHON_BENCH, "asyncio", "http", port], {}, http),
        "uvloop, no parser": ([PYTHON, PYTHON_BENCH, "uvloop", "http", port], {}, http),
        "eddy udp io_uring": ([build + "/udp-server", port], uring, udp),
        "eddy udp epoll": ([build + "/udp-server", port], epoll, udp),
        "eddy udp single io_uring": ([build + "/udp-server", "--single", port], uring, udp),
        "eddy udp single epoll": ([build + "/udp-server", "--single", port], epoll, udp),
        "recvmmsg, sendmmsg": ([peers + "/udp-server", port], {}, udp),
        "recvfrom, sendto": ([peers + "/udp-server", port, "single"], {}, udp),
        "libuv udp": ([peers + "/uv-udp-server", port], {}, udp),
        "Go udp": ([peers + "/go-bench", "udp", port], {}, udp),
        "tokio udp": ([peers + "/tokio-bench", "udp", port], {}, udp),
        "asyncio udp": ([PYTHON, PYTHON_BENCH, "asyncio", "udp", port], {}, udp),
        "uvloop udp": ([PYTHON, PYTHON_BENCH, "uvloop", "udp", port], {}, udp),
        "eddy tls io_uring": ([build + "/echo-server", "--tls", pem, port], uring, tls),
        "eddy tls epoll": ([build + "/echo-server", "--tls", pem, port], epoll, tls),
        "OpenSSL, epoll": ([peers + "/tls-server", port, pem], {}, tls),
        "Asio tls": ([peers + "/asio-tls-server", port, pem], {}, tls),
        "Go tls": ([peers + "/go-bench", "tls", port, pem], {}, tls),
        "Node.js": (["node", os.path.join(HERE, "peers", "tls_server.js"), port, pem], {}, tls),
        "asyncio tls": ([PYTHON, PYTHON_BENCH, "asyncio", "tls", port, pem], {}, tls),
        "uvloop tls": ([PYTHON, PYTHON_BENCH, "uvloop", "tls", port, pem], {}, tls),
        "nginx tls": (["nginx", "tls"], {}, tls - {"tls"}),
        "eddy static io_uring": (static, uring, files),
        "eddy static epoll": (static, epoll, files),
        "nginx": (["nginx"], {}, http | files),
        **local_servers(build),
        **several_cores(build),
        **proxies(build),
    }


def local_servers(build):
    """Echo over Unix sockets; {port} is a path."""
    peers, port, unix = build + "/peers", "{port}", {"unix echo"}
    streams = [build + "/echo-server", "--streams", port]
    return {
        "eddy unix io_uring": ([build + "/echo-server", port], {"EDDY_BACKEND": "io_uring"}, unix),
        "eddy unix epoll": ([build + "/echo-server", port], {"EDDY_BACKEND": "epoll"}, unix),
        "eddy unix streams io_uring": (streams, {"EDDY_BACKEND": "io_uring"}, unix),
        "eddy unix streams epoll": (streams, {"EDDY_BACKEND": "epoll"}, unix),
        "raw epoll, unix": ([peers + "/epoll-server", port], {}, unix),
        "raw io_uring, unix": ([peers + "/uring-server", port], {}, unix),
        "libuv unix": ([peers + "/uv-server", port], {}, unix),
        "libev unix": ([peers + "/ev-server", port], {}, unix),
        "Go unix": ([peers + "/go-bench", "echo", port], {}, unix),
        "asyncio unix": ([PYTHON, PYTHON_BENCH, "asyncio", "echo", port], {}, unix),
        "uvloop unix": ([PYTHON, PYTHON_BENCH, "uvloop", "echo", port], {}, unix),
    }


def several_cores(build):
    """The same server with one worker and with two, on all processors."""
    peers, port = build + "/peers", "{port}"
    http, both = {"workers http"}, {"workers http", "workers echo"}
    servers = {}
    for n in ("1", "2"):
        for backend in ("io_uring", "epoll"):
            for kind, program in (("http", "http-server"), ("echo", "echo-server")):
                servers[f"eddy {kind} {n} {backend}"] = (
                    [f"{build}/{program}", "--workers", n, port],
                    {"EDDY_BACKEND": backend},
                    {f"workers {kind}"},
                )
        servers[f"nginx {n}"] = (["nginx", "workers", n], {}, http)
        for kind in ("http", "echo"):
            load = {f"workers {kind}"}
            go, tokio = [peers + "/go-bench", kind, port], [peers + "/tokio-bench", kind, port]
            servers[f"Go {kind} {n}"] = (go, {"GOMAXPROCS": n}, load)
            servers[f"tokio {kind} {n}"] = (tokio, {"TOKIO_WORKERS": n}, load)
    return servers


def proxies(build):
    """They forward to {backend}, an echo server on the load generator's processor."""
    example = os.path.dirname(build) + "/examples/net/tcp_proxy"
    command, proxy = [example, "{port}", "127.0.0.1", "{backend}"], {"proxy echo"}
    return {
        "eddy proxy io_uring": (command, {"EDDY_BACKEND": "io_uring"}, proxy),
        "eddy proxy epoll": (command, {"EDDY_BACKEND": "epoll"}, proxy),
        "HAProxy": (["haproxy"], {}, proxy),
        "nginx stream": (["nginx", "stream"], {}, proxy),
    }


def echo(connections, size, depth, seconds="0.8"):
    options = [
        "-c",
        str(connections),
        "-s",
        str(size),
        "-d",
        str(depth),
        "-t",
        seconds,
        "-w",
        "0.25",
    ]
    return (f"echo {connections}x{size}x{depth}", "echo", options)


# The files that the servers of files serve, named after their sizes in bytes.
FILES = {"1 KiB": 1 << 10, "64 KiB": 1 << 16, "10 MiB": 10 << 20}

# Connections x bytes x depth.
ECHOES = [
    echo(64, 64, 16),
    echo(64, 64, 1),
    echo(1, 64, 1),
    echo(1000, 64, 1),
    echo(10000, 64, 1, "1.5"),
    echo(64, 1024, 1),
    echo(64, 65536, 1),
    ("accept", "accept", ["-c", "64", "-t", "1.2", "-w", "0.3"]),
    ("http", "http", ["-c", "64", "-t", "1", "-w", "0.25"]),
    ("udp 16x64x8", "udp", ["-c", "16", "-s", "64", "-d", "8", "-t", "0.8", "-w", "0.25"]),
    ("udp 64x64x1", "udp", ["-c", "64", "-s", "64", "-t", "0.8", "-w", "0.25"]),
    ("tls 64x64", "tls", ["-c", "64", "-s", "64", "-t", "0.8", "-w", "0.25"]),
    ("tls 64x1024", "tls", ["-c", "64", "-s", "1024", "-t", "0.8", "-w", "0.25"]),
    ("tls 16x65536", "tls", ["-c", "16", "-s", "65536", "-t", "0.8", "-w", "0.25"]),
    ("tls handshake", "handshake", ["-c", "16", "-t", "1", "-w", "0.25"]),
    ("tls resumed", "resume", ["-c", "16", "-t", "1", "-w", "0.25"]),
    ("tls idle", "idle", ["-c", "1100"]),
    ("unix 64x64x16", "unix echo", ["-c", "64", "-d", "16", "-t", "0.8", "-w", "0.25"]),
    ("unix 64x64x1", "unix echo", ["-c", "64", "-t", "0.8", "-w", "0.25"]),
    ("unix 64x65536x1", "unix echo", ["-c", "64", "-s", "65536", "-t", "0.8", "-w", "0.25"]),
    ("workers http", "workers http", ["-c", "64", "-t", "1", "-w", "0.25"]),
    ("workers echo 64x64x1", "workers echo", ["-c", "64", "-t", "1", "-w", "0.25"]),
    *(
        (f"proxy {c}x{size}x1", "proxy echo", [*f"-c {c} -s {size} -t 1 -w 0.25".split()])
        for c, size in ((64, 64), (64, 1024), (16, 65536))
    ),
    *(
        (f"static {name}", "files", ["-c", "64", "-s", str(size), "-t", "1", "-w", "0.25"])
        if size < 1 << 20
        else (f"static {name}", "files", ["-c", "8", "-s", str(size), "-t", "2", "-w", "0.5"])
        for name, size in FILES.items()
    ),
]
