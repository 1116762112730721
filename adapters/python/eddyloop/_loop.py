"""The event loop: eddy's, with the Python half of asyncio's own.

What runs for each callback is in C (_eddyloop.Loop). What runs for each connection, or once, is
inherited from asyncio, which also means its argument checks and its errors.
"""

import asyncio
import contextvars
import functools
import os
import selectors
import signal
import sys
import threading
import weakref

from asyncio import events, exceptions

from . import _eddyloop
from ._tls import SSLProtocol, ssl
from ._transports import (
    DatagramTransport,
    NoStream,
    ReadPipeTransport,
    SocketTransport,
    WritePipeTransport,
)


class _Selector:
    """Stands where asyncio keeps its selector: tells which descriptors eddy's loop watches."""

    def __init__(self, loop):
        self._loop = weakref.ref(loop)

    def get_key(self, file):
        """Returns the SelectorKey of a watched descriptor, or raises KeyError."""
        watched = self._loop()._watched(file)
        if watched is None:
            raise KeyError(f'{file!r} is not registered')
        file, reader, writer = watched
        events = 0
        if reader is not None:
            events |= selectors.EVENT_READ
        if writer is not None:
            events |= selectors.EVENT_WRITE
        fd = selectors._fileobj_to_fd(file)
        return selectors.SelectorKey(file, fd, events, (reader, writer))

    def close(self):
        """Does nothing: the loop closes what it has opened."""


