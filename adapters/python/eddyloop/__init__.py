"""asyncio on eddy's event loop.

    import eddyloop
    eddyloop.run(main())            # in place of asyncio.run(main())

or, for a program that does not know of eddy, `python3 -m eddyloop program.py`.
"""

import asyncio as _asyncio

from ._eddyloop import eddy_version as __version__
from ._loop import Loop

__all__ = ('EventLoopPolicy', 'Loop', 'install', 'new_event_loop', 'run')


def new_event_loop():
    """Makes an event loop (asyncio.new_event_loop)."""
    return Loop()


def run(main, *, debug=None):
    """Runs the coroutine main on a new loop, and returns its result (asyncio.run)."""
    with _asyncio.Runner(debug=debug, loop_factory=new_event_loop) as runner:
        return runner.run(main)


def install():
    """Makes eddy's the loop of asyncio.run(), asyncio.new_event_loop() and the like.

    The streams of asyncio are made in C as well, from now on.
    """
    from . import _streams
    from ._policy import EventLoopPolicy, set_policy

    _streams.install()
    set_policy(EventLoopPolicy())


def __getattr__(name):
    # Imported on demand: Python 3.14 warns of policies, which most programs do not use.
    if name == 'EventLoopPolicy':
        from ._policy import EventLoopPolicy

        return EventLoopPolicy
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
