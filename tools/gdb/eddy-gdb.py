"""gdb commands for programs that use eddy, on a live process and on a core file:

    eddy tasks             lists all tasks: state, awaited object, waiting tasks
    eddy bt TASK [ARG…]    prints the backtrace of TASK, a name, an address, or "all"; ARGs are
                           those of gdb's bt
    eddy task TASK         selects the task's stack for up, down, info locals and print
    eddy task              selects the thread's own stack again
    eddy core FILE         writes a core file as generate-core-file does, including the stacks of
                           tasks, which that leaves out on Linux 6.13 and later

Load it with `source eddy-gdb.py`, for example from .gdbinit. gdb also finds it beside an installed
libeddy.so, if its auto-load safe-path allows that. It needs no debugging information of eddy, only
the program's own.

Method: the library contains a table of offsets (src/debug/introspection.h). The registers of a
suspended task are on its stack; an unwinder passes them to gdb as those of the newest frame's
caller.
"""

import re
import struct

import gdb
import gdb.unwinder

MAX_TASKS = 1000000


class Broken(gdb.GdbError):
    """Raised if memory makes no sense or cannot be read."""


def read(address, size):
    try:
        return bytes(gdb.selected_inferior().read_memory(address, size))
    except gdb.MemoryError:
        raise Broken("eddy: there is no memory at 0x%x" % address)


def number(address, size=8):
    return int.from_bytes(read(address, size), "little")


def text(address, limit=200):
    """Returns a string, with a ? for each unprintable character."""
    if not address:
        return ""
    data = b""
    while len(data) < limit and b"\0" not in data:
        data += read(
            address + len(data), 16 - (address + len(data)) % 16
        )  # never over the end of a page
    data = data.split(b"\0")[0][:limit].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in data)


class Offsets(dict):
    """The table of one copy of eddy in the program."""

    def __init__(self, address):
        magic, version, _size, library, self.loops, offset, n = struct.unpack(
            "<8sII16sQII", read(address, 48)
        )
        if magic.rstrip(b"\0") != b"eddyint":
            raise Broken("eddy: there is no table at 0x%x" % address)
        if version != 1:
            raise Broken(
                "eddy: the program uses eddy %s, which this script does not understand"
                % library.rstrip(b"\0").decode()
            )
        for i in range(min(n, 1000)):
            name, value = struct.unpack("<28sI", read(address + offset + 32 * i, 32))
            self[name.rstrip(b"\0").decode()] = value


def tables():
    """Returns the tables, found by their notes; gdb lists the sections of all files."""
    sections = gdb.execute("info files", to_string=True)
    found = [
        int(m.group(1), 16)
        for m in re.finditer(r"(0x[0-9a-f]+) - 0x[0-9a-f]+ is \.note\.eddy\b", sections)
    ]
    addresses = set()
    for note in found:
        content = note + 20  # after three numbers and the name
        addresses.add((content + number(content)) & 0xFFFFFFFFFFFFFFFF)
    if not addresses:
        raise gdb.GdbError("eddy: this program does not use eddy, or has not been started")
    return [Offsets(a) for a in sorted(addresses)]


def linked(head):
    """Yields the elements of a list, up to its end or to links that do not match."""
    previous, link = head, number(head)
    for _ in range(MAX_TASKS):
        if link == head or number(link + 8) != previous:
            return
        yield link
        previous, link = link, number(link)


class Object:
    """An object in the program's memory; its members are pointers unless a size is given."""

    def __init__(self, kind, address, offsets):
        self.kind, self.address, self.offsets = kind, address, offsets

    def where(self, member):
        return self.address + self.offsets["%s.%s" % (self.kind, member)]

    def get(self, member, size=8):
        return number(self.where(member), size)

    def object(self, member, kind):
        address = self.get(member)
        return Object(kind, address, self.offsets) if address else None


class Task(Object):
    def __init__(self, address, loop, offsets):
        super().__init__("task", address, offsets)
        self.loop = loop
        self.name = text(self.get("name")) or "Task-%d" % self.get("number")

    def is_running(self):
        return self.loop.get("current") == self.address

    def waits_for(self):
        """Returns the wait that the task is parked on, or None."""
        wait = self.object("wait", "wait")
        link = self.where("ready")
        return wait if wait and number(link) == link and not wait.get("over", 1) else None

    def state(self):
        if self.is_running():
            return "running"
        if not self.get("started", 1):
            return "new"
        return "waiting" if self.waits_for() else "ready"

    def waiters(self):
        return waiters(Object("future", self.address, self.offsets), "", 0)

    def coroutines(self):
        names, coroutine = [], self.object("coroutine", "coroutine")
        while coroutine and len(names) < 100:
            names.append(text(coroutine.get("name")))
            coroutine = coroutine.object("outer", "coroutine")
        return " > ".join(reversed(names))

    def stack_pointers(self):
        """Returns the stack pointer of the suspended task.

        If the task is in a generator, then also that of the generator's caller, and so on.
        """
        found = [] if self.is_running() else [self.get("sp")]
        generator = self.object("generator", "generator")
        while generator and len(found) < 100:
            found.append(generator.get("caller_sp"))
            generator = generator.object("outer", "generator")
        return found


