#include "snapshot.h"

#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MAX_LOOPS = 4096,
    MAX_COROUTINES = 100, /* shown of one task */
    MAX_HOOKS = 1000000,
    MAX_DEPTH = 32, /* of futures that wait for futures */
    ATTEMPTS = 8,
    /* The limit of steps for reading a snapshot, and what each task found adds: three times what
     * costly tasks need. */
    STEPS = 10 * 1000 * 1000,
    STEPS_OF_A_TASK = 1000,
};

size_t snapshot_most_tasks = 1000 * 1000;

/* The offsets that the block gives, under its names. */
/* clang-format off */
#define FIELDS(F)                                                                                  \
    F(loop, next) F(loop, number) F(loop, tid) F(loop, turns) F(loop, clock) F(loop, running)      \
    F(loop, asleep) F(loop, current) F(loop, tasks) F(loop, backend) F(loop, backend_reason)       \
    F(loop, timers) F(loop, timer_gaps)                                                            \
    F(backend, ops)                                                                                \
    F(backend_ops, name)                                                                           \
    F(task, link) F(task, kind) F(task, loop) F(task, ready) F(task, wait) F(task, coroutine)      \
    F(task, where) F(task, name) F(task, number) F(task, cancelling) F(task, started)              \
    F(future, kind) F(future, state) F(future, ops) F(future, hooks)                               \
    F(future_ops, noun)                                                                            \
    F(hook, link) F(hook, waiter)                                                                  \
    F(wait, what) F(wait, future) F(wait, holder) F(wait, since) F(wait, over) F(wait, on_fd)      \
    F(wait, fd)                                                                                    \
    F(coroutine, name) F(coroutine, outer)                                                         \
    F(constant, task_kind) F(constant, future_kind) F(constant, pending)
/* Their absence leaves the stacks unknown, and nothing else. */
#define MORE_FIELDS(F) F(task, stack) F(stack, limit) F(stack, object)
/* clang-format on */

struct offsets {
#define MEMBER(object, member) long object##_##member;
    FIELDS(MEMBER)
    MORE_FIELDS(MEMBER)
#undef MEMBER
};

struct reading {
    struct snapshot *s;
    struct memory *m;
    struct offsets at;
    unsigned hooks; /* read so far */
    int error;
};

/* Reads the offsets. Returns false if one is missing that has to be there: the block is of an
 * unknown version. */
static bool read_offsets(const struct block *b, struct offsets *at)
{
    bool all = true;
#define LOOK_UP(object, member) at->object##_##member = block_field(b, #object "." #member);
#define CHECK(object, member) all &= at->object##_##member >= 0;
    FIELDS(LOOK_UP)
    MORE_FIELDS(LOOK_UP)
    FIELDS(CHECK)
#undef LOOK_UP
#undef CHECK
    return all;
}

static uint64_t number(struct reading *r, uint64_t object, long offset, size_t size)
{
    return memory_number(r->m, object + (uint64_t)offset, size, &r->s->torn);
}

static uint64_t pointer(struct reading *r, uint64_t object, long offset)
{
    return number(r, object, offset, 8);
}

/* Makes room for one more element. Returns false when memory is short. */
static bool grow(void **array, size_t n, size_t *room, size_t size)
{
    void *grown = *array;

    if (n < *room)
        return true;
    *room = *room ? *room * 2 : 64;
    grown = realloc(*array, *room * size);
    if (grown)
        *array = grown;
    return grown != NULL;
}

static void read_coroutines(struct reading *r, uint64_t innermost, struct task *t)
{
    uint64_t chain[MAX_COROUTINES];
    size_t n = 0;
    bool fits = true;

    for (uint64_t c = innermost; c && n < MAX_COROUTINES; c = pointer(r, c, r->at.coroutine_outer))
        chain[n++] = c;
    while (n > 0 && fits) {
        char name[64];

        memory_text(r->m, pointer(r, chain[--n], r->at.coroutine_name), name, sizeof name);
        fits = append_text(t->coroutines, sizeof t->coroutines, *t->coroutines ? " > " : "") &&
               append_text(t->coroutines, sizeof t->coroutines, name);
    }
}

static void read_name(struct reading *r, uint64_t address, struct task *t)
{
    uint64_t name = pointer(r, address, r->at.task_name),
             where = pointer(r, address, r->at.task_where);

    if (name)
        memory_text(r->m, name, t->name, sizeof t->name);
    else
        snprintf(t->name, sizeof t->name, "Task-%" PRIu64,
                 number(r, address, r->at.task_number, 8));
    if (where)
        memory_text(r->m, where, t->where, sizeof t->where);
}

