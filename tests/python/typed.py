"""A program with types, for `mypy --strict`: every public name of eddyloop, as programs use it."""

import asyncio

import eddyloop


async def main() -> str:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, eddyloop.Loop)
    return loop.backend


def in_all_ways() -> list[str]:
    backends = [eddyloop.run(main()), eddyloop.run(main(), debug=True)]
    with asyncio.Runner(loop_factory=eddyloop.new_event_loop) as runner:
        backends.append(runner.run(main()))
    asyncio.set_event_loop_policy(eddyloop.EventLoopPolicy())
    eddyloop.install()
    return backends


if __name__ == '__main__':
    print(*in_all_ways(), eddyloop.__version__)
