/*
 * Workloads written by hand, without a library between the program and the kernel.
 */
#ifndef EDDY_BENCH_HAND_H
#define EDDY_BENCH_HAND_H

#include "../peer.h"

#include "../../system.h"

#define PEER "by-hand"

void hand_pipe(const char *workload), hand_names(const char *workload),
    hand_spawn(const char *workload), hand_direct(const char *workload),
    hand_process_rt(const char *workload), hand_process_flood(const char *workload);

/* Ends the program if a call has failed. Returns @rc. */
static inline int check(int rc, const char *call)
{
    if (rc < 0) {
        perror(call);
        exit(1);
    }
    return rc;
}

#endif
