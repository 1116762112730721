"""The event loop policy, which asyncio.run() and the like ask for loops."""

import asyncio
import warnings

from ._loop import Loop

with warnings.catch_warnings():
    warnings.simplefilter('ignore', DeprecationWarning)

    class EventLoopPolicy(asyncio.DefaultEventLoopPolicy):
        """asyncio's default policy, with eddy's loop."""

        _loop_factory = Loop


def set_policy(policy):
    """asyncio.set_event_loop_policy(), without the warning of Python 3.14."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        asyncio.set_event_loop_policy(policy)
