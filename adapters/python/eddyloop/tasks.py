"""The tasks of a loop, and what each waits for, as `eddy pstree` shows them for C.

    from eddyloop import tasks

    tasks.print_tree()

prints, below each task, the tasks that it waits for:

    Task-1: main > fetch_all  [waiting: 2 tasks]
    ├── Task-2: fetch > read  [waiting: a future]
    └── Task-3: fetch > sleep  [waiting: a timer]

A tree begins with a task that no other task waits for. A task that several others wait for is shown
in full once. May be called at any time in the loop's thread; in another thread, while the loop
waits.
"""

import asyncio
import functools
import sys
import types

__all__ = ('awaited', 'coroutines', 'format_tree', 'print_tree', 'state')


def print_tree(loop=None, *, file=None):
    """Prints the tasks of the loop that did not end: of the running one, or of loop."""
    print(format_tree(loop), file=file or sys.stderr)


def format_tree(loop=None):
    """Returns the text that print_tree() prints."""
    return '\n'.join(_Tree(_tasks_of(loop or asyncio.get_running_loop())).lines())


def coroutines(task):
    """Returns the names of the coroutines of a task, the outermost first."""
    names, coroutine = [], task.get_coro()
    while coroutine is not None:
        name = getattr(coroutine, '__qualname__', None)
        if name is None:
            break
        names.append(name)
        coroutine = _inner(coroutine)
    return names


def awaited(task):
    """Returns the tasks that a task waits for, directly or through gather() and the like."""
    return _Tree(_tasks_of(task.get_loop())).targets.get(task, [])


def state(task):
    """Returns what a task does, in words: running, ready, or the kind of thing it waits for."""
    return _state(task, awaited(task))


def _tasks_of(loop):
    """Returns the tasks of the loop in the order in which they were made, as far as names tell."""

    def age(task):
        digits = ''.join(c for c in task.get_name() if c.isdigit())
        return (int(digits) if digits and task.get_name().startswith('Task-') else 0), id(task)

    return sorted(asyncio.all_tasks(loop), key=age)


def _inner(coroutine):
    for name in ('cr_await', 'gi_yieldfrom', 'ag_await'):
        if hasattr(coroutine, name):
            return getattr(coroutine, name)
    return None


def _state(task, targets):
    if asyncio.current_task(task.get_loop()) is task:
        return 'running'
    future = task._fut_waiter
    if future is None or future.done():
        return 'ready'
    if len(targets) == 1:
        word = f'task {targets[0].get_name()!r}'
    elif targets:
        word = f'{len(targets)} tasks'
    elif (coroutines(task) or [''])[-1] == 'sleep':
        word = 'a timer'
    else:
        word = _owner(task) or 'a future'
    return f'waiting: {word}' + (', cancelling' if task.cancelling() else '')


def _owner(task):
    """Returns a word for the Lock, Event, Queue or the like whose coroutine the task is in."""
    coroutine, found = task.get_coro(), None
    while coroutine is not None:
        frame = getattr(coroutine, 'cr_frame', None)
        owner = frame.f_locals.get('self') if frame is not None else None
        if type(owner).__module__.startswith('asyncio.'):
            found = owner
        coroutine = _inner(coroutine)
    return None if found is None else repr(found)


class _Tree:
    """Which tasks wait for which."""

    def __init__(self, tasks):
        self.tasks = tasks
        self.targets = {task: [] for task in tasks}
        waiting = {}  # by the future that is awaited
        for task in tasks:
            if task._fut_waiter is not None and not task._fut_waiter.done():
                waiting.setdefault(task._fut_waiter, []).append(task)
        for target in tasks:
            for awaiter in _awaiters(target, waiting):
                if awaiter in self.targets and target not in self.targets[awaiter]:
                    self.targets[awaiter].append(target)

    def lines(self):
        awaited = {target for targets in self.targets.values() for target in targets}
        self._shown = set()
        lines = []
        for task in [t for t in self.tasks if t not in awaited] + self.tasks:
            if task not in self._shown:  # what is in cycles only comes last
                lines += self._lines_of(task)
        return lines

    def _lines_of(self, root):
        """Returns the lines of the tree below root. A chain of tasks may be deeper than calls."""
        lines, path = [], set()
        stack = [(root, '', '', True)]
        while stack:
            task, prefix, branch, enters = stack.pop()
            if not enters:
                path.discard(task)
                continue
            if task in self._shown:
                note = '(in a cycle: see above)' if task in path else '(see above)'
                lines.append(f'{prefix}{branch}{task.get_name()}  {note}')
                continue
            self._shown.add(task)
            path.add(task)
            targets = self.targets[task]
            names = ' > '.join(coroutines(task))
            lines.append(f'{prefix}{branch}{task.get_name()}: {names}  [{_state(task, targets)}]')
            below = prefix + {'': '', '├── ': '│   ', '└── ': '    '}[branch]
            stack.append((task, '', '', False))
            for n, target in enumerate(reversed(targets)):
                stack.append((target, below, '├── ' if n else '└── ', True))
        return lines


def _awaiters(task, waiting):
    """Returns the tasks that go on when the task ends: by its callbacks, or the futures in them."""
    found, seen, futures = [], {task}, [task]
    while futures:
        future = futures.pop()
        found += waiting.get(future, [])
        for callback, _ in future._callbacks or ():
            for reference in _references(callback):
                reference = getattr(reference, '_done', reference)  # as_completed(), Python 3.13
                if isinstance(reference, asyncio.TaskGroup):
                    found.append(reference._parent_task)
                elif isinstance(reference, asyncio.Queue):  # of as_completed()
                    futures += reference._getters
                elif asyncio.isfuture(reference) and reference not in seen:
                    seen.add(reference)
                    if not isinstance(reference, asyncio.Task):
                        futures.append(reference)
    return found


def _references(callback):
    """Returns the objects that a callback keeps: bound, partial, or of its closure."""
    if isinstance(callback, functools.partial):
        yield from callback.args
        callback = callback.func
    owner = getattr(callback, '__self__', None)
    if owner is not None:
        yield owner
    if isinstance(callback, types.FunctionType):
        for cell in callback.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # not set yet
                pass
