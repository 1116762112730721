#include "locate.h"

#include "base/printable.h"
#include "symbol.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_SEGMENTS = 64,
    MAX_NOTES = 64 * 1024,
    MAX_FILES = 1000, /* files to search for symbols, and symbols in all */
    MAX_SYMBOLS = 50 * 1000 * 1000
};

/* Finds the block of the ELF file mapped at @base by its note. Returns the address, or 0. */
static uint64_t find_in_notes(struct memory *m, uint64_t address, uint64_t size)
{
    uint64_t end = address + (size < MAX_NOTES ? size : MAX_NOTES);
    Elf64_Nhdr note;
    char name[8] = "";

    while (address + sizeof note <= end && memory_copy(m, address, &note, sizeof note) == 0) {
        uint64_t content = address + sizeof note + ((uint64_t)note.n_namesz + 3) / 4 * 4;

        if (note.n_type == EDDYI_INTROSPECTION_NOTE && note.n_namesz == 5 && note.n_descsz == 8 &&
            memory_copy(m, address + sizeof note, name, 5) == 0 && memcmp(name, "eddy", 5) == 0)
            return content + memory_number(m, content, 8, NULL);
        address = content + ((uint64_t)note.n_descsz + 3) / 4 * 4;
    }
    return 0;
}

static uint64_t find_in_image(struct memory *m, uint64_t base, uint64_t *ret_bias)
{
    Elf64_Ehdr header;
    Elf64_Phdr segments[MAX_SEGMENTS];
    uint64_t found = 0;
    bool biased = false;

    if (memory_copy(m, base, &header, sizeof header) < 0 ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_phnum > MAX_SEGMENTS || header.e_phentsize != sizeof segments[0] ||
        memory_copy(m, base + header.e_phoff, segments, header.e_phnum * sizeof segments[0]) < 0)
        return 0;
    for (unsigned i = 0; i < header.e_phnum && !biased; i++) {
        biased = segments[i].p_type == PT_LOAD;
        if (biased)
            *ret_bias = base - segments[i].p_vaddr / MEMORY_PAGE * MEMORY_PAGE;
    }
    for (unsigned i = 0; i < header.e_phnum && biased && !found; i++)
        if (segments[i].p_type == PT_NOTE)
            found = find_in_notes(m, *ret_bias + segments[i].p_vaddr, segments[i].p_memsz);
    return found;
}

/* Reads a block. Returns true if it can be understood; sets *ret_other if it is of another
 * version. */
static bool read_block(struct memory *m, uint64_t address, struct block *b, bool *ret_other)
{
    struct eddyi_introspection *c = &b->content;

    b->address = address;
    if (memory_copy(m, address, c, offsetof(struct eddyi_introspection, fields)) < 0 ||
        memcmp(c->magic, EDDYI_INTROSPECTION_MAGIC, sizeof c->magic) != 0)
        return false;
    c->library[sizeof c->library - 1] = '\0';
    *ret_other = c->version != EDDYI_INTROSPECTION_VERSION;
    if (c->n_fields > sizeof c->fields / sizeof c->fields[0])
        c->n_fields = sizeof c->fields / sizeof c->fields[0];
    return !*ret_other && memory_copy(m, address + c->fields_offset, c->fields,
                                      c->n_fields * sizeof c->fields[0]) == 0;
}

/*
 * Parses the mapping of the beginning of a file, from a line such as "7f1000-7f2000 r--p 00000000
 * 08:01 123 /usr/lib/x.so". Returns false for other lines.
 */
static bool parse_mapping(const char *line, uint64_t *ret_base, char path[static 512])
{
    uint64_t end, offset;
    char rights[8];
    int n = 0;

    path[0] = '\0';
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %n", ret_base, &end, rights,
               &offset, &n) < 4 ||
        offset != 0 || rights[0] != 'r')
        return false;
    if (n > 0)
        snprintf(path, 512, "%.*s", (int)strcspn(line + n, "\n"), line + n);
    return true;
}

/* The state of a search through the mappings. */
struct search {
    struct memory *m;
    struct block *blocks;
    int n;
    char other_version[64]; /* of a block of another version; printable */
    unsigned files;         /* searched for symbols */
    size_t symbols;         /* that may still be searched */
};

static void add_block(struct search *s, uint64_t address)
{
    struct block *b = &s->blocks[s->n];
    bool other = false;

    for (int i = 0; i < s->n; i++)
        if (s->blocks[i].address == address)
            return;
    if (read_block(s->m, address, b, &other))
        s->n++;
    else if (other)
        eddyi_printable(b->content.library, sizeof b->content.library, s->other_version,
                        sizeof s->other_version);
}

