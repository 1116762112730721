"""Starts and ends the servers that are measured."""
import glob
import os
import signal
import socket
import subprocess
import time

import configs


def free_port():
    with socket.socket() as s:
        s.bind(("", 0))  # free at every address
        return s.getsockname()[1]


def listens(at):
    if isinstance(at, str):
        return os.path.exists(at)
    try:
        # From another address, lest it connect to itself while nobody listens.
        socket.create_connection(("127.0.0.1", at), 1, ("127.0.0.2", 0)).close()
    except OSError:
        return False
    return True


def command_at(build, command, at, backend):
    """Returns the command of a server at a port or path, in front of a backend."""
    name, *how = command
    if name == "nginx" and "stream" in how:
        return configs.nginx_stream(build, at, backend)
    if name == "nginx":
        workers = how[-1] if "workers" in how else 0
        return configs.nginx(build, at, "tls" if "tls" in how else "", workers)
    if name == "haproxy":
        return configs.haproxy(build, at, backend)
    words = {"{port}": str(at), "{backend}": str(backend)}
    return [words.get(word, word) for word in command]


def start(build, command, environment, at, cpus=(0,), probe=True, backend=None):
    """Starts a server at a port, or at the path of a Unix socket, and waits for it."""
    if isinstance(at, str) and os.path.exists(at):
        os.unlink(at)
    process = subprocess.Popen(
        command_at(build, command, at, backend),
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=open(os.path.join(build, "server.stderr"), "w"),
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
    )
    for _ in range(100 if probe else 0):
        time.sleep(0.03)
        if process.poll() is not None or listens(at):
            break
    return process


def children(pid):
    return [
        int(child)
        for path in glob.glob(f"/proc/{pid}/task/*/children")
        for child in open(path).read().split()
    ]


def stop(server):
    """Ends a server and its children, such as nginx's workers."""
    if not server:
        return
    pids = children(server.pid)
    server.kill()
    server.wait()
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
