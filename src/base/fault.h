/*
 * Faults: tests make the library's calls to the kernel, and for memory, fail.
 *
 * In a build with EDDY_FAULTS every such call (base/sys.h) asks eddyi_fault(name) first, where name
 * is the call's: "malloc", "mmap", "accept4"… Two plans answer, each of which may be empty: one
 * names a call and its error (for a test of one particular failure), the other counts all calls
 * that can fail and picks the n-th (torture). Both may be used from any thread.
 */
#ifndef EDDYI_FAULT_H
#define EDDYI_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes each call of this name fail with @error (an errno, positive) from now on. Borrows @call. */
void eddyi_fault_only(const char *call, int error);

/* Makes only the @nth call of this name from now on (1: the next) fail. */
void eddyi_fault_nth(const char *call, unsigned long nth, int error);

/* Ends both kinds of named faults. */
void eddyi_fault_clear(void);

/* Returns how many calls they made fail since the last eddyi_fault_clear(). */
unsigned long eddyi_fault_hits(void);

/*
 * Torture: counts calls that can fail, from 1, and makes the @nth fail, and all later ones if
 * @ever_after, with an errno that is legal for the call; @seed chooses among several. @nth 0 only
 * counts.
 */
struct eddyi_torture {
    unsigned long nth;
    bool ever_after;
    unsigned seed;
    /* The results; the caller sets all of them to 0. */
    atomic_ulong calls; /* counted so far */
    /* those that can fail for ever after; with @ever_after only they are counted */
    atomic_ulong lasting;
    _Atomic(const char *) struck; /* the first call that was made to fail; NULL: none yet */
    /* The places of the calls, in order, at most @sites_size of them; NULL: not recorded. Two calls
     * have equal places if the same three or four calls have led to the same place, as far as their
     * thread knows: most such calls are rounds of one loop. */
    uint32_t *sites;
    unsigned long sites_size;
};

/* Borrows @t until eddyi_torture_stop(), which may be called in a signal handler. */
void eddyi_torture_start(struct eddyi_torture *t);
void eddyi_torture_stop(void);

/*
 * Withholds results: when the result of an operation has come, @asked says whether to keep it from
 * the backend for now, as if it came later; @asked is called again in each wait for events. So a
 * result and a request to cancel meet in any order. One result at a time, for the loops of the
 * calling thread. NULL: no longer.
 */
typedef bool eddyi_withholder(void *op, void *arg);
void eddyi_withhold_results(eddyi_withholder *asked, void *arg);

/*
 * Cuts transfers short: from now on each read and write of a stream, a pipe or a file moves at most
 * @most bytes, as the kernel may do at any time; after the first thousand transfers a small share
 * of what was asked for, if that is more. Messages stay whole: datagrams, packets, messages with
 * descriptors, events of inotify and the like. 0: nothing is cut. The initial value is that of
 * EDDY_SHORT in the environment.
 */
void eddyi_fault_short(size_t most);

/* The ledger of the library's allocations: those alive now, and all ever made. */
long eddyi_ledger_live(void);
unsigned long eddyi_ledger_made(void);

#endif
