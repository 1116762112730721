#include "loop/registry.h"

#include "loop/loop.h"
#include "loop/signal.h"

_Atomic(eddy_loop *) eddyi_loops;
void (*eddyi_dump_hook)(eddy_loop *loop);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned latest_number;

void eddyi_registry_add(eddy_loop *loop)
{
    pthread_mutex_lock(&mutex);
    loop->introspection.number = ++latest_number;
    atomic_store(&loop->introspection.next, atomic_load(&eddyi_loops));
    atomic_store(&eddyi_loops, loop);
    pthread_mutex_unlock(&mutex);
}

void eddyi_registry_remove(eddy_loop *loop)
{
    _Atomic(eddy_loop *) *link = &eddyi_loops;

    pthread_mutex_lock(&mutex);
    while (atomic_load(link) && atomic_load(link) != loop)
        link = &atomic_load(link)->introspection.next;
    if (atomic_load(link))
        atomic_store(link, atomic_load(&loop->introspection.next));
    pthread_mutex_unlock(&mutex);
    eddyi_signal_handlers_wait();
}

void eddyi_registry_before_fork(void)
{
    pthread_mutex_lock(&mutex);
}

/* Detaches the loops of the parent. They stay in memory, reachable, so that leak checkers do not
 * report them. */
static void leave_behind(void)
{
    static eddy_loop *left_behind;
    eddy_loop *first = atomic_load(&eddyi_loops), *last = NULL;

    for (eddy_loop *l = first; l; l = atomic_load(&l->introspection.next)) {
        eddyi_loop_leave_behind(l);
        last = l;
    }
    if (!last)
        return;
    atomic_store(&last->introspection.next, left_behind);
    left_behind = first;
    atomic_store(&eddyi_loops, NULL);
}

void eddyi_registry_after_fork(bool in_child)
{
    if (in_child)
        leave_behind();
    pthread_mutex_unlock(&mutex);
}
