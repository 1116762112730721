/*
 * Leaks of a run: descriptors, and memory of the library.
 */
#include "base/exception.h"
#include "base/fault.h"
#include "base/sys.h"
#include "executor/executor.h"
#include "testkit/trial.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void list_descriptors(unsigned char *bits, size_t size)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;

    memset(bits, 0, size);
    while (dir && (entry = readdir(dir)) != NULL) {
        unsigned fd = (unsigned)atoi(entry->d_name);

        if (entry->d_name[0] != '.' && (int)fd != dirfd(dir) && fd < size * 8)
            bits[fd / 8] |= (unsigned char)(1u << fd % 8);
    }
    if (dir)
        closedir(dir);
}

void eddyi_belongings_note(struct eddyi_belongings *b)
{
    eddyi_error_clear(eddyi_error_here()); /* the library may keep the latest error */
    b->allocations = eddyi_ledger_live();
    list_descriptors(b->descriptors, sizeof b->descriptors);
}

static bool has(const struct eddyi_belongings *b, unsigned fd)
{
    return b->descriptors[fd / 8] >> fd % 8 & 1;
}

static void compare_descriptor(const struct eddyi_belongings *before,
                               const struct eddyi_belongings *after, unsigned fd,
                               struct eddyi_trial *t)
{
    char link[40], target[200];
    ssize_t n;

    if (has(before, fd) == has(after, fd))
        return;
    if (has(before, fd)) {
        eddyi_trial_wrong(t, "it closed descriptor %u, which was open before", fd);
        return;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%u", fd);
    n = readlink(link, target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    eddyi_trial_wrong(t, "it left descriptor %u open: %s", fd, target);
    close((int)fd); /* so that no later run is blamed for it */
}

/*
 * Waits until the threads have ended that the run gave up: a lookup by the C library goes on when
 * it is cancelled, and frees its memory at its end. A lookup that takes longer than 30 s counts as
 * left behind.
 */
static void wait_for_abandoned_threads(void)
{
    for (int ms = 0; atomic_load(&eddyi_executors_abandoned) > 0 && ms < 30000; ms++)
        usleep(1000);
}

void eddyi_belongings_compare(const struct eddyi_belongings *before, struct eddyi_trial *t)
{
    struct eddyi_belongings after;

    wait_for_abandoned_threads();
    eddyi_belongings_note(&after);
    if (after.allocations > before->allocations)
        eddyi_trial_wrong(t, "it left %ld allocation(s) of the library",
                          after.allocations - before->allocations);
    if (after.allocations < before->allocations)
        eddyi_trial_wrong(t, "it freed %ld allocation(s) of the library that it had not made",
                          before->allocations - after.allocations);
    for (unsigned fd = 0; fd < sizeof before->descriptors * 8; fd++)
        compare_descriptor(before, &after, fd, t);
}
