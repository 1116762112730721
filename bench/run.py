#!/usr/bin/env python3
"""Runs eddy and its peers, and prints one table. `make bench` builds the programs and calls it.

    bench/run.py [--build DIRECTORY] [--quick | --check]

ROUNDS=3 sets how often everything is measured, in the same order in each round, so that a
disturbance of the machine affects all programs alike. WORKLOADS="switch echo" selects workloads (by
a prefix, such as echo_64x64), PEERS="eddy libuv" selects programs. Every single measurement goes to
DIRECTORY/results.jsonl, the medians and ratios to results.json, which report.py reads, and the
table also to table.md.

--quick measures one round of the rows of participants.QUICK. --check measures nothing: it runs each
row of eddy's for a moment, and fails if one fails.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

import locks
import report
import servers

from aims import AIMS
from commands import COMMANDS
from participants import (
    ECHOES,
    FILES,
    IN_PROCESS,
    QUICK_PEERS,
    QUICK_WORKLOADS,
    RENAMED,
    SERVERS,
    SYSTEM,
    THREADED,
    TWO_THREADS,
    WITH_NAMES,
)

ROUNDS = int(os.environ.get("ROUNDS", "3"))
WORKLOADS = os.environ.get("WORKLOADS", "").replace(",", " ").split()
PEERS = os.environ.get("PEERS", "").replace(",", " ").split()
SERVER_CPU, CLIENT_CPU = (0, 1) if os.cpu_count() > 1 else (0, 0)
CHECK = False  # not measured, only run
NOISY = 0.06  # of the time ready to run, but not running
patience = 120.0  # seconds that are spent altogether on waiting for a calm moment


def wanted(workload, peer):
    name = workload.replace(" ", "_")
    return (not WORKLOADS or any(name.startswith(w) for w in WORKLOADS)) and (
        not PEERS or any(peer.startswith(p) for p in PEERS)
    )


def tiny(workload):
    """Returns how often a workload of eddy-bench is done to see whether it works, and with how many
    objects."""
    if workload.startswith("memory"):
        return ":65536:50"
    return ":1:10" if workload.startswith("sleepers") else ":20:10"


def on_cpus(*cpus):
    return lambda: os.sched_setaffinity(0, cpus)


def busy():
    """Seconds that all processors have worked so far, and what the hypervisor has taken."""
    with open("/proc/stat") as f:
        user, nice, system, idle, iowait, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq) / 100, steal / 100


def wait_for_calm():
    global patience
    began = time.time()
    while patience > 0 and time.time() - began < 2:
        before = busy()[0]
        time.sleep(0.2)
        if busy()[0] - before <= 0.02:
            break
    patience -= time.time() - began


def make_files(folder):
    """Makes the files that loadgen_files.c requests, with the bytes that it expects."""
    os.makedirs(folder, exist_ok=True)
    period = bytes((i * 167 + (i >> 8)) & 255 for i in range(65521))
    for size in FILES.values():
        with open(os.path.join(folder, str(size)), "wb") as f:
            f.write((period * (size // len(period) + 1))[:size])


def make_blocks(path, n=1 << 16):
    """Makes a file of @n blocks of 4 KiB, each of which begins with its number (system.h)."""
    if os.path.exists(path) and os.path.getsize(path) == n * 4096:
        return
    with open(path, "wb") as f:
        for i in range(n):
            f.write(i.to_bytes(8, "little") + bytes(4088))
        os.fsync(f.fileno())


def make_certificate(path):
    """Makes a key of P-256 and its certificate, for all servers of TLS."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650"
    subprocess.run(
        [*command.split(), "-subj", "/CN=localhost", "-keyout", path + ".key", "-out", path],
        stderr=subprocess.DEVNULL,
        check=True,
    )
    with open(path, "a") as f, open(path + ".key") as key:
        f.write(key.read())


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Bench:
    def __init__(self, build):
        self.build = build
        self.log = open(os.devnull if CHECK else os.path.join(build, "results.jsonl"), "w")
        self.round = 0
        self.values = {}  # (metric, who) -> [(value, noisy, round)]
        self.units = {}
        self.failures = {}

    def record(self, metric, who, value, unit, noisy, **more):
        metric, who = RENAMED.get(metric, (metric, who)) if who == "eddy" else (metric, who)
        self.values.setdefault((metric, who), []).append((value, noisy, self.round))
        self.units[metric] = unit
        line = {
            "metric": metric,
            "who": who,
            "value": value,
            "unit": unit,
            "noisy": noisy,
            "at": time.time(),
            **more,
        }
        print(json.dumps(line), file=self.log, flush=True)
        print(f"{metric:28} {who:22} {value:14,.1f} {unit}{'  noisy' if noisy else ''}", flush=True)

    def fail(self, what, who, why):
        why = " ".join(why.split())[-160:] or "no output"
        self.failures[f"{what}: {who}: {why}"] = self.failures.get(f"{what}: {who}: {why}", 0) + 1
        print(f"{what:28} {who:22} FAILED {why}", flush=True)

    def in_process(self, workload, who, command, environment):
        two = workload in TWO_THREADS
        argument = workload + tiny(workload) if CHECK else workload
        if workload in WITH_NAMES:
            command = [self.build + "/with-names", *command]
        wait_for_calm()
        worked, stolen = busy()
        own, began = children_seconds(), time.time()
        try:
            run = subprocess.run(
                command + [argument],
                env={**os.environ, **environment},
                capture_output=True,
                text=True,
                timeout=120,
                preexec_fn=on_cpus(SERVER_CPU, CLIENT_CPU) if two else on_cpus(CLIENT_CPU),
            )
        except subprocess.TimeoutExpired:
            return self.fail(workload, who, "more than 120 s")
        wall = time.time() - began
        own = children_seconds() - own
        others = max(0.0, busy()[0] - worked - own) / wall
        # One thread that had a processor all the time was not disturbed, whatever the other
        # processor did.
        noisy = busy()[1] - stolen > 0.02 * wall or (others > 0.15 and (two or own / wall < 0.93))
        lines = [line.split() for line in run.stdout.splitlines()]
        figures = [line for line in lines if len(line) == 4 and line[1].startswith(workload)]
        if run.returncode != 0 or not figures:
            self.fail(workload, who, run.stdout[-100:] + run.stderr[-200:])
        for _, metric, value, unit in figures:
            self.record(metric, who, float(value), unit, noisy, others=round(others, 3))

    def load(self, metric, who, command, environment, kind, options):
        """Measures a server under the load @kind, whose last word is that of the generator."""
        wait_for_calm()
        where, load = kind.split()[0], kind.split()[-1]
        several = where == "workers"
        at = self.build + "/socket" if where == "unix" else servers.free_port()
        backend = backend_port = None
        if where == "proxy":
            backend_port = servers.free_port()
            echo, epoll = [f"{self.build}/echo-server", "{port}"], {"EDDY_BACKEND": "epoll"}
            backend = servers.start(self.build, echo, epoll, backend_port, (CLIENT_CPU,))
        cpus = (SERVER_CPU, CLIENT_CPU) if several else (SERVER_CPU,)
        # The load generator itself waits for a server of datagrams.
        process = servers.start(
            self.build, command, environment, at, cpus, kind != "udp", backend_port
        )
        try:
            run = subprocess.run(
                [f"{self.build}/loadgen", load, str(at), "-p", str(process.pid), *options]
                + (["-t", "0.05", "-w", "0.02"] if CHECK else []),
                capture_output=True,
                text=True,
                timeout=60,
                preexec_fn=on_cpus(*cpus if several else (CLIENT_CPU,)),
            )
            if run.returncode != 0:
                with open(os.path.join(self.build, "server.stderr")) as f:
                    return self.fail(metric, who, run.stderr + f.read())
            d = json.loads(run.stdout)
            if "memory" in d:
                return self.record(metric, who, d["memory"], "B/connection", False, **d)
            # Threads of one server that share a processor wait for each other.
            waited = max(d["client_wait"], 0 if who in THREADED else d["server_wait"])
            # Those of several cores and the load generator keep both processors busy.
            noisy = d["client_cpu"] + d["server_cpu"] < 1.7 if several else waited > NOISY
            self.record(metric, who, d["server_ns"], "CPU ns/op", noisy, **d)
        except subprocess.TimeoutExpired:
            self.fail(metric, who, "more than 60 s")
        finally:
            for server in (process, backend):
                servers.stop(server)

    def command(self, row, who, command, environment):
        """Runs a program of commands.py until it ends."""
        port, server = servers.free_port(), None
        row.prepare(port)
        wait_for_calm()
        if row.serves:
            server = servers.start(self.build, ["nginx"], {}, port, (CLIENT_CPU,))
        worked, stolen = busy()
        own, began = children_seconds(), time.time()
        try:
            with open(row.input or os.devnull) as given, open(self.build + "/printed", "w") as out:
                run = subprocess.run(
                    command,
                    env={**os.environ, **environment},
                    stdin=given,
                    stdout=out,
                    stderr=subprocess.PIPE,
                    text=True,
                    timeout=120,
                )
        except subprocess.TimeoutExpired:
            servers.stop(server)
            return self.fail(row.metric, who, "more than 120 s")
        wall = time.time() - began
        own = children_seconds() - own
        others = max(0.0, busy()[0] - worked - own) / wall
        servers.stop(server)
        if run.returncode != 0 or not row.right():
            return self.fail(row.metric, who, run.stderr)
        noisy = busy()[1] - stolen > 0.02 * wall or others > (1 if server else 0.3)
        self.record(row.metric, who, own / row.n * 1e6, "CPU us/op", noisy)
        self.record(row.metric + ", wall", who, wall / row.n * 1e6, "us/op", noisy)

    def run(self):
        alone = [*IN_PROCESS(self.build).items(), *SYSTEM(self.build).items()]
        all_servers = SERVERS(self.build)
        commands = COMMANDS(self.build, 0.01 if CHECK else 1)
        make_files(self.build + "/files")
        make_blocks(self.build + "/blocks")
        if shutil.which("openssl"):
            make_certificate(self.build + "/tls.pem")
        missing = {
            who
            for who, (command, *_) in [
                *alone,
                *all_servers.items(),
                *(program for row in commands for program in row.programs.items()),
            ]
            if not present(command)
        }
        workloads = dict.fromkeys(w for _, (_, _, some) in alone for w in some.split())
        for self.round in range(ROUNDS):
            print(f"round {self.round + 1} of {ROUNDS}", flush=True)
            for workload in workloads:
                for who, (command, environment, which) in alone:
                    if workload in which.split() and who not in missing and wanted(workload, who):
                        self.in_process(workload, who, command, environment)
            for metric, kind, options in ECHOES:
                for who, (command, environment, kinds) in all_servers.items():
                    if kind in kinds and who not in missing and wanted(metric, who):
                        self.load(metric, who, command, environment, kind, options)
            for who, (command, environment, kinds) in all_servers.items():
                kind = next(iter(kinds))
                if kind in locks.LOADS and " 2" in who and who not in missing:
                    if wanted(locks.METRIC, who) and not CHECK:
                        locks.measure(self, who, command, environment, kind)
            for row in commands:
                for who, (command, environment) in row.programs.items():
                    if who not in missing and wanted(row.metric, who):
                        self.command(row, who, command, environment)
        return missing

    def cell(self, metric, who):
        """Returns median, minimum, maximum, and whether all were noisy; of the calm ones if any."""
        values = self.values.get((metric, who))
        if not values:
            return None
        calm = [value for value, noisy, _ in values if not noisy]
        used = calm or [value for value, _, _ in values]
        return statistics.median(used), min(used), max(used), not calm

    def ratio(self, metric, who, peer):
        """Returns the median of the ratios of each round; of the calm rounds if there are any.

        The machine may differ from round to round.
        """
        values = {at: (value, noisy) for value, noisy, at in self.values.get((metric, who), [])}
        of_peer = {at: (value, noisy) for value, noisy, at in self.values.get((metric, peer), [])}
        shared = [at for at in values if at in of_peer and of_peer[at][0] > 0]
        calm = [at for at in shared if not values[at][1] and not of_peer[at][1]]
        ratios = [values[at][0] / of_peer[at][0] for at in calm or shared]
        return statistics.median(ratios) if ratios else None

    def rows(self):
        """Returns what report.py reads: for each metric the cells of all programs, and for each
        variant of eddy its aim, whether it is met, and its ratios."""
        rows = {}
        aimed = {metric for metric, _ in AIMS}
        for metric in dict.fromkeys(
            m for m, who in self.values if m in aimed or who.startswith("eddy ")
        ):
            of = [who for m, who in self.values if m == metric]
            ours = sorted(who for who in of if who.startswith("eddy"))
            row = {"unit": self.units[metric], "cells": {}, "eddy": {}}
            row["cells"] = {who: self.cell(metric, who) for who in of}
            for who in ours:
                ratios = {peer: self.ratio(metric, who, peer) for peer in of if peer not in ours}
                aim, met = AIMS.get((metric, who)) or AIMS.get((metric, "eddy")) or ("", None)
                median = row["cells"][who][0]
                verdict = verdict_of(met, median, lambda peer: self.ratio(metric, who, peer))
                row["eddy"][who] = (aim, verdict, {p: r for p, r in ratios.items() if r})
            if ours:
                rows[metric] = row
        return rows

    def results(self, missing):
        failures = [
            failure + (f" ({n} times)" if n > 1 else "") for failure, n in self.failures.items()
        ]
        if missing:
            missing = ", ".join(sorted(missing))
            failures.append(f"Not installed (`make bench-deps`): {missing}")
        return {"machine": machine(), "failures": failures, "rows": self.rows()}


