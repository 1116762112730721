/*
 * The calls of sys.h about threads.
 */
#include "base/libc.h"
#include "base/sys.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* musl's threads have stacks of 128 KiB, too little for the jobs of a program: these get what glibc
 * gives them. Memory that is not touched costs nothing. */
static const size_t LEAST_STACK = 256 << 10, USUAL_STACK = 8 << 20;

int eddyi_sys_thread_start(pthread_t *ret_thread, void *(*fn)(void *arg), void *arg)
{
    int f = eddyi_fault("pthread_create");
    pthread_attr_t attr;
    size_t size;
    int rc;

    if (f < 0)
        return f;
    rc = -pthread_attr_init(&attr);
    if (rc < 0)
        return rc;
    if (pthread_attr_getstacksize(&attr, &size) == 0 && size < LEAST_STACK)
        pthread_attr_setstacksize(&attr, USUAL_STACK);
    rc = -pthread_create(ret_thread, &attr, fn, arg);
    pthread_attr_destroy(&attr);
    return rc;
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