/* Searches for notes, and for symbols as well if @by_symbol. */
static void search_mappings(struct search *s, FILE *maps, bool by_symbol)
{
    char line[1024], path[512];

    rewind(maps);
    while (s->n < MAX_BLOCKS && fgets(line, sizeof line, maps)) {
        uint64_t base, bias = 0, found;

        if (!parse_mapping(line, &base, path))
            continue;
        found = find_in_image(s->m, base, &bias);
        if (by_symbol && !found && path[0] == '/' && s->files++ < MAX_FILES)
            found = find_symbol_in_file(s->m->pid, path, bias, "eddy_introspection", &s->symbols);
        if (found)
            add_block(s, found);
    }
}

int locate_blocks_in(struct memory *m, FILE *maps, struct block blocks[MAX_BLOCKS], char *reason,
                     size_t reason_size)
{
    struct search s = {.m = m, .blocks = blocks, .symbols = MAX_SYMBOLS};

    search_mappings(&s, maps, false);
    if (s.n == 0 && !s.other_version[0])
        search_mappings(&s, maps, true);
    if (s.n == 0 && s.other_version[0])
        snprintf(reason, reason_size,
                 "it uses version %s of eddy, which this command does not understand",
                 s.other_version);
    else if (s.n == 0)
        snprintf(reason, reason_size,
                 "it does not use eddy, neither in the program nor in a library");
    return s.n;
}

static void explain_refusal(int pid, char *reason, size_t size)
{
    char path[64], scope[8] = "";
    struct stat st;
    FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "r");

    if (f && !fgets(scope, sizeof scope, f))
        scope[0] = '\0';
    if (f)
        fclose(f);
    snprintf(path, sizeof path, "/proc/%d", pid);
    if (stat(path, &st) == 0 && st.st_uid != geteuid())
        snprintf(reason, size,
                 "it belongs to user %d, so its memory may be read by that user and root only",
                 (int)st.st_uid);
    else if (scope[0] >= '1')
        snprintf(reason, size,
                 "reading its memory is not permitted: kernel.yama.ptrace_scope is %c; run this as "
                 "root, or "
                 "`sysctl kernel.yama.ptrace_scope=0`",
                 scope[0]);
    else
        snprintf(reason, size,
                 "reading its memory is not permitted: it needs root or, in a container, the "
                 "capability SYS_PTRACE");
}

/* Checks whether the memory can be read at all: any page will do. */
static int try_memory(struct memory *m, const char *maps_path)
{
    char line[1024], path[512];
    FILE *maps = fopen(maps_path, "r");
    uint64_t base;
    int rc = maps ? 0 : -errno;
    bool tried = false;

    while (maps && !tried && fgets(line, sizeof line, maps)) {
        tried = parse_mapping(line, &base, path);
        if (tried)
            rc = memory_copy(m, base, path, 1);
    }
    if (maps)
        fclose(maps);
    return maps && !tried ? -ESRCH : rc;
}

int locate_blocks(struct memory *m, struct block blocks[MAX_BLOCKS], char *reason,
                  size_t reason_size)
{
    char path[64];
    FILE *maps;
    int rc;

    snprintf(path, sizeof path, "/proc/%d/maps", m->pid);
    rc = try_memory(m, path);
    maps = rc == 0 || rc == -EFAULT ? fopen(path, "r") : NULL;
    if (!maps) {
        if (rc == -ENOENT)
            snprintf(reason, reason_size, "there is no such process");
        else if (rc == -ESRCH)
            snprintf(reason, reason_size, "it has ended, or is a thread of the kernel");
        else if (rc == -EPERM || rc == -EACCES)
            explain_refusal(m->pid, reason, reason_size);
        else
            snprintf(reason, reason_size, "its memory cannot be read: %s", strerror(-rc));
        return rc < 0 ? rc : -errno;
    }
    rc = locate_blocks_in(m, maps, blocks, reason, reason_size);
    fclose(maps);
    return rc;
}

long block_field(const struct block *b, const char *name)
{
    for (uint32_t i = 0; i < b->content.n_fields; i++)
        if (strncmp(b->content.fields[i].name, name, sizeof b->content.fields[i].name) == 0)
            return (long)b->content.fields[i].value;
    return -1;
}
