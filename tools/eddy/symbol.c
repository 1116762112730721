#include "symbol.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    const char *bytes;
    size_t size;
};

/* Returns @count elements of @size bytes at @offset, not aligned; NULL if the file is shorter. */
static const char *part(const struct file *f, uint64_t offset, uint64_t count, uint64_t size)
{
    if (offset > f->size || (count && size > (f->size - offset) / count))
        return NULL;
    return f->bytes + offset;
}

static uint64_t search_table(const struct file *f, const Elf64_Shdr *table,
                             const Elf64_Shdr *strings, const char *name, size_t *patience)
{
    Elf64_Sym symbol;
    size_t n = table->sh_size / sizeof symbol, length = strlen(name) + 1;
    const char *symbols = part(f, table->sh_offset, n, sizeof symbol);
    const char *names = part(f, strings->sh_offset, strings->sh_size, 1);

    if (!symbols || !names)
        return 0;
    for (; n > 0 && *patience > 0; n--, --*patience, symbols += sizeof symbol) {
        memcpy(&symbol, symbols, sizeof symbol);
        if (symbol.st_shndx != SHN_UNDEF && symbol.st_name < strings->sh_size &&
            strings->sh_size - symbol.st_name >= length &&
            memcmp(names + symbol.st_name, name, length) == 0)
            return symbol.st_value;
    }
    return 0;
}

static void read_section(const char *sections, unsigned i, Elf64_Shdr *ret)
{
    memcpy(ret, sections + i * sizeof *ret, sizeof *ret);
}

static uint64_t search_file(const struct file *f, const char *name, size_t *patience)
{
    const char *begin = part(f, 0, 1, sizeof(Elf64_Ehdr)), *sections;
    Elf64_Ehdr header;
    Elf64_Shdr table, strings;
    uint64_t found = 0;

    if (!begin)
        return 0;
    memcpy(&header, begin, sizeof header);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_shentsize != sizeof table)
        return 0;
    sections = part(f, header.e_shoff, header.e_shnum, sizeof table);
    for (unsigned i = 0; sections && i < header.e_shnum && !found; i++) {
        read_section(sections, i, &table);
        if ((table.sh_type != SHT_SYMTAB && table.sh_type != SHT_DYNSYM) ||
            table.sh_link >= header.e_shnum)
            continue;
        read_section(sections, table.sh_link, &strings);
        found = search_table(f, &table, &strings, name, patience);
    }
    return found;
}

uint64_t find_symbol_in_file(int pid, const char *path, uint64_t bias, const char *name,
                             size_t *patience)
{
    struct file f = {NULL, 0};
    uint64_t found = 0;
    struct stat st;
    char full[600];
    int fd;

    /* The path as that process sees it, which may be in a container. */
    snprintf(full, sizeof full, "/proc/%d/root%s", pid, path);
    fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        f.size = (size_t)st.st_size;
        f.bytes = mmap(NULL, f.size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (f.bytes != MAP_FAILED) {
            found = search_file(&f, name, patience);
            munmap((void *)(uintptr_t)f.bytes, f.size);
        }
    }
    close(fd);
    return found ? bias + found : 0;
}
