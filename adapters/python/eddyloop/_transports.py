"""Transports: asyncio's own, with what runs for each packet in C, or without its large buffers."""

from asyncio import protocols, selector_events

from . import _eddyloop


class SocketTransport(_eddyloop.SocketMethods, selector_events._SelectorSocketTransport):
    """A connection: _read_ready() and write() are in C, all else is asyncio's."""

    # What C looks at; asyncio's code uses the same names.
    __slots__ = (
        '_protocol',
        '_sock_fd',
        '_buffer',
        '_conn_lost',
        '_eof',
        '_empty_waiter',
        '_buffered',
    )
    _base = selector_events._SelectorSocketTransport

    def set_protocol(self, protocol):
        """Replaces the protocol."""
        super().set_protocol(protocol)
        self._buffered = isinstance(protocol, protocols.BufferedProtocol)


_eddyloop.SocketMethods._use(SocketTransport)


class DatagramTransport(selector_events._SelectorDatagramTransport):
    """Datagrams: received into one buffer, where asyncio makes one of 256 KiB for each."""

    _buffer_for_all = memoryview(bytearray(selector_events._SelectorTransport.max_size))

    def _read_ready(self):
        if self._conn_lost:
            return
        buffer = self._buffer_for_all
        try:
            size, address = self._sock.recvfrom_into(buffer)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._protocol.error_received(error)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal_error(error, 'Fatal read error on datagram transport')
        else:
            self._protocol.datagram_received(bytes(buffer[:size]), address)
