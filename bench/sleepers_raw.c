/*
 * The reference for `sleepers`: deadlines in a heap and the kernel's most exact sleep, written by
 * hand without tasks, loop or descriptors. Its lateness is that of the machine. With a page for
 * each sleeper, in the place of the top of an eddy stack, of which a wake-up touches some cache
 * lines, its rate is what such memory allows.
 */
#include "bench.h"
#include "sleepers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>

enum { PAGE = 4096, STRIDE = 65 * PAGE, LINE = 64, LINES_TOUCHED = 6 };

struct raw_sleeper {
    uint64_t due, random;
    char *page; /* NULL: none */
};

static void touch(char *page)
{
    for (int i = 0; page && i < LINES_TOUCHED; i++)
        (*(volatile char *)(page + PAGE - LINE * (i + 1)))++;
}

/* Puts @s into its place, from the free top of the heap downward. */
static void sift_down(struct raw_sleeper *heap, size_t n, struct raw_sleeper s)
{
    size_t place = 0;

    for (size_t child = 1; child < n; child = 2 * place + 1) {
        if (child + 1 < n && heap[child + 1].due < heap[child].due)
            child++;
        if (s.due <= heap[child].due)
            break;
        heap[place] = heap[child];
        place = child;
    }
    heap[place] = s;
}

static void sleep_until(uint64_t when)
{
    struct timespec t = {.tv_sec = (time_t)(when / 1000000000u),
                         .tv_nsec = (long)(when % 1000000000u)};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* Maps one page for each of @n sleepers; the rest of the memory is never touched. Returns NULL if
 * that fails. */
static char *map_pages(size_t n)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *pages = mmap(NULL, n * STRIDE, PROT_READ | PROT_WRITE, flags, -1, 0);

    if (pages == MAP_FAILED)
        return NULL;
    madvise(pages, n * STRIDE, MADV_NOHUGEPAGE);
    return pages;
}

static int sleep_by_hand(long seconds, size_t n, char *pages)
{
    struct raw_sleeper *heap = calloc(n, sizeof *heap);
    long live = (long)n;

    if (!heap)
        return -ENOMEM;
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    for (size_t i = 0; i < n; i++) {
        heap[i].random = (uint64_t)i * 2654435761u + BENCH_SEED;
        heap[i].page = pages ? pages + i * STRIDE : NULL;
    }
    sleepers_begin(live, seconds);
    while (n > 0) {
        struct raw_sleeper s = heap[0];
        uint64_t now = bench_now();

        if (s.due > now) {
            sleep_until(s.due);
            continue;
        }
        touch(s.page);
        if (s.due > 0)
            sleepers_woke(s.due, now);
        else
            sleepers_begun();
        if (sleepers_over(now))
            s = heap[--n];
        else
            s.due = now + bench_random(&s.random) % 100000000;
        sift_down(heap, n, s);
    }
    bench_print("", sleepers_rate(), "wakeups/s");
    bench_print("_p99", sleepers_p99(), "us");
    free(heap);
    return 0;
}

int bench_sleepers_raw(long seconds, long live)
{
    return sleep_by_hand(seconds, (size_t)live, NULL);
}

int bench_sleepers_raw_pages(long seconds, long live)
{
    char *pages = map_pages((size_t)live);
    int rc = pages ? sleep_by_hand(seconds, (size_t)live, pages) : -ENOMEM;

    if (pages)
        munmap(pages, (size_t)live * STRIDE);
    return rc;
}
