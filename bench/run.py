#!/usr/bin/env python3
"""Runs eddy and its peers, and prints one table. `make bench` builds the programs and calls it.

    bench/run.py [--build DIRECTORY]

ROUNDS=3 sets how often everything is measured, in the same order in each round, so that a
disturbance of the machine affects all programs alike. WORKLOADS="switch echo" selects workloads (by
a prefix, such as echo_64x64), PEERS="eddy libuv" selects programs. Every single measurement goes to
DIRECTORY/results.jsonl, the table also to DIRECTORY/table.md.
"""
import argparse
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

from aims import AIMS, HIGHER_IS_BETTER
from participants import (
    COPIERS,
    COPIES,
    ECHOES,
    FILES,
    IN_PROCESS,
    RENAMED,
    SERVERS,
    THREADED,
    TWO_THREADS,
)

ROUNDS = int(os.environ.get("ROUNDS", "3"))
WORKLOADS = os.environ.get("WORKLOADS", "").replace(",", " ").split()
PEERS = os.environ.get("PEERS", "").replace(",", " ").split()
SERVER_CPU, CLIENT_CPU = (0, 1) if os.cpu_count() > 1 else (0, 0)
NOISY = 0.06  # of the time ready to run, but not running
patience = 120.0  # seconds that are spent altogether on waiting for a calm moment


def wanted(workload, peer):
    name = workload.replace(" ", "_")
    return (not WORKLOADS or any(name.startswith(w) for w in WORKLOADS)) and (
        not PEERS or any(peer.startswith(p) for p in PEERS)
    )


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


