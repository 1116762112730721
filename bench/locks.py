"""Counts the futex calls of servers with two workers under load. Loops that share no lock make
none.

strace(1) stops the server at each system call, so this is a measurement of its own.
"""
import json
import shutil
import subprocess

import servers

METRIC = "workers futex"
LOADS = {"workers http": "http", "workers echo": "echo"}


def count(build, at, process):
    """Returns the number of futex calls for 1,000 requests, and the number of requests."""
    kind, port = at
    pids = [process.pid, *servers.children(process.pid)]
    summary = build + "/futex"
    tracer = subprocess.Popen(
        ["strace", "-f", "-c", "-e", "trace=futex", "-o", summary]
        + [word for pid in pids for word in ("-p", str(pid))],
        stderr=subprocess.PIPE,
        text=True,
    )
    tracer.stderr.readline()  # "attached"
    run = subprocess.run(
        [build + "/loadgen", kind, str(port), "-c", "64", "-t", "1", "-w", "0.5"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    tracer.terminate()
    tracer.communicate()
    if run.returncode != 0:
        raise RuntimeError(run.stderr)
    with open(summary) as f:
        calls = sum(int(words[3]) for words in map(str.split, f) if words[-1:] == ["futex"])
    requests = json.loads(run.stdout)["rate"] * 1.5  # with those of the warm-up
    return calls / requests * 1000, requests


def measure(bench, who, command, environment, kind):
    if not shutil.which("strace"):
        return
    port = servers.free_port()
    process = servers.start(bench.build, command, environment, port, (0, 1))
    try:
        calls, requests = count(bench.build, (LOADS[kind], port), process)
        bench.record(METRIC, who, calls, "futex calls/1,000 requests", False, requests=requests)
    except (RuntimeError, subprocess.TimeoutExpired) as e:
        bench.fail(METRIC, who, str(e))
    finally:
        servers.stop(process)
