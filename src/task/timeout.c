/*
 * timeout: a deadline that cancels the task once, and becomes -ETIMEDOUT at the end of the scope.
 */
#include "eddy/timeout.h"

#include "base/exception.h"
#include "base/log.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/scope.h"
#include "task/task.h"

#include <stdio.h>

/* The functions that the guarding macros of the same names call. */
#undef eddy_timeout_enter
#undef eddy_timeout_enter_at

/*
 *   ENTERED --deadline--> EXPIRING --exit--> EXPIRED
 *           --exit------> EXITED
 */
enum { NO_TASK, ENTERED, EXPIRING, EXPIRED, EXITED, NO_MEMORY, NOT_A_NUMBER, TWICE };

/* The library's view of eddy_timeout. */
struct timeout {
    struct eddyi_scope scope;
    struct eddyi_timer timer;
    const char *again; /* where the timeout was entered a second time; may be NULL */
    double when;       /* seconds on the loop's clock */
    int state;
    int cancelling; /* the task's count when the timeout was entered */
};

_Static_assert(sizeof(struct timeout) <= sizeof(eddy_timeout), "eddy_timeout is too small");

static struct timeout *timeout_of(const eddy_timeout *tm)
{
    return (struct timeout *)(void *)tm;
}

static bool is_active(const struct timeout *tm)
{
    return tm->state != NO_TASK && tm->state != EXPIRED && tm->state != EXITED;
}

/* Cancels the block at once, since no timer limits it. */
static void refuse(struct timeout *tm, int state)
{
    if (tm->state == ENTERED)
        eddyi_future_cancel(&tm->scope.task->future, NULL);
    tm->state = state;
}

static void arm(struct timeout *tm)
{
    eddy_loop *loop = tm->scope.task->future.loop;
    int64_t when = eddyi_nanoseconds(tm->when);

    if (when == EDDYI_NEVER)
        return;
    tm->timer.node.when = when;
    if (when <= eddyi_loop_now(loop))
        eddyi_loop_ready(loop, &tm->timer.ready);
    else if (eddyi_timer_start(loop, &tm->timer, when) < 0)
        refuse(tm, NO_MEMORY);
}

static void strike(struct eddyi_ready *r)
{
    struct timeout *tm = eddyi_container(r, struct timeout, timer.ready);

    if (eddyi_nanoseconds(tm->when) > tm->timer.node.when && !tm->scope.task->future.loop->closed)
        arm(tm); /* the deadline was moved later: see eddy_timeout_reschedule() */
    else if (eddyi_future_cancel(&tm->scope.task->future, NULL) < 0)
        eddyi_report_circle(tm->scope.task);
    else
        tm->state = EXPIRING;
}

static void orphan(struct eddyi_scope *s)
{
    struct timeout *tm = eddyi_container(s, struct timeout, scope);

    eddyi_timer_stop(s->task->future.loop, &tm->timer);
    tm->state = EXITED;
}

static const struct eddyi_scope_kind kind = {"timeout", orphan};

/* Handles entering storage that is in use: the entered scope goes on, but a timeout of the same
 * task ends at once, so that it does not go on without a limit. */
static void enter_again(struct eddyi_scope *s, const eddy_task *t, const char *where)
{
    struct timeout *tm = eddyi_container(s, struct timeout, scope);

    eddyi_scope_raise_twice(s, where);
    if (s->task != t || s->kind != &kind)
        return;
    eddyi_timer_stop(t->future.loop, &tm->timer);
    tm->again = where;
    refuse(tm, TWICE);
}

static eddy_timeout *enter(eddy_timeout *public, eddy_task *t, double when, const char *where)
{
    struct timeout *tm = timeout_of(public);
    struct eddyi_scope *entered = eddyi_scope_entered(t, public);

    if (entered) {
        enter_again(entered, t, where);
        return public;
    }
    *tm = (struct timeout){.when = when, .state = t ? ENTERED : NO_TASK};
    eddyi_ready_init(&tm->timer.ready, strike);
    if (t) {
        eddyi_scope_enter(&tm->scope, t, &kind, where);
        tm->cancelling = t->cancelling;
        if (when != when)
            refuse(tm, NOT_A_NUMBER);
        else
            arm(tm);
    }
    return public;
}

eddy_timeout *eddyi_timeout_enter_at(eddy_timeout *tm, double when, const char *where)
{
    return enter(tm, eddy_current_task(), when, where);
}

