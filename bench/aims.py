"""The aims of eddy: (text, condition) for each metric.

A condition gets eddy's median, and a function that maps a peer to the ratio eddy/peer or None.
"""

from commands import COMMANDS
from participants import FILES


def at_most(limit):
    return f"≤ {limit:,g}", lambda v, ratio: v <= limit


def at_least(limit):
    return f"≥ {limit:,g}", lambda v, ratio: v >= limit


def at_most_of(factor, who):
    return f"≤ {factor:g} × {who}", lambda v, ratio: ratio(who) <= factor


def at_least_of(factor, who):
    return f"≥ {factor:g} × {who}", lambda v, ratio: ratio(who) >= factor


def both(*aims):
    return ", ".join(text for text, _ in aims), lambda v, ratio: all(
        [met(v, ratio) for _, met in aims]
    )


DEEP, ECHO_1, ECHO_1000, ECHO_LARGE = (
    "echo 64x64x16",
    "echo 1x64x1",
    "echo 1000x64x1",
    "echo 64x65536x1",
)
OPS_URING, OPS_EPOLL = "eddy io_uring", "eddy epoll"
STREAMS_URING, STREAMS_EPOLL = "eddy streams io_uring", "eddy streams epoll"
EPOLL, URING = "raw epoll", "raw io_uring"

AIMS = {
    ("switch", "eddy"): both(at_most(6), at_most_of(2, "by hand")),
    ("spawn_join", "eddy"): at_most(20),
    ("spawn_gather", "eddy"): at_most(60),
    ("spawn_gather_eager", "eddy"): at_most(25),
    ("memory_100k", "eddy"): at_most(4.4 * 1024),
    ("memory_1m", "eddy"): at_most(4.4 * 1024),
    ("memory_1m_32k", "eddy"): at_most(4.4 * 1024),
    ("timer_cancel", "eddy"): at_most(45),
    ("timer_push", "eddy"): at_most(10),
    ("sleepers", "eddy"): at_least(1.9e6),
    ("sleepers_10k_p99", "eddy"): at_most(60),
    ("queue", "eddy"): at_most(22),
    ("lock", "eddy"): at_most(60),
    ("call_soon", "eddy"): at_most(5),
    ("call_soon_chain", "eddy"): at_most_of(1.1, "one poll"),
    ("post_rt", "eddy"): at_most(15),
    ("post_rt_busy", "eddy"): at_most(1),
    ("post_flood", "eddy"): at_least(16e6),
    ("executor_rt", "eddy"): at_most(15),
    ("executor_flood", "eddy"): at_least(5.5e6),
    ("file", "eddy"): at_most(500),
    **{
        (metric, "eddy"): at_most_of(1.05, "by hand")
        for metric in ("pipe", "pipe_64k", "spawn_10m", "spawn_4g", "process_rt", "direct")
    },
    ("process_flood", "eddy"): at_least_of(0.95, "by hand"),
    ("direct_cpu", "eddy"): at_most_of(1.05, "by hand"),
    **{
        (metric, "eddy"): both(at_most_of(1, "32 threads"), at_most_of(1, "Go"))
        for metric in ("names", "names_cpu")
    },
    (DEEP, OPS_EPOLL): at_most_of(1.03, EPOLL),
    (DEEP, OPS_URING): at_most_of(1.03, URING),
    (DEEP, STREAMS_EPOLL): at_most_of(1.08, EPOLL),
    (DEEP, STREAMS_URING): at_most_of(1.08, URING),
    (ECHO_1, OPS_EPOLL): at_most_of(1, EPOLL),
    (ECHO_1, OPS_URING): at_most_of(1, EPOLL),
    (ECHO_1000, OPS_URING): at_most_of(0.9, EPOLL),
    (ECHO_LARGE, OPS_EPOLL): at_most_of(1, EPOLL),
    (ECHO_LARGE, OPS_URING): at_most_of(1, EPOLL),
    **{
        (f"tls {load}", f"eddy tls {backend}"): at_most_of(1.05, "OpenSSL, epoll")
        for load in ("64x64", "64x1024", "16x65536", "handshake", "resumed")
        for backend in ("io_uring", "epoll")
    },
    ("tls idle", "eddy tls io_uring"): at_most(24 * 1024),
    ("tls idle", "eddy tls epoll"): at_most(24 * 1024),
    **{
        (f"udp {load}", f"eddy udp {single}{backend}"): at_most_of(1.05, by_hand)
        for load in ("16x64x8", "64x64x1")
        for backend in ("io_uring", "epoll")
        for single, by_hand in (("", "recvmmsg, sendmmsg"), ("single ", "recvfrom, sendto"))
    },
    ("accept", OPS_URING): at_most(27000),
    ("accept", OPS_EPOLL): at_most(27000),
    ("accept", STREAMS_URING): at_most(27000),
    ("accept", STREAMS_EPOLL): at_most(27000),
    ("http", "eddy http io_uring"): both(at_most(5400), at_most_of(1, "libuv + http-parser")),
    ("http", "eddy http epoll"): both(at_most(5400), at_most_of(1, "libuv + http-parser")),
    **{
        (f"static {size}", f"eddy static {backend}"): at_most_of(1, "nginx")
        for size in FILES
        for backend in ("io_uring", "epoll")
    },
    **{
        (metric, who): at_most_of(1, next(p for p in row.programs if not p.startswith("eddy")))
        for row in COMMANDS("")
        for metric in (row.metric, row.metric + ", wall")
        for who in row.programs
        if who.startswith("eddy")
    },
    **{
        (f"unix {load}", f"eddy unix {streams}{backend}"): at_most_of(
            1.08 if streams else 1.05, "raw epoll, unix"
        )
        for load in ("64x64x16", "64x64x1", "64x65536x1")
        for streams in ("", "streams ")
        for backend in ("io_uring", "epoll")
    },
    **{
        (metric, f"eddy {kind} 2 {backend}"): at_most_of(1.03, f"eddy {kind} 1 {backend}")
        for metric, kind in (("workers http", "http"), ("workers echo 64x64x1", "echo"))
        for backend in ("io_uring", "epoll")
    },
    **{
        ("workers futex", f"eddy {kind} 2 {backend}"): at_most(1)
        for kind in ("http", "echo")
        for backend in ("io_uring", "epoll")
    },
    **{
        (f"proxy {load}", f"eddy proxy {backend}"): both(
            at_most_of(1, "HAProxy"), at_most_of(1, "nginx stream")
        )
        for load in ("64x64x1", "64x1024x1", "16x65536x1")
        for backend in ("io_uring", "epoll")
    },
}
