"""Callbacks and timers: what runs when, and what their handles say."""

import asyncio
import contextvars
import gc
import threading
import unittest
import weakref

from unittest import mock

import eddyloop

from support import LoopTest, no_garbage_collection, nothing


class Soon(LoopTest):
    def test_callbacks_run_in_the_order_of_their_calls(self):
        seen = []
        for n in range(100):
            self.loop.call_soon(seen.append, n)
        self.run_once()
        self.assertEqual(seen, list(range(100)))

    def test_a_callback_that_a_callback_schedules_waits_for_the_next_turn(self):
        seen = []
        self.loop.call_soon(lambda: (seen.append(1), self.loop.call_soon(seen.append, 2)))
        self.run_once()
        self.assertEqual(seen, [1])
        self.run_once()
        self.assertEqual(seen, [1, 2])

    def test_callbacks_of_other_threads_keep_their_place_in_the_order(self):
        seen = []
        thread = threading.Thread(target=self.loop.call_soon_threadsafe, args=(seen.append, 1))
        thread.start()
        thread.join()
        self.loop.call_soon(seen.append, 2)
        self.run_once()
        self.assertEqual(seen, [1, 2])

    def test_a_callback_of_another_thread_wakes_a_sleeping_loop(self):
        timer = threading.Timer(0.05, self.loop.call_soon_threadsafe, (self.loop.stop,))
        timer.start()
        self.loop.run_forever()
        timer.join()

    def test_any_number_of_arguments_arrives(self):
        for n in range(8):
            callback = mock.Mock()
            self.loop.call_soon(callback, *range(n))
            self.run_once()
            callback.assert_called_once_with(*range(n))

    def test_a_callback_runs_in_a_copy_of_the_context_of_its_call(self):
        var = contextvars.ContextVar('var', default=0)
        seen = []
        var.set(1)
        self.loop.call_soon(lambda: (seen.append(var.get()), var.set(2)))
        self.loop.call_soon(lambda: seen.append(var.get()))
        self.run_once()
        self.assertEqual((seen, var.get()), ([1, 1], 1))

    def test_a_callback_runs_in_the_context_it_was_given(self):
        var = contextvars.ContextVar('var', default=0)
        context = contextvars.copy_context()
        for call in (self.loop.call_soon, self.loop.call_soon_threadsafe):
            call(lambda: var.set(var.get() + 1), context=context)
        self.loop.call_later(0, lambda: var.set(var.get() + 1), context=context)
        self.run_for(0.01)
        self.assertEqual((context[var], var.get()), (3, 0))

    def test_a_context_that_is_entered_already_is_reported(self):
        context = contextvars.copy_context()
        self.loop.call_soon(nothing, context=context)
        self.loop.set_exception_handler(None)
        with self.assertLogs('asyncio', 'ERROR') as logs:
            context.run(self.run_once)
        self.assertIn('already entered', logs.output[0])

    def test_keywords_of_the_signature_are_accepted(self):
        callback = mock.Mock()
        self.loop.call_soon(callback=callback)
        self.loop.call_later(delay=0, callback=callback)
        self.loop.call_at(0, callback=callback, context=None)
        self.run_for(0.01)
        self.assertEqual(callback.call_count, 3)

    def test_wrong_arguments_are_refused_as_by_python(self):
        wrong = [
            (self.loop.call_soon, (), {}, "missing 1 required positional argument: 'callback'"),
            (self.loop.call_later, (1,), {}, "missing 1 required positional argument: 'callback'"),
            (self.loop.call_soon, (nothing,), {'x': 1}, "unexpected keyword argument 'x'"),
            (self.loop.call_soon, (nothing,), {'callback': 1}, 'multiple values for argument'),
            (self.loop.call_later, (None, nothing), {}, 'delay must not be None'),
            (self.loop.call_at, (None, nothing), {}, 'when cannot be None'),
            (self.loop.call_later, ('1', nothing), {}, 'must be real number'),
        ]
        for method, args, keywords, message in wrong:
            with self.subTest(message), self.assertRaisesRegex(TypeError, message):
                method(*args, **keywords)
        with self.assertRaises(ValueError):
            self.loop.call_at(float('nan'), nothing)

    def test_a_closed_loop_schedules_nothing(self):
        self.loop.close()
        for method, args in [
            (self.loop.call_soon, ()),
            (self.loop.call_soon_threadsafe, ()),
            (self.loop.call_later, (1,)),
            (self.loop.call_at, (1,)),
        ]:
            with self.assertRaisesRegex(RuntimeError, 'Event loop is closed'):
                method(*args, nothing)

    def test_hundreds_of_thousands_of_callbacks_in_one_turn(self):
        count = [0]

        def callback():
            count[0] += 1

        self.loop.set_debug(False)
        for _ in range(300_000):
            self.loop.call_soon(callback)
        self.run_once()
        self.assertEqual(count, [300_000])


