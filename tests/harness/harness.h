/*
 * What the harness's own files share. Tests include test.h.
 *
 *   main.c      the options, the list of tests, one line for each
 *   child.c     one test in a child process: start it, watch it, judge it
 *   expect.c    expectations and their messages
 *   leaks.c     what a test may not leave behind
 *   torture.c   the same test with each call failing
 *   loops.c     loops for tests
 */
#ifndef EDDY_HARNESS_H
#define EDDY_HARNESS_H

#include "harness/test.h"

/* Shared between a test's child, which fills it, and the harness. */
struct report {
    atomic_bool unmet;       /* an expectation was not met */
    char unmet_message[600]; /* the first one; "file:line: …" */
    atomic_bool broken;      /* it left something behind: not excused by an injected fault */
    char broken_message[600];
    bool left_early; /* because of an injected fault, with variables that still own something */
    bool skipped;
    char skip_reason[200];
    bool finished; /* the child came to an end that it chose */
    struct eddyi_torture torture;
    int64_t took_ms; /* from its start to its end, as the harness saw it */
};
extern struct report *report;

/* Which fault to inject while a test runs; call 0 only counts. */
struct fault_plan {
    unsigned long nth;
    bool ever_after;
    unsigned seed;
    int64_t usual_ms; /* how long the test takes without a fault; 0: not known */
};

enum verdict { PASSED, SKIPPED, FAILED };

/*
 * Runs a test in a child and fills @message (NULL: nobody wants to know) if it did not pass. What
 * the child wrote is kept for child_print_output(). With a @plan, expectations that are not met
 * once it has struck do not count.
 */
enum verdict child_run(const struct test *t, const struct fault_plan *plan, char *message,
                       size_t size);
void child_print_output(void);

/* Runs a test in this process, for a debugger. */
void child_run_here(const struct test *t, const struct fault_plan *plan);

/* Ends the child now; what is left behind is not looked at. */
void child_end(void) __attribute__((noreturn));

/* The state to compare with, before a test; and the comparison, which reports what is too much. */
void leaks_before(void);
void leaks_after(void);

/* Notes that the test left something behind. */
void report_broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct torture {
    unsigned long limit; /* how many calls to let fail at most, spread over all; 0: every one */
    unsigned seed;
};
enum verdict torture_run(const struct test *t, const struct torture *how, char *message,
                         size_t size);

#endif
