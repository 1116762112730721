/*
 * The deadlock report: under the virtual clock nothing is ready, nothing is due, and so nobody will ever wake.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/task.h"

#include <stdio.h>

struct text {
    char buf[2000];
    size_t length;
};

static __attribute__((format(printf, 2, 3))) void add(struct text *text, const char *fmt, ...)
{
    size_t room = sizeof text->buf - text->length;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(text->buf + text->length, room, fmt, args);
    va_end(args);
    if (n > 0)
        text->length += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_wait(struct text *text, eddy_task *t)
{
    eddy_task *awaited = t->wait ? eddy_future_as_task(t->wait->future) : NULL;

    add(text, "%stask '%s'", text->length ? "; " : "", eddy_task_get_name(t));
    if (t->where)
        add(text, " (%s)", t->where);
    if (awaited)
        add(text, " waits for task '%s'", eddy_task_get_name(awaited));
    else if (t->wait && t->wait->future)
        add(text, " waits for a %s", t->wait->future->ops->noun);
    else
        add(text, " waits for %s", t->wait && t->wait->what ? t->wait->what : "an event");
}

int eddyi_explain_deadlock(eddy_loop *loop)
{
    struct text text = {.length = 0};

    EDDYI_LIST_EACH(l, &loop->tasks)
        add_wait(&text, eddyi_container(l, struct eddy_task, link));
    return eddy_raise(-EDEADLK, "deadlock: nothing is ready and no timer is pending: %s",
                      text.length ? text.buf : "there is no task");
}
