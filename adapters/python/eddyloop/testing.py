"""Tests that take no time: a loop whose clock is virtual.

    from eddyloop import testing

    def test_patience():
        testing.run(wait_a_day())       # asyncio.run(), in a moment

The clock begins at 0 and moves only when nothing is ready, straight to the next timer, so a program
always takes the same course. If nothing is ready and there is no timer, the program would wait for
ever: Deadlock tells who waits for whom.

While a thread works for run_in_executor(), to_thread() or getaddrinfo(), time stands still.
Sockets, pipes and subprocesses do not work: their time is not the loop's.
"""

import asyncio
import errno
import signal
import threading

from . import _loop, tasks

__all__ = ('Deadlock', 'Loop', 'new_event_loop', 'run')


class Deadlock(RuntimeError):
    """Nothing is left to wait for, and the program has not ended."""


class Loop(_loop.Loop):
    """An event loop with a virtual clock."""

    def __new__(cls):
        return super().__new__(cls, backend='virtual')

    def __init__(self):
        super().__init__()
        # While others work for the loop it is kept busy, so that time stands still.
        self._n_outside = 0
        self._keeps_busy = False
        self._posted = threading.Event()

    def run_forever(self):
        """Runs until stop() is called, or raises Deadlock."""
        try:
            super().run_forever()
        except OSError as error:
            if error.errno != errno.EDEADLK:
                raise
        else:
            return
        tree = tasks.format_tree(self) or 'There are no tasks.'
        raise Deadlock(f'at {self.time():g} s nothing is left to wait for:\n{tree}')

    def call_soon_threadsafe(self, callback, *args, context=None):
        """Calls callback soon; from any thread."""
        handle = super().call_soon_threadsafe(callback, *args, context=context)
        self._posted.set()
        return handle

    def run_in_executor(self, executor, func, *args):
        """Calls func in a thread or process. Until it returns time stands still."""
        future = super().run_in_executor(executor, func, *args)
        self._go_outside()
        future.add_done_callback(self._come_back)
        return future

    async def shutdown_default_executor(self, *args, **keywords):
        """Ends the threads of the default executor."""
        self._go_outside()
        try:
            await super().shutdown_default_executor(*args, **keywords)
        finally:
            self._come_back()

    def _go_outside(self):
        self._n_outside += 1
        if not self._keeps_busy:
            self._keeps_busy = True
            self.call_soon(self._keep_busy)

    def _come_back(self, future=None):
        self._n_outside -= 1

    def _keep_busy(self):
        if self._n_outside == 0:
            self._keeps_busy = False
            return
        if self._n_ready == 0:
            self._posted.wait()
        self._posted.clear()
        self.call_soon(self._keep_busy)

    def add_signal_handler(self, sig, callback, *args):
        """Calls callback when a signal comes, while the loop is busy or time stands still."""
        self._check_closed()
        self._check_signal(sig)
        self._check_callback(callback, 'add_signal_handler')
        self._signal_handlers[sig] = asyncio.Handle(callback, args, self, None)
        signal.signal(sig, self._signal_came)

    def remove_signal_handler(self, sig):
        """Removes a handler for a signal; returns whether there was one."""
        self._check_signal(sig)
        if self._signal_handlers.pop(sig, None) is None:
            return False
        signal.signal(sig, signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL)
        return True

    def _signal_came(self, sig, frame):
        self._handle_signal(sig)
        self._posted.set()

    # Nothing here needs a descriptor, and none can be watched.

    def _make_self_pipe(self):
        pass

    def _close_self_pipe(self):
        pass

    def _begin_waking_on_signals(self):
        pass

    def _refuse(self, *args, **keywords):
        raise NotImplementedError('a loop with the virtual clock has no connections and pipes')

    _add_reader = _add_writer = _refuse
    _make_socket_transport = _make_ssl_transport = _make_datagram_transport = _refuse
    _make_read_pipe_transport = _make_write_pipe_transport = _make_subprocess_transport = _refuse


def new_event_loop():
    """Makes a loop with the virtual clock: a loop_factory for asyncio.Runner."""
    return Loop()


def run(main, *, debug=None):
    """Runs the coroutine main under the virtual clock, and returns its result (asyncio.run).

    After a deadlock the tasks are cancelled, as after any other error.
    """
    with asyncio.Runner(debug=debug, loop_factory=Loop) as runner:
        return runner.run(main)
