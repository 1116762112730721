#include "base/thread.h"

#include <pthread.h>
#include <stddef.h>

enum { MAX_CLEANUPS = 8 };

static EDDYI_THREAD_LOCAL void (*cleanups[MAX_CLEANUPS])(void);
static EDDYI_THREAD_LOCAL int n_cleanups;

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static int have_key;

void eddyi_thread_cleanup(void)
{
    while (n_cleanups > 0)
        cleanups[--n_cleanups]();
}

static void at_thread_end(void *unused)
{
    (void)unused;
    eddyi_thread_cleanup();
}

static void make_key(void)
{
    have_key = pthread_key_create(&key, at_thread_end) == 0;
}

void eddyi_thread_at_exit(void (*cleanup)(void))
{
    for (int i = 0; i < n_cleanups; i++)
        if (cleanups[i] == cleanup)
            return;
    if (n_cleanups == MAX_CLEANUPS)
        return;
    cleanups[n_cleanups++] = cleanup;

    /* The destructor runs only for threads whose value is not null. */
    pthread_once(&key_once, make_key);
    if (have_key)
        pthread_setspecific(key, cleanups);
}