def make_tree(folder):
    """Makes COPIES files of 0.5 to 4 KiB, 100 in a folder."""
    for i in range(COPIES):
        os.makedirs(f"{folder}/{i // 100}", exist_ok=True)
        with open(f"{folder}/{i // 100}/{i}", "wb") as f:
            f.write(b"%d\n" % i * (100 + i % 7 * 100))


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
        self.log = open(os.path.join(build, "results.jsonl"), "w")
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
        wait_for_calm()
        worked, stolen = busy()
        own, began = children_seconds(), time.time()
        try:
            run = subprocess.run(
                command + [workload],
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

    def server(self, command, environment, probe=True):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if command[0] == "nginx":
            command = self.nginx(port, "tls" in command)
        process = subprocess.Popen(
            [word.replace("{port}", str(port)) for word in command],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=open(os.path.join(self.build, "server.stderr"), "w"),
            preexec_fn=on_cpus(SERVER_CPU),
        )
        for _ in range(100 if probe else 0):
            time.sleep(0.03)
            if process.poll() is not None:
                break
            try:
                # From another address, lest it connect to itself while nobody listens.
                socket.create_connection(("127.0.0.1", port), 1, ("127.0.0.2", 0)).close()
                break
            except OSError:
                pass
        return process, port

    def nginx(self, port, tls):
        path = os.path.join(self.build, "nginx.conf")
        certificate = (
            f"    ssl_certificate {self.build}/tls.pem;\n"
            f"    ssl_certificate_key {self.build}/tls.pem;\n"
            "    ssl_protocols TLSv1.3; ssl_session_tickets on;\n"
        )
        with open(path, "w") as f:
            f.write(
                f"daemon off; master_process off; pid {self.build}/nginx.pid;\n"
                "error_log /dev/null;\n"
                "events { worker_connections 20000; }\n"
                "http { access_log off; keepalive_requests 100000000; keepalive_timeout 600;\n"
                "  sendfile on; tcp_nopush on;\n"
                f"  server {{ listen {port}{' ssl' if tls else ''} backlog=4096;\n"
                f"{certificate if tls else ''}"
                f"    root {self.build}/files;\n"
                "    location = / { default_type text/plain; return 200 'Hello'; } } }\n"
            )
        return ["nginx", "-c", path, "-p", self.build]

    def load(self, metric, who, command, environment, kind, options):
        wait_for_calm()
        # The load generator itself waits for a server of datagrams.
        process, port = self.server(command, environment, probe=kind != "udp")
        try:
            run = subprocess.run(
                [f"{self.build}/loadgen", kind, str(port), "-p", str(process.pid), *options],
                capture_output=True,
                text=True,
                timeout=60,
                preexec_fn=on_cpus(CLIENT_CPU),
            )
            if run.returncode != 0:
                with open(os.path.join(self.build, "server.stderr")) as f:
                    return self.fail(metric, who, run.stderr + f.read())
            d = json.loads(run.stdout)
            if "memory" in d:
                return self.record(metric, who, d["memory"], "B/connection", False, **d)
            # Threads of one server that share a processor wait for each other.
            waited = max(d["client_wait"], 0 if who in THREADED else d["server_wait"])
            self.record(metric, who, d["server_ns"], "CPU ns/op", waited > NOISY, **d)
        except subprocess.TimeoutExpired:
            self.fail(metric, who, "more than 60 s")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def copy(self, who, command, environment):
        metric, tree, copied = f"copy {COPIES} files", self.build + "/tree", self.build + "/copied"
        wait_for_calm()
        shutil.rmtree(copied, ignore_errors=True)
        worked, stolen = busy()
        own, began = children_seconds(), time.time()
        run = subprocess.run(
            [*command, tree, copied],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )
        wall = time.time() - began
        own = children_seconds() - own
        others = max(0.0, busy()[0] - worked - own) / wall
        if run.returncode != 0 or sum(len(files) for _, _, files in os.walk(copied)) != COPIES:
            self.fail(metric, who, run.stderr)
        else:
            noisy = busy()[1] - stolen > 0.02 * wall or others > 0.3
            self.record(metric, who, own / COPIES * 1e9, "CPU ns/op", noisy, rate=COPIES / wall)
        shutil.rmtree(copied, ignore_errors=True)

    def run(self):
        in_process, servers = IN_PROCESS(self.build), SERVERS(self.build)
        copiers = COPIERS(self.build)
        make_files(self.build + "/files")
        make_tree(self.build + "/tree")
        if shutil.which("openssl"):
            make_certificate(self.build + "/tls.pem")
        missing = {
            who
            for who, (command, *_) in {**in_process, **servers, **copiers}.items()
            if not present(command)
        }
        workloads = dict.fromkeys(w for _, _, w in in_process.values() for w in w.split())
        for self.round in range(ROUNDS):
            print(f"round {self.round + 1} of {ROUNDS}", flush=True)
            for workload in workloads:
                for who, (command, environment, which) in in_process.items():
                    if workload in which.split() and who not in missing and wanted(workload, who):
                        self.in_process(workload, who, command, environment)
            for metric, kind, options in ECHOES:
                for who, (command, environment, kinds) in servers.items():
                    if kind in kinds and who not in missing and wanted(metric, who):
                        self.load(metric, who, command, environment, kind, options)
            for who, (command, environment) in copiers.items():
                if who not in missing and wanted(f"copy {COPIES} files", who):
                    self.copy(who, command, environment)
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

    def table(self, missing):
        lines = [
            "| workload | aim | met | eddy: median (min..max) "
            "| peers, best first: median (min..max) ×eddy/peer |"
        ]
        lines.append("|---|---|---|---|---|")
        aimed = {metric for metric, _ in AIMS}
        metrics = dict.fromkeys(
            m for m, _ in self.values if m in aimed or m.startswith(("echo", "udp", "tls"))
        )
        for metric in metrics:
            of = {who for m, who in self.values if m == metric}
            peers = sorted(
                (who for who in of if not who.startswith("eddy")),
                key=lambda who: self.cell(metric, who)[0],
                reverse=metric in HIGHER_IS_BETTER,
            )
            for who in sorted(who for who in of if who.startswith("eddy")):
                aim, met = AIMS.get((metric, who)) or AIMS.get((metric, "eddy")) or ("", None)
                median = self.cell(metric, who)[0]
                ratios = ", ".join(
                    f"{peer} {shown(self.cell(metric, peer))} ×{self.ratio(metric, who, peer):.2f}"
                    for peer in peers
                    if self.ratio(metric, who, peer) is not None
                )
                verdict = verdict_of(met, median, lambda peer: self.ratio(metric, who, peer))
                name = metric if who == "eddy" else f"{metric}, {who.removeprefix('eddy ')}"
                lines.append(
                    f"| {name}, {self.units[metric]} | {aim} | {verdict} "
                    f"| {shown(self.cell(metric, who))} | {ratios} |"
                )
        if missing:
            lines += [
                "",
                "Left out, as they are not installed (`make bench-deps`): "
                + ", ".join(sorted(missing))
                + ".",
            ]
        if self.failures:
            lines += ["", "Failed:", ""]
            lines += [
                f"- {failure}" + (f" ({n} times)" if n > 1 else "")
                for failure, n in self.failures.items()
            ]
        return "\n".join(lines)


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


def figure(value):
    return (
        f"{value:,.0f}"
        if abs(value) >= 1000
        else f"{value:.1f}"
        if abs(value) >= 10
        else f"{value:.2f}"
    )


def shown(cell):
    median, least, greatest, noisy = cell
    return f"{'~' if noisy else ''}{figure(median)} ({figure(least)}..{figure(greatest)})"


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
    date, load = time.strftime("%Y-%m-%d %H:%M"), os.getloadavg()[0]
    return (
        f"{os.cpu_count()} processors {model}, Linux {os.uname().release}, {date}, load {load:.1f}"
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", default="build/bench", help="where the programs are")
    bench = Bench(os.path.abspath(parser.parse_args().build))
    began, where = time.time(), machine()
    missing = bench.run()
    minutes = (time.time() - began) / 60
    text = f"{where} at the beginning; {ROUNDS} rounds in {minutes:.0f} minutes.\n\n"
    text += f"{bench.table(missing)}\n"
    with open(os.path.join(bench.build, "table.md"), "w") as f:
        f.write(text)
    print("\n" + text)


if __name__ == "__main__":
    sys.exit(main())