class Handles(LoopTest):
    def test_a_handle_has_all_that_asyncios_has(self):
        self.loop.set_debug(False)
        handle = self.loop.call_soon(nothing, 1, 2)
        self.assertIsInstance(handle, asyncio.Handle)
        self.assertNotIsInstance(handle, asyncio.TimerHandle)
        self.assertEqual((handle._callback, handle._args), (nothing, (1, 2)))
        self.assertIs(handle._loop, self.loop)
        self.assertIsNone(handle._source_traceback)
        self.assertIsInstance(handle._context, contextvars.Context)
        self.assertIs(handle.get_context(), handle._context)
        self.assertFalse(handle.cancelled())
        self.assertIs(weakref.ref(handle)(), handle)

    def test_the_repr_is_asyncios(self):
        for debug in (False, True):
            self.loop.set_debug(debug)
            ours = self.loop.call_soon(nothing, 1)
            theirs = asyncio.Handle(nothing, (1,), self.loop)
            ours._source_traceback = theirs._source_traceback
            self.assertEqual(repr(ours), repr(theirs))
            ours.cancel()
            theirs.cancel()
            self.assertEqual(repr(ours), repr(theirs))
            ours = self.loop.call_at(1, nothing)
            theirs = asyncio.TimerHandle(1.0, nothing, (), self.loop)
            ours._source_traceback = theirs._source_traceback
            self.assertEqual(repr(ours), repr(theirs))

    def test_a_cancelled_callback_does_not_run_and_is_released(self):
        for schedule in (self.loop.call_soon, lambda *args: self.loop.call_later(0, *args)):
            callback = mock.Mock()
            handle = schedule(callback)
            reference = weakref.ref(callback)
            handle.cancel()
            handle.cancel()
            del callback
            gc.collect()
            self.assertIsNone(reference())
            self.assertTrue(handle.cancelled())
            self.run_for(0.01)

    def test_a_callback_may_cancel_its_own_handle(self):
        handles = []

        def callback(*args):
            handles[0].cancel()
            self.assertEqual(args, ('a' * 100, 'b' * 100))

        handles.append(self.loop.call_soon(callback, 'a' * 100, 'b' * 100))
        self.run_once()
        self.assertEqual(self.errors, [])
        self.assertIsNone(handles[0]._callback)

    def test_debug_mode_remembers_where_a_handle_was_made(self):
        self.loop.set_debug(True)
        for handle in (self.loop.call_soon(nothing), self.loop.call_later(1, nothing)):
            self.assertEqual(handle._source_traceback[-1].filename, __file__)
            self.assertIn('created at', repr(handle))

    def test_asyncios_own_handles_run_too(self):
        callback = mock.Mock()
        cancelled = asyncio.Handle(mock.Mock(side_effect=AssertionError), (), self.loop)
        cancelled.cancel()
        self.loop._add_callback(asyncio.Handle(callback, (1,), self.loop))
        self.loop._add_callback(cancelled)
        self.run_once()
        callback.assert_called_once_with(1)

    def test_timers_compare_as_asyncios_do(self):
        early, late = self.loop.call_at(1, nothing), self.loop.call_at(2, nothing)
        same = self.loop.call_at(1, nothing)
        theirs = asyncio.TimerHandle(1, nothing, (), self.loop)
        self.assertTrue(early < late and late > early and early <= same and early >= same)
        self.assertTrue(early == same and early != late and hash(early) == hash(theirs))
        self.assertTrue(early == theirs and theirs == early)
        self.assertFalse(early == 1)
        with self.assertRaises(TypeError):
            early < 1


class Timers(LoopTest):
    def test_a_timer_never_runs_early(self):
        self.loop.set_debug(False)
        late = []

        def check(when):
            late.append(self.loop.time() - when)

        for n in range(200):
            when = self.loop.time() + n * 0.0003
            self.loop.call_at(when, check, when)
        self.run_for(0.1)
        self.assertEqual(len(late), 200)
        self.assertGreaterEqual(min(late), -1e-9)

    def test_equal_deadlines_run_in_the_order_of_their_calls(self):
        seen, when = [], self.loop.time() + 0.005
        for n in range(100):
            self.loop.call_at(when, seen.append, n)
        self.run_for(0.02)
        self.assertEqual(seen, list(range(100)))

    def test_no_delay_is_a_timer_all_the_same(self):
        handle = self.loop.call_later(0, nothing)
        self.assertIsInstance(handle, asyncio.TimerHandle)
        self.assertAlmostEqual(handle.when(), self.loop.time(), delta=1)

    def test_a_timer_of_another_thread_runs(self):
        def elsewhere():
            self.loop.call_later(0.001, self.loop.stop)

        threading.Timer(0.02, elsewhere).start()
        self.loop.run_forever()

    def test_a_timer_that_another_thread_cancels_does_not_run(self):
        callback = mock.Mock()
        handle = self.loop.call_later(0.03, callback)
        thread = threading.Timer(0.001, handle.cancel)
        thread.start()
        self.run_for(0.06)
        thread.join()
        callback.assert_not_called()

    def test_timers_without_number_can_be_cancelled(self):
        self.loop.set_debug(False)
        handles = [self.loop.call_later(1000 + n, nothing) for n in range(10_000)]
        for handle in handles[::2] + handles[1::2]:
            handle.cancel()
        self.run_once()

    def test_infinitely_late_is_never(self):
        self.loop.call_later(float('inf'), self.fail)
        self.run_for(0.01)


