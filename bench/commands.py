"""Rows of whole programs, each run until it ends: what they do, beside the programs that a user
would take otherwise.

A row has a metric, the number of operations of one run, the programs (name: command,
environment), and functions that prepare the run and examine its result.
"""
import os
import shutil

from dataclasses import dataclass
from typing import Callable

import configs

COPIES = 2000  # small files
LARGE = 5
LARGE_MIB = 100
FETCHES = 1000  # of 1 KiB
RUNS = 1000
AT_ONCE = 32
BACKENDS = ("io_uring", "epoll")


@dataclass
class Row:
    metric: str
    n: int
    programs: dict  # name: (command, environment)
    prepare: Callable  # gets a free port
    right: Callable  # whether everything was done
    serves: bool = False  # nginx at the port meanwhile
    input: str = None  # a file for standard input


def on_both_backends(name, command):
    return {f"eddy {name}{b}": (command, {"EDDY_BACKEND": b}) for b in BACKENDS}


def count_files(folder):
    return sum(len(files) for _, _, files in os.walk(folder))


def make_tree(folder, n):
    """Makes @n files of 0.5 to 4 KiB, 100 in a folder."""
    for i in range(n):
        os.makedirs(f"{folder}/{i // 100}", exist_ok=True)
        with open(f"{folder}/{i // 100}/{i}", "wb") as f:
            f.write(b"%d\n" % i * (100 + i % 7 * 100))


def make_large_tree(folder, mib):
    os.makedirs(folder, exist_ok=True)
    for i in range(LARGE):
        with open(f"{folder}/{i}", "wb") as f:
            for _ in range(mib):
                f.write(bytes([i]) * (1 << 20))


def copy(build, bin, metric, n, make, size):
    source, copied = f"{build}/{make.__name__}-{size}", f"{build}/copied"

    def prepare(port):
        if not os.path.exists(source):
            make(source, size)
        shutil.rmtree(copied, ignore_errors=True)

    def right():
        done = count_files(copied) == count_files(source)
        shutil.rmtree(copied, ignore_errors=True)
        return done

    programs = {
        **on_both_backends("copier ", [f"{bin}/file-copier", source, copied]),
        "cp": (["cp", "-r", source, copied], {}),
    }
    return Row(metric, n, programs, prepare, right)


def fetch(build, bin, n, written):
    """Fetches @n files of 1 KiB from nginx, which are thrown away or written to a folder."""
    folder = f"{build}/fetched"
    to = [f"{folder}/{i}" if written else "/dev/null" for i in range(n)]

    def prepare(port):
        urls = [f"http://127.0.0.1:{port}/1024?{i}" for i in range(n)]
        of_curl = [f'url="{u}"\noutput="{t}"\n' for u, t in zip(urls, to)]
        of_aria2 = [f"{u}\n  out={i}\n" for i, u in enumerate(urls)]
        configs.write(build, "urls", "".join(f"{url}\n" for url in urls))
        configs.write(build, "urls.curl", "".join(of_curl))
        configs.write(build, "urls.aria2", "".join(of_aria2))
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)

    def right():
        done = count_files(folder)
        shutil.rmtree(folder, ignore_errors=True)
        return not written or done == n

    at_once = str(AT_ONCE)
    eddy = [f"{bin}/eddy-fetch", "-q", "-j", at_once, "--per-host", at_once, "-i", f"{build}/urls"]
    eddy += ["-P", folder] if written else []
    curl = ["curl", "-s", "-Z", "--parallel-max", at_once, "-K", f"{build}/urls.curl"]
    aria2 = ["aria2c", "-q", "-j", at_once, "-x", "1", "-d", folder, "-i", f"{build}/urls.aria2"]
    aria2 += ["--file-allocation=none"]
    programs = {**on_both_backends("fetch ", eddy), "curl -Z": (curl, {})}
    if written:  # it can do nothing else
        programs["aria2"] = (aria2, {})
    metric = f"fetch {n} x 1 KiB" + (", written" if written else "")
    return Row(metric, n, programs, prepare, right, serves=True)


def run_commands(build, bin, n):
    """Runs @n commands of the shell, 4 at a time; each adds a line to the output."""
    path, printed = f"{build}/lines", f"{build}/printed"

    def prepare(port):
        configs.write(build, "lines", "".join(f"echo {i}\n" for i in range(n)))

    def right():
        with open(printed) as f:
            return sum(1 for _ in f) == n

    command = [f"{bin}/parallel-runner", "-j", "4", path]
    programs = {
        **on_both_backends("runner ", command),
        "xargs": (["xargs", "-P", "4", "-d", "\\n", "-n", "1", "sh", "-c"], {}),
    }
    return Row(f"run {n} commands", n, programs, prepare, right, input=path)


def COMMANDS(build, share=1):
    """@share: how much of each is done."""
    bin = os.path.join(os.path.dirname(build), "bin")
    copies, mib, fetches, runs = (
        max(1, int(share * n)) for n in (COPIES, LARGE_MIB, FETCHES, RUNS)
    )
    return [
        copy(build, bin, f"copy {copies} files", copies, make_tree, copies),
        copy(build, bin, f"copy {LARGE} x {mib} MiB", LARGE, make_large_tree, mib),
        fetch(build, bin, fetches, False),
        fetch(build, bin, fetches, True),
        run_commands(build, bin, runs),
    ]
