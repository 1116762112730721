"""eddyloop.files."""

import asyncio
import gc
import os
import shutil
import stat
import tempfile
import tracemalloc
import unittest
import weakref

import eddyloop
from eddyloop import files


class FilesTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, 'file')

    def make(self, data):
        with open(self.path, 'wb') as file:
            file.write(data)

    def contents(self):
        with open(self.path, 'rb') as file:
            return file.read()


class Whole(FilesTest):
    def test_a_whole_file_is_written_and_read(self):
        async def main():
            for data in (b'', b'\x00\xff text', os.urandom(3_000_000)):
                await files.write(self.path, data)
                self.assertEqual(self.contents(), data)
                self.assertEqual(await files.read(self.path), data)

        eddyloop.run(main())

    def test_what_tells_no_size_is_read_to_its_end(self):
        async def main():
            return await files.read('/proc/self/maps')

        self.assertTrue(eddyloop.run(main()).endswith(b'\n'))

    def test_names_may_be_paths_and_bytes(self):
        class Path:
            def __fspath__(path):
                return self.path

        async def main():
            await files.write(Path(), b'one')
            return await files.read(os.fsencode(self.path))

        self.assertEqual(eddyloop.run(main()), b'one')

    def test_errors_are_those_of_open(self):
        async def main():
            missing = self.path + '/missing'
            folder = self.folder
            for path, mode in ((missing, 'r'), (folder, 'r'), (folder, 'w'), (missing, 'x')):
                with self.assertRaises(OSError) as expected:
                    open(path, mode)
                with self.assertRaises(type(expected.exception)) as raised:
                    await files.open(path, mode)
                self.assertEqual(raised.exception.errno, expected.exception.errno)
                self.assertEqual(raised.exception.filename, path)
            for mode in ('', 'q', 'rw', 'rr', 'r++'):
                with self.assertRaises(ValueError):
                    files.open(self.path, mode)
            with self.assertRaises(ValueError):
                await files.read('a\0b')

        self.make(b'')
        eddyloop.run(main())

    def test_permissions_of_a_new_file(self):
        before = os.umask(0o022)
        self.addCleanup(os.umask, before)
        eddyloop.run(files.write(self.path, b'', permissions=0o662))
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o640)

    def test_another_loop_is_refused(self):
        with self.assertRaises(RuntimeError):
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(files.read(self.path))