static void read_noun(struct reading *r, uint64_t future, char *buf, size_t size)
{
    memory_text(r->m, pointer(r, pointer(r, future, r->at.future_ops), r->at.future_ops_noun), buf,
                size);
}

static void read_wait(struct reading *r, uint64_t wait, struct task *t)
{
    uint64_t future = pointer(r, wait, r->at.wait_future), what = pointer(r, wait, r->at.wait_what);
    uint64_t holder = pointer(r, wait, r->at.wait_holder);
    int64_t since = (int64_t)number(r, wait, r->at.wait_since, 8);
    char text[64] = "an event";

    t->holder = holder ? pointer(r, holder, 0) : 0;
    t->has_since = true;
    t->since = r->s->loops[t->loop].clock - (double)since * 1e-9;
    t->since = t->since < 0 ? 0 : t->since;
    if (future && number(r, future, r->at.future_kind, 1) == (uint64_t)r->at.constant_task_kind) {
        t->awaits = future; /* the name follows when all tasks are known */
    } else if (future) {
        read_noun(r, future, text, sizeof text);
        snprintf(t->waits_for, sizeof t->waits_for, "a %s", text);
    } else {
        if (what)
            memory_text(r->m, what, text, sizeof text);
        if (number(r, wait, r->at.wait_on_fd, 1))
            snprintf(t->waits_for, sizeof t->waits_for, "%s on descriptor %d", text,
                     (int)number(r, wait, r->at.wait_fd, 4));
        else
            snprintf(t->waits_for, sizeof t->waits_for, "%s", text);
    }
}

static void read_state(struct reading *r, uint64_t address, uint64_t current, struct task *t)
{
    uint64_t wait = pointer(r, address, r->at.task_wait),
             link = address + (uint64_t)r->at.task_ready;

    t->cancelling = (int)number(r, address, r->at.task_cancelling, 4);
    if (address == current) {
        t->state = TASK_RUNNING;
    } else if (!number(r, address, r->at.task_started, 1)) {
        t->state = TASK_NEW;
    } else if (wait && pointer(r, link, 0) == link && !number(r, wait, r->at.wait_over, 1)) {
        t->state = TASK_WAITING;
        read_wait(r, wait, t);
    } else {
        t->state = TASK_READY;
    }
}

static void read_stack(struct reading *r, uint64_t address, struct task *t)
{
    bool known = r->at.task_stack >= 0 && r->at.stack_limit >= 0 && r->at.stack_object >= 0;
    uint64_t stack = known ? pointer(r, address, r->at.task_stack) : 0;

    if (!stack)
        return;
    t->stack_limit = pointer(r, stack, r->at.stack_limit);
    t->stack_top = pointer(r, stack, r->at.stack_object);
}

static bool read_task(struct reading *r, uint64_t address, size_t loop, uint64_t current)
{
    struct snapshot *s = r->s;
    struct task *t;

    if (number(r, address, r->at.task_kind, 1) != (uint64_t)r->at.constant_task_kind ||
        pointer(r, address, r->at.task_loop) != s->loops[loop].address)
        return false;
    if (!grow((void **)&s->tasks, s->n_tasks, &s->tasks_room, sizeof *s->tasks)) {
        r->error = -ENOMEM;
        return false;
    }
    t = &s->tasks[s->n_tasks];
    *t = (struct task){.address = address, .loop = loop};
    read_name(r, address, t);
    read_coroutines(r, pointer(r, address, r->at.task_coroutine), t);
    read_state(r, address, current, t);
    read_stack(r, address, t);
    s->n_tasks++;
    r->m->most_steps += STEPS_OF_A_TASK;
    return true;
}

/* Reads a list of tasks. A list whose links agree in both directions is believed, and has an
 * end. */
