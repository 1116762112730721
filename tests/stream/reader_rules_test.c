/*
 * The results of readers that are fed by hand: asyncio's rules 136 to 142, one by one.
 */
#include "harness/test.h"

#include <limits.h>
#include <string.h>

/* A reader in which @text has arrived. */
static eddy_reader *fed(size_t limit, const char *text, bool eof)
{
    eddy_reader *r = NULL;

    REQUIRE(eddy_reader_new(limit, &r) == 0);
    EXPECT_EQ(eddy_reader_feed_data(r, text, strlen(text)), 0);
    if (eof)
        eddy_reader_feed_eof(r);
    return r;
}

/* Expects that a call has set *@data, and returned @n, so that they are @expected. */
static void expect_bytes(const char **data, ssize_t n, const char *expected)
{
    EXPECT_EQ(n, (ssize_t)strlen(expected));
    EXPECT(n != (ssize_t)strlen(expected) || n == 0 || memcmp(*data, expected, (size_t)n) == 0);
}

static void expect_partial(const eddy_reader *r, const char *expected)
{
    const char *piece = "";
    size_t n = eddy_reader_partial(r, &piece);

    expect_bytes(&piece, (ssize_t)n, expected);
}

static void expect_rest(eddy_reader *r, const char *expected)
{
    const char *rest = "";

    expect_bytes(&rest, eddy_reader_read_all(r, SIZE_MAX, &rest), expected);
}

