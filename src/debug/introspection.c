#include "debug/introspection.h"

#include "eddy/version.h"
#include "fiber/stack.h"
#include "generator/generator.h"
#include "loop/loop.h"
#include "loop/registry.h"
#include "task/coroutine.h"
#include "task/task.h"
#include "task/wait.h"

#define FIELD(name, type, member)                                                                  \
    {                                                                                              \
        name, (uint32_t)offsetof(type, member)                                                     \
    }

/*
 * The offsets of one-byte bit-fields, for which there is no offsetof(): the first field of all, and
 * the field after the awaitable.
 */
enum { KIND_OFFSET = 0, STATE_OFFSET = sizeof(struct eddy_awaitable) };

/* The dynamic linker fills in the address, so the block is data that becomes constant. */
const struct eddyi_introspection eddyi_introspection
    __attribute__((used, visibility("hidden"))) =
        {
            .magic = EDDYI_INTROSPECTION_MAGIC,
            .version = EDDYI_INTROSPECTION_VERSION,
            .size = sizeof(struct eddyi_introspection),
            .library = EDDY_VERSION,
            .loops.address = &eddyi_loops,
            .fields_offset = offsetof(struct eddyi_introspection, fields),
            .n_fields = sizeof((struct eddyi_introspection *)0)->fields /
                        sizeof(struct eddyi_introspection_field),
            .fields =
                {
                    FIELD("loop.next", eddy_loop, introspection.next),
                    FIELD("loop.number", eddy_loop, introspection.number),
                    FIELD("loop.tid", eddy_loop, introspection.tid),
                    FIELD("loop.turns", eddy_loop, schedule.turns),
                    FIELD("loop.clock", eddy_loop, schedule.clock),
                    FIELD("loop.running", eddy_loop, running),
                    FIELD("loop.asleep", eddy_loop, introspection.asleep),
                    FIELD("loop.current", eddy_loop, tasks.current),
                    FIELD("loop.tasks", eddy_loop, tasks.all),
                    FIELD("loop.backend", eddy_loop, backend),
                    FIELD("loop.backend_reason", eddy_loop, backend_reason),
                    FIELD("loop.timers", eddy_loop, schedule.timers.n),
                    FIELD("loop.timer_gaps", eddy_loop, schedule.timers.gaps),
                    FIELD("loop.fiber_sp", eddy_loop, fiber.sp),
                    FIELD("backend.ops", struct eddyi_backend, ops),
                    FIELD("backend_ops.name", struct eddyi_backend_ops, name),

                    FIELD("task.link", eddy_task, link),
                    {"task.kind", KIND_OFFSET},
                    {"task.state", STATE_OFFSET},
                    FIELD("task.ops", eddy_task, future.ops),
                    FIELD("task.hooks", eddy_task, future.hooks),
                    FIELD("task.loop", eddy_task, future.loop),
                    FIELD("task.ready", eddy_task, ready.link),
                    FIELD("task.sp", eddy_task, fiber.sp),
                    FIELD("task.wait", eddy_task, wait),
                    FIELD("task.coroutine", eddy_task, coro),
                    FIELD("task.generator", eddy_task, generator),
                    FIELD("task.stack", eddy_task, stack),
                    FIELD("task.where", eddy_task, where),
                    FIELD("task.name", eddy_task, name),
                    FIELD("task.number", eddy_task, number),
                    FIELD("task.cancelling", eddy_task, cancelling),
                    FIELD("task.started", eddy_task, started),

                    {"future.kind", KIND_OFFSET},
                    {"future.state", STATE_OFFSET},
                    FIELD("future.ops", eddy_future, ops),
                    FIELD("future.hooks", eddy_future, hooks),
                    FIELD("future_ops.noun", struct eddyi_future_ops, noun),
                    FIELD("hook.link", struct eddyi_hook, link),
                    FIELD("hook.waiter", struct eddyi_hook, waiter),

                    FIELD("wait.what", struct eddyi_wait, what),
                    FIELD("wait.future", struct eddyi_wait, future),
                    FIELD("wait.holder", struct eddyi_wait, holder),
                    FIELD("wait.since", struct eddyi_wait, since),
                    FIELD("wait.over", struct eddyi_wait, over),
                    FIELD("wait.on_fd", struct eddyi_wait, on_fd),
                    FIELD("wait.fd", struct eddyi_wait, fd),

                    FIELD("coroutine.name", eddy_coroutine, name),
                    FIELD("coroutine.outer", eddy_coroutine, outer),
                    FIELD("generator.name", struct eddyi_generator, name),
                    FIELD("generator.outer", struct eddyi_generator, outer),
                    FIELD("generator.caller_sp", struct eddyi_generator, caller.sp),
                    FIELD("stack.limit", struct eddyi_stack, limit),
                    FIELD("stack.object", struct eddyi_stack, object),
                    {"constant.task_kind", EDDYI_TASK},
                    {"constant.future_kind", EDDYI_FUTURE},
                    {"constant.pending", EDDYI_PENDING},
                },
};

extern const struct eddyi_introspection eddy_introspection
    __attribute__((alias("eddyi_introspection"), visibility("default")));

/* The linker keeps it even where it drops unreferenced sections, and so does strip. */
__asm__(".pushsection .note.eddy, \"a\", %note\n"
        "        .balign 4\n"
        "        .long 5\n" /* bytes of the name */
        "        .long 8\n" /* bytes of the content */
        "        .long 1\n"
        "        .asciz \"eddy\"\n"
        "        .balign 4\n"
#if UINTPTR_MAX == UINT64_MAX
        "1:      .quad eddyi_introspection - 1b\n"
#else
        "1:      .long eddyi_introspection - 1b, 0\n"
#endif
        "        .popsection\n");
