"""TLS: asyncio's own protocol, whose bytes are moved in C while nothing unusual happens."""

from asyncio import sslproto

from . import _eddyloop

ssl = sslproto.ssl


class SSLTransport(_eddyloop.TLSTransport, sslproto._SSLProtocolTransport):
    """The transport that a program sees: write() is in C. Some look for "ssl" in its name."""


class SSLProtocol(_eddyloop.TLS, sslproto.SSLProtocol):
    """The protocol of the transport beneath. C keeps some of its attributes."""

    def __init__(self, *args, **options):
        self.max_size = 0  # no buffer of 256 KiB, which C does not use
        super().__init__(*args, **options)
        del self.max_size
        self._is_bound = self._bind(self._sslobj._sslobj)

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
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    tls = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
    return _eddyloop._open_openssl(path, tls._sslobj, context)


in_c = _open()  # False: asyncio.sslproto does it all
