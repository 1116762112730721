"""Transports: what runs for each packet is in C, what runs for each connection is here.

The order of the callbacks, the errors and the private names are those of asyncio's own transports
(asyncio.selector_events, asyncio.unix_events), since programs and the rest of asyncio rely on them.
"""

import contextvars
import errno
import logging
import os
import socket
import stat
import sys
import warnings

from asyncio import base_events, constants, exceptions, futures, protocols, transports, trsock

from . import _eddyloop
from ._tls import SSLProtocol

_logger = logging.getLogger('asyncio')


class NoStream(Exception):
    """The socket is not one of a connection that carries a stream of bytes, or of datagrams."""


_STREAM, _DATAGRAMS, _READ_PIPE, _WRITE_PIPE = range(4)  # the kinds of transport.h


class _Transport:
    """What all kinds have in common. The socket or file object owns the descriptor."""

    max_size = 256 * 1024
    _room_waiter = None

    def _begin(self, waiter):
        """Schedules the first callbacks: connection_made(), then reading, then the waiter."""
        loop, context = self._loop, self._context
        made = loop.call_soon(self._protocol.connection_made, self, context=context)
        try:
            loop.call_soon(self._start_reading, context=context)
            if waiter is not None:
                loop.call_soon(futures._set_result_unless_cancelled, waiter, None)
        except BaseException as exc:  # memory is short
            made.cancel()
            self._protocol_connected = False
            self._force_close(exc)
            raise

    def _log(self, message, **options):
        _logger.debug(message, self, **options)

    def set_protocol(self, protocol):
        """Replaces the protocol."""
        self._protocol = protocol
        self._protocol_connected = True

    def _lose(self, exc):
        loop, context = self._loop, self._context
        self._release()
        loop.call_soon(self._call_connection_lost, exc, context=context)

    def _force_close(self, exc):
        if self._conn_lost:
            return
        self._closing = True
        self._conn_lost += 1
        self._lose(exc)

    def _report(self, exc, message, is_usual):
        if is_usual:
            if self._loop.get_debug():
                _logger.debug('%r: %s', self, message, exc_info=True)
        else:
            self._loop.call_exception_handler(
                {
                    'message': message,
                    'exception': exc,
                    'transport': self,
                    'protocol': self._protocol,
                }
            )

    def _on_drained(self):
        # All is sent that was buffered; C calls this if somebody may wait for it.
        if self._closing:
            self._release()
            self._call_connection_lost(None)

    def _set_write_buffer_limits(self, high=None, low=None):
        if high is None:
            high = 64 * 1024 if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f'high ({high!r}) must be >= low ({low!r}) must be >= 0')
        self._high_water = min(high, sys.maxsize)
        self._low_water = min(low, sys.maxsize)

    def _description(self):
        """Returns the words that asyncio's repr() of every transport begins with."""
        info = [self.__class__.__name__]
        if self._sock is None:
            info.append('closed')
        elif self._closing:
            info.append('closing')
        info.append(f'fd={self._sock_fd}')
        return info


class _OfSocket(_Transport):
    """What connections and datagrams have in common."""

    def _describe_socket(self, sock):
        self._extra['socket'] = trsock.TransportSocket(sock)
        try:
            self._extra['sockname'] = sock.getsockname()
        except OSError:
            self._extra['sockname'] = None
        if 'peername' not in self._extra:
            try:
                self._extra['peername'] = sock.getpeername()
            except OSError:
                self._extra['peername'] = None

    def _open_socket(self, loop, sock, kind):
        loop._remove_reader(sock)  # as asyncio, whose own callback replaces one that is there
        loop._remove_writer(sock)
        if not self._open(loop, sock.fileno(), contextvars.copy_context(), kind):
            raise NoStream
        self._sock = sock
        self._set_write_buffer_limits()
        loop._transports[self._sock_fd] = self

    def __repr__(self):
        info = self._description()
        if self._loop is not None and not self._loop.is_closed():
            reading, writing = self._polling()
            info.append('read=polling' if reading else 'read=idle')
            state = 'polling' if writing else 'idle'
            info.append(f'write=<{state}, bufsize={self.get_write_buffer_size()}>')
        return f'<{" ".join(info)}>'

    def __del__(self, _warn=warnings.warn):
        if self._sock is not None:
            _warn(f'unclosed transport {self!r}', ResourceWarning, source=self)
            server = self._server
            self._closing = True  # finalizers of other objects may call close()
            self._close_socket()
            if server is not None and sys.version_info >= (3, 13):
                _detach(server, self)

    def close(self):
        """Closes the transport: sends what is buffered, then calls connection_lost(None)."""
        size = self.get_write_buffer_size()  # sends what was gathered, which may fail
        if self._closing:
            return
        self._closing = True
        if size == 0:
            self._conn_lost += 1
            self._lose(None)
        else:
            self._update()  # reads no more

    def abort(self):
        """Closes the transport at once; what is buffered is lost."""
        self._force_close(None)

    def _fatal_error(self, exc, message='Fatal error on transport'):
        self._report(exc, message, isinstance(exc, OSError))
        self._force_close(exc)
        if self._empty_waiter is not None and not self._empty_waiter.done():
            self._empty_waiter.set_exception(exc)

    def _call_connection_lost(self, exc):
        try:
            if self._protocol_connected:
                self._protocol.connection_lost(exc)
        finally:
            self._close_socket()
            server = self._server
            if server is not None:
                self._server = None
                _detach(server, self)
            for waiter in (self._empty_waiter, self._room_waiter):
                if waiter is not None and not waiter.done():
                    waiter.set_exception(ConnectionError('Connection is closed by peer'))

    def _written_in_vain(self):
        if self._conn_lost >= constants.LOG_THRESHOLD_FOR_CONNLOST_WRITES:
            _logger.warning('socket.send() raised exception.')
        self._conn_lost += 1


