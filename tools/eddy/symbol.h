/*
 * Symbols of ELF files, for programs that have lost eddy's note.
 */
#ifndef EDDY_TOOL_SYMBOL_H
#define EDDY_TOOL_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

/*
 * The address in process @pid of a symbol in the file that it has mapped from @path, @bias above
 * the addresses in the file; 0: it has no such symbol, or the file cannot be read. Looks at
 * *patience symbols at most, and takes those that it has looked at off that.
 */
uint64_t find_symbol_in_file(int pid, const char *path, uint64_t bias, const char *name,
                             size_t *patience);

#endif
