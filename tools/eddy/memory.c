#include "memory.h"

#include "base/printable.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

enum { STEPS_OF_A_READ = 50 }; /* of a system call and its copying */

static int read_process(struct memory *m, uint64_t address, void *buf, size_t size)
{
    struct iovec here = {buf, size}, there = {(void *)(uintptr_t)address, size};
    ssize_t n = process_vm_readv(m->pid, &here, 1, &there, 1, 0);

    if (n < 0)
        return -errno;
    return (size_t)n == size ? 0 : -EFAULT;
}

void memory_init(struct memory *m, int pid)
{
    m->pid = pid;
    m->read = read_process;
    m->steps = 0;
    m->most_steps = UINT64_MAX;
    memory_forget(m);
}

void memory_forget(struct memory *m)
{
    for (size_t i = 0; i < MEMORY_PAGES; i++)
        m->pages[i].address = 0;
}

static int find_page(struct memory *m, uint64_t address, const struct page **ret)
{
    struct page *page = &m->pages[address / MEMORY_PAGE % MEMORY_PAGES];
    int rc = 0;

    if (page->address != address) {
        m->steps += STEPS_OF_A_READ;
        rc = m->read(m, address, page->bytes, MEMORY_PAGE);
        page->address = rc == 0 ? address : 0;
    }
    *ret = page;
    return rc;
}

int memory_copy(struct memory *m, uint64_t address, void *buf, size_t size)
{
    const struct page *page;
    char *to = buf;

    if (address < MEMORY_PAGE || address + size < address || m->steps >= m->most_steps)
        return -EFAULT;
    m->steps++;
    while (size > 0) {
        size_t at = address % MEMORY_PAGE, n = MEMORY_PAGE - at < size ? MEMORY_PAGE - at : size;
        int rc = find_page(m, address - at, &page);

        if (rc < 0)
            return rc;
        memcpy(to, page->bytes + at, n);
        to += n;
        address += n;
        size -= n;
    }
    return 0;
}

uint64_t memory_number(struct memory *m, uint64_t address, size_t size, bool *ret_bad)
{
    uint64_t number = 0; /* both CPUs are little-endian */

    if (memory_copy(m, address, &number, size) == 0)
        return number;
    if (ret_bad)
        *ret_bad = true;
    return 0;
}

/* Reads a text up to its end, at most @size bytes, and returns their number. Sets *ret_bad if
 * nothing is mapped at its address. */
static size_t read_text(struct memory *m, uint64_t address, char *buf, size_t size, bool *ret_bad)
{
    size_t n = 0;

    *ret_bad = false;
    while (n < size) {
        size_t left = MEMORY_PAGE - (address + n) % MEMORY_PAGE,
               piece = size - n < left ? size - n : left;

        if (memory_copy(m, address + n, buf + n, piece) < 0) {
            *ret_bad = n == 0;
            return n;
        }
        if (memchr(buf + n, '\0', piece))
            return n + strnlen(buf + n, piece);
        n += piece;
    }
    return n;
}

void memory_text(struct memory *m, uint64_t address, char *buf, size_t size)
{
    char raw[MEMORY_LONGEST_TEXT];
    bool bad;
    size_t n = read_text(m, address, raw, size + 3 < sizeof raw ? size + 3 : sizeof raw, &bad);

    if (bad)
        raw[n++] = '?';
    eddyi_printable(raw, n, buf, size);
}
