"""eddyloop.testing: the virtual clock."""

import asyncio
import os
import signal
import socket
import threading
import time
import unittest

from eddyloop import files, testing

from support import run_program

DAY = 24 * 3600


class VirtualClock(unittest.TestCase):
    def test_a_day_passes_in_a_moment(self):
        async def main():
            loop, seen = asyncio.get_running_loop(), []
            self.assertEqual(loop.backend, 'virtual')
            for delay in (3, 1, 2):
                loop.call_later(delay * DAY, lambda n=delay: seen.append((n, loop.time())))
            await asyncio.sleep(4 * DAY)
            return loop.time(), seen

        begin = time.monotonic()
        now, seen = testing.run(main())
        self.assertLess(time.monotonic() - begin, 20)
        self.assertAlmostEqual(now, 4 * DAY)
        seen = [(n, round(when, 6)) for n, when in seen]
        self.assertEqual(seen, [(n, n * DAY) for n in (1, 2, 3)])

    def test_deadlines_pass_without_waiting(self):
        async def main():
            with self.assertRaises(TimeoutError):
                async with asyncio.timeout(DAY):
                    await asyncio.Event().wait()

        testing.run(main())

    def test_time_stands_still_while_a_thread_works(self):
        def work():
            time.sleep(0.05)
            return threading.current_thread() is not threading.main_thread()

        async def main():
            loop = asyncio.get_running_loop()
            timer = asyncio.create_task(asyncio.sleep(0.001))
            self.assertTrue(await asyncio.to_thread(work))
            self.assertEqual(loop.time(), 0)
            self.assertFalse(timer.done())
            jobs = [loop.run_in_executor(None, pow, n, 2) for n in range(100)]
            self.assertEqual(await asyncio.gather(*jobs), [n * n for n in range(100)])
            self.assertEqual(loop.time(), 0)
            await timer
            self.assertEqual(loop.time(), 0.001)

        testing.run(main())

    def test_a_cancelled_job_lets_time_go_on(self):
        release = threading.Event()
        self.addCleanup(release.set)

        async def main():
            job = asyncio.create_task(asyncio.to_thread(release.wait))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            job.cancel()
            await asyncio.sleep(DAY)
            release.set()
            return asyncio.get_running_loop().time()

        self.assertEqual(testing.run(main()), DAY)

    def test_files_take_no_time(self):
        async def main():
            await files.read('/proc/self/stat')
            return asyncio.get_running_loop().time()

        self.assertEqual(testing.run(main()), 0)

    def test_sockets_are_refused(self):
        async def main():
            one, other = socket.socketpair()
            with one, other:
                with self.assertRaises(NotImplementedError):
                    await asyncio.open_connection(sock=one)
                with self.assertRaises(NotImplementedError):
                    asyncio.get_running_loop().add_reader(other, print)

        testing.run(main())

    def test_signals_are_handled(self):
        async def main():
            loop, came = asyncio.get_running_loop(), asyncio.Event()
            loop.add_signal_handler(signal.SIGUSR1, came.set)
            os.kill(os.getpid(), signal.SIGUSR1)
            await came.wait()
            came.clear()
            killing = asyncio.to_thread(os.kill, os.getpid(), signal.SIGUSR1)
            await asyncio.gather(killing, came.wait())
            self.assertTrue(loop.remove_signal_handler(signal.SIGUSR1))
            self.assertFalse(loop.remove_signal_handler(signal.SIGUSR1))

        testing.run(main())

    def test_ctrl_c_ends_a_wait_for_a_thread(self):
        done = run_program(
            """
            import asyncio, os, signal, threading, time
            from eddyloop import testing

            signal.signal(signal.SIGINT, signal.default_int_handler)
            release = threading.Event()

            async def main():
                threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
                try:
                    await asyncio.to_thread(release.wait)
                finally:
                    release.set()

            try:
                testing.run(main())
            except KeyboardInterrupt:
                print('interrupted')
            """
        )
        self.assertEqual((done.stdout, done.returncode), ('interrupted\n', 0), done.stderr)


class Deadlocks(unittest.TestCase):
    def test_a_deadlock_tells_who_waits_for_whom(self):
        async def take(lock, event):
            async with lock:
                await event.wait()

        async def main():
            lock = asyncio.Lock()
            await asyncio.sleep(5)
            holder = asyncio.create_task(take(lock, asyncio.Event()), name='holder')
            waiter = asyncio.create_task(take(lock, None), name='waiter')
            await asyncio.gather(holder, waiter)

        with self.assertRaises(testing.Deadlock) as raised:
            testing.run(main())
        lines = str(raised.exception).split('\n')
        self.assertEqual(lines[0], 'at 5 s nothing is left to wait for:')
        self.assertRegex(lines[1], r'^Task-\d+: .*main  \[waiting: 2 tasks\]$')
        rest = '\n'.join(sorted(lines[2:], key=lambda line: line.find('waiter:')))
        self.assertRegex(rest, r'holder: .*take > Event.wait  \[waiting: <asyncio.locks.Event')
        self.assertRegex(rest, r'waiter: .*> Lock.acquire  \[waiting: <asyncio.locks.Lock')

    def test_a_loop_goes_on_after_a_deadlock(self):
        loop = testing.new_event_loop()
        self.addCleanup(loop.close)
        with self.assertRaises(testing.Deadlock) as raised:
            loop.run_forever()
        self.assertIn('There are no tasks', str(raised.exception))
        loop.run_until_complete(asyncio.sleep(DAY))
        self.assertEqual(loop.time(), DAY)

    def test_the_tasks_of_a_deadlock_are_cancelled(self):
        ended = []

        async def main():
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(1)
                ended.append(True)

        with self.assertRaises(testing.Deadlock):
            testing.run(main())
        self.assertEqual(ended, [True])


class Backends(unittest.TestCase):
    def test_a_loop_may_name_its_backend(self):
        import eddyloop

        loop = eddyloop.Loop(backend='epoll')
        self.addCleanup(loop.close)
        self.assertEqual(loop.backend, 'epoll')
        for wrong in ('kqueue', 5):
            with self.assertRaises(ValueError):
                eddyloop.Loop(backend=wrong)


class Pytest(unittest.TestCase):
    def test_the_fixture_is_a_virtual_loop(self):
        try:
            import pytest  # noqa: F401
        except ModuleNotFoundError:
            self.skipTest('there is no pytest')
        done = run_program(
            """
            import os, pytest, sys, tempfile

            TEST = '''
            import asyncio
            from eddyloop import testing

            def test_a_day(virtual_loop):
                virtual_loop.run_until_complete(asyncio.sleep(86400))
                assert virtual_loop.time() == 86400

            def test_never(virtual_loop):
                virtual_loop.run_until_complete(asyncio.Event().wait())
            '''
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, 'test_it.py')
                with open(path, 'w') as file:
                    file.write(TEST)
                options = ['-p', 'eddyloop.pytest_plugin', '-p', 'no:cacheprovider']
                sys.exit(pytest.main([*options, '--rootdir', folder, path]))
            """
        )
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn('1 failed, 1 passed', done.stdout)
        self.assertIn('Deadlock: at 0 s nothing is left to wait for', done.stdout)
