/*
 * Symbols of ELF files, for programs that have lost eddy's note.
 */
#ifndef EDDY_TOOL_SYMBOL_H
#define EDDY_TOOL_SYMBOL_H

#include <stdint.h>

/*
 * The address in process @pid of a symbol in the file that it has mapped from @path, @bias above the
 * addresses in the file; 0: it has no such symbol, or the file cannot be read.
 */
uint64_t find_symbol_in_file(int pid, const char *path, uint64_t bias, const char *name);

#endif
