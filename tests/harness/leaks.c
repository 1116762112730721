/*
 * Leaks of a test: descriptors, threads, child processes, and memory of the library.
 */
#include "harness/harness.h"

#include "base/thread.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Present with AddressSanitizer and LeakSanitizer only. */
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

enum { MAX_DESCRIPTORS = 32768, WORD_BITS = 8 * sizeof(unsigned long) };

/*
 * A bit for each descriptor. Every test looks twice, so that what looking costs counts: a page that
 * is written for the first time, or an allocation, takes longer than the call to the kernel.
 */
struct descriptors {
    unsigned long words[MAX_DESCRIPTORS / WORD_BITS];
};
static struct descriptors open_before;
static long live_before;
static int threads_before;

/* The kernel's, which is the same for all C libraries. */
struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

struct folder {
    int fd;
    long size, at; /* of the entries in the buffer */
    _Alignas(struct entry) char buffer[1024];
};

/* Opens a folder of /proc to list its numbers. Returns false if there is none. */
static bool folder_open(struct folder *f, const char *path)
{
    f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f->size = f->at = 0;
    return f->fd >= 0;
}

/* Returns the next number, or -1 at the end. */
static int folder_next(struct folder *f)
{
    for (;;) {
        const struct entry *entry;

        if (f->at == f->size) {
            f->at = 0;
            f->size = syscall(SYS_getdents64, f->fd, f->buffer, sizeof f->buffer);
            if (f->size <= 0)
                return f->size = 0, -1;
        }
        entry = (const struct entry *)(f->buffer + f->at);
        f->at += entry->length;
        if (entry->name[0] != '.')
            return atoi(entry->name);
    }
}

static bool is_open(const struct descriptors *d, int fd)
{
    return d->words[fd / WORD_BITS] >> fd % WORD_BITS & 1;
}

static void list_descriptors(struct descriptors *ret)
{
    struct folder f;
    int fd;

    memset(ret, 0, sizeof *ret);
    if (!folder_open(&f, "/proc/self/fd"))
        return;
    while ((fd = folder_next(&f)) >= 0) {
        if (fd != f.fd && fd < MAX_DESCRIPTORS)
            ret->words[fd / WORD_BITS] |= 1UL << fd % WORD_BITS;
    }
    close(f.fd);
}

/* Reads the name of a thread, "" if there is none. */
static void name_thread(int tid, char *ret, size_t size)
{
    char path[64];
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof path, "/proc/self/task/%d/comm", tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, ret, size - 1);
        close(fd);
    }
    ret[n > 0 ? n : 0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

/* Counts the threads and returns the name of the latest, "" if that is the first one.
 * The kernel's threads for io_uring do not count: they end some time after the ring. */
static int count_threads(char *ret_name, size_t size)
{
    struct folder f;
    int tid, n = 0;

    ret_name[0] = '\0';
    if (!folder_open(&f, "/proc/self/task"))
        return 0;
    while ((tid = folder_next(&f)) >= 0) {
        char name[32] = "";

        if (tid != getpid())
            name_thread(tid, name, sizeof name);
        if (strncmp(name, "iou-", 4) == 0)
            continue;
        n++;
        snprintf(ret_name, size, "%s", name);
    }
    close(f.fd);
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
    list_descriptors(&open_before);
    threads_before = count_threads(name, sizeof name);
    live_before = eddyi_ledger_live();
}

static void check_descriptor(int fd, bool before)
{
    char link[64], target[200];
    ssize_t n;

    if (before) {
        report_broken("descriptor %d, which was not the test's, was closed", fd);
        return;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    report_broken("left descriptor %d open: %s", fd, target);
}

static void check_descriptors(void)
{
    static struct descriptors open_after;

    list_descriptors(&open_after);
    if (memcmp(&open_before, &open_after, sizeof open_before) == 0)
        return;
    for (int fd = 0; fd < MAX_DESCRIPTORS; fd++) {
        if (is_open(&open_before, fd) != is_open(&open_after, fd))
            check_descriptor(fd, is_open(&open_before, fd));
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
