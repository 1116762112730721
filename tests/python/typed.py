"""A program with types, for `mypy --strict`: every public name of eddyloop, as programs use it."""

import asyncio
import sys
import tempfile

import eddyloop
from eddyloop import files, tasks, testing


async def main() -> str:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, eddyloop.Loop)
    return loop.backend


def in_all_ways() -> list[str]:
    backends = [eddyloop.run(main()), eddyloop.run(main(), debug=True)]
    with asyncio.Runner(loop_factory=eddyloop.new_event_loop) as runner:
        backends.append(runner.run(main()))
    loop = eddyloop.Loop(backend='epoll')
    backends.append(loop.backend)
    loop.close()
    asyncio.set_event_loop_policy(eddyloop.EventLoopPolicy())
    eddyloop.install()
    return backends


async def use_files(path: str) -> int:
    await files.write(path, b'some')
    async with files.open(path, 'a+', permissions=0o600) as file:
        count: int = await file.write(bytearray(b' bytes'))
        await file.sync(data_only=True)
        position: int = file.seek(0)
        data: bytes = await file.read(100)
        assert not file.closed and file.fileno() > 0 and file.tell() == count + position + 4
    opened: files.File = await files.open(path)
    await opened.close()
    return len(data) + len(await files.read(path))


async def use_tasks() -> list[str]:
    task: asyncio.Task[None] = asyncio.create_task(asyncio.sleep(1))
    await asyncio.sleep(0)
    tasks.print_tree(file=sys.stdout)
    words = [tasks.format_tree(), tasks.state(task), *tasks.coroutines(task)]
    words += [awaited.get_name() for awaited in tasks.awaited(task)]
    task.cancel()
    return words


def use_testing() -> float:
    async def deadlock() -> None:
        await asyncio.Event().wait()

    loop: testing.Loop = testing.new_event_loop()
    loop.run_until_complete(asyncio.sleep(3600))
    now = loop.time()
    loop.close()
    try:
        testing.run(deadlock())
    except testing.Deadlock as error:
        print(error)
    return now


if __name__ == '__main__':
    with tempfile.NamedTemporaryFile() as file:
        print(eddyloop.run(use_files(file.name)), *eddyloop.run(use_tasks()), use_testing())
    print(*in_all_ways(), eddyloop.__version__)