def waiters(future, by, depth):
    """Returns the tasks that wait for a future, as pairs of the task's address and the kind of
    future in between."""
    o = future.offsets
    for link in linked(future.where("hooks")):
        waiter = Object("future", number(link - o["hook.link"] + o["hook.waiter"]), o)
        if not waiter.address:
            continue
        if waiter.get("kind", 1) == o["constant.task_kind"]:
            yield waiter.address, by
        elif depth < 32 and waiter.get("state", 1) == o["constant.pending"]:
            noun = text(Object("future_ops", waiter.get("ops"), o).get("noun"))
            yield from waiters(waiter, noun, depth + 1)


def all_tasks():
    for offsets in tables():
        address = number(offsets.loops)
        for _ in range(4096):
            if not address:
                break
            loop = Object("loop", address, offsets)
            for link in linked(loop.where("tasks")):
                yield Task(link - offsets["task.link"], loop, offsets)
            address = loop.get("next")


def describe_wait(task, names):
    wait = task.waits_for()
    if not wait:
        return ""
    future = wait.object("future", "future")
    if future:
        if future.address in names:
            return "task '%s'" % names[future.address]
        return "a " + text(Object("future_ops", future.get("ops"), task.offsets).get("noun"))
    what = text(wait.get("what")) or "an event"
    if wait.get("on_fd", 1):
        what += " on descriptor %d" % wait.get("fd", 4)
    holder = wait.get("holder")
    if holder and number(holder) in names:
        what += " held by '%s'" % names[number(holder)]
    return what


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


# The registers that a switch saves, at multiples of 8 from the stack pointer, and their size on the
# stack, as src/fiber/fiber_*.S draws them.
SAVED = {
    "i386:x86-64": (
        {"r15": 0, "r14": 1, "r13": 2, "r12": 3, "rbx": 4, "rbp": 5, "rip": 6},
        56,
        "rsp",
    ),
    "aarch64": (
        dict([("x29", 0), ("pc", 1)] + [("x%d" % (19 + i), 2 + i) for i in range(10)]),
        160,
        "sp",
    ),
}


def saved_registers(sp):
    arch = (
        gdb.selected_inferior().architecture().name()
        if hasattr(gdb.Inferior, "architecture")
        else "i386:x86-64"
    )
    if arch not in SAVED:
        raise gdb.GdbError("eddy: stacks of %s are not known here" % arch)
    places, size, sp_name = SAVED[arch]
    registers = {name: number(sp + 8 * place) for name, place in places.items()}
    registers[sp_name] = sp + size
    return registers


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class TaskUnwinder(gdb.unwinder.Unwinder):
    """Gives the selected registers, if any, as those of the caller of the newest frame."""

    def __init__(self):
        super().__init__("eddy-task")
        self.registers = None
        self.newest = None  # stack pointer and program counter of that frame

    def select(self, sp):
        self.registers = None
        gdb.invalidate_cached_frames()
        if sp is None:
            return
        frame = gdb.newest_frame()
        self.newest = (int(frame.read_register("sp")), int(frame.read_register("pc")))
        self.registers = saved_registers(sp)
        self.sp = sp
        gdb.invalidate_cached_frames()

    def __call__(self, pending):
        if self.registers is None:
            return None
        here = (int(pending.read_register("sp")), int(pending.read_register("pc")))
        if here != self.newest:
            return None
        # A frame's caller must be further up the stack, so this frame claims to be on the task's
        # stack.
        info = pending.create_unwind_info(FrameId(gdb.Value(self.sp), gdb.Value(here[1])))
        for name, value in self.registers.items():
            info.add_saved_register(name, gdb.Value(value).cast(pending.read_register(name).type))
        return info


unwinder = TaskUnwinder()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)


def forget_selection(_event):
    unwinder.registers = None


gdb.events.cont.connect(forget_selection)


def find_tasks(argument):
    """Returns the tasks that a name, an address or "all" stands for."""
    found = list(all_tasks())
    if argument != "all":
        wanted = int(argument, 16) if re.fullmatch(r"0x[0-9a-fA-F]+", argument) else None
        found = [t for t in found if t.address == wanted or t.name == argument]
    if not found and argument != "all":
        raise gdb.GdbError("eddy: there is no task '%s'; `eddy tasks` lists all" % argument)
    return found


def print_stack(task, sp, first_number, arguments):
    """Prints the frames of one stack without gdb's own newest frame; returns the number of the next
    frame."""
    arguments = re.sub(r"^\d+$", lambda m: str(int(m.group()) + 1), arguments)
    unwinder.select(sp)
    try:
        shown = gdb.execute("bt " + arguments, to_string=True).splitlines()
    finally:
        unwinder.select(None)
    n, leave_out = first_number, True
    for line in shown:
        m = re.match(r"#(\d+)\s+(.*)", line)
        if m:
            leave_out = m.group(1) == "0"
            if not leave_out:
                line = "#%-3d %s" % (n, m.group(2))
                n += 1
        if not leave_out:
            print(line)
    return n