static void read_tasks(struct reading *r, size_t loop)
{
    uint64_t head = r->s->loops[loop].address + (uint64_t)r->at.loop_tasks, previous = head;
    uint64_t current = pointer(r, r->s->loops[loop].address, r->at.loop_current);

    for (uint64_t link = pointer(r, head, 0); link != head; link = pointer(r, link, 0)) {
        if (pointer(r, link, 8) != previous || r->s->n_tasks == snapshot_most_tasks ||
            !read_task(r, link - (uint64_t)r->at.task_link, loop, current)) {
            r->s->torn = true;
            break;
        }
        r->s->loops[loop].n_tasks++;
        previous = link;
    }
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static bool read_loop(struct reading *r, uint64_t address)
{
    struct snapshot *s = r->s;
    struct loop *loop;
    uint64_t backend;

    for (size_t i = 0; i < s->n_loops; i++)
        if (s->loops[i].address == address)
            return false;
    if (!grow((void **)&s->loops, s->n_loops, &s->loops_room, sizeof *s->loops)) {
        r->error = -ENOMEM;
        return false;
    }
    loop = &s->loops[s->n_loops++];
    *loop = (struct loop){.address = address};
    loop->number = (unsigned)number(r, address, r->at.loop_number, 4);
    loop->tid = (int)number(r, address, r->at.loop_tid, 4);
    loop->running = number(r, address, r->at.loop_running, 1) != 0;
    loop->asleep = number(r, address, r->at.loop_asleep, 1) != 0;
    loop->turns = number(r, address, r->at.loop_turns, 8);
    loop->timers =
        number(r, address, r->at.loop_timers, 8) - number(r, address, r->at.loop_timer_gaps, 8);
    backend = pointer(r, pointer(r, address, r->at.loop_backend), r->at.backend_ops);
    memory_text(r->m, pointer(r, backend, r->at.backend_ops_name), loop->backend,
                sizeof loop->backend);
    memory_text(r->m, address + (uint64_t)r->at.loop_backend_reason, loop->backend_reason,
                sizeof loop->backend_reason);
    loop->read_at = (double)(int64_t)number(r, address, r->at.loop_clock, 8) * 1e-9;
    loop->clock = now();
    if (strcmp(loop->backend, "virtual") == 0)
        loop->clock = loop->read_at;
    return true;
}

static int compare_loops(const void *a, const void *b)
{
    unsigned x = ((const struct loop *)a)->number, y = ((const struct loop *)b)->number;

    return (x > y) - (x < y);
}

static void read_loops(struct reading *r, uint64_t first)
{
    size_t begin = r->s->n_loops;

    /* The list begins with the latest loop. */
    for (uint64_t loop = first; loop; loop = pointer(r, loop, r->at.loop_next)) {
        if (r->s->n_loops - begin == MAX_LOOPS || !read_loop(r, loop)) {
            r->s->torn = true;
            break;
        }
    }
    if (r->s->n_loops > begin)
        qsort(r->s->loops + begin, r->s->n_loops - begin, sizeof *r->s->loops, compare_loops);
    for (size_t i = begin; i < r->s->n_loops && r->error == 0; i++)
        read_tasks(r, i);
}

static int compare_addresses(const void *a, const void *b)
{
    uint64_t x = ((const struct indexed_task *)a)->address,
             y = ((const struct indexed_task *)b)->address;

    return (x > y) - (x < y);
}

static void index_tasks(struct reading *r)
{
    struct snapshot *s = r->s;

    s->by_address = calloc(s->n_tasks + 1, sizeof s->by_address[0]);
    if (!s->by_address) {
        r->error = -ENOMEM;
        return;
    }
    for (size_t i = 0; i < s->n_tasks; i++)
        s->by_address[i] = (struct indexed_task){s->tasks[i].address, i};
    qsort(s->by_address, s->n_tasks, sizeof s->by_address[0], compare_addresses);
}

long snapshot_find(const struct snapshot *s, uint64_t address)
{
    struct indexed_task key = {address, 0}, *found;

    found = bsearch(&key, s->by_address, s->n_tasks, sizeof key, compare_addresses);
    return found ? (long)found->index : -1;
}

size_t snapshot_first_edge(const struct snapshot *s, size_t task)
{
    size_t low = 0, high = s->n_edges;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (s->edges[middle].to < task)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Returns true if an edge is known: a group and an await may state the same one. Some edges back
 * are enough. */
static bool is_known(const struct snapshot *s, size_t from, size_t to)
{
    for (size_t i = s->n_edges; i > 0 && s->n_edges - i < 8; i--)
        if (s->edges[i - 1].from == from && s->edges[i - 1].to == to)
            return true;
    return false;
}

static void add_edge(struct reading *r, uint64_t from, size_t to, const char *by)
{
    struct snapshot *s = r->s;
    long found = snapshot_find(s, from);

    if (found < 0 || is_known(s, (size_t)found, to))
        return;
    if (!grow((void **)&s->edges, s->n_edges, &s->edges_room, sizeof *s->edges)) {
        r->error = -ENOMEM;
        return;
    }
    s->edges[s->n_edges].from = (size_t)found;
    s->edges[s->n_edges].to = to;
    snprintf(s->edges[s->n_edges++].by, sizeof s->edges[0].by, "%s", by);
}

static void read_waiters(struct reading *r, uint64_t future, size_t to, const char *by, int depth);

static void read_waiter(struct reading *r, uint64_t waiter, size_t to, const char *by, int depth)
{
    uint64_t kind = number(r, waiter, r->at.future_kind, 1);
    char noun[16];

    if (kind == (uint64_t)r->at.constant_task_kind) {
        add_edge(r, waiter, to, by);
    } else if (kind == (uint64_t)r->at.constant_future_kind && depth < MAX_DEPTH &&
               number(r, waiter, r->at.future_state, 1) == (uint64_t)r->at.constant_pending) {
        read_noun(r, waiter, noun, sizeof noun);
        read_waiters(r, waiter, to, noun, depth + 1);
    }
}

/* Adds an edge from each task that waits for @future, directly or through other futures. */
static void read_waiters(struct reading *r, uint64_t future, size_t to, const char *by, int depth)
{
    uint64_t head = future + (uint64_t)r->at.future_hooks, previous = head;

    for (uint64_t link = pointer(r, head, 0); link != head && r->error == 0;
         link = pointer(r, link, 0)) {
        uint64_t waiter = pointer(r, link - (uint64_t)r->at.hook_link, r->at.hook_waiter);

        if (pointer(r, link, 8) != previous || ++r->hooks > MAX_HOOKS) {
            r->s->torn = true;
            break;
        }
        if (waiter)
            read_waiter(r, waiter, to, by, depth);
        previous = link;
    }
}

static int compare_edges(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;

    if (x->to != y->to)
        return (x->to > y->to) - (x->to < y->to);
    return (x->from > y->from) - (x->from < y->from);
}

/* Resolves what tasks wait for, if that is another task or is held by one, now that all are
 * known. */
static void connect(struct reading *r)
{
    struct snapshot *s = r->s;

    for (size_t i = 0; i < s->n_tasks && r->error == 0; i++) {
        struct task *t = &s->tasks[i];
        long awaited = t->awaits ? snapshot_find(s, t->awaits) : -1;
        long holder = t->holder ? snapshot_find(s, t->holder) : -1;

        if (t->awaits)
            snprintf(t->waits_for, sizeof t->waits_for, awaited >= 0 ? "task '%s'" : "a task",
                     awaited >= 0 ? s->tasks[awaited].name : "");
        if (holder >= 0) {
            (void)(append_text(t->waits_for, sizeof t->waits_for, " held by '") &&
                   append_text(t->waits_for, sizeof t->waits_for, s->tasks[holder].name) &&
                   append_text(t->waits_for, sizeof t->waits_for, "'"));
            add_edge(r, t->address, (size_t)holder, "lock");
        }
    }
    if (s->n_edges > 0)
        qsort(s->edges, s->n_edges, sizeof *s->edges, compare_edges);
}

static int read_all(struct snapshot *s, struct memory *m, const struct block *blocks, int n_blocks)
{
    struct reading r = {.s = s, .m = m};

    for (int i = 0; i < n_blocks && r.error == 0; i++) {
        if (!read_offsets(&blocks[i], &r.at)) {
            s->torn = true;
            continue;
        }
        memcpy(s->library, blocks[i].content.library, sizeof s->library);
        read_loops(&r, memory_number(m, blocks[i].content.loops.number, 8, &s->torn));
    }
    if (r.error == 0)
        index_tasks(&r);
    for (size_t i = 0; i < s->n_tasks && r.error == 0; i++)
        read_waiters(&r, s->tasks[i].address, i, "", 0);
    if (r.error == 0)
        connect(&r);
    return r.error;
}

int snapshot_take(struct snapshot *s, struct memory *m, const struct block *blocks, int n_blocks)
{
    int rc = 0;

    /* A snapshot that took long is not repeated: an incomplete picture of a large process is better
     * than waiting as long again. */
    *s = (struct snapshot){.torn = true};
    m->steps = 0;
    for (int attempt = 0; attempt < ATTEMPTS && s->torn && rc == 0 && m->steps < STEPS; attempt++) {
        snapshot_free(s);
        memory_forget(m);
        m->most_steps = m->steps + STEPS;
        rc = read_all(s, m, blocks, n_blocks);
    }
    m->most_steps = UINT64_MAX;
    if (rc < 0)
        snapshot_free(s);
    return rc;
}

void snapshot_free(struct snapshot *s)
{
    free(s->loops);
    free(s->tasks);
    free(s->edges);
    free(s->by_address);
    *s = (struct snapshot){.n_loops = 0};
}

const char *task_state_name(enum task_state state)
{
    static const char *const names[TASK_STATES] = {"running", "ready", "new", "waiting"};

    return names[state];
}
