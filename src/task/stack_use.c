#include "task/stack_use.h"

#include "base/log.h"
#include "base/sys.h"
#include "fiber/stack.h"
#include "task/coroutine.h"
#include "task/task.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Tasks of one coroutine, made in one place. */
struct place {
    struct place *next;
    const char *where, *coroutine; /* static texts; where is "" for the main task of a run */
    size_t deepest, size;          /* of the task that went deepest, in bytes */
    unsigned long n_tasks;
};

bool eddyi_stack_use_wanted;
static struct place *places; /* as the next guarded by the mutex */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* Takes the place that went deepest off the list. */
static struct place *take_deepest(void)
{
    struct place **deepest = &places, *p;

    for (struct place **at = &places; *at; at = &(*at)->next)
        if ((*at)->deepest > (*deepest)->deepest)
            deepest = at;
    p = *deepest;
    if (p)
        *deepest = p->next;
    return p;
}

static void report(void)
{
    struct place *p;

    pthread_mutex_lock(&mutex);
    while ((p = take_deepest()) != NULL) {
        eddyi_log(EDDY_LOG_INFO, "stack use: %zu KiB of %zu: coroutine '%s'%s%s, %lu %s",
                  p->deepest / 1024, p->size / 1024, p->coroutine,
                  p->where[0] ? ", task made at " : "", p->where, p->n_tasks,
                  p->n_tasks == 1 ? "task" : "tasks");
        eddyi_free(p);
    }
    pthread_mutex_unlock(&mutex);
}

static void init(void)
{
    const char *value = secure_getenv("EDDY_STACKS");

    eddyi_stack_use_wanted = value && *value && strcmp(value, "0") != 0;
    if (eddyi_stack_use_wanted)
        atexit(report);
}

void eddyi_stack_use_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, init);
}

/* With the mutex. NULL without memory. */
static struct place *place_of(const char *where, const char *coroutine)
{
    struct place *p = places;

    while (p && (strcmp(p->where, where) != 0 || strcmp(p->coroutine, coroutine) != 0))
        p = p->next;
    if (p)
        return p;
    p = eddyi_alloc(sizeof *p);
    if (!p)
        return NULL;
    *p = (struct place){.next = places, .where = where, .coroutine = coroutine};
    return places = p;
}

void eddyi_stack_use_note(const eddy_task *t)
{
    size_t depth = eddyi_stack_depth(t->stack);
    struct place *p;

    pthread_mutex_lock(&mutex);
    p = place_of(t->where ? t->where : "", t->coro->name);
    if (p) {
        p->n_tasks++;
        if (depth > p->deepest || p->n_tasks == 1) {
            p->deepest = depth;
            p->size = t->stack->size;
        }
    }
    pthread_mutex_unlock(&mutex);
}