class EddyCommand(gdb.Command):
    """Commands for programs that use eddy: eddy tasks, eddy bt TASK, eddy task TASK."""

    def __init__(self):
        super().__init__("eddy", gdb.COMMAND_STACK, prefix=True)


class EddyTasks(gdb.Command):
    """eddy tasks: lists all tasks of the program, what each waits for, and the tasks that wait for
    it."""

    def __init__(self):
        super().__init__("eddy tasks", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        found = list(all_tasks())
        names = {t.address: t.name for t in found}
        rows = [
            (
                "LOOP",
                "TID",
                "TASK ID",
                "NAME",
                "STATE",
                "WAITS FOR",
                "COROUTINES",
                "AWAITED BY",
                "CREATED AT",
            )
        ]
        for t in found:
            by = ", ".join(
                names.get(address, "?") + (" (%s)" % kind if kind else "")
                for address, kind in t.waiters()
            )
            rows.append(
                (
                    str(t.loop.get("number", 4)),
                    str(t.loop.get("tid", 4)),
                    "0x%x" % t.address,
                    t.name,
                    t.state(),
                    describe_wait(t, names),
                    t.coroutines(),
                    by,
                    text(t.get("where")),
                )
            )
        print_table(rows)


class EddyBt(gdb.Command):
    """eddy bt TASK|all [ARG…]: prints the backtrace of a task.

    TASK is its name or address; ARGs are those of gdb's bt."""

    def __init__(self):
        super().__init__("eddy bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        argv = gdb.string_to_argv(argument)
        if not argv:
            raise gdb.GdbError(
                "eddy: of which task? `eddy bt NAME`, `eddy bt 0xADDRESS` or `eddy bt all`"
            )
        names = {t.address: t.name for t in all_tasks()}
        for task in find_tasks(argv[0]):
            wait = describe_wait(task, names)
            print(
                "task '%s' (0x%x), %s%s"
                % (task.name, task.address, task.state(), ": " + wait if wait else "")
            )
            n = 0
            if task.is_running():
                print(
                    "  it is running in thread %d; `thread apply all bt` has its frames"
                    % task.loop.get("tid", 4)
                )
            for sp in task.stack_pointers() if task.get("started", 1) else []:
                n = print_stack(task, sp, n, " ".join(argv[1:]))
            print()


class EddyTask(gdb.Command):
    """eddy task TASK: selects the stack of a task, below frame 0.

    Without TASK: selects the thread's own stack again."""

    def __init__(self):
        super().__init__("eddy task", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        argv = gdb.string_to_argv(argument)
        if not argv:
            unwinder.select(None)
            return
        task = find_tasks(argv[0])[0]
        if task.is_running() or not task.get("started", 1):
            raise gdb.GdbError(
                "eddy: task '%s' is %s, so it is not suspended anywhere" % (task.name, task.state())
            )
        unwinder.select(task.stack_pointers()[0])
        gdb.execute("frame 1")


PAGE = 4096
MAX_PAGES = 256  # of one stack


def pages_of(task):
    """Yields the readable pages of a task, and of the stacks that it is suspended on."""
    starts = [(task.address, 1)]
    if task.get("started", 1):
        starts += [(sp, MAX_PAGES) for sp in task.stack_pointers()]
    for start, n_pages in starts:
        page = start & -PAGE
        for _ in range(n_pages):
            try:
                yield page, bytes(gdb.selected_inferior().read_memory(page, PAGE))
            except gdb.MemoryError:
                break  # the guard of the next stack
            page += PAGE


def segments_of(core):
    """Returns the parts of memory in a core file: address, size and place of each."""
    core.seek(0)
    header = core.read(64)
    if header[:5] != b"\x7fELF\x02":
        raise gdb.GdbError("eddy: the core file is no ELF file of 64 bits")
    (table,) = struct.unpack_from("<Q", header, 32)
    size, n = struct.unpack_from("<HH", header, 54)
    found = []
    for i in range(n):
        core.seek(table + i * size)
        kind, _flags, place, address, _physical, in_file, _in_memory, _align = struct.unpack(
            "<IIQQQQQQ", core.read(56)
        )
        if kind == 1:  # PT_LOAD
            found.append((address, in_file, place))
    return found


class EddyCore(gdb.Command):
    """eddy core FILE: writes a core file that has the stacks of all tasks.

    gdb reads memory in large pieces, and drops a piece that contains a guard page. The kernel's own
    core files are complete."""

    def __init__(self):
        super().__init__("eddy core", gdb.COMMAND_STACK, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        argv = gdb.string_to_argv(argument)
        if len(argv) != 1:
            raise gdb.GdbError("eddy: into which file?")
        gdb.execute("generate-core-file " + argv[0], to_string=True)
        n = 0
        with open(argv[0], "r+b") as core:
            segments = segments_of(core)
            for task in all_tasks():
                n += 1
                for page, content in pages_of(task):
                    for address, size, place in segments:
                        if address <= page and page + PAGE <= address + size:
                            core.seek(place + page - address)
                            core.write(content)
        print("Saved corefile %s with %d tasks" % (argv[0], n))


EddyCommand()
EddyTasks()
EddyCore()
EddyBt()
EddyTask()
