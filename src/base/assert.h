/*
 * Invariants of the library, stated where they hold.
 *
 * A mistake of the program, or an event of the outside world, is no broken invariant: it gives a
 * status. A broken invariant ends the process with one line in the log: the place and the
 * condition:
 *
 *     eddy: src/task/future.h:88: broken invariant: f->refs > 0
 *
 * A name for the invariant goes into the condition: EDDYI_ASSERT(!w->over && "a wait ends once").
 */
#ifndef EDDYI_ASSERT_H
#define EDDYI_ASSERT_H

#include "eddy/defs.h"

/* Ends the process; @broken is the place and the condition. */
EDDY_COLD _Noreturn void eddyi_assert_failed(const char *broken);

#define EDDYI_ASSERT_TEXT(line, cond) EDDYI_ASSERT_TEXT_(line, cond)
#define EDDYI_ASSERT_TEXT_(line, cond) __FILE__ ":" #line ": broken invariant: " cond

/* Checks @cond in every build: for conditions that cost a comparison, and whose breach would
 * corrupt memory. */
#define EDDYI_ASSERT_ALWAYS(cond)                                                                  \
    (__builtin_expect(!(cond), 0) ? eddyi_assert_failed(EDDYI_ASSERT_TEXT(__LINE__, #cond))        \
                                  : (void)0)

/* Checks @cond in the tests' library and in debug builds; elsewhere it is compiled, but costs
 * nothing and has no effect. */
#if defined(EDDY_FAULTS) || defined(EDDY_ASSERTIONS)
#define EDDYI_ASSERT(cond) EDDYI_ASSERT_ALWAYS(cond)
#else
#define EDDYI_ASSERT(cond) ((void)sizeof(!(cond)))
#endif

#endif
