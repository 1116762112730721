/*
 * Symbols of ELF files, for programs that have lost eddy's note.
 */
#ifndef EDDY_TOOL_SYMBOL_H
#define EDDY_TOOL_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Returns the address in process @pid of a symbol of the file that it has mapped from @path, @bias
 * above the addresses in the file; 0: there is no such symbol, or the file cannot be read. Examines
 * at most *patience symbols, and subtracts those it has examined.
 */
uint64_t find_symbol_in_file(int pid, const char *path, uint64_t bias, const char *name,
                             size_t *patience);

#endif
