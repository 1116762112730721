/*
 * Coroutines and callbacks that fork, and return in both processes. A test forks once.
 */
#ifndef EDDY_TEST_FORKS_H
#define EDDY_TEST_FORKS_H

#include "harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_IS_RIGHT = 42, CHILD_PATIENCE = 20 /* seconds, after which it is killed */ };

static struct {
    pid_t parent, child;
    /* shared by both: callbacks and steps of tasks that only the parent should have run */
    int *ran_in_child;
} forks;

static inline bool is_child(void)
{
    return getpid() != forks.parent;
}

/* As a callback and as a job; returns in both processes. */
static inline void fork_here(void *unused)
{
    (void)unused;
    forks.child = fork();
    if (forks.child == 0)
        alarm(CHILD_PATIENCE);
}

/* A callback that must have its turn in the parent alone. */
static inline void only_in_parent(void *unused)
{
    (void)unused;
    if (is_child())
        ++*forks.ran_in_child;
}

__attribute__((unused)) static eddy_async(ticks)
{
    for (int i = 0; i < 5; i++) {
        eddy_try(eddy_sleep(0.001));
        only_in_parent(NULL);
    }
    return 0;
}

/* Makes the memory that both processes share, before the test forks. */
static inline void forks_init(void)
{
    void *p = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    REQUIRE(p != MAP_FAILED);
    forks.ran_in_child = p;
    forks.parent = getpid();
}

/* Behind a run: the child ends here, and tells by its exit code whether the run, which gave @rc,
 * ended as it is to. */
static inline void end_child(int rc)
{
    if (!is_child())
        return;
    if (rc != EDDY_EFORKED)
        fprintf(stderr, "the run of the child ended with %d (%s)\n", rc, eddy_strerror(rc));
    _exit(rc == EDDY_EFORKED ? CHILD_IS_RIGHT : 1);
}

/* In the parent: the child has ended as it is to, and ran nothing of its parent's. */
static inline void expect_child_right(void)
{
    int status = -1;

    REQUIRE(forks.child > 0);
    EXPECT_EQ(waitpid(forks.child, &status, 0), forks.child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == CHILD_IS_RIGHT);
    EXPECT_EQ(*forks.ran_in_child, 0);
}

/* Runs a coroutine, in which something forks and returns twice. */
static inline void run_twice(eddy_coroutine *coro)
{
    int rc = test_run_real(coro);

    end_child(rc);
    EXPECT_EQ(rc, 0);
    expect_child_right();
}

#endif
