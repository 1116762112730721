/*
 * Gathering: what a transport is given in several writes of one turn goes out in one system call,
 * as eddy's own streams do it.
 *
 * The first write of a turn is sent at once, so a program that answers with one write pays nothing.
 * A second one in the same turn shows that more may come: it is kept, and sent with all that
 * follows when the turn ends, before the loop polls the kernel; or between two callbacks, if the
 * turn takes longer than 50 us. A transport that wrote several times in the latest turn in which it
 * wrote keeps the first write, too: an answer of two writes is sent as one.
 *
 * Programs see no difference: whatever depends on the bytes that are not sent, as
 * get_write_buffer_size(), close(), abort() and write_eof() do, sends them first, and so does a
 * write that would go past the high-water mark. So no protocol is paused because of them.
 */
#include "transport.h"

#include <time.h>

/* The most bytes of a write that is kept, as sending more costs more than the call; and how long
 * it is kept at most, if callbacks are not longer. */
enum { MOST = 16384, LATEST_NS = 50000 };

static int64_t now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Sends what all transports of @l have gathered. An exception ends the run. */
static void send_all(struct eddyi_py_loop *l)
{
    while (l->gathering.n > 0) {
        struct eddyi_py_transport *t =
            (struct eddyi_py_transport *)eddyi_py_queue_pop(&l->gathering);

        t->listed = false;
        if (t->gathers && t->loop && eddyi_py_transport_settle(t) < 0)
            eddyi_py_loop_fail(l);
        Py_DECREF(t);
    }
}

static void on_turn_end(eddy_item *item)
{
    struct eddyi_py_loop *l = EDDYI_PY_CONTAINER(item, struct eddyi_py_loop, turn_end);

    l->turn++;
    send_all(l);
}

void eddyi_py_gather_init(struct eddyi_py_loop *l)
{
    l->turn = 1;
    l->turn_end.run = on_turn_end;
}

void eddyi_py_gather_end_run(struct eddyi_py_loop *l)
{
    l->turn++;
    send_all(l);
}

void eddyi_py_gather_look_at_clock(struct eddyi_py_loop *l)
{
    if (now() - l->gathers_since > LATEST_NS)
        send_all(l);
}

/* Takes note of a write. Returns whether others are likely to follow in this turn. */
static bool others_follow(struct eddyi_py_transport *t)
{
    struct eddyi_py_loop *l = t->loop;
    bool often = t->several;

    if (t->wrote_in == l->turn)
        return t->several = true;
    t->wrote_in = l->turn;
    t->several = false;
    if (!eddy_item_is_scheduled(&l->turn_end))
        (void)eddy_loop_call_at_turn_end_item(l->eddy, &l->turn_end);
    return often;
}

bool eddyi_py_gather_may_wait(struct eddyi_py_transport *t, size_t n)
{
    const struct eddyi_py_loop *l = t->loop;

    if (t->kind != EDDYI_PY_STREAM || !l->running || eddyi_py_loop_is_elsewhere(l))
        return false;
    if (!others_follow(t))
        return false;
    return (t->gathers || t->out.n == 0) && !t->wants_room && n <= MOST &&
           t->n_out + n <= (size_t)t->high && eddy_item_is_scheduled(&l->turn_end);
}

int eddyi_py_gather_begin(struct eddyi_py_transport *t)
{
    struct eddyi_py_loop *l = t->loop;

    if (!t->listed) {
        if (l->gathering.n == 0)
            l->gathers_since = now();
        if (eddyi_py_queue_push(&l->gathering, (PyObject *)t) < 0)
            return -1;
        t->listed = true;
    }
    t->gathers = true;
    return 0;
}