class Open(FilesTest):
    def test_pieces_of_a_file(self):
        async def main():
            async with files.open(self.path) as file:
                self.assertEqual(await file.read(3), b'012')
                self.assertEqual(file.tell(), 3)
                self.assertEqual(file.seek(-2, os.SEEK_END), 8)
                self.assertEqual(await file.read(), b'89')
                self.assertEqual(await file.read(), b'')
                self.assertEqual(file.seek(1), 1)
                self.assertEqual(file.seek(1, os.SEEK_CUR), 2)
                self.assertEqual(await file.read(100), b'23456789')
                with self.assertRaises(ValueError):
                    file.seek(-1)
                with self.assertRaises(OSError):
                    await file.write(b'x')
            self.assertTrue(file.closed)
            with self.assertRaises(ValueError):
                await file.read()
            await file.close()

        self.make(b'0123456789')
        eddyloop.run(main())

    def test_modes(self):
        async def main():
            file = await files.open(self.path, 'a')
            self.assertEqual(file.tell(), 3)
            self.assertEqual(await file.write(memoryview(b'def')), 3)
            await file.sync()
            await file.sync(data_only=True)
            await file.close()
            self.assertEqual(self.contents(), b'abcdef')
            async with files.open(self.path, 'rb+') as file:
                await file.read(2)
                await file.write(b'CD')
                file.seek(0)
                self.assertEqual(await file.read(), b'abCDef')
            with self.assertRaises(FileExistsError):
                await files.open(self.path, 'x')
            async with files.open(self.path, 'w') as file:
                with self.assertRaises(OSError):
                    await file.read()
            self.assertEqual(self.contents(), b'')

        self.make(b'abc')
        eddyloop.run(main())

    def test_calls_of_several_tasks_come_one_after_the_other(self):
        async def main():
            async with files.open(self.path, 'w') as file:
                await asyncio.gather(*(file.write(b'%d' % n * 1000) for n in range(10)))

        eddyloop.run(main())
        self.assertEqual(self.contents(), b''.join(b'%d' % n * 1000 for n in range(10)))

    def test_a_thousand_files_at_once(self):
        async def one(n):
            await files.write(f'{self.path}{n}', b'%d' % n)
            return int(await files.read(f'{self.path}{n}'))

        async def main():
            for start in range(0, 1000, 200):
                numbers = range(start, start + 200)
                self.assertEqual(await asyncio.gather(*map(one, numbers)), list(numbers))

        eddyloop.run(main())

    def test_a_fifo_blocks_only_its_reader(self):
        os.mkfifo(self.path)

        async def main():
            async with files.open(self.path, 'r+') as file:
                reading = asyncio.create_task(file.read(100))
                for _ in range(10):
                    await asyncio.sleep(0)
                self.assertFalse(reading.done())
                os.write(file.fileno(), b'late')
                self.assertEqual(await reading, b'late')
                with self.assertRaises(OSError):
                    file.tell()

        eddyloop.run(main())

    def test_a_cancelled_read_of_a_fifo_ends_and_takes_nothing(self):
        os.mkfifo(self.path)

        async def main():
            async with files.open(self.path, 'r+') as file:
                reading = asyncio.create_task(file.read(100))
                await asyncio.sleep(0.01)
                reading.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await reading
                os.write(file.fileno(), b'kept')
                self.assertEqual(await file.read(100), b'kept')

        eddyloop.run(main())

    def test_cancelling_at_any_step_leaves_no_descriptor(self):
        async def main():
            for steps in range(12):
                task = asyncio.create_task(files.read(self.path))
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
            await files.read(self.path)

        self.make(b'x' * 100_000)
        before = len(os.listdir('/proc/self/fd'))
        eddyloop.run(main())
        self.assertEqual(len(os.listdir('/proc/self/fd')), before)


class Memory(FilesTest):
    def test_nothing_is_kept_whether_calls_succeed_fail_or_are_cancelled(self):
        async def use():
            await files.write(self.path, b'x' * 10_000)
            await files.read(self.path)
            with self.assertRaises(FileNotFoundError):
                await files.read(self.path + '-missing')
            reading = asyncio.create_task(files.read(self.path))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])

        async def main():
            for _ in range(300):  # fewer leave caches of Python's half empty
                await use()
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(300):
                await use()
            gc.collect()
            return tracemalloc.get_traced_memory()[0] - before

        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.assertLess(eddyloop.run(main()), 20_000)


class Ends(FilesTest):
    def setUp(self):
        super().setUp()
        os.mkfifo(self.path)

    async def begin(self):
        file = await files.open(self.path, 'r+')
        self.addCleanup(os.close, file.fileno())
        return asyncio.ensure_future(file.read(1))

    def test_a_loop_that_closes_ends_its_operations(self):
        loop = eddyloop.new_event_loop()
        reading = loop.run_until_complete(self.begin())
        loop.run_until_complete(asyncio.sleep(0.001))
        reading._log_destroy_pending = False
        loop.close()

    def test_an_unclosed_loop_is_collected_with_its_operations(self):
        loop = eddyloop.new_event_loop()
        reading = loop.run_until_complete(self.begin())
        loop.run_until_complete(asyncio.sleep(0.001))
        reading._log_destroy_pending = False
        gone = weakref.ref(loop)
        with self.assertWarns(ResourceWarning):
            del loop, reading
            gc.collect()
        self.assertIsNone(gone())
