/*
 * Reading up to a separator.
 */
#include "base/sys.h"
#include "stream/reader.h"

#include <string.h>

/* A match in the buffer, as offsets from its front. */
struct match {
    size_t start, end;
};

static size_t shortest_of(const eddy_separator *seps, size_t n)
{
    size_t shortest = seps->n;

    for (size_t i = 1; i < n; i++)
        shortest = seps[i].n < shortest ? seps[i].n : shortest;
    return shortest;
}

static size_t longest_of(const eddy_separator *seps, size_t n)
{
    size_t longest = seps->n;

    for (size_t i = 1; i < n; i++)
        longest = seps[i].n > longest ? seps[i].n : longest;
    return longest;
}

/* Searches for the separators from @offset on, and finds the match that ends first (rule 137). */
static bool find(const eddy_reader *r, const eddy_separator *seps, size_t n, size_t offset,
                 struct match *ret)
{
    const char *from = eddyi_buffer_bytes(eddyi_reader_in(r));
    size_t end = eddyi_reader_held(r);
    bool found = false;

    for (size_t i = 0; i < n; i++) {
        const char *p =
            seps[i].n == 1
                ? memchr(from + offset, *(const unsigned char *)seps[i].bytes, end - offset)
                : memmem(from + offset, end - offset, seps[i].bytes, seps[i].n);
        size_t match_end = p ? (size_t)(p - from) + seps[i].n : 0;

        if (!p || (found && match_end >= ret->end))
            continue;
        found = true;
        *ret = (struct match){.start = (size_t)(p - from), .end = match_end};
    }
    return found;
}

static int over_limit(eddy_reader *r, size_t consumed, const char *what)
{
    r->consumed = consumed;
    return eddy_raise(EDDY_ELIMIT, "%s", what);
}

static int incomplete(eddy_reader *r)
{
    const char *piece;
    int rc = eddy_raise(EDDY_EINCOMPLETE, "the stream ended after %zu bytes, before the separator",
                        eddyi_reader_held(r));

    eddyi_reader_give(r, eddyi_reader_held(r), &piece);
    return rc;
}

/* Finds the first separator. Bytes that were searched before are not searched again. Returns 0, or
 * raises an error. */
static int search(eddy_reader *r, const eddy_separator *seps, size_t n, struct match *ret)
{
    size_t shortest = shortest_of(seps, n), longest = longest_of(seps, n), offset = 0;

    for (;;) {
        int rc;

        if (eddyi_reader_held(r) - offset >= shortest) {
            if (find(r, seps, n, offset, ret))
                break;
            offset = eddyi_reader_held(r) + 1 > longest ? eddyi_reader_held(r) + 1 - longest : 0;
            if (offset > r->limit)
                return over_limit(r, offset, "separator is not found, and chunk exceed the limit");
        }
        if (eddyi_reader_is_at_end(r))
            return incomplete(r);
        rc = eddyi_reader_more(r);
        if (rc < 0)
            return rc;
    }
    if (ret->start > r->limit)
        return over_limit(r, ret->start, "separator is found, but chunk is longer than limit");
    return 0;
}

ssize_t eddy_reader_readuntil_any(eddy_reader *r, const eddy_separator *seps, size_t n_seps,
                                  const char **ret_data)
{
    struct match m = {0};
    int rc = eddyi_reader_begin(r);

    for (size_t i = 0; rc == 0 && i < n_seps; i++) {
        if (seps[i].n == 0)
            rc = eddy_raise(-EINVAL, "separator should be at least one-byte string");
    }
    if (rc == 0 && n_seps == 0)
        rc = eddy_raise(-EINVAL, "separator should contain at least one element");
    if (rc == 0 && !ret_data)
        rc = eddy_raise(-EINVAL, "readuntil: there is no place for the data");
    if (rc == 0)
        rc = search(r, seps, n_seps, &m);
    return rc < 0 ? rc : eddyi_reader_give(r, m.end, ret_data);
}

ssize_t eddy_reader_readuntil(eddy_reader *r, const void *sep, size_t n_sep, const char **ret_data)
{
    return eddy_reader_readuntil_any(r, &(eddy_separator){sep, n_sep}, 1, ret_data);
}

/* Drops the line that was too long, together with its newline if that has arrived (rule 138). */
static void drop_line(eddy_reader *r)
{
    const char *from = eddyi_buffer_bytes(eddyi_reader_in(r));
    const char *newline = memchr(from + r->consumed, '\n', eddyi_reader_held(r) - r->consumed);

    if (newline == from + r->consumed)
        eddyi_buffer_consume(eddyi_reader_in(r), r->consumed + 1);
    else
        eddyi_buffer_consume(eddyi_reader_in(r), eddyi_reader_held(r));
}

ssize_t eddy_reader_readline(eddy_reader *r, const char **ret_line)
{
    ssize_t n = eddy_reader_readuntil(r, "\n", 1, ret_line);

    if (n == EDDY_ELIMIT)
        drop_line(r);
    if (n != EDDY_EINCOMPLETE)
        return n;
    *ret_line = eddyi_buffer_bytes(eddyi_reader_in(r));
    return (ssize_t)r->partial;
}
