#include "debug/backtrace.h"

#include "fiber/unwind.h"
#include "generator/generator.h"
#include "loop/loop.h"
#include "task/task.h"

#include <unwind.h>

struct frames {
    const void **ret;
    size_t n, room;
    uintptr_t after; /* frames count from the one after this function; 0: all */
};

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *arg)
{
    struct frames *f = arg;
    int before = 0;
    uintptr_t ip = _Unwind_GetIPInfo(context, &before);

    if (f->after) {
        if (_Unwind_GetRegionStart(context) == f->after)
            f->after = 0;
        return _URC_NO_REASON;
    }
    if (f->n == f->room || !ip)
        return _URC_END_OF_STACK;
    /* If the call never returns, its return address may belong to the next function. */
    f->ret[f->n++] = (const void *)(before ? ip : ip - 1);
    return _URC_NO_REASON;
}

static void add_frames(void *arg)
{
    _Unwind_Backtrace(add_frame, arg);
}

static void add_suspended(struct frames *f, const struct eddyi_fiber *fiber)
{
    f->after = (uintptr_t)EDDYI_UNWIND_BASE;
    eddyi_unwind_from(fiber->sp, add_frames, f);
}

size_t eddyi_backtrace(const eddy_task *t, const void **ret, size_t n)
{
    struct frames f = {.ret = ret, .room = n};

    if (!t || t == t->future.loop->tasks.current)
        add_frames(&f);
    else
        add_suspended(&f, &t->fiber);
    for (const struct eddyi_generator *g = t ? t->generator : NULL; g; g = g->outer)
        add_suspended(&f, &g->caller);
    return f.n;
}