class SocketTransport(_OfSocket, _eddyloop.Transport):
    """A connection over TCP or a Unix socket."""

    _start_tls_compatible = True
    _sendfile_compatible = constants._SendfileMode.TRY_NATIVE

    def __init__(self, loop, sock, protocol, waiter=None, extra=None, server=None):
        transports.Transport.__init__(self, extra)
        self._describe_socket(sock)
        self._open_socket(loop, sock, _STREAM)
        self.set_protocol(protocol)
        self._server = server
        if server is not None:
            _attach(server, self)
        base_events._set_nodelay(sock)
        self._begin(waiter)

    def set_protocol(self, protocol):
        """Replaces the protocol."""
        self._buffered = isinstance(protocol, protocols.BufferedProtocol)
        self._tls = isinstance(protocol, SSLProtocol) and protocol._is_bound
        super().set_protocol(protocol)

    def _force_close(self, exc):
        self.get_write_buffer_size()  # sends what was gathered
        super()._force_close(exc)

    # Reading.

    def _read_ready__on_eof(self):
        if self._loop.get_debug():
            self._log('%r received EOF')
        try:
            keep_open = self._protocol.eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, 'Fatal error: protocol.eof_received() call failed.')
            return
        if not keep_open:
            self.close()

    # Writing.

    def write_eof(self):
        """Closes the write end after what is buffered has been sent."""
        size = self.get_write_buffer_size()
        if self._closing or self._eof:
            return
        self._eof = True
        if size == 0:
            self._sock.shutdown(socket.SHUT_WR)

    def can_write_eof(self):
        """Returns True."""
        return True

    def _on_drained(self):
        if self._empty_waiter is not None and not self._empty_waiter.done():
            self._empty_waiter.set_result(None)
        if self._eof and not self._closing:
            self._sock.shutdown(socket.SHUT_WR)
        super()._on_drained()

    def _make_empty_waiter(self):
        if self._empty_waiter is not None:
            raise RuntimeError('Empty waiter is already set')
        size = self.get_write_buffer_size()
        self._empty_waiter = waiter = self._loop.create_future()
        if size == 0:
            waiter.set_result(None)
        return waiter

    def _reset_empty_waiter(self):
        self._empty_waiter = None

    async def _send_file(self, fileno, offset, count):
        """Sends a file as loop.sock_sendfile() does; @count None: to its end."""
        block = count or os.fstat(fileno).st_size
        sent = 0
        try:
            while (size := min(block, count - sent) if count else block) > 0:
                try:
                    n = self._send_piece(fileno, offset, size)
                except (BlockingIOError, InterruptedError):
                    await self._wait_for_room()
                    continue
                except OSError as exc:
                    if sent == 0:
                        raise exceptions.SendfileNotAvailableError(
                            'os.sendfile call failed'
                        ) from exc
                    raise
                if n == 0:
                    break
                offset += n
                sent += n
            return sent
        finally:
            if sent > 0:
                os.lseek(fileno, offset, os.SEEK_SET)

    def _send_piece(self, fileno, offset, size):
        if self._conn_lost:
            raise ConnectionError('Connection is closed by peer')
        return os.sendfile(self._sock_fd, fileno, offset, size)

    async def _wait_for_room(self):
        self._room_waiter = self._loop.create_future()
        self._wants_room = True
        self._update()
        try:
            await self._room_waiter
        finally:
            self._room_waiter = None
            self._wants_room = False

    def _on_room(self):
        if self._room_waiter is not None and not self._room_waiter.done():
            self._room_waiter.set_result(None)


if sys.version_info >= (3, 13):

    def _attach(server, transport):
        server._attach(transport)

    def _detach(server, transport):
        server._detach(transport)

else:

    def _attach(server, transport):
        server._attach()

    def _detach(server, transport):
        server._detach()


