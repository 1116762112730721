"""asyncio's streams, with C beneath what runs for each read and write.

The classes are subclasses of asyncio's, and stand in their place once install() was called.
"""

import asyncio

from asyncio import streams

from . import _eddyloop

_originals = streams.StreamReader, streams.StreamWriter, streams.StreamReaderProtocol


class StreamReader(_eddyloop.StreamReader, streams.StreamReader):
    __doc__ = streams.StreamReader.__doc__


class StreamWriter(_eddyloop.StreamWriter, streams.StreamWriter):
    __doc__ = streams.StreamWriter.__doc__


class StreamReaderProtocol(_eddyloop.StreamReaderProtocol, streams.StreamReaderProtocol):
    __doc__ = streams.StreamReaderProtocol.__doc__


for _class in (StreamReader, StreamWriter, StreamReaderProtocol):
    _class.__module__ = streams.__name__
    _eddyloop._stream_methods(_class)


def _init_writer(self, transport, protocol, reader, loop):
    # As asyncio's, which however knows by name only the readers that are made after install().
    self._transport = transport
    self._protocol = protocol
    assert reader is None or isinstance(reader, _originals[0])
    self._reader = reader
    self._loop = loop
    self._complete_fut = self._loop.create_future()
    self._complete_fut.set_result(None)


def install():
    """Puts the classes in the place of asyncio's."""
    _originals[1].__init__ = _init_writer
    for new in (StreamReader, StreamWriter, StreamReaderProtocol):
        setattr(streams, new.__name__, new)
        setattr(asyncio, new.__name__, new)
