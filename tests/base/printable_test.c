#include "base/printable.h"
#include "harness/test.h"

#include <string.h>

/* Returns the printable form of @p text in a buffer of @p size bytes. */
static const char *printable(const char *text, size_t size)
{
    static char buf[200];
    size_t length;

    memset(buf, 'X', sizeof buf);
    length = eddyi_printable(text, SIZE_MAX, buf, size);
    EXPECT_EQ(strlen(buf), length);
    EXPECT(length < size);
    EXPECT_EQ(buf[size], 'X');
    return buf;
}

TEST(text_that_is_harmless_stays_as_it_is)
{
    EXPECT_STR(printable("", 100), "");
    EXPECT_STR(printable("Task-1 ~!\\", 100), "Task-1 ~!\\");
    EXPECT_STR(printable("\u00e4\u00f6 \u20ac \u05d0 \U0001f600", 100),
               "\u00e4\u00f6 \u20ac \u05d0 \U0001f600");
}

TEST(controls_become_escapes)
{
    EXPECT_STR(printable("a\033[31m\a\r\n\t\x7f", 100), "a\\x1b[31m\\x07\\x0d\\x0a\\x09\\x7f");
    EXPECT_STR(printable("\xc2\x9b"
                         "31m",
                         100),
               "\\u009b31m");
}

TEST(what_changes_the_direction_or_is_not_seen_becomes_an_escape)
{
    EXPECT_STR(printable("abc\u202egnp.exe\u2066\u200b", 100), "abc\\u202egnp.exe\\u2066\\u200b");
    EXPECT_STR(printable("\u200e\u200f\u061c\u2028\ufeff\u00ad", 100),
               "\\u200e\\u200f\\u061c\\u2028\\ufeff\\u00ad");
    EXPECT_STR(printable("\U000e0041", 100), "\\U000e0041");
}

TEST(what_is_not_utf_8_becomes_escapes_byte_by_byte)
{
    EXPECT_STR(printable("\xff\x80", 100), "\\xff\\x80");
    EXPECT_STR(printable("\xc3", 100), "\\xc3");          /* cut off */
    EXPECT_STR(printable("\xc3(", 100), "\\xc3(");        /* not continued */
    EXPECT_STR(printable("\xc0\x9b", 100), "\\xc0\\x9b"); /* longer than it need be */
    EXPECT_STR(printable("\xe0\x80\x9b", 100), "\\xe0\\x80\\x9b");
    EXPECT_STR(printable("\xf0\x80\x80\x9b", 100), "\\xf0\\x80\\x80\\x9b");
    EXPECT_STR(printable("\xed\xa0\x80", 100), "\\xed\\xa0\\x80");          /* half of a pair */
    EXPECT_STR(printable("\xf4\x90\x80\x80", 100), "\\xf4\\x90\\x80\\x80"); /* beyond the last */
}

TEST(no_character_and_no_escape_is_cut)
{
    EXPECT_STR(printable("abc", 3), "ab");
    EXPECT_STR(printable("ab\033", 6), "ab");
    EXPECT_STR(printable("ab\033", 7), "ab\\x1b");
    EXPECT_STR(printable("ab\u20ac", 5), "ab");
    EXPECT_STR(printable("ab\u20ac", 6), "ab\u20ac");
    EXPECT_STR(printable("abc", 1), "");
}

TEST(a_text_has_no_more_bytes_than_it_is_said_to_have)
{
    char buf[20];

    EXPECT_EQ(eddyi_printable("abcdef", 3, buf, sizeof buf), 3);
    EXPECT_STR(buf, "abc");
    EXPECT_EQ(eddyi_printable("ab\xe2\x82\xac", 4, buf, sizeof buf), 10);
    EXPECT_STR(buf, "ab\\xe2\\x82");
}
