/*
 * The calls of sys.h about threads.
 */
#include "base/sys.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int eddyi_sys_thread_start(pthread_t *ret_thread, void *(*fn)(void *arg), void *arg)
{
    int f = eddyi_fault("pthread_create");

    return f < 0 ? f : -pthread_create(ret_thread, NULL, fn, arg);
}

void eddyi_sys_thread_name(const char *name)
{
    prctl(PR_SET_NAME, name);
}

unsigned eddyi_sys_cpus(void)
{
    cpu_set_t set;
    long n;

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (unsigned)CPU_COUNT(&set);
    n = sysconf(_SC_NPROCESSORS_ONLN); /* there are more than fit into the set */
    return n > 0 ? (unsigned)n : 1;
}

void eddyi_sys_mutex_init(pthread_mutex_t *m)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(m, &attr);
    pthread_mutexattr_destroy(&attr);
}

void eddyi_sys_futex_wait(atomic_uint *word, unsigned expected)
{
    if (eddyi_fault("futex_wait") == 0)
        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

void eddyi_sys_futex_wake(atomic_uint *word)
{
    int saved = errno;

    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    errno = saved; /* errno belongs to the code that the signal handler interrupted */
}