def present(command):
    if "python3" in command[0] and "uvloop" in command:
        return (
            subprocess.run(
                [command[0], "-c", "import uvloop"], stderr=subprocess.DEVNULL
            ).returncode
            == 0
        )
    return any(
        os.access(os.path.join(d, command[0]), os.X_OK)
        for d in ["", *os.environ["PATH"].split(":"), "/usr/sbin"]
    )


def verdict_of(met, median, ratio):
    if met is None:
        return ""
    try:
        return "yes" if met(median, ratio) else "no"
    except TypeError:  # what it is compared with was not measured
        return "?"


def machine():
    with open("/proc/cpuinfo") as f:
        model = next(
            (line.split(":")[1].strip() for line in f if line.startswith("model name")), "unknown"
        )
    date, kernel = time.strftime("%Y-%m-%d"), os.uname().release.split("-")[0]
    return f"{os.cpu_count()} processors {model}, Linux {kernel}, {date}"


def main():
    global CHECK, ROUNDS, WORKLOADS, PEERS, patience
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", default="build/bench", help="where the programs are")
    parser.add_argument("--quick", action="store_true", help="a first impression")
    parser.add_argument("--check", action="store_true", help="whether all of eddy's rows run")
    arguments = parser.parse_args()
    if arguments.quick:
        ROUNDS, WORKLOADS, PEERS, patience = 1, QUICK_WORKLOADS, QUICK_PEERS, 10
    if arguments.check:
        CHECK, ROUNDS, PEERS, patience = True, 1, ["eddy"], 0
    bench = Bench(os.path.abspath(arguments.build))
    began, load = time.time(), os.getloadavg()[0]
    results = bench.results(bench.run())
    minutes = (time.time() - began) / 60
    results["machine"] += f", load {load:.1f}; {ROUNDS} rounds in {minutes:.0f} minutes"
    text = "\n".join(report.page(results))
    print("\n" + text)
    if CHECK:
        return 1 if bench.failures else 0
    with open(os.path.join(bench.build, "results.json"), "w") as f:
        json.dump(results, f, ensure_ascii=False)
    with open(os.path.join(bench.build, "table.md"), "w") as f:
        f.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
