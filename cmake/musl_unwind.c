/*
 * The function of glibc with which Debian's libgcc finds a program's unwind tables; musl has none,
 * and a libgcc that was built for musl needs none. See musl.cmake.
 */
#define _GNU_SOURCE
#include <link.h>
#include <stddef.h>
#include <stdint.h>

/* As glibc's <dlfcn.h> declares it. */
struct dl_find_object {
    unsigned long long flags;
    void *begin, *end;
    struct link_map *map;
    void *tables;
    unsigned long long reserved[7];
};

int _dl_find_object(void *address, struct dl_find_object *ret);

struct search {
    uintptr_t address;
    struct dl_find_object *ret;
};

static int look(struct dl_phdr_info *o, size_t size, void *arg)
{
    struct search *s = arg;
    void *tables = NULL;
    int is_here = 0;

    for (unsigned i = 0; i < o->dlpi_phnum; i++) {
        uintptr_t at = o->dlpi_addr + o->dlpi_phdr[i].p_vaddr;

        if (o->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
            tables = (void *)at;
        if (o->dlpi_phdr[i].p_type == PT_LOAD && s->address - at < o->dlpi_phdr[i].p_memsz) {
            is_here = 1;
            s->ret->begin = (void *)at;
            s->ret->end = (void *)(at + o->dlpi_phdr[i].p_memsz);
        }
    }
    s->ret->tables = tables;
    return is_here && tables;
}

int _dl_find_object(void *address, struct dl_find_object *ret)
{
    struct search s = {(uintptr_t)address, ret};

    return dl_iterate_phdr(look, &s) ? 0 : -1;
}
