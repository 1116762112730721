#include "memory.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

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

    if (address < MEMORY_PAGE || address + size < address)
        return -EFAULT;
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
    uint64_t number = 0; /* both CPUs have the low byte first */

    if (memory_copy(m, address, &number, size) == 0)
        return number;
    if (ret_bad)
        *ret_bad = true;
    return 0;
}

/*
 * The bytes of the character at @s, if it is one in UTF-8 that is printed; 0: it is not, and may do
 * things to a terminal.
 */
static size_t printable(const unsigned char *s)
{
    size_t n = *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc2 ? 2 : 1;

    if (n == 1)
        return *s >= ' ' && *s < 0x7f;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return *s <= 0xf4 && !(*s == 0xc2 && s[1] < 0xa0) ? n : 0;
}

void memory_text(struct memory *m, uint64_t address, char *buf, size_t size)
{
    size_t n = 0;

    while (n + 1 < size) {
        bool bad = false;

        buf[n] = (char)memory_number(m, address + n, 1, &bad);
        if (bad && n == 0)
            buf[n++] = '?';
        if (bad || !buf[n])
            break;
        n++;
    }
    buf[n] = '\0';
    for (unsigned char *s = (unsigned char *)buf; *s;) {
        size_t bytes = printable(s);

        if (bytes == 0)
            *s = '?';
        s += bytes ? bytes : 1;
    }
}
