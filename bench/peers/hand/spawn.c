/*
 * posix_spawn and waitpid.
 */
#include "hand.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

void hand_spawn(const char *workload)
{
    char *argv[] = {SPAWNED, NULL};
    long n = spawn_count(workload);
    uint64_t began = 0;

    if (!occupy(spawn_mib(workload)))
        check(-1, "mmap");
    for (long i = -1; i < n; i++) {
        pid_t child;
        int status;

        if (i == 0)
            began = bench_now();
        errno = posix_spawn(&child, SPAWNED, NULL, NULL, argv, environ);
        check(-errno, "posix_spawn");
        check(waitpid(child, &status, 0), "waitpid");
        if (status != 0)
            exit(1);
    }
    peer_print(PEER, workload, (double)(bench_now() - began) / (double)n / 1e3, "us");
}
