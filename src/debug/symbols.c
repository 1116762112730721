#include "debug/symbols.h"

#include "base/sys.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

void eddyi_symbols_fini(struct eddyi_symbols *s)
{
    for (size_t i = 0; i < s->n_files; i++)
        if (s->files[i].image)
            eddyi_sys_unmap((void *)(uintptr_t)s->files[i].image, s->files[i].size);
    s->n_files = 0;
}

/* The program or library that holds an address. */
struct image {
    const void *address;
    uintptr_t bias;   /* what was added to its symbols' values when it was loaded */
    const char *name; /* "" for the program itself; NULL: nothing holds the address */
};

/* Fills the image in, and ends the search, if the object @o holds its address. */
static int is_image(struct dl_phdr_info *o, size_t size, void *arg)
{
    struct image *image = arg;
    uintptr_t at = (uintptr_t)image->address - o->dlpi_addr;

    for (unsigned i = 0; i < o->dlpi_phnum; i++) {
        if (o->dlpi_phdr[i].p_type != PT_LOAD ||
            at - o->dlpi_phdr[i].p_vaddr >= o->dlpi_phdr[i].p_memsz)
            continue;
        image->bias = o->dlpi_addr;
        image->name = o->dlpi_name;
        return 1;
    }
    return 0;
}

/* Returns the file of the image, opening it if need be; NULL if there are too many. */
static const struct eddyi_symbol_file *file_of(struct eddyi_symbols *s, const struct image *image)
{
    struct eddyi_symbol_file *f;

    for (size_t i = 0; i < s->n_files; i++)
        if (s->files[i].bias == image->bias)
            return &s->files[i];
    if (s->n_files == EDDYI_SYMBOL_MODULES)
        return NULL;
    f = &s->files[s->n_files++];
    *f = (struct eddyi_symbol_file){.bias = image->bias};
    if (eddyi_sys_map_file(*image->name ? image->name : "/proc/self/exe", &f->image, &f->size) < 0)
        f->image = NULL;
    return f;
}

/* Returns @count elements of @size bytes at @offset; NULL if the file is shorter. */
static const void *part(const struct eddyi_symbol_file *f, uint64_t offset, uint64_t count,
                        uint64_t size)
{
    if (offset > f->size || (count && size > (f->size - offset) / count))
        return NULL;
    return (const char *)f->image + offset;
}

/* Returns the name of the function that covers @value. */
static const char *search(const struct eddyi_symbol_file *f, const ElfW(Shdr) * table,
                          const ElfW(Shdr) * strings, uintptr_t value, size_t *ret_offset)
{
    size_t n = table->sh_size / sizeof(ElfW(Sym));
    const ElfW(Sym) *symbols = part(f, table->sh_offset, n, sizeof *symbols);
    const char *names = part(f, strings->sh_offset, strings->sh_size, 1);

    for (size_t i = 0; symbols && names && i < n; i++) {
        const ElfW(Sym) *symbol = &symbols[i];

        if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || value < symbol->st_value ||
            value - symbol->st_value >= symbol->st_size || symbol->st_name >= strings->sh_size)
            continue;
        *ret_offset = value - symbol->st_value;
        return names + symbol->st_name;
    }
    return NULL;
}

static const char *search_file(const struct eddyi_symbol_file *f, uintptr_t value,
                               size_t *ret_offset)
{
    const ElfW(Ehdr) *header = f->image ? part(f, 0, 1, sizeof *header) : NULL;
    const ElfW(Shdr) * sections;

    if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_shentsize != sizeof *sections)
        return NULL;
    sections = part(f, header->e_shoff, header->e_shnum, sizeof *sections);
    for (unsigned i = 0; sections && i < header->e_shnum; i++)
        if (sections[i].sh_type == SHT_SYMTAB && sections[i].sh_link < header->e_shnum)
            return search(f, &sections[i], &sections[sections[i].sh_link], value, ret_offset);
    return NULL;
}

const char *eddyi_symbols_function(struct eddyi_symbols *s, const void *address, size_t *ret_offset)
{
    const struct eddyi_symbol_file *f;
    struct image image = {.address = address};
    const char *name = NULL;
    Dl_info info;

    if (!dl_iterate_phdr(is_image, &image))
        return NULL;
    f = file_of(s, &image);
    if (f)
        name = search_file(f, (uintptr_t)address - f->bias, ret_offset);
    /* A file without a symbol table still has its exported symbols. */
    if (!name && dladdr(address, &info) && info.dli_sname) {
        name = info.dli_sname;
        *ret_offset = (size_t)((const char *)address - (const char *)info.dli_saddr);
    }
    return name;
}

void eddyi_symbols_print(struct eddyi_symbols *s, const void *address, char *buf, size_t size)
{
    size_t offset;
    const char *name = eddyi_symbols_function(s, address, &offset), *file;
    Dl_info info;

    if (!dladdr(address, &info) || !info.dli_fname) {
        snprintf(buf, size, "%p", address);
        return;
    }
    file = strrchr(info.dli_fname, '/');
    file = file ? file + 1 : info.dli_fname;
    if (name)
        snprintf(buf, size, "%s+0x%zx (%s)", name, offset, file);
    else
        snprintf(buf, size, "%s+0x%zx", file,
                 (size_t)((const char *)address - (const char *)info.dli_fbase));
}
