#include "loop/registry.h"

#include "loop/loop.h"
#include "loop/signal.h"

_Atomic(eddy_loop *) eddyi_loops;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned latest_number;

void eddyi_registry_add(eddy_loop *loop)
{
    pthread_mutex_lock(&mutex);
    loop->number = ++latest_number;
    atomic_store(&loop->next_loop, atomic_load(&eddyi_loops));
    atomic_store(&eddyi_loops, loop);
    pthread_mutex_unlock(&mutex);
}

void eddyi_registry_remove(eddy_loop *loop)
{
    _Atomic(eddy_loop *) *link = &eddyi_loops;

    pthread_mutex_lock(&mutex);
    while (atomic_load(link) && atomic_load(link) != loop)
        link = &atomic_load(link)->next_loop;
    if (atomic_load(link))
        atomic_store(link, atomic_load(&loop->next_loop));
    pthread_mutex_unlock(&mutex);
    eddyi_signal_handlers_wait();
}

void eddyi_registry_before_fork(void)
{
    pthread_mutex_lock(&mutex);
}

void eddyi_registry_after_fork(bool in_child)
{
    if (in_child)
        atomic_store(&eddyi_loops, NULL);
    pthread_mutex_unlock(&mutex);
}