eddy_timeout *eddyi_timeout_enter(eddy_timeout *tm, double delay, const char *where)
{
    eddy_task *t = eddy_current_task();
    int64_t deadline = 0;

    if (t && delay == delay)
        deadline = eddyi_time_after(eddyi_loop_now(t->future.loop), eddyi_nanoseconds(delay));
    if (delay != delay)
        return enter(tm, t, delay, where);
    return enter(tm, t, deadline == EDDYI_NEVER ? EDDY_FOREVER : (double)deadline / 1e9, where);
}

void eddy_timeout_enter(eddy_timeout *tm, double delay)
{
    eddyi_timeout_enter(tm, delay, NULL);
}

void eddy_timeout_enter_at(eddy_timeout *tm, double when)
{
    eddyi_timeout_enter_at(tm, when, NULL);
}

/* Withdraws the cancellation of an expired timeout at the end of its scope, and returns whether it
 * was the only one. */
static bool withdraw(struct timeout *tm)
{
    return eddy_task_uncancel(tm->scope.task) <= tm->cancelling;
}

/* Raises the outcome of a timeout that alone cancelled its task. */
static int raise_outcome(const struct timeout *tm)
{
    switch (tm->state) {
    case NO_MEMORY:
        return eddy_raise(-ENOMEM, NULL);
    case NOT_A_NUMBER:
        return eddy_raise(-EINVAL, "timeout: the time is not a number");
    case TWICE:
        return eddyi_scope_raise_twice(&tm->scope, tm->again);
    default:
        return eddy_raise(-ETIMEDOUT, NULL);
    }
}

int eddy_timeout_exit(eddy_timeout *public, int rc)
{
    struct timeout *tm = timeout_of(public);
    int misuse;

    if (tm->state == NO_TASK)
        return rc < 0 ? rc : eddyi_raise_no_task_for("a timeout can only be used in a task");
    if (!is_active(tm))
        return eddy_raise(EDDY_EMISUSE, "the timeout has been left already");
    misuse = eddyi_scope_check(&tm->scope);
    if (misuse < 0)
        return misuse;

    eddyi_timer_stop(tm->scope.task->future.loop, &tm->timer);
    eddyi_scope_leave(&tm->scope);
    if (tm->state != ENTERED && withdraw(tm) && rc == -ECANCELED)
        rc = raise_outcome(tm);
    else if (tm->state == TWICE && rc >= 0)
        rc = raise_outcome(tm);
    tm->state = tm->state == EXPIRING ? EXPIRED : EXITED;
    return rc;
}

int eddy_timeout_reschedule(eddy_timeout *public, double when)
{
    struct timeout *tm = timeout_of(public);
    int64_t ns;

    if (tm->state != ENTERED)
        return eddy_raise(EDDY_EMISUSE, "cannot move the deadline of a timeout that %s",
                          tm->state == NO_TASK ? "has not been entered"
                                               : "has struck or been left");
    if (when != when)
        return eddy_raise(-EINVAL, "reschedule: the time is not a number");
    tm->when = when;
    /* An idle timeout is often moved later: its timer stays armed, and checks the new deadline when
     * the old one expires. */
    ns = eddyi_nanoseconds(when);
    if (tm->timer.node.place && tm->timer.node.when <= ns && ns != EDDYI_NEVER)
        return 0;
    eddyi_timer_stop(tm->scope.task->future.loop, &tm->timer);
    arm(tm);
    return 0;
}

double eddy_timeout_when(const eddy_timeout *tm)
{
    return timeout_of(tm)->when;
}

bool eddy_timeout_expired(const eddy_timeout *tm)
{
    return timeout_of(tm)->state == EXPIRING || timeout_of(tm)->state == EXPIRED;
}

void eddy_timeout_abandon(eddy_timeout *const *guarded)
{
    struct timeout *tm = timeout_of(*guarded);

    if (!is_active(tm) || !eddyi_scope_is_guarded_here(&tm->scope))
        return;
    if (tm->scope.task->future.loop->debug)
        eddyi_log(EDDY_LOG_WARNING,
                  "the timeout entered at %s was left without eddy_timeout_exit()",
                  tm->scope.where ? tm->scope.where : "?");
    eddyi_timer_stop(tm->scope.task->future.loop, &tm->timer);
    eddyi_scope_leave(&tm->scope);
    if (tm->state != ENTERED)
        withdraw(tm);
    tm->state = EXITED;
}
