#!/usr/bin/env python3
"""Measures how costs grow with the number of tasks, timers, waiters and connections, and draws
growth.svg.

    bench/growth.py [--build DIRECTORY] [--most N] [--into growth.svg]

Each point is the median of ROUNDS=3 measurements, from 100 000 on of one. A million tasks take
4.5 GB.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time

import servers

from run import Bench, CLIENT_CPU, machine, on_cpus

ROUNDS = int(os.environ.get("ROUNDS", "3"))
NUMBERS = [10**i for i in range(7)]
MOST_CONNECTIONS = 10000

# name: what it shows, colour, eddy-bench's argument for @k of something
CURVES = {
    "switch": (
        "a switch, among N tasks",
        "#d62728",
        lambda k: f"switch:{max(1_000_000, 4 * k)}:{k}",
    ),
    "spawn_gather": (
        "a task, of N gathered",
        "#9467bd",
        lambda k: f"spawn_gather:{max(100_000, 2 * k)}:{k}",
    ),
    "lock": ("a lock that N wait for", "#2ca02c", lambda k: f"lock:{max(300_000, 2 * k)}:{k}"),
    "timer_cancel": (
        "a timer, of N, and its end",
        "#1f77b4",
        lambda k: f"timer_cancel:{max(300_000, k)}:{k}",
    ),
    "timer_push": ("a timer later, beside N", "#17becf", lambda k: f"timer_push:1000000:{k}"),
    "call_soon": (
        "a callback, among N",
        "#ff7f0e",
        lambda k: f"call_soon:{max(1_000_000, 2 * k)}:{k}",
    ),
}
# Processor time of the server for a message of 64 bytes, and where to find that.
SERVERS = {
    "io_uring": ("a message, N connections, io_uring", "#7f7f7f", ["{port}"]),
    "epoll": ("the same, epoll", "#8c564b", ["{port}"]),
}

WIDTH, HEIGHT = 960, 600
LEFT, RIGHT, TOP, BOTTOM = 70, 270, 40, 60
LEAST_NS, MOST_NS = 1, 100_000


def in_process(bench, name, argument, k):
    values = []
    for _ in range(ROUNDS if k < 100_000 else 1):
        run = subprocess.run(
            [f"{bench.build}/eddy-bench", argument(k)],
            capture_output=True,
            text=True,
            preexec_fn=on_cpus(CLIENT_CPU),
        )
        values += [
            float(line.split()[2])
            for line in run.stdout.splitlines()
            if line.startswith(f"eddy {name} ") and "FAILED" not in line
        ]
    return statistics.median(values) if values else None


def connections(bench, backend, arguments, k):
    values = []
    for _ in range(ROUNDS):
        port = servers.free_port()
        process = servers.start(
            bench.build, [f"{bench.build}/echo-server", *arguments], {"EDDY_BACKEND": backend}, port
        )
        run = subprocess.run(
            [
                f"{bench.build}/loadgen",
                "echo",
                str(port),
                "-c",
                str(k),
                "-t",
                "1",
                "-w",
                "0.3",
                "-p",
                str(process.pid),
            ],
            capture_output=True,
            text=True,
            preexec_fn=on_cpus(CLIENT_CPU),
        )
        process.kill()
        process.wait()
        if run.returncode == 0:
            values.append(json.loads(run.stdout)["server_ns"])
    return statistics.median(values) if values else None


def measure(bench, most):
    curves = []
    for name, (label, colour, argument) in CURVES.items():
        curves.append(
            (
                label,
                colour,
                [(k, in_process(bench, name, argument, k)) for k in NUMBERS if k <= most],
            )
        )
        print(label, curves[-1][2], flush=True)
    for backend, (label, colour, arguments) in SERVERS.items():
        numbers = [k for k in NUMBERS if k <= min(most, MOST_CONNECTIONS)]
        curves.append(
            (label, colour, [(k, connections(bench, backend, arguments, k)) for k in numbers])
        )
        print(label, curves[-1][2], flush=True)
    return curves


def x_of(k):
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log10(k) / 6


def y_of(ns):
    share = math.log(min(max(ns, LEAST_NS), MOST_NS) / LEAST_NS) / math.log(MOST_NS / LEAST_NS)
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def text(x, y, words, more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{words}</text>'


def grid():
    for k in NUMBERS:
        x = x_of(k)
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>'
        yield text(x, HEIGHT - BOTTOM + 20, f"{k:,}".replace(",", "\u2009"), 'text-anchor="middle"')
    for power in range(6):
        y = y_of(10**power)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>'
        yield text(
            LEFT - 8,
            y + 4,
            ["1 ns", "10 ns", "100 ns", "1 µs", "10 µs", "100 µs"][power],
            'text-anchor="end"',
        )


def drawn(curves):
    """Yields the lines, and their names beside their ends, moved apart if they overlap."""
    ends = []
    for label, colour, points in curves:
        points = [(k, ns) for k, ns in points if ns]
        if not points:
            continue
        path = " ".join(f"{x_of(k):.1f},{y_of(ns):.1f}" for k, ns in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for k, ns in points:
            title = f"<title>{label}: N = {k:,}: {ns:,.1f} ns</title>"
            place = f'cx="{x_of(k):.1f}" cy="{y_of(ns):.1f}"'
            yield f'<circle {place} r="3" fill="{colour}">{title}</circle>'
        ends.append((y_of(points[-1][1]), colour, f"{label}: {points[-1][1]:,.0f} ns"))
    last = 0
    for y, colour, words in sorted(ends):
        last = max(y, last + 16)
        yield text(WIDTH - RIGHT + 10, last + 4, words, f'fill="{colour}"')


def svg(curves, where):
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        text(LEFT, 22, "What one costs among N", 'font-size="16"'),
        text(WIDTH - RIGHT - 10, HEIGHT - 22, "N", 'text-anchor="end" font-style="italic"'),
        text(LEFT, HEIGHT - 8, where, 'fill="#666" font-size="10"'),
        *grid(),
        *drawn(curves),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", default="build/bench", help="where the programs are")
    parser.add_argument(
        "--most", type=int, default=NUMBERS[-1], help="the largest number of anything"
    )
    parser.add_argument(
        "--into", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "growth.svg")
    )
    arguments = parser.parse_args()
    where, began = machine(), time.time()
    curves = measure(Bench(os.path.abspath(arguments.build)), arguments.most)
    with open(arguments.into, "w") as f:
        f.write(svg(curves, where))
    print(f"{arguments.into}, after {time.time() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
