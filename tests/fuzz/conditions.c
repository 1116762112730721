/* Ranges, dates and conditions of requests for files of any size and age. */
#include "fuzz.h"

#include "files.h"

static void fill(struct fuzz_input *in, char field[HTTP_MAX_FIELD])
{
    char *text = fuzz_string(in, HTTP_MAX_FIELD - 1, NULL);

    strcpy(field, text);
    free(text);
}

static void check_selection(int status, const struct stat *st, const struct selection *s)
{
    FUZZ_CHECK(status == 200 || status == 206 || status == 304 || status == 412 || status == 416);
    FUZZ_CHECK(s->from >= 0 && s->count >= 0 && s->from <= st->st_size &&
               s->count <= st->st_size - s->from);
    FUZZ_CHECK(status != 206 || s->count > 0);
    FUZZ_CHECK(status == 206 || (s->from == 0 && s->count == st->st_size));
    FUZZ_CHECK(strlen(s->etag) > 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_input in = {data, n};
    static struct http_request request;
    struct stat st = {0};
    struct selection s;
    time_t t;
    char again[HTTP_DATE_SIZE];

    memset(&request, 0, sizeof request);
    request.get = fuzz_byte(&in) & 1;
    for (int i = 0; i < 8; i++) {
        st.st_size = (off_t)((uint64_t)st.st_size << 8 | fuzz_byte(&in));
        st.st_mtime = (time_t)((uint64_t)st.st_mtime << 8 | fuzz_byte(&in));
    }
    st.st_size &= INT64_MAX;
    fill(&in, request.range);
    fill(&in, request.if_range);
    fill(&in, request.if_modified_since);
    fill(&in, request.if_unmodified_since);
    fill(&in, request.if_match);
    fill(&in, request.if_none_match);
    check_selection(select_part(&request, &st, &s), &st, &s);
    /* A date that is written is read as the same. */
    if (http_format_date(st.st_mtime, again))
        FUZZ_CHECK(http_parse_date(again, &t) && t == st.st_mtime);
    return 0;
}