class Loop(_eddyloop.Loop, asyncio.SelectorEventLoop):
    """An event loop of asyncio on eddy: on io_uring, or epoll, or the backend of that name."""

    def __init__(self, *, backend=None):
        super().__init__(_Selector(self))
        self._wakes_on_signals = False
        self._other_wakeup_fd = -1
        self._old_agen_hooks = None

    def run_forever(self):
        """Runs until stop() is called."""
        self._check_closed()
        self._check_running()
        try:
            self._run_forever_setup()
            self._begin_waking_on_signals()
            self._run()
        finally:
            self._end_waking_on_signals()
            self._run_forever_cleanup()

    if not hasattr(asyncio.BaseEventLoop, '_run_forever_setup'):  # Python 3.11

        def _run_forever_setup(self):
            self._set_coroutine_origin_tracking(self._debug)
            self._old_agen_hooks = sys.get_asyncgen_hooks()
            self._thread_id = threading.get_ident()
            sys.set_asyncgen_hooks(
                firstiter=self._asyncgen_firstiter_hook, finalizer=self._asyncgen_finalizer_hook
            )
            events._set_running_loop(self)

        def _run_forever_cleanup(self):
            self._stopping = False
            self._thread_id = None
            events._set_running_loop(None)
            self._set_coroutine_origin_tracking(False)
            if self._old_agen_hooks is not None:
                sys.set_asyncgen_hooks(*self._old_agen_hooks)
                self._old_agen_hooks = None

    def _begin_waking_on_signals(self):
        # A signal ends a wait by a byte to the self-pipe, whichever thread receives it, and even if
        # it arrives just before the wait. A descriptor that the program has set gets the bytes too.
        if threading.current_thread() is not threading.main_thread():
            return
        try:
            before = signal.set_wakeup_fd(self._csock.fileno())
        except ValueError:  # not the main interpreter
            return
        self._wakes_on_signals = True
        self._other_wakeup_fd = -1 if before == self._csock.fileno() else before

    def _end_waking_on_signals(self):
        if self._wakes_on_signals and not self._signal_handlers:
            now = signal.set_wakeup_fd(self._other_wakeup_fd)
            if now != self._csock.fileno():  # the program has set one meanwhile
                signal.set_wakeup_fd(now)
        self._wakes_on_signals = False

    def _process_self_data(self, data):
        if self._other_wakeup_fd != -1:
            try:
                os.write(self._other_wakeup_fd, data)
            except OSError:
                pass  # full or closed: as when Python writes
        super()._process_self_data(data)

    def remove_signal_handler(self, sig):
        """Removes a handler for a signal; returns whether there was one."""
        removed = super().remove_signal_handler(sig)
        if self._wakes_on_signals and not self._signal_handlers:
            signal.set_wakeup_fd(self._csock.fileno())
        return removed

    def _make_socket_transport(self, sock, protocol, waiter=None, *, extra=None, server=None):
        self._ensure_fd_no_transport(sock)
        try:
            return SocketTransport(self, sock, protocol, waiter, extra, server)
        except NoStream:  # SOCK_SEQPACKET, for example
            return super()._make_socket_transport(
                sock, protocol, waiter, extra=extra, server=server
            )

    def _make_ssl_transport(
        self, rawsock, protocol, sslcontext, waiter=None, *, extra=None, server=None, **options
    ):
        server_side = options.pop('server_side', False)
        server_hostname = options.pop('server_hostname', None)
        tls = SSLProtocol(
            self, protocol, sslcontext, waiter, server_side, server_hostname, **options
        )
        self._make_socket_transport(rawsock, tls, extra=extra, server=server)
        return tls._app_transport

    async def start_tls(
        self,
        transport,
        protocol,
        sslcontext,
        *,
        server_side=False,
        server_hostname=None,
        ssl_handshake_timeout=None,
        ssl_shutdown_timeout=None,
    ):
        """Upgrades a transport to TLS; returns the new transport."""
        if ssl is None:
            raise RuntimeError('Python ssl module is not available')
        if not isinstance(sslcontext, ssl.SSLContext):
            raise TypeError(
                f'sslcontext is expected to be an instance of ssl.SSLContext, got {sslcontext!r}'
            )
        if not getattr(transport, '_start_tls_compatible', False):
            raise TypeError(f'transport {transport!r} is not supported by start_tls()')
        waiter = self.create_future()
        tls = SSLProtocol(
            self,
            protocol,
            sslcontext,
            waiter,
            server_side,
            server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
            call_connection_made=False,
        )
        # Nothing may come before connection_made().
        transport.pause_reading()
        transport.set_protocol(tls)
        made = self.call_soon(tls.connection_made, transport)
        resumed = self.call_soon(transport.resume_reading)
        try:
            await waiter
        except BaseException:
            transport.close()
            made.cancel()
            resumed.cancel()
            raise
        return tls._app_transport

    async def _sendfile_native(self, transport, file, offset, count):
        try:
            fileno = file.fileno()
            os.fstat(fileno)
        except (AttributeError, OSError) as exc:  # io.UnsupportedOperation is an OSError
            raise exceptions.SendfileNotAvailableError('not a regular file') from exc
        reads = transport.is_reading()
        transport.pause_reading()
        await transport._make_empty_waiter()
        try:
            return await transport._send_file(fileno, offset, count)
        finally:
            transport._reset_empty_waiter()
            if reads:
                transport.resume_reading()

    def _make_read_pipe_transport(self, pipe, protocol, waiter=None, extra=None):
        return ReadPipeTransport(self, pipe, protocol, waiter, extra)

    def _make_write_pipe_transport(self, pipe, protocol, waiter=None, extra=None):
        return WritePipeTransport(self, pipe, protocol, waiter, extra)

    @property
    def _child_watcher_callback(self):
        # asyncio asks for this when it makes a subprocess, in the context of the program; the end
        # of the process is noticed in another one.
        return functools.partial(self._child_ended, contextvars.copy_context())

    def _child_ended(self, context, pid, returncode, transport):
        call = self.call_soon_threadsafe
        if sys.version_info < (3, 12):  # one turn later there, so that callbacks run before
            call = functools.partial(call, self.call_soon)
        call(transport._process_exited, returncode, context=context)

    def _make_datagram_transport(self, sock, protocol, address=None, waiter=None, extra=None):
        self._ensure_fd_no_transport(sock)
        try:
            return DatagramTransport(self, sock, protocol, address, waiter, extra)
        except NoStream:
            return super()._make_datagram_transport(sock, protocol, address, waiter, extra)

    def close(self):
        """Closes the loop: callbacks that did not run are dropped."""
        if self.is_running():
            raise RuntimeError('Cannot close a running event loop')
        if self.is_closed():
            return
        super().close()
        self._close()

    def _write_to_self(self):
        self.call_soon_threadsafe(_nothing)


def _nothing():
    pass
