/*
 * The shared declarations of the harness's own files. Tests include test.h.
 *
 *   main.c      the options, the list of tests, one line for each
 *   child.c     one test in a child process: start it, watch it, judge it
 *   expect.c    expectations and their messages
 *   leaks.c     what a test must not leave behind
 *   torture.c   the same test with each call failing
 *   loops.c     loops for tests
 */
#ifndef EDDY_HARNESS_H
#define EDDY_HARNESS_H

#include "harness/test.h"

/* The report of a test: its child process fills it in, the harness reads it. */
struct report {
    atomic_bool unmet;       /* an expectation was not met */
    char unmet_message[600]; /* the first one; "file:line: …" */
    atomic_bool broken;      /* the test left something behind; an injected fault is no excuse */
    char broken_message[600];
    bool left_early; /* because of an injected fault, with variables that still own something */
    bool skipped;
    char skip_reason[200];
    bool finished; /* the child ended by its own choice */
    struct eddyi_torture torture;
    int64_t took_ms; /* from start to end, as the harness measured it */
};
extern struct report *report;

/* The fault to inject while a test runs; call 0 only counts. */
struct fault_plan {
    unsigned long nth;
    bool ever_after;
    unsigned seed;
    int64_t usual_ms; /* the duration of the test without a fault; 0: not known */
    uint32_t *sites;  /* eddyi_torture's; shared with the child */
    unsigned long sites_size;
};

enum verdict { PASSED, SKIPPED, FAILED };

/*
 * Runs a test in a child and fills @message (NULL is allowed) if it did not pass. The child's
 * output is kept for child_print_output(). With a @plan, expectations that are not met after the
 * fault do not count.
 */
enum verdict child_run(const struct test *t, const struct fault_plan *plan, char *message,
                       size_t size);
void child_print_output(void);

/* Runs a test in this process, for a debugger. */
void child_run_here(const struct test *t, const struct fault_plan *plan);

/* Ends the child now, without a check for leaks. */
void child_end(void) __attribute__((noreturn));

/* Record the state before a test, and report what is left over after it. */
void leaks_before(void);
void leaks_after(void);

/* Notes that the test left something behind. */
void report_broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct torture {
    unsigned long limit; /* how many calls to let fail at most, spread over all; 0: every one */
    unsigned per_site; /* how often the calls of one site fail in a program; 0: as often as made */
    unsigned seed;
};
enum verdict torture_run(const struct test *t, const struct torture *how, char *message,
                         size_t size);

#endif
