"""eddyloop.tasks: who waits for whom."""

import asyncio
import io
import re
import unittest

import eddyloop
from eddyloop import tasks


async def leaf():
    await asyncio.sleep(100)


async def middle():
    await leaf()


def tree_of(build):
    """Returns the lines about the tasks that build(a, b) awaits, which waits for two tasks."""

    async def main():
        asyncio.current_task().set_name('main')
        a = asyncio.create_task(middle(), name='a')
        b = asyncio.create_task(asyncio.Event().wait(), name='b')
        waiter = asyncio.create_task(build(a, b), name='waiter')
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        text = tasks.format_tree()
        everything = [t.get_name() for t in tasks.awaited(waiter)]
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return text, everything

    text, awaited = eddyloop.run(main())
    lines = [re.sub(r'0x[0-9a-f]+|<locals>\.', '', line) for line in text.split('\n')]
    return [line for line in lines if not line.startswith('main:')], awaited


class Trees(unittest.TestCase):
    def check(self, build):
        """The waiter waits for both tasks."""
        lines, awaited = tree_of(build)
        self.assertEqual(sorted(awaited), ['a', 'b'])
        self.assertIn('[waiting: 2 tasks]', lines[0])
        self.assertTrue(lines[0].startswith('waiter: '), lines)
        rest = {line[4:] for line in lines[1:]}
        self.assertIn('a: middle > leaf > sleep  [waiting: a timer]', rest)
        self.assertTrue(any(line.startswith('b: Event.wait  [waiting: <asyncio') for line in rest))
        self.assertEqual([line[:4] for line in lines[1:]], ['├── ', '└── '])

    def test_gather(self):
        async def build(a, b):
            await asyncio.gather(a, b)

        self.check(build)

    def test_wait(self):
        async def build(a, b):
            await asyncio.wait([a, b])

        self.check(build)

    def test_as_completed(self):
        async def build(a, b):
            for each in asyncio.as_completed([a, b]):
                await each

        self.check(build)

    def test_a_task_group(self):
        async def relay(task):
            await task

        async def build(a, b):
            async with asyncio.TaskGroup() as group:
                group.create_task(relay(a), name='one')
                group.create_task(relay(b), name='two')

        lines, awaited = tree_of(build)
        self.assertEqual(sorted(awaited), ['one', 'two'])
        self.assertEqual(len(lines), 5)
        self.assertTrue(lines[2].startswith(('│   └── ', '    └── ')), lines)

    def test_one_task(self):
        async def directly(a, b):
            await a

        async def shielded(a, b):
            await asyncio.shield(a)

        async def limited(a, b):
            await asyncio.wait_for(a, 1000)

        for build in (directly, shielded, limited):
            lines, awaited = tree_of(build)
            self.assertEqual(awaited, ['a'])
            self.assertTrue(any("waiting: task 'a'" in line for line in lines), lines)

    def test_cycles_and_what_was_shown(self):
        async def wait_for_other(all, other):
            await all[other]

        async def main():
            all = {}
            for name, other in (('one', 'two'), ('two', 'one'), ('three', 'one')):
                all[name] = asyncio.create_task(wait_for_other(all, other), name=name)
            await asyncio.sleep(0)
            text = tasks.format_tree()
            return text, all

        loop = eddyloop.new_event_loop()
        self.addCleanup(loop.close)
        text, all = loop.run_until_complete(main())
        for task in all.values():  # cancel() would follow the cycle without end
            task._log_destroy_pending = False
            task.get_coro().close()
        lines = text.split('\n')
        self.assertIn('three: ', text)
        self.assertEqual(sum('(in a cycle: see above)' in line for line in lines), 1)
        self.assertEqual(len([line for line in lines if 'wait_for_other' in line]), 3)

    def test_a_long_chain(self):
        async def wait_for(task):
            await task

        async def main():
            task = last = asyncio.create_task(leaf())
            for _ in range(2000):
                task = asyncio.create_task(wait_for(task))
            await asyncio.sleep(0)
            text = tasks.format_tree()
            last.cancel()
            await asyncio.wait([task])
            return text

        self.assertEqual(len(eddyloop.run(main()).split('\n')), 2002)

    def test_states(self):
        async def main():
            me = asyncio.current_task()
            ready = asyncio.create_task(leaf())
            states = [tasks.state(me), tasks.state(ready)]
            await asyncio.sleep(0)
            states.append(tasks.state(ready))
            queue = asyncio.Queue()
            getter = asyncio.create_task(queue.get())
            await asyncio.sleep(0)
            states.append(re.sub('0x[0-9a-f]+', '…', tasks.state(getter)))
            getter.cancel()
            ready.cancel()
            return states, tasks.coroutines(me)

        states, names = eddyloop.run(main())
        self.assertEqual(states[:3], ['running', 'ready', 'waiting: a timer'])
        self.assertEqual(states[3], 'waiting: <Queue at … maxsize=0 _getters[1]>')
        self.assertTrue(names[0].endswith('main'))

    def test_printing_and_other_loops(self):
        loop = eddyloop.new_event_loop()
        self.addCleanup(loop.close)
        task = loop.create_task(leaf(), name='sleeper')
        loop.run_until_complete(asyncio.sleep(0))
        file = io.StringIO()
        tasks.print_tree(loop, file=file)
        self.assertEqual(file.getvalue(), 'sleeper: leaf > sleep  [waiting: a timer]\n')
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            loop.run_until_complete(task)