class DatagramTransport(_OfSocket, _eddyloop.Datagrams, transports.DatagramTransport):
    """Datagrams."""

    def __init__(self, loop, sock, protocol, address=None, waiter=None, extra=None):
        transports.Transport.__init__(self, extra)
        self._describe_socket(sock)
        self._open_socket(loop, sock, _DATAGRAMS)
        self._address = address
        self._connected = bool(self._extra['peername'])
        self.set_protocol(protocol)
        self._begin(waiter)


class _OfPipe(_Transport):
    """What the two ends of pipes have in common. The end is kept where sockets have theirs."""

    _refusal = None

    def __init__(self, loop, pipe, protocol, waiter=None, extra=None):
        transports.BaseTransport.__init__(self, extra)
        self._extra['pipe'] = pipe
        fd = pipe.fileno()
        mode = os.fstat(fd).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)):
            raise ValueError(self._refusal)
        os.set_blocking(fd, False)
        loop._remove_reader(fd)
        loop._remove_writer(fd)
        if not self._open(loop, fd, contextvars.copy_context(), self._kind):
            raise ValueError(self._refusal)
        self._pipe = pipe
        self._watches = self._kind == _READ_PIPE or not stat.S_ISCHR(mode)
        self._set_write_buffer_limits()
        self.set_protocol(protocol)
        self._begin(waiter)

    @property
    def _pipe(self):
        return self._sock

    @_pipe.setter
    def _pipe(self, pipe):
        self._sock = pipe

    @property
    def _fileno(self):
        return self._sock_fd

    def _start_reading(self):
        # A terminal that is written to may have input; that does not mean that it was closed.
        if self._watches:
            super()._start_reading()

    def __repr__(self):
        info = self._description()
        if self._sock is None:
            info.append('closed')
        elif self._loop.is_closed():
            info.append('open')
        else:
            info.extend(self._activity())
        return f'<{" ".join(info)}>'

    def __del__(self, _warn=warnings.warn):
        if self._sock is not None:
            _warn(f'unclosed transport {self!r}', ResourceWarning, source=self)
            self._close_socket()

    def _call_connection_lost(self, exc):
        if self._sock is None:  # an abort() has followed a close() in the same turn
            return
        try:
            if self._protocol_connected:
                self._protocol.connection_lost(exc)
        finally:
            self._close_socket()


class ReadPipeTransport(_OfPipe, _eddyloop.ReadPipe):
    """The read end of a pipe."""

    _kind = _READ_PIPE
    _refusal = 'Pipe transport is for pipes/sockets only.'

    def _activity(self):
        return ['polling' if self._polling()[0] else 'idle']

    def _read_ready__on_eof(self):
        if self._loop.get_debug():
            _logger.info('%r was closed by peer', self)
        self._closing = True
        self._conn_lost += 1
        self._loop.call_soon(self._protocol.eof_received, context=self._context)
        self._lose(None)

    def _fatal_error(self, exc, message='Fatal error on pipe transport'):
        self._report(exc, message, isinstance(exc, OSError) and exc.errno == errno.EIO)
        self._force_close(exc)

    def close(self):
        """Closes the transport."""
        if not self._closing:
            self._force_close(None)


class WritePipeTransport(_OfPipe, _eddyloop.Transport):
    """The write end of a pipe."""

    _kind = _WRITE_PIPE
    _n_in_vain = 0  # not in _conn_lost: a pipe that is closing writes what it has
    _refusal = 'Pipe transport is only for pipes, sockets and character devices'

    def _activity(self):
        state = 'polling' if self._polling()[1] else 'idle'
        return [state, f'bufsize={self.get_write_buffer_size()}']

    def _read_ready__on_eof(self):
        # Nobody reads any more.
        if self._loop.get_debug():
            _logger.info('%r was closed by peer', self)
        self._force_close(BrokenPipeError() if self.get_write_buffer_size() else None)

    def _written_in_vain(self):
        if self._n_in_vain >= constants.LOG_THRESHOLD_FOR_CONNLOST_WRITES:
            _logger.warning('pipe closed by peer or os.write(pipe, data) raised exception.')
        self._n_in_vain += 1

    def can_write_eof(self):
        """Returns True."""
        return True

    def write_eof(self):
        """Closes the pipe after what is buffered has been written."""
        if self._closing:
            return
        self._closing = True
        if self.get_write_buffer_size() == 0:
            self._lose(None)
        else:
            self._update()

    def close(self):
        """Closes the pipe after what is buffered has been written."""
        self.write_eof()

    def abort(self):
        """Closes the pipe at once; what is buffered is lost."""
        self._force_close(None)

    def _fatal_error(self, exc, message='Fatal error on pipe transport'):
        self._n_in_vain += 1
        self._report(exc, message, isinstance(exc, OSError))
        self._force_close(exc)
