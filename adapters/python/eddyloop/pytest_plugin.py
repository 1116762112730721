"""A fixture for pytest, which finds it where eddyloop is installed.

    def test_retries(virtual_loop):
        virtual_loop.run_until_complete(retry_for_a_day())

With pytest-asyncio, coroutines that are tests run under the virtual clock if the fixture of their
loop is this one:

    @pytest.fixture
    def event_loop(virtual_loop):
        return virtual_loop
"""

import asyncio

import pytest

from . import testing


@pytest.fixture
def virtual_loop():
    """A loop with the virtual clock; after the test its tasks are cancelled, and it is closed."""
    with asyncio.Runner(loop_factory=testing.Loop) as runner:
        yield runner.get_loop()
