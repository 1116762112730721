"""The loop in its process: signals, threads, the GIL, fork, interpreters."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import eddyloop

from support import LoopTest, run_program


def interrupt_soon(sig=signal.SIGINT):
    """Sends this process a signal when the loop sleeps."""
    timer = threading.Timer(0.1, os.kill, (os.getpid(), sig))
    timer.start()
    return timer


class Signals(LoopTest):
    def setUp(self):
        super().setUp()
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)

    def test_ctrl_c_wakes_an_idle_loop(self):
        timer = interrupt_soon()
        with self.assertRaises(KeyboardInterrupt):
            self.loop.run_forever()
        timer.join()
        self.run_once()

    def test_ctrl_c_acts_before_the_next_callback(self):
        seen = []
        self.loop.call_soon(os.kill, os.getpid(), signal.SIGINT)
        self.loop.call_soon(seen.append, 1)
        with self.assertRaises(KeyboardInterrupt):
            self.run_once()
        self.assertEqual(seen, [])

    def test_ctrl_c_cancels_the_main_task_of_a_runner(self):
        async def main():
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                cleaned.append(True)
                raise

        cleaned = []
        timer = interrupt_soon()
        with self.assertRaises(KeyboardInterrupt):
            eddyloop.run(main())
        timer.join()
        self.assertEqual(cleaned, [True])

    def test_a_signal_handler_runs_in_the_loop(self):
        seen = []
        self.loop.add_signal_handler(signal.SIGUSR1, lambda: (seen.append(1), self.loop.stop()))
        timer = interrupt_soon(signal.SIGUSR1)
        self.loop.run_forever()
        timer.join()
        self.assertEqual(seen, [1])
        self.assertTrue(self.loop.remove_signal_handler(signal.SIGUSR1))
        self.assertFalse(self.loop.remove_signal_handler(signal.SIGUSR1))

    def test_ctrl_c_still_wakes_after_the_last_handler_was_removed(self):
        def stop_handling():
            self.loop.remove_signal_handler(signal.SIGUSR1)

        self.loop.add_signal_handler(signal.SIGUSR1, stop_handling)
        os.kill(os.getpid(), signal.SIGUSR1)
        timer = interrupt_soon()
        with self.assertRaises(KeyboardInterrupt):
            self.loop.run_forever()
        timer.join()

    def test_a_wakeup_descriptor_of_the_program_keeps_getting_signals(self):
        here, there = socket.socketpair()
        for s in (here, there):
            s.setblocking(False)
            self.addCleanup(s.close)
        signal.set_wakeup_fd(there.fileno())
        self.addCleanup(signal.set_wakeup_fd, -1)
        before = signal.signal(signal.SIGUSR1, lambda *args: self.loop.stop())
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        timer = interrupt_soon(signal.SIGUSR1)
        self.loop.run_forever()
        timer.join()
        self.assertEqual(here.recv(10), bytes([signal.SIGUSR1]))
        self.assertEqual(signal.set_wakeup_fd(-1), there.fileno())

    def test_a_run_leaves_no_wakeup_descriptor(self):
        self.run_once()
        self.assertEqual(signal.set_wakeup_fd(-1), -1)


class Threads(LoopTest):
    def test_other_threads_run_while_the_loop_sleeps(self):
        count = [0]

        def work():
            while not done.is_set():
                count[0] += 1

        done = threading.Event()
        thread = threading.Thread(target=work)
        self.loop.call_soon(thread.start)
        self.run_for(0.2)
        done.set()
        thread.join()
        self.assertGreater(count[0], 1000)

    def test_four_threads_with_a_loop_each(self):
        async def main(n):
            async def echo(reader, writer):
                writer.write(await reader.readline())
                writer.close()

            server = await asyncio.start_server(echo, '127.0.0.1', 0)
            for _ in range(50):
                address = server.sockets[0].getsockname()
                reader, writer = await asyncio.open_connection(*address)
                writer.write(b'%d\n' % n)
                self.assertEqual(await reader.readline(), b'%d\n' % n)
                writer.close()
                await writer.wait_closed()
            await asyncio.to_thread(int)
            server.close()
            results.append(n)

        results = []
        threads = [
            threading.Thread(target=lambda n=n: eddyloop.run(main(n))) for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(results), [0, 1, 2, 3])

    def test_threads_flood_the_loop(self):
        def flood():
            for n in range(20_000):
                self.loop.call_soon_threadsafe(seen.append, n)
            self.loop.call_soon_threadsafe(finished)

        def finished():
            left[0] -= 1
            if left[0] == 0:
                self.loop.stop()

        seen, left = [], [4]
        threads = [threading.Thread(target=flood) for _ in range(4)]
        for thread in threads:
            self.loop.call_soon(thread.start)
        self.loop.run_forever()
        for thread in threads:
            thread.join()
        self.assertEqual(len(seen), 80_000)

    def test_stop_from_another_thread_ends_a_sleep(self):
        timer = threading.Timer(0.05, self.loop.stop)
        timer.start()
        self.loop.run_forever()
        timer.join()

    def test_a_loop_cannot_run_in_two_threads(self):
        def elsewhere():
            try:
                self.loop.run_forever()
            except RuntimeError as error:
                errors.append(str(error))
            self.loop.call_soon_threadsafe(self.loop.stop)

        errors = []
        threading.Timer(0.02, elsewhere).start()
        self.loop.run_forever()
        self.assertEqual(errors, ['This event loop is already running'])


class States(LoopTest):
    def test_a_running_loop_cannot_run_or_close(self):
        errors = []

        def try_both():
            other = eddyloop.new_event_loop()
            for call in (self.loop.run_forever, self.loop.close, other.run_forever):
                try:
                    call()
                except RuntimeError as error:
                    errors.append(str(error))
            other.close()

        self.loop.call_soon(try_both)
        self.run_once()
        self.assertEqual(
            errors,
            [
                'This event loop is already running',
                'Cannot close a running event loop',
                'Cannot run the event loop while another loop is running',
            ],
        )
        self.assertEqual(self.errors, [])

    def test_the_attributes_of_asyncio_tell_the_truth(self):
        loop = self.loop
        loop.set_debug(False)
        self.assertEqual((loop._closed, loop._debug, loop._thread_id), (False, False, None))
        loop.call_soon(lambda: seen.append((loop._thread_id, loop.is_running())))
        seen = []
        self.run_once()
        self.assertEqual(seen, [(threading.get_ident(), True)])
        loop.set_debug(True)
        self.assertTrue(loop._debug and loop.get_debug())
        loop.close()
        self.assertTrue(loop._closed and loop.is_closed())
        self.assertGreater(loop.time(), 0)

    def test_a_loop_is_asyncios(self):
        self.assertIsInstance(self.loop, asyncio.BaseEventLoop)
        self.assertIn(self.loop.backend, ('io_uring', 'epoll'))

    def test_a_turn_can_be_run_alone(self):
        seen = []
        self.loop.call_soon(lambda: self.loop.call_soon(seen.append, 2))
        self.loop._run_once()
        self.loop._run_once()
        self.assertEqual(seen, [2])


class Forks(unittest.TestCase):
    def check_child(self, child):
        """Runs child() in a forked process, which shall end well."""
        pid = os.fork()
        if pid == 0:
            try:
                child()
                os._exit(0)
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(1)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)

    def test_a_child_has_loops_of_its_own(self):
        async def main():
            await asyncio.sleep(0.001)
            process = await asyncio.create_subprocess_exec('true')
            return await process.wait()

        def child():
            assert eddyloop.run(main()) == 0

        loop = eddyloop.new_event_loop()
        loop.run_until_complete(main())
        self.check_child(child)
        self.assertEqual(loop.run_until_complete(main()), 0)
        loop.close()

    def test_a_child_that_closes_its_parents_loop_does_no_harm(self):
        here, there = socket.socketpair()
        loop = eddyloop.new_event_loop()
        loop.add_reader(here, loop.stop)
        self.check_child(loop.close)
        there.send(b'x')
        loop.run_forever()
        loop.remove_reader(here)
        loop.close()
        here.close()
        there.close()

    def test_a_child_forked_by_a_callback_can_run_a_loop(self):
        async def child_main():
            await asyncio.sleep(0.001)
            return 7

        def child():
            assert eddyloop.run(child_main()) == 7

        async def main():
            self.check_child(child)
            await asyncio.sleep(0.001)

        eddyloop.run(main())


class Interpreters(unittest.TestCase):
    def test_an_interpreter_of_its_own_can_import_the_module(self):
        program = """
            try:
                import _interpreters as interpreters
            except ImportError:
                import _xxsubinterpreters as interpreters
            import eddyloop

            async def main():
                pass

            eddyloop.run(main())
            try:
                interpreter = interpreters.create('legacy')
            except TypeError:
                interpreter = interpreters.create()
            failed = interpreters.run_string(interpreter, '''if True:
                import asyncio, eddyloop, threading

                async def main():
                    await asyncio.sleep(0.001)
                    return 7

                print(eddyloop.run(main()))
                ''')
            interpreters.destroy(interpreter)
            eddyloop.run(main())
            assert not failed, failed
            print('end')
        """
        done = run_program(program)
        self.assertEqual((done.stdout, done.stderr), ('7\nend\n', ''))


class Programs(unittest.TestCase):
    """python3 -m eddyloop"""

    SHOW = 'import asyncio, sys; print(type(asyncio.new_event_loop()).__module__, sys.argv)'

    def run_module(self, *arguments, **keywords):
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
        return subprocess.run(
            [sys.executable, '-W', 'ignore', '-m', 'eddyloop', *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            env=environment,
            **keywords,
        )

    def write(self, text, name='program.py'):
        import tempfile

        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, name)
        with open(path, 'w') as file:
            file.write(text)
        return path

    def test_a_file_runs_with_its_arguments(self):
        path = self.write(self.SHOW)
        done = self.run_module(path, '-x', 'y', stdin=subprocess.DEVNULL)
        self.assertEqual((done.stdout, done.stderr), (f"eddyloop._loop {[path, '-x', 'y']}\n", ''))

    def test_code_modules_and_standard_input_run_too(self):
        path = self.write(self.SHOW, 'some_module.py')
        done = self.run_module('-c', self.SHOW, 'y', stdin=subprocess.DEVNULL)
        self.assertEqual(done.stdout, "eddyloop._loop ['-c', 'y']\n")
        done = self.run_module('-m', 'some_module', 'y', cwd=os.path.dirname(path))
        self.assertEqual(done.stdout, f"eddyloop._loop {[path, 'y']}\n")
        done = self.run_module('-', input=self.SHOW)
        self.assertEqual(done.stdout, "eddyloop._loop ['-']\n")

    def test_the_interpreter_without_arguments_awaits(self):
        source = 'type(asyncio.get_running_loop()).__module__\nawait asyncio.sleep(0, 42)\n'
        done = self.run_module(input=source)
        self.assertIn("'eddyloop._loop'", done.stdout)
        self.assertIn('42', done.stdout)

    def test_the_program_is_the_module_main(self):
        path = self.write(
            'import sys, pickle\n'
            'class C: pass\n'
            'assert sys.modules["__main__"].C is C and __name__ == "__main__"\n'
            'assert type(pickle.loads(pickle.dumps(C()))) is C\n'
            'print(__file__, sys.path[0])\n'
        )
        done = self.run_module(path)
        self.assertEqual((done.stdout, done.stderr), (f'{path} {os.path.dirname(path)}\n', ''))

    def test_a_traceback_begins_in_the_program(self):
        path = self.write('def f():\n    1 / 0\n\nf()\n')
        done = self.run_module(path)
        python = subprocess.run([sys.executable, path], stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.stderr, python.stderr)
        self.assertEqual(done.returncode, 1)

    def test_exit_statuses_are_the_programs(self):
        self.assertEqual(self.run_module('-c', 'import sys; sys.exit(3)').returncode, 3)
        self.assertEqual(self.run_module('-c', 'raise KeyboardInterrupt').returncode, -2)
        self.assertEqual(self.run_module('/nowhere/at/all.py').returncode, 1)
        self.assertIn('usage', self.run_module('-m').stderr)


class Policy(unittest.TestCase):
    def test_an_installed_policy_makes_eddys_loops(self):
        import warnings

        async def main():
            return asyncio.get_running_loop()

        with warnings.catch_warnings():
            warnings.simplefilter('ignore', DeprecationWarning)
            self.addCleanup(asyncio.set_event_loop_policy, None)
            eddyloop.install()
            self.assertIsInstance(asyncio.get_event_loop_policy(), eddyloop.EventLoopPolicy)
            self.assertIsInstance(asyncio.run(main()), eddyloop.Loop)

    def test_run_returns_the_result(self):
        async def main():
            time.sleep(0)
            return asyncio.get_running_loop().get_debug()

        self.assertTrue(eddyloop.run(main(), debug=True))
        self.assertFalse(eddyloop.run(main(), debug=False))


if __name__ == '__main__':
    unittest.main()
