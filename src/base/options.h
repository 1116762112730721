/*
 * Structs of options, which grow: a program passes the size that they had when it was compiled.
 *
 * The headers' macros add that size to each call. Options that the program does not know are zero,
 * their default; options that the library does not know must be zero (as in clone3(2)).
 */
#ifndef EDDYI_OPTIONS_H
#define EDDYI_OPTIONS_H

#include "eddy/defs.h"

#include <stddef.h>

/*
 * Copies @size bytes of a program's struct at @given to the library's at @own, which has @own_size:
 * what is missing is zero. Returns 0, or raises -E2BIG if the program sets an option beyond that.
 */
EDDY_COLD int eddyi_options_take(void *own, size_t own_size, const void *given, size_t size);

/*
 * Begins a public function: makes *@options, unless it is NULL, a struct of this library's @type,
 * or returns @failure.
 */
#define EDDYI_OPTIONS(type, options, size, failure)                                                \
    type eddyi_own;                                                                                \
    if (__builtin_expect((size) != sizeof(type), 0) && (options)) {                                \
        if (eddyi_options_take(&eddyi_own, sizeof(type), (options), (size)) < 0)                   \
            return failure;                                                                        \
        (options) = &eddyi_own;                                                                    \
    }                                                                                              \
    (void)0

#endif
