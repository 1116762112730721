"""What the programs of this folder share."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time


def expect_loop(loop=None):
    """Fails if the loop is not eddy's although the program runs under eddyloop."""
    name = type(loop or asyncio.get_running_loop()).__module__.partition('.')[0]
    wanted = 'eddyloop' if 'eddyloop' in sys.modules else 'asyncio'
    assert name == wanted, f'the loop is of {name}'


def run(main):
    """Runs the coroutine, on the loop that asyncio.run() makes."""

    async def checked():
        expect_loop()
        await asyncio.wait_for(main, 60)

    asyncio.run(checked())


@contextlib.contextmanager
def folder():
    """A folder for a while; other users can enter it."""
    path = tempfile.mkdtemp()
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def process(*command, answers, **options):
    """Runs a server until the end of the scope; it is there when answers() is true."""
    with tempfile.TemporaryFile('w+') as log:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options
        )
        try:
            until = time.monotonic() + 60
            while not answers():
                if server.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise RuntimeError(f'{command[0]} did not start: {log.read()}')
                time.sleep(0.02)
            yield server
        finally:
            server.terminate()
            server.wait()


def certificate(path):
    """Makes a certificate of localhost in the folder path; returns the files of both halves."""
    key, cert = os.path.join(path, 'key.pem'), os.path.join(path, 'cert.pem')
    subprocess.run(
        ['openssl', 'req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt']
        + ['ec_paramgen_curve:prime256v1', '-days', '2', '-subj', '/CN=localhost']
        + ['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return cert, key
