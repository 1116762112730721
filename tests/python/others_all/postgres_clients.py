"""asyncpg and psycopg with a PostgreSQL of its own: queries, copies, notifications, cancelling."""

import asyncio
import glob
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'others'))

import asyncpg
import psycopg

from _support import folder, process, run

USER = 'nobody'  # the server refuses to run as root


def as_other_user(*command):
    if os.getuid() != 0:
        return command
    return 'setpriv', f'--reuid={USER}', '--clear-groups', *command


def make_cluster(path):
    """Makes a cluster of databases in the folder path; returns the command of its server."""
    (programs,) = sorted(glob.glob('/usr/lib/postgresql/*/bin'))[-1:]
    data = os.path.join(path, 'data')
    os.mkdir(data, 0o700)
    if os.getuid() == 0:
        shutil.chown(path, USER)
        shutil.chown(data, USER)
    initdb = [f'{programs}/initdb', '-D', data, '-U', 'test', '-A', 'trust', '--no-sync']
    subprocess.run(
        as_other_user(*initdb, '--no-instructions', '--locale=C', '-E', 'UTF8'),
        cwd=path,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return as_other_user(f'{programs}/postgres', '-D', data, '-k', path, '-h', '', '-F')


def is_ready(path):
    """Tells whether the server that is starting accepts connections: the end of its pid file."""
    try:
        with open(os.path.join(path, 'data', 'postmaster.pid')) as file:
            return file.read().split()[-1] == 'ready'
    except FileNotFoundError:
        return False


async def use_asyncpg(path):
    names = dict(host=path, user='test', database='postgres')
    pool = await asyncpg.create_pool(**names, min_size=2, max_size=8)
    async with pool.acquire() as connection:
        print(await connection.fetchval('SELECT $1::int + 1', 41))
        await connection.execute('CREATE TABLE numbers (n int, t text)')
        rows = [(n, str(n)) for n in range(5000)]
        await connection.copy_records_to_table('numbers', records=rows)
        async with connection.transaction():
            total = 0
            async for row in connection.cursor('SELECT n FROM numbers', prefetch=100):
                total += row['n']
            print(total)
        heard = asyncio.get_running_loop().create_future()
        await connection.add_listener('news', lambda *news: heard.set_result(news[-1]))
        await pool.execute("NOTIFY news, 'headline'")
        print(await heard)
        await connection.reset()
        try:
            await connection.execute('SELECT pg_sleep(60)', timeout=0.05)
        except asyncio.TimeoutError:
            print('too slow', await connection.fetchval('SELECT 1'))
        try:
            await connection.fetch('SELECT 1/0')
        except asyncpg.DivisionByZeroError as error:
            print(error)
    sums = await asyncio.gather(*(pool.fetchval('SELECT $1::int * 2', n) for n in range(200)))
    print(sums == [2 * n for n in range(200)])
    await pool.close()


async def use_psycopg(path):
    async with await psycopg.AsyncConnection.connect(
        host=path, user='test', dbname='postgres', autocommit=True
    ) as connection:
        async with connection.cursor() as cursor:
            await cursor.execute('SELECT count(*), sum(n) FROM numbers WHERE n < %s', (100,))
            print(await cursor.fetchone())
            async with cursor.copy('COPY numbers TO STDOUT') as copy:
                print(sum([len(bytes(block)) async for block in copy]))
            async with cursor.copy('COPY numbers FROM STDIN') as copy:
                for n in range(2000):
                    await copy.write_row((n, 'x' * 100))
            await cursor.execute('SELECT count(*) FROM numbers')
            print(await cursor.fetchone())
            slow = asyncio.create_task(cursor.execute('SELECT pg_sleep(60)'))
            await asyncio.sleep(0.05)
            connection.cancel()
            try:
                await slow
            except psycopg.errors.QueryCanceled as error:
                print(error)


async def main():
    with folder() as path:
        command = make_cluster(path)
        with process(*command, answers=lambda: is_ready(path), cwd=path):
            await use_asyncpg(path)
            await use_psycopg(path)


run(main())
