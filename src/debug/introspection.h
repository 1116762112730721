/*
 * The facts that another process needs to read the memory of a program with eddy: `eddy ps`, the
 * gdb script.
 *
 * A reader finds the block by the ELF note "eddy" of type 1, in a segment PT_NOTE of the file that
 * contains eddy, the program or a library, even without symbols: the note's eight bytes (in a file
 * of 32 bits, the first four) are the block's address minus their own. In a file with symbols, the
 * block is `eddy_introspection`. From there on the reader follows pointers. The block gives their
 * offsets by name, so that the reader need not know the version. "task.wait" is the offset of the
 * member wait in the struct that a task pointer points to; a member that is a list ("loop.tasks")
 * is two pointers, next and previous, to the members "task.link" of its elements, and the last
 * one's next is the list itself. "wait.holder" is the address of a pointer to a task, which may
 * have ended. A member with the name of a type, as "future" in "wait.future", is a pointer to that
 * type; 0: none.
 *
 *   version    changes when a reader of the former one would go wrong
 *   loops      the address of a pointer to the latest loop; "loop.next" leads to the others
 *   "constant.…"   not an offset but a number
 *
 * The process does not wait for its readers. They may see a change half made, so they must expect
 * any contents.
 */
#ifndef EDDYI_INTROSPECTION_H
#define EDDYI_INTROSPECTION_H

#include <stdint.h>

#define EDDYI_INTROSPECTION_MAGIC "eddyint"
#define EDDYI_INTROSPECTION_VERSION 1
#define EDDYI_INTROSPECTION_NOTE 1

struct eddyi_introspection_field {
    char name[28]; /* terminated */
    uint32_t value;
};

struct eddyi_introspection {
    char magic[8];
    uint32_t version;
    uint32_t size; /* of the block, in bytes, up to and including its last field */
    char library[16];
    union {
        const void *address;
        uint64_t number;
    } loops;
    uint32_t fields_offset; /* from the beginning of the block */
    uint32_t n_fields;
    struct eddyi_introspection_field fields[64]; /* those without a name mean nothing */
};

/* Not exported under this name: the note needs an address that is fixed within the file. */
extern const struct eddyi_introspection eddyi_introspection;

#endif
