/*
 * Leaks of a test: descriptors, threads, child processes, and memory of the library.
 */
#include "harness/harness.h"

#include "base/thread.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Present with AddressSanitizer and LeakSanitizer only. */
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

enum { MAX_DESCRIPTORS = 32768 };

static unsigned char open_before[MAX_DESCRIPTORS], open_after[MAX_DESCRIPTORS];
static long live_before;
static int threads_before;

static void list_descriptors(unsigned char *open_now)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;

    for (int i = 0; i < MAX_DESCRIPTORS; i++)
        open_now[i] = 0;
    if (!dir)
        return;
    while ((entry = readdir(dir)) != NULL) {
        int fd = atoi(entry->d_name);

        if (fd != dirfd(dir) && fd < MAX_DESCRIPTORS && entry->d_name[0] != '.')
            open_now[fd] = 1;
    }
    closedir(dir);
}

/* Reads the name of a thread, "" if there is none. */
static void name_thread(const char *tid, char *ret, int size)
{
    char path[64];
    FILE *f;

    ret[0] = '\0';
    snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", tid);
    f = fopen(path, "r");
    if (f && fgets(ret, size, f))
        ret[strcspn(ret, "\n")] = '\0';
    if (f)
        fclose(f);
}

/* Counts the threads and returns the name of the latest. The kernel's threads for io_uring do not
 * count: they end some time after the ring. */
static int count_threads(char *ret_name, int size)
{
    char name[32];
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry;
    int n = 0;

    if (!dir)
        return 0;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        name_thread(entry->d_name, name, sizeof name);
        if (strncmp(name, "iou-", 4) == 0)
            continue;
        n++;
        snprintf(ret_name, (size_t)size, "%s", name);
    }
    closedir(dir);
    return n;
}

#if defined(__SANITIZE_THREAD__)
static void *nothing(void *arg)
{
    return arg;
}
#endif

/* Starts ThreadSanitizer's own thread, which comes with the first thread of the process and is not
 * the test's. */
static void start_threads_of_sanitizer(void)
{
#if defined(__SANITIZE_THREAD__)
    pthread_t t;

    if (pthread_create(&t, NULL, nothing, NULL) == 0)
        pthread_join(t, NULL);
#endif
}

void leaks_before(void)
{
    char name[32];

    start_threads_of_sanitizer();
    list_descriptors(open_before);
    threads_before = count_threads(name, sizeof name);
    live_before = eddyi_ledger_live();
}

static void check_descriptors(void)
{
    list_descriptors(open_after);
    for (int fd = 0; fd < MAX_DESCRIPTORS; fd++) {
        char link[64], target[200];
        ssize_t n;

        if (open_before[fd] == open_after[fd])
            continue;
        if (open_before[fd]) {
            report_broken("descriptor %d, which was not the test's, was closed", fd);
            continue;
        }
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        n = readlink(link, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        report_broken("left descriptor %d open: %s", fd, target);
    }
}

/* Checks for threads. A joined thread can be listed for a moment longer: the kernel tells the
 * joiner before the thread is gone. */
static void check_threads(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    char latest[32];
    int n = count_threads(latest, sizeof latest);

    for (int i = 0; n > threads_before && i < 300; i++) {
        nanosleep(&moment, NULL);
        n = count_threads(latest, sizeof latest);
    }
    if (n > threads_before)
        report_broken("left %d thread(s) running, one of them '%s'", n - threads_before, latest);
}

static void check_children(void)
{
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);

    if (pid > 0)
        report_broken("left child process %d, which has ended, without waiting for it", (int)pid);
    else if (pid == 0)
        report_broken("left a child process running");
}

static void check_memory(void)
{
    long live;

    /* The library may keep the latest error of this thread until the thread ends. */
    eddyi_thread_cleanup();
    live = eddyi_ledger_live();
    if (live > live_before)
        report_broken("left %ld allocation(s) of the library", live - live_before);
    if (live < live_before)
        report_broken("freed %ld allocation(s) too many", live_before - live);
}

void leaks_after(void)
{
    check_threads(); /* first: one that is ending may still have a descriptor */
    check_descriptors();
    check_children();
    check_memory();
    if (!test_tortured() && !report->broken && __lsan_do_recoverable_leak_check &&
        __lsan_do_recoverable_leak_check())
        report_broken("LeakSanitizer found a leak");
}
