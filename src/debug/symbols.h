/*
 * Names of functions by address, including static ones, which only the file's symbol table has.
 *
 * Nothing is allocated, so it also works in a signal handler, as long as the files do not change
 * meanwhile.
 */
#ifndef EDDYI_SYMBOLS_H
#define EDDYI_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

enum { EDDYI_SYMBOL_MODULES = 8 };

/* Files that were opened, kept for later questions. */
struct eddyi_symbols {
    struct eddyi_symbol_file {
        uintptr_t bias; /* address in memory = address in the file + bias */
        const void *image;
        size_t size;
    } files[EDDYI_SYMBOL_MODULES];
    size_t n_files;
};

/* {0} is a valid struct. */
void eddyi_symbols_fini(struct eddyi_symbols *s);

/* Writes "function+0x1f (file)", "file+0x1234" or the bare address. */
void eddyi_symbols_print(struct eddyi_symbols *s, const void *address, char *buf, size_t size);

/* Returns the name of the function alone, or NULL; valid as long as @s. */
const char *eddyi_symbols_function(struct eddyi_symbols *s, const void *address,
                                   size_t *ret_offset);

#endif
