/*
 * Arrays indexed by descriptor, that grow with the highest.
 */
#ifndef EDDYI_FD_TABLE_H
#define EDDYI_FD_TABLE_H

#include <stddef.h>

/*
 * Makes room for @fd among @slots, *n of @size bytes each; new ones are zero. A number that is no
 * descriptor is refused, so that it cannot inflate the table. On success sets *n, and *ret to the
 * array, which takes the place of @slots. Returns 0, -EBADF or -ENOMEM.
 */
int eddyi_fd_table_grow(void *slots, size_t *n, size_t size, int fd, void **ret);

#endif
