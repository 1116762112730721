/* Memory: replacing the allocator. */
#ifndef EDDY_MEMORY_H
#define EDDY_MEMORY_H

#include "defs.h"

#include <stddef.h>

EDDY_BEGIN_DECLS

/*
 * Sets the functions that eddy calls in place of malloc(3), calloc(3), realloc(3) and free(3),
 * whose contracts they must keep: eddy_set_allocator(mi_malloc, mi_calloc, mi_realloc, mi_free).
 * They are called in all threads that use eddy, but never in a signal handler.
 *
 * Must be called before any object of eddy is made: before the first loop, and before the coroutine
 * for eddy_main(). Returns 0; EDDY_EMISUSE once eddy has allocated memory, since the wrong function
 * would release it; -EINVAL if one of the four is NULL.
 *
 * Some memory does not come from these functions: the stacks of tasks and the rings of io_uring,
 * which are mapped; and the memory of other libraries: c-ares (ares_library_init_mem()), OpenSSL
 * (CRYPTO_set_mem_functions()), libcurl (curl_global_init_mem()) and the C library.
 */
EDDY_API EDDY_NODISCARD int eddy_set_allocator(void *(*alloc)(size_t size),
                                               void *(*zalloc)(size_t n, size_t size),
                                               void *(*resize)(void *p, size_t size),
                                               void (*release)(void *p));

EDDY_END_DECLS

#endif
