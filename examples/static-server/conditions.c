/* Evaluates whether a file is requested, and which part of it: RFC 9110, 13 and 14. */
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/*
 * Returns whether the list has the entity tag @tag; weak tags match only if @weak is set. "*"
 * matches any.
 */
static bool has_tag(const char *list, const char *tag, bool weak)
{
    if (strcmp(list, "*") == 0)
        return true;
    for (const char *p = list; *p;) {
        bool is_weak;
        const char *end;

        p += strspn(p, " \t,");
        is_weak = strncmp(p, "W/", 2) == 0;
        p += is_weak ? 2 : 0;
        end = *p == '"' ? strchr(p + 1, '"') : NULL;
        if (!end)
            return false;
        if ((weak || !is_weak) && (size_t)(end + 1 - p) == strlen(tag) &&
            strncmp(p, tag, strlen(tag)) == 0)
            return true;
        p = end + 1;
    }
    return false;
}

/*
 * Reads at least one digit, and moves *at behind the digits. A number that does not fit into an
 * off_t becomes the largest off_t, since no file is longer.
 */
static bool read_number(const char **at, off_t *ret)
{
    const off_t most = INT64_MAX;
    const char *p = *at;
    off_t n = 0;

    for (; *p >= '0' && *p <= '9'; p++)
        n = n > (most - (*p - '0')) / 10 ? most : n * 10 + (*p - '0');
    if (p == *at)
        return false;
    *at = p;
    *ret = n;
    return true;
}

/* Selects the last @n bytes; returns 200 for an empty file, which has no parts. */
static int suffix_of(off_t n, off_t size, struct selection *ret)
{
    if (n == 0)
        return 416;
    if (size == 0)
        return 200;
    ret->from = n < size ? size - n : 0;
    ret->count = size - ret->from;
    return 206;
}

/*
 * Selects one range of bytes; returns 206 or 416, or 200 for another unit, several ranges, or a
 * malformed range (14.2).
 */
static int range_of(const char *range, off_t size, struct selection *ret)
{
    off_t first, last;

    if (strncasecmp(range, "bytes=", 6) != 0)
        return 200;
    range += 6 + strspn(range + 6, " \t");
    if (*range == '-') {
        range++;
        return read_number(&range, &last) && !*range ? suffix_of(last, size, ret) : 200;
    }
    if (!read_number(&range, &first) || *range++ != '-')
        return 200;
    last = INT64_MAX;
    if (*range && (!read_number(&range, &last) || *range || last < first))
        return 200;
    if (first >= size)
        return 416;
    ret->from = first;
    ret->count = (last < size - 1 ? last + 1 : size) - first;
    return 206;
}

/*
 * Returns whether the range applies. A date suffices for If-Range only if it equals the file's, and
 * the file could not have changed again within that second (8.8.2.2, 13.1.5).
 */
static bool range_is_meant(const char *if_range, const struct stat *st, const struct selection *s)
{
    time_t date;

    if (!*if_range)
        return true;
    if (strchr(if_range, '"'))
        return strcmp(if_range, s->etag) == 0;
    return *s->last_modified && http_parse_date(if_range, &date) && date == st->st_mtime &&
           st->st_mtime < time(NULL);
}

/*
 * Returns whether the file has changed since the date in @field; @otherwise if @field has no date.
 */
static bool changed_since(const char *field, const struct stat *st, bool otherwise)
{
    time_t date;

    return http_parse_date(field, &date) ? st->st_mtime > date : otherwise;
}

/* Returns 412 or 304 if a condition demands it, else 200. */
static int check_conditions(const struct http_request *r, const struct stat *st,
                            const struct selection *s)
{
    if (*r->if_match ? !has_tag(r->if_match, s->etag, false)
                     : changed_since(r->if_unmodified_since, st, false))
        return 412;
    if (*r->if_none_match ? has_tag(r->if_none_match, s->etag, true)
                          : !changed_since(r->if_modified_since, st, true))
        return 304;
    return 200;
}

/* Describes the file. A modification time in the future is replaced by the present (8.8.2.1). */
static void describe(const struct stat *st, struct selection *ret)
{
    time_t now = time(NULL);

    if (!http_format_date(st->st_mtime < now ? st->st_mtime : now, ret->last_modified))
        ret->last_modified[0] = '\0';
    snprintf(ret->etag, sizeof ret->etag, "\"%llx-%llx.%lx\"", (unsigned long long)st->st_size,
             (unsigned long long)st->st_mtime, (unsigned long)st->st_mtim.tv_nsec);
}

int select_part(const struct http_request *request, const struct stat *st, struct selection *ret)
{
    int status;

    describe(st, ret);
    ret->from = 0;
    ret->count = st->st_size;
    status = check_conditions(request, st, ret);
    if (status != 200 || !request->get || !*request->range ||
        !range_is_meant(request->if_range, st, ret))
        return status;
    return range_of(request->range, st->st_size, ret);
}