class Failures(LoopTest):
    def test_the_exception_handler_learns_all(self):
        def broken():
            1 / 0

        handle = self.loop.call_soon(broken)
        self.run_once()
        (context,) = self.errors
        self.assertIn('Exception in callback', context['message'])
        self.assertIn('broken', context['message'])
        self.assertIsInstance(context['exception'], ZeroDivisionError)
        self.assertIsNotNone(context['exception'].__traceback__)
        self.assertIs(context['handle'], handle)

    def test_the_others_run_after_a_failure(self):
        callback = mock.Mock()
        self.loop.call_soon(int, 'x')
        self.loop.call_soon(callback)
        self.run_once()
        callback.assert_called_once_with()

    def test_what_ends_a_run_leaves_the_other_callbacks_for_the_next(self):
        for ending in (KeyboardInterrupt, SystemExit):
            for schedule in (self.loop.call_soon, lambda *args: self.loop.call_later(0, *args)):
                seen = []
                schedule(mock.Mock(side_effect=ending))
                self.loop.call_soon(seen.append, 1)
                schedule(seen.append, 2)
                with self.assertRaises(ending):
                    self.run_for(0.01)
                self.assertFalse(self.loop.is_running())
                self.run_for(0.01)
                self.assertEqual(seen, [1, 2])

    def test_a_handler_that_fails_is_reported_by_asyncio(self):
        self.loop.set_exception_handler(mock.Mock(side_effect=ValueError))
        self.loop.call_soon(int, 'x')
        with self.assertLogs('asyncio', 'ERROR') as logs:
            self.run_once()
        self.assertIn('Unhandled error in exception handler', logs.output[0])

    def test_a_slow_callback_is_logged_in_debug_mode(self):
        import time

        self.loop.set_debug(True)
        self.loop.slow_callback_duration = 0.01
        self.loop.call_soon(time.sleep, 0.02)
        self.loop.call_later(0, time.sleep, 0.02)
        with self.assertLogs('asyncio', 'WARNING') as logs:
            self.run_for(0.05)
        self.assertEqual(len([line for line in logs.output if 'took 0.0' in line]), 2)

    def test_debug_mode_refuses_other_threads_and_coroutines(self):
        async def coroutine():
            pass

        self.loop.set_debug(True)
        errors = []

        def elsewhere():
            for call in (self.loop.call_soon, lambda *args: self.loop.call_later(1, *args)):
                try:
                    call(nothing)
                except RuntimeError as error:
                    errors.append(str(error))

        async def main():
            await self.loop.run_in_executor(None, elsewhere)

        self.loop.run_until_complete(main())
        self.assertEqual(len(errors), 2)
        self.assertIn('Non-thread-safe operation', errors[0])
        with self.assertRaisesRegex(TypeError, 'coroutines cannot be used'):
            self.loop.call_soon(coroutine)
        with self.assertRaisesRegex(TypeError, 'callable object was expected'):
            self.loop.call_later(1, 'x')


class Collection(unittest.TestCase):
    def test_an_unclosed_loop_is_collected_with_all_that_it_holds(self):
        class Witness:
            def call(self):
                pass

        with no_garbage_collection():
            witness, loop = Witness(), eddyloop.new_event_loop()
            witness.loop = loop
            loop.call_soon(witness.call)
            loop.call_later(1000, witness.call)
            loop.add_reader(loop._csock, witness.call)
            loop.add_writer(loop._csock, witness.call)
            references = [weakref.ref(witness), weakref.ref(loop)]
            del witness, loop
            with self.assertWarnsRegex(ResourceWarning, 'unclosed event loop'):
                gc.collect()
            self.assertEqual([r() for r in references], [None, None])

    def test_closing_releases_what_is_scheduled(self):
        class Witness:
            def call(self, handle=None):
                pass

        with no_garbage_collection():
            witness, loop = Witness(), eddyloop.new_event_loop()
            loop.call_soon(witness.call)
            loop.call_later(1000, witness.call)
            loop.add_reader(loop._csock, witness.call)
            reference = weakref.ref(witness)
            del witness
            loop.close()
            self.assertIsNone(reference())

    def test_a_handle_that_refers_to_itself_is_collected(self):
        class Witness:
            pass

        loop = eddyloop.new_event_loop()
        with no_garbage_collection():
            witness = Witness()
            witness.handle = loop.call_later(1000, nothing, witness)
            witness.handle.cancel()
            reference = weakref.ref(witness)
            del witness
            self.assertIsNone(reference())
            witness = Witness()
            witness.handle = loop.call_soon(nothing, witness)
            loop.stop()
            loop.run_forever()
            reference = weakref.ref(witness)
            del witness
            gc.collect()
            self.assertIsNone(reference())
        loop.close()


if __name__ == '__main__':
    unittest.main()
