/*
 * Faults: how tests make the library's calls to the kernel, and for memory, fail.
 *
 * In a build with EDDY_FAULTS every such call (base/sys.h) asks eddyi_fault(name) first, where name
 * is the call's: "malloc", "mmap", "accept4"… Two plans answer, each may be empty: one names a call
 * and its error (for a test of one particular failure), the other counts all calls that can fail
 * and picks the n-th (torture). Both may be used from any thread.
 */
#ifndef EDDYI_FAULT_H
#define EDDYI_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* From now on each call of this name fails with @error (an errno, positive). @call is not
 * copied. */
void eddyi_fault_only(const char *call, int error);

/* The same for the @nth call of this name from now on (1: the next) and no other. */
void eddyi_fault_nth(const char *call, unsigned long nth, int error);

/* No call fails any more because of the two above. */
void eddyi_fault_clear(void);

/* How many calls failed because of them, since the last eddyi_fault_clear(). */
unsigned long eddyi_fault_hits(void);

/*
 * Torture: counts calls that can fail, from 1, and makes the @nth fail, and all later ones if
 * @ever_after, with an errno that is legal for the call; @seed chooses among several. 0 for @nth
 * only counts.
 */
struct eddyi_torture {
    unsigned long nth;
    bool ever_after;
    unsigned seed;
    /* what became of it; the caller sets all to 0 */
    atomic_ulong calls; /* counted so far */
    /* those of them that can fail for ever after: then no others are counted */
    atomic_ulong lasting;
    _Atomic(const char *) struck; /* the first call that was made to fail; NULL: none yet */
};

/* @t is the caller's until eddyi_torture_stop(), which may be called in a signal handler. */
void eddyi_torture_start(struct eddyi_torture *t);
void eddyi_torture_stop(void);

/*
 * Results held back: when the result of an operation has come, @asked says whether to keep it from
 * the backend for now, as if it came later; asked again in each wait for events. So a result and a
 * request to cancel meet in any order. One result at a time, and for the loops of the calling
 * thread. NULL: nothing is held back any more.
 */
typedef bool eddyi_holder(void *op, void *arg);
void eddyi_hold_results(eddyi_holder *asked, void *arg);

/*
 * Transfers cut short: from now on each read and write of a stream, a pipe or a file moves at most
 * @most bytes, as the kernel may have it at any time; after the first thousand a small share of
 * what was asked for, if that is more. Messages stay whole: datagrams, packets, what brings
 * descriptors, events of inotify and the like. 0: nothing is cut. In the beginning it is what
 * EDDY_SHORT in the environment says.
 */
void eddyi_fault_short(size_t most);

/* The ledger of the library's allocations: those alive now, and those ever made. */
long eddyi_ledger_live(void);
unsigned long eddyi_ledger_made(void);

#endif