TEST_ASYNC(readline_gives_line_after_line_and_at_the_end_what_is_left)
{
    eddy_reader *r = fed(0, "one\n\nthree\nno end", true);
    const char *line = "";

    expect_bytes(&line, eddy_reader_readline(r, &line), "one\n");
    expect_bytes(&line, eddy_reader_readline(r, &line), "\n");
    expect_bytes(&line, eddy_reader_readline(r, &line), "three\n");
    EXPECT(!eddy_reader_at_eof(r));
    expect_bytes(&line, eddy_reader_readline(r, &line), "no end");
    EXPECT(eddy_reader_at_eof(r));
    EXPECT_EQ(eddy_reader_readline(r, &line), 0);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(readline_drops_a_line_that_is_too_long_when_its_end_is_there)
{
    eddy_reader *r = fed(3, "line1\nli2\n", false);
    const char *line = "";

    EXPECT_EQ(eddy_reader_readline(r, &line), EDDY_ELIMIT);
    expect_bytes(&line, eddy_reader_readline(r, &line), "li2\n");
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(readline_drops_all_that_is_there_when_a_line_too_long_has_no_end_yet)
{
    eddy_reader *r = fed(3, "li", false);
    const char *line = "";

    EXPECT_EQ(eddy_reader_feed_data(r, "ne1", 3), 0);
    EXPECT_EQ(eddy_reader_readline(r, &line), EDDY_ELIMIT);
    EXPECT_EQ(eddy_reader_buffered(r), 0);
    EXPECT_EQ(eddy_reader_feed_data(r, "x\nab\n", 5), 0);
    expect_bytes(&line, eddy_reader_readline(r, &line), "x\n");
    expect_bytes(&line, eddy_reader_readline(r, &line), "ab\n");
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(the_limit_of_a_line_does_not_count_its_end)
{
    eddy_reader *r = fed(3, "abc\nabcd\nab\n", true);
    const char *line = "";

    expect_bytes(&line, eddy_reader_readline(r, &line), "abc\n");
    EXPECT_EQ(eddy_reader_readline(r, &line), EDDY_ELIMIT);
    expect_bytes(&line, eddy_reader_readline(r, &line), "ab\n");
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(readuntil_over_the_limit_leaves_the_bytes_and_says_how_many_could_be_read_past)
{
    eddy_reader *r = fed(3, "AAAABBB", false);
    const char *data = "";
    char four[4];

    EXPECT_EQ(eddy_reader_readuntil(r, "BBB", 3, &data), EDDY_ELIMIT); /* found, but too far away */
    EXPECT_EQ(eddy_reader_consumed(r), 4);
    EXPECT_EQ(eddy_reader_buffered(r), 7);
    EXPECT_EQ(eddy_reader_readexactly(r, four, 4), 4);
    expect_bytes(&data, eddy_reader_readuntil(r, "BBB", 3, &data), "BBB");

    EXPECT_EQ(eddy_reader_feed_data(r, "some very long data", 19), 0);
    EXPECT_EQ(eddy_reader_readuntil(r, "AAA", 3, &data), EDDY_ELIMIT); /* not found */
    EXPECT_EQ(eddy_reader_consumed(r), 17);
    EXPECT_EQ(eddy_reader_buffered(r), 19);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(a_separator_is_found_although_the_end_has_come)
{
    eddy_reader *r = fed(0, "dataAAA", true);
    const char *data = "";

    expect_bytes(&data, eddy_reader_readuntil(r, "AAA", 3, &data), "dataAAA");
    EXPECT_EQ(eddy_reader_readuntil(r, "AAA", 3, &data), EDDY_EINCOMPLETE);
    expect_partial(r, "");
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(an_end_before_the_separator_gives_the_piece_and_empties_the_buffer)
{
    eddy_reader *r = fed(0, "dataAA", true);
    const char *data = "";

    EXPECT_EQ(eddy_reader_readuntil(r, "AAA", 3, &data), EDDY_EINCOMPLETE);
    expect_partial(r, "dataAA");
    EXPECT_EQ(eddy_reader_buffered(r), 0);
    EXPECT(eddy_reader_at_eof(r));
    EXPECT_EQ(eddy_reader_readuntil(r, "AAA", 3, &data), EDDY_EINCOMPLETE);
    expect_partial(r, "");
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(of_several_separators_the_match_that_ends_first_counts)
{
    static const eddy_separator seps[] = {{"longest", 7}, {"bb", 2}, {"a", 1}};
    static const eddy_separator nested[] = {{"long sep", 8}, {"g", 1}};
    eddy_reader *r = fed(0, "xxbb-a-longest-a", false);
    const char *data = "";

    expect_bytes(&data, eddy_reader_readuntil_any(r, seps, 3, &data), "xxbb");
    expect_bytes(&data, eddy_reader_readuntil_any(r, seps, 3, &data), "-a");
    expect_bytes(&data, eddy_reader_readuntil_any(r, seps, 3, &data), "-longest");
    expect_bytes(&data, eddy_reader_readuntil_any(r, seps, 3, &data), "-a");
    EXPECT_EQ(eddy_reader_feed_data(r, "a long sep", 10), 0);
    expect_bytes(&data, eddy_reader_readuntil_any(r, nested, 2, &data), "a long");
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(of_separators_that_end_together_the_first_given_counts_for_the_limit)
{
    static const eddy_separator seps[] = {{"XX", 2}, {"aaXX", 4}},
                                turned[] = {{"aaXX", 4}, {"XX", 2}};
    eddy_reader *r = fed(3, "aaaaXX", false);
    const char *data = "";

    EXPECT_EQ(eddy_reader_readuntil_any(r, seps, 2, &data), EDDY_ELIMIT);
    expect_bytes(&data, eddy_reader_readuntil_any(r, turned, 2, &data), "aaaaXX");
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(separators_must_be_there_and_not_be_empty)
{
    static const eddy_separator with_empty[] = {{"a", 1}, {"", 0}};
    eddy_reader *r = fed(0, "a", true);
    const char *data = "";

    EXPECT_EQ(eddy_reader_readuntil(r, "", 0, &data), -EINVAL);
    EXPECT_EQ(eddy_reader_readuntil_any(r, NULL, 0, &data), -EINVAL);
    EXPECT_EQ(eddy_reader_readuntil_any(r, with_empty, 2, &data), -EINVAL);
    expect_rest(r, "a");
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(separators_and_data_are_bytes_null_bytes_too)
{
    eddy_reader *r = fed(0, "", false);
    const char *data = "";

    EXPECT_EQ(eddy_reader_feed_data(r, "a\0b\0\0c", 6), 0);
    REQUIRE(eddy_reader_readuntil(r, "\0\0", 2, &data) == 5);
    EXPECT_EQ(memcmp(data, "a\0b\0\0", 5), 0);
    EXPECT_EQ(eddy_reader_buffered(r), 1);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(read_gives_at_least_a_byte_or_the_end_and_nothing_if_nothing_is_asked)
{
    eddy_reader *r = fed(0, "abc", false);
    char buf[8] = "";

    EXPECT_EQ(eddy_reader_read(r, buf, 0), 0);
    EXPECT_EQ(eddy_reader_read(r, buf, 2), 2);
    EXPECT_STR(buf, "ab");
    EXPECT_EQ(eddy_reader_read(r, buf, sizeof buf), 1);
    eddy_reader_feed_eof(r);
    EXPECT_EQ(eddy_reader_read(r, buf, sizeof buf), 0);
    EXPECT_EQ(eddy_reader_read(r, buf, sizeof buf), 0);
    EXPECT(eddy_reader_at_eof(r));
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(read_some_points_to_what_there_is_until_the_next_call)
{
    eddy_reader *r = fed(0, "abcdef", true);
    const char *data = "";

    expect_bytes(&data, eddy_reader_read_some(r, 4, &data), "abcd");
    EXPECT_EQ(eddy_reader_buffered(r), 2);
    EXPECT(!eddy_reader_at_eof(r));
    EXPECT_EQ(eddy_reader_read_some(r, 0, &data), 0);
    expect_bytes(&data, eddy_reader_read_some(r, SIZE_MAX, &data), "ef");
    EXPECT(eddy_reader_at_eof(r));
    EXPECT_EQ(eddy_reader_read_some(r, 4, &data), 0);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(read_all_goes_past_the_limit_of_the_reader_but_not_past_its_own)
{
    eddy_reader *r = fed(4, "far more than four bytes", true);
    const char *data = "";

    EXPECT_EQ(eddy_reader_read_all(r, 23, &data), EDDY_ELIMIT);
    EXPECT_EQ(eddy_reader_buffered(r), 24);
    expect_bytes(&data, eddy_reader_read_all(r, 24, &data), "far more than four bytes");
    EXPECT_EQ(eddy_reader_read_all(r, 0, &data), 0);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(readexactly_gives_all_or_the_piece_that_came)
{
    eddy_reader *r = fed(4, "0123456789rest", true);
    char buf[32] = "";

    EXPECT_EQ(eddy_reader_readexactly(r, buf, 0), 0);
    EXPECT_EQ(eddy_reader_readexactly(r, buf, 10), 10); /* more than the limit (rule 140) */
    EXPECT_STR(buf, "0123456789");
    EXPECT_EQ(eddy_reader_readexactly(r, buf, 5), EDDY_EINCOMPLETE);
    expect_partial(r, "rest");
    EXPECT_STR(buf, "0123456789");
    EXPECT(eddy_reader_at_eof(r));
    EXPECT_EQ(eddy_reader_readexactly(r, buf, 5), EDDY_EINCOMPLETE);
    expect_partial(r, "");
    EXPECT_EQ(eddy_reader_readexactly(r, buf, 0), 0);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(an_incomplete_read_says_how_much_of_how_much_came)
{
    eddy_reader *r = fed(0, "abc", true);
    char buf[8];

    EXPECT_EQ(eddy_reader_readexactly(r, buf, 8), EDDY_EINCOMPLETE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "3 bytes read on a total of 8 expected bytes");
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(sizes_and_buffers_that_cannot_be_are_refused)
{
    eddy_reader *r = fed(0, "abc", true);
    char buf[4];

    EXPECT_EQ(eddy_reader_read(r, NULL, 1), -EINVAL);
    EXPECT_EQ(eddy_reader_readexactly(r, NULL, 1), -EINVAL);
    EXPECT_EQ(eddy_reader_read(r, buf, (size_t)SSIZE_MAX + 1), -EINVAL);
    EXPECT_EQ(eddy_reader_readexactly(r, buf, SIZE_MAX), -EINVAL);
    EXPECT_EQ(eddy_reader_read(r, NULL, 0), 0);
    expect_rest(r, "abc");
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(an_exception_makes_every_later_read_fail_also_about_what_had_come)
{
    eddy_reader *r = fed(0, "a line\n", false);
    eddy_exception *e = eddy_exception_new(EDDY_EUSER, "broken");
    const char *data = "";
    char buf[4];

    EXPECT(eddy_reader_exception(r) == NULL);
    eddy_reader_set_exception(r, e);
    EXPECT_EQ(eddy_reader_readline(r, &data), e ? EDDY_EUSER : -ENOMEM);
    EXPECT_EQ(eddy_reader_read(r, buf, 4), e ? EDDY_EUSER : -ENOMEM);
    EXPECT_EQ(eddy_reader_read(r, buf, 0), e ? EDDY_EUSER : -ENOMEM);
    EXPECT_EQ(eddy_reader_readexactly(r, buf, 4), e ? EDDY_EUSER : -ENOMEM);
    EXPECT_EQ(eddy_reader_read_all(r, SIZE_MAX, &data), e ? EDDY_EUSER : -ENOMEM);
    EXPECT_STR(eddy_exception_message(eddy_error()), "broken");
    EXPECT(eddy_reader_exception(r) == e || !e);
    eddy_exception_unref(e);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(nothing_can_be_fed_after_the_end)
{
    eddy_reader *r = fed(0, "a", true);

    EXPECT_EQ(eddy_reader_feed_data(r, "b", 1), EDDY_EMISUSE);
    expect_rest(r, "a");
    eddy_reader_free(r);
    return 0;
}

TEST(a_reader_needs_a_loop_that_runs)
{
    eddy_reader *r = NULL;

    EXPECT_EQ(eddy_reader_new(0, &r), EDDY_ENOLOOP);
    EXPECT(r == NULL);
    eddy_reader_free(NULL);
}
