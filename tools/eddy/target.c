#include "target.h"

#include "base/printable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool target_open(struct target *t, const char *pid)
{
    char reason[300] = "", *end;
    long number = strtol(pid, &end, 10);

    if (!*pid || *end || number <= 0 || number > INT32_MAX) {
        fprintf(stderr, "eddy: '%s' is no process number\n", pid);
        return false;
    }
    t->pid = (int)number;
    memory_init(&t->memory, t->pid);
    t->n_blocks = locate_blocks(&t->memory, t->blocks, reason, sizeof reason);
    if (t->n_blocks > 0)
        return true;
    fprintf(stderr, "eddy: process %d: %s\n", t->pid, reason);
    return false;
}

bool target_snapshot(struct target *t, struct snapshot *ret)
{
    int rc = snapshot_take(ret, &t->memory, t->blocks, t->n_blocks);

    if (rc < 0)
        fprintf(stderr, "eddy: %s\n", strerror(-rc));
    else if (ret->torn)
        fprintf(stderr,
                "eddy: process %d changes faster than it can be read; some tasks may be missing\n",
                t->pid);
    return rc == 0;
}

void target_command(const struct target *t, char *buf, size_t size)
{
    char path[64], name[64];
    FILE *f;
    size_t n = 0;

    snprintf(path, sizeof path, "/proc/%d/comm", t->pid);
    f = fopen(path, "r");
    if (f) {
        n = fread(name, 1, sizeof name, f);
        fclose(f);
    }
    /* The last byte ends the line; other newlines may be part of the name. */
    if (n > 1)
        eddyi_printable(name, n - 1, buf, size);
    else
        snprintf(buf, size, "?");
}
