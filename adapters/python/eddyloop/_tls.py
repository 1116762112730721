"""TLS: asyncio's own protocol, whose bytes are moved in C while nothing unusual happens."""

from asyncio import sslproto

from . import _eddyloop

ssl = sslproto.ssl


class SSLTransport(_eddyloop.TLSTransport, sslproto._SSLProtocolTransport):
    """The transport that a program sees: write() is in C. Some look for "ssl" in its name."""

    @property
    def _context(self):
        return self._ssl_protocol._context


class SSLProtocol(_eddyloop.TLS, sslproto.SSLProtocol):
    """The protocol of the transport beneath. C keeps some of its attributes."""

    def __init__(self, *args, **options):
        self.max_size = 0  # no buffer of 256 KiB, which C does not use
        super().__init__(*args, **options)
        del self.max_size
        self._is_bound = self._bind(self._sslobj._sslobj)

    @property
    def _context(self):
        """The context in which the connection was made; None if that is not known."""
        return getattr(self._transport, '_context', None)

    # A program may call these in any context; the protocol is called in its own.

    def _control_app_writing(self):
        self._in_context(super()._control_app_writing)

    def _start_shutdown(self):
        self._in_context(super()._start_shutdown)  # delivers what has come and was not read

    def _resume_reading(self):
        self._in_context(super()._resume_reading)

    def _in_context(self, call):
        context = self._context
        if context is None:
            return call()
        entered = False

        def enter():
            nonlocal entered
            entered = True
            return call()

        try:
            return context.run(enter)
        except RuntimeError:
            if entered:
                raise
            return call()  # it is the present context, or that of an outer call

    def _get_app_transport(self):
        if self._app_transport is None:
            if self._app_transport_created:
                raise RuntimeError('Creating _SSLProtocolTransport twice')
            self._app_transport = SSLTransport(self._loop, self)
            self._app_transport_created = True
        return self._app_transport


def _open():
    """Returns whether C can use the SSL of an SSLObject, which is tried out on one."""
    path = getattr(getattr(ssl, '_ssl', None), '__file__', None)
    if path is None:
        return False
    return _eddyloop._open_openssl(path, _make)


def _make():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    return context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())._sslobj, context


in_c = _open()  # False: asyncio.sslproto does it all
