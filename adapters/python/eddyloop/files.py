"""Files that never block the loop, on io_uring where the kernel allows it.

    from eddyloop import files

    data = await files.read('settings.json')
    await files.write('copy.json', data)
    async with files.open('log', 'a') as file:
        await file.write(b'a line\\n')

All data is bytes. The functions need eddy's loop (or that of eddyloop.testing) to run. Errors are
the same as of Python's own open(). A call that is cancelled returns when the kernel has let go of
the file; a write may have been carried out by then.
"""

import asyncio
import errno
import os
import stat

from . import _eddyloop

__all__ = ('File', 'open', 'read', 'write')

_MOST = 1 << 30  # the most bytes of one operation
_FIRST = 1 << 16  # bytes to read from what has no size: a pipe, /proc


def open(path, mode='r', *, permissions=0o666):
    """Opens a file: `await open(…)` gives a File, `async with open(…) as file` closes it as well.

    mode is that of Python's open(): r, w, x or a, with + for both directions. "b" changes nothing.
    """
    return _Opening(path, _flags(mode), permissions)


async def read(path):
    """Returns the contents of a file."""
    async with open(path) as file:
        return await file.read()


async def write(path, data, *, permissions=0o666):
    """Makes data the contents of a file."""
    async with open(path, 'w', permissions=permissions) as file:
        await file.write(data)


class File:
    """An open file: made by open()."""

    def __init__(self, loop, fd, name, *, reads, writes, position, size):
        self.name = name
        self._loop = loop
        self._fd = fd
        self._reads, self._writes = reads, writes
        self._position = position  # -1: the kernel's own, there is no other one
        self._size = size  # when it was opened
        self._lock = asyncio.Lock()

    def __repr__(self):
        return f'<{type(self).__name__} {self.name!r} {"closed" if self.closed else self._fd}>'

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        await self.close()

    @property
    def closed(self):
        return self._fd == -1

    def fileno(self):
        """Returns the descriptor, which belongs to this object."""
        self._check(True, '')
        return self._fd

    async def read(self, size=-1):
        """Reads up to size bytes, or all until the end; b'' is the end.

        From a file, fewer bytes are the end; a pipe gives what it has, at least one byte.
        """
        async with self._lock:
            self._check(self._reads, 'reading')
            if size is None or size < 0:
                return await self._read_all()
            if self._position < 0:
                return await self._read_once(size)
            return await self._read_up_to(size)

    async def write(self, data):
        """Writes all bytes of data; returns their number."""
        async with self._lock:
            self._check(self._writes, 'writing')
            with memoryview(data) as view, view.cast('B') as rest:
                done = 0
                while done < len(rest):
                    piece = rest[done : done + _MOST]
                    done += await self._do(_eddyloop.file_write, piece, self._position, moves=True)
            return done

    def seek(self, offset, whence=os.SEEK_SET):
        """Sets the position of the next read or write; returns it."""
        self._check(self._position >= 0, 'seeking')
        if whence == os.SEEK_CUR:
            offset += self._position
        elif whence != os.SEEK_SET:
            offset = os.lseek(self._fd, offset, whence)
        if offset < 0:
            raise ValueError(f'negative seek position {offset}')
        self._position = offset
        return offset

    def tell(self):
        """Returns the position."""
        self._check(self._position >= 0, 'seeking')
        return self._position

    async def sync(self, *, data_only=False):
        """Returns when the disk has everything that was written (os.fsync, os.fdatasync)."""
        async with self._lock:
            self._check(True, '')
            await self._do(_eddyloop.file_sync, data_only)

    async def close(self):
        """Closes the file. A closed one may be closed again."""
        async with self._lock:
            fd, self._fd = self._fd, -1
            if fd != -1:
                closing = _eddyloop.file_close(self._loop, fd)
                await _wait(self._loop, closing, may_cancel=False)

    def _check(self, able, what):
        if self.closed:
            raise ValueError('I/O operation on closed file')
        if not able:
            raise OSError(f'file not open for {what}' if what != 'seeking' else 'not seekable')

    async def _do(self, function, *arguments, moves=False):
        result = await _wait(self._loop, function(self._loop, self._fd, *arguments))
        if moves and self._position >= 0:
            self._position += result if isinstance(result, int) else len(result)
        return result

    async def _read_once(self, size):
        return await self._do(_eddyloop.file_read, min(size, _MOST), self._position, moves=True)

    async def _read_up_to(self, size):
        pieces, left = [], size
        while left > 0 and (piece := await self._read_once(left)):
            pieces.append(piece)
            left -= len(piece)
        return pieces[0] if len(pieces) == 1 else b''.join(pieces)

    async def _read_all(self):
        pieces = []
        # One byte more than there should be: the end shows in the first read.
        size = max(self._size - max(self._position, 0) + 1, _FIRST)
        while piece := await self._read_once(size):
            pieces.append(piece)
            if 0 <= self._position and 0 < self._size and len(piece) < size:
                break  # what has no size, as in /proc, may be cut into pieces
        return pieces[0] if len(pieces) == 1 else b''.join(pieces)


class _Opening:
    """What open() returns: to be awaited, or entered."""

    def __init__(self, path, flags, permissions):
        self._path, self._flags, self._permissions = path, flags, permissions

    def __await__(self):
        return self._open().__await__()

    async def __aenter__(self):
        self._file = await self._open()
        return self._file

    async def __aexit__(self, *exception):
        await self._file.close()

    async def _open(self):
        loop = asyncio.get_running_loop()
        if not isinstance(loop, _eddyloop.Loop):
            raise RuntimeError('eddyloop.files needs the event loop of eddyloop')
        path = os.fspath(self._path)
        begun = _eddyloop.file_open(loop, os.fsencode(path), path, self._flags, self._permissions)
        try:
            fd = await _wait(loop, begun)
        except asyncio.CancelledError:
            if not begun.cancelled() and not begun.exception():
                os.close(begun.result())
            raise
        access = self._flags & os.O_ACCMODE
        try:
            mode, size = await _wait(loop, _eddyloop.file_status(loop, fd))
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            seekable = stat.S_ISREG(mode) or stat.S_ISBLK(mode)
            start = size if self._flags & os.O_APPEND else 0
            return File(
                loop,
                fd,
                path,
                reads=access != os.O_WRONLY,
                writes=access != os.O_RDONLY,
                position=start if seekable else -1,
                size=size,
            )
        except BaseException:
            os.close(fd)
            raise


async def _wait(loop, future, *, may_cancel=True):
    """Returns the result of an operation; a cancelled caller waits until the operation is over."""
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if may_cancel:
            _eddyloop.file_cancel(loop, future)
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError:
                pass
        if not future.cancelled():
            future.exception()  # nobody else learns of it
        raise


def _flags(mode):
    letters = set(mode)
    kind = letters & set('rwxa')
    if len(kind) != 1 or len(letters) != len(mode) or letters - set('rwxab+'):
        raise ValueError(f'invalid mode: {mode!r}')
    flags = {
        'r': 0,
        'w': os.O_CREAT | os.O_TRUNC,
        'x': os.O_CREAT | os.O_EXCL,
        'a': os.O_CREAT | os.O_APPEND,
    }[kind.pop()]
    if '+' in letters:
        return flags | os.O_RDWR
    return flags | (os.O_RDONLY if 'r' in letters else os.O_WRONLY)
