#include "harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TEST_VIRTUAL(an_exception_carries_its_code_and_a_formatted_message)
{
    eddy_exception *e = eddy_exception_new(-EIO, "read %s at %d", "disk", 7);

    REQUIRE(e != NULL);
    EXPECT_EQ(eddy_exception_code(e), -EIO);
    EXPECT_STR(eddy_exception_message(e), "read disk at 7");
    EXPECT_EQ(eddy_exception_count(e), 0);
    EXPECT(eddy_exception_member(e, 0) == NULL);
    eddy_exception_unref(e);
}

TEST_VIRTUAL(an_exception_without_a_message_has_an_empty_one)
{
    eddy_exception *e = eddy_exception_new(-EIO, NULL);
    char text[100];

    REQUIRE(e != NULL);
    EXPECT_STR(eddy_exception_message(e), "");
    eddy_exception_format(e, text, sizeof text);
    EXPECT_STR(text, eddy_strerror(-EIO));
    eddy_exception_unref(e);
}

TEST_VIRTUAL(an_exception_lives_until_its_last_reference_goes)
{
    eddy_exception *e = eddy_exception_new(EDDY_EUSER, "kept");

    REQUIRE(e != NULL);
    EXPECT(eddy_exception_ref(e) == e);
    eddy_exception_unref(e);
    EXPECT_STR(eddy_exception_message(e), "kept");
    eddy_exception_unref(e);
}

TEST_VIRTUAL(no_exception_is_a_harmless_argument)
{
    char text[10] = "before";

    EXPECT_EQ(eddy_exception_code(NULL), 0);
    EXPECT_STR(eddy_exception_message(NULL), "");
    EXPECT_EQ(eddy_exception_count(NULL), 0);
    EXPECT_EQ(eddy_exception_format(NULL, text, sizeof text), 0);
    EXPECT_STR(text, "");
    EXPECT(eddy_exception_ref(NULL) == NULL);
    eddy_exception_unref(NULL);
}

TEST_VIRTUAL(a_group_keeps_its_members_alive_and_in_order)
{
    eddy_exception *first = eddy_exception_new(-EIO, "first"),
                   *second = eddy_exception_new(-EPIPE, "second");
    eddy_exception *members[] = {first, second};
    eddy_exception *group = eddy_exception_group_new("two", members, 2);

    eddy_exception_unref(first);
    eddy_exception_unref(second);
    REQUIRE(group != NULL);
    EXPECT_EQ(eddy_exception_code(group), EDDY_EGROUP);
    EXPECT_EQ(eddy_exception_count(group), 2);
    EXPECT_STR(eddy_exception_message(eddy_exception_member(group, 0)), "first");
    EXPECT_EQ(eddy_exception_code(eddy_exception_member(group, 1)), -EPIPE);
    EXPECT(eddy_exception_member(group, 2) == NULL);
    eddy_exception_unref(group);
}

TEST_VIRTUAL(a_member_that_there_was_no_memory_for_counts_as_that_error)
{
    eddy_exception *none[] = {NULL};
    eddy_exception *group = eddy_exception_group_new(NULL, none, 1);
    char text[200];

    REQUIRE(group != NULL);
    EXPECT_EQ(eddy_exception_code(eddy_exception_member(group, 0)), -ENOMEM);
    eddy_exception_format(group, text, sizeof text);
    EXPECT_IN(eddy_strerror(-ENOMEM), text);
    eddy_exception_unref(group);
}

TEST_VIRTUAL(a_group_is_written_with_all_that_is_in_it)
{
    eddy_exception *inner = eddy_exception_new(-ENOENT, "disk");
    eddy_exception *nested = eddy_exception_group_new("inner", &inner, 1);
    eddy_exception *outer = eddy_exception_group_new("outer", &nested, 1);
    char text[400];
    int n = eddy_exception_format(outer, text, sizeof text);

    EXPECT_EQ(n, strlen(text));
    EXPECT_IN("outer (", text);
    EXPECT_IN(": inner (", text);
    EXPECT_IN("disk (No such file or directory)", text);
    eddy_exception_unref(inner);
    eddy_exception_unref(nested);
    eddy_exception_unref(outer);
}

TEST_VIRTUAL(formatting_cuts_to_the_buffer_and_tells_the_whole_length)
{
    eddy_exception *e = eddy_exception_new(-ENOENT, "0123456789");
    char text[5] = "xxxx";
    int whole = (int)strlen("0123456789 (No such file or directory)");

    EXPECT_EQ(eddy_exception_format(e, text, sizeof text), whole);
    EXPECT_STR(text, "0123");
    EXPECT_EQ(eddy_exception_format(e, NULL, 0), whole);
    eddy_exception_unref(e);
}

TEST_VIRTUAL(every_code_has_a_sentence_of_its_own)
{
    for (int code = EDDY_EMISUSE; code <= EDDY_EINVALIDSTATE; code++)
        for (int other = code + 1; other <= EDDY_EINVALIDSTATE; other++)
            EXPECT(strcmp(eddy_strerror(code), eddy_strerror(other)) != 0);
    EXPECT_STR(eddy_strerror(-ENOENT), "No such file or directory");
    EXPECT_STR(eddy_strerror(0), "Success");
    EXPECT_STR(eddy_strerror(5), "Success");
    EXPECT_STR(eddy_strerror(EDDY_EUSER - 3), "Error of the program");
    EXPECT_STR(eddy_strerror(-9000), "Unknown error");
    EXPECT_STR(eddy_strerror(INT32_MIN), "Error of the program");
}

TEST_VIRTUAL(an_error_raised_outside_of_tasks_belongs_to_the_thread)
{
    EXPECT_EQ(eddy_raise(-EIO, "number %d", 1), -EIO);
    EXPECT_STR(eddy_exception_message(eddy_error()), "number 1");
    EXPECT_EQ(eddy_raise(-EPIPE, NULL), -EPIPE);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -EPIPE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "");
}

TEST_VIRTUAL(before_anything_failed_there_is_no_error)
{
    EXPECT(eddy_error() == NULL);
}

TEST_VIRTUAL(an_exception_one_has_can_be_raised_again)
{
    eddy_exception *e = eddy_exception_new(EDDY_EUSER, "again");

    REQUIRE(e != NULL);
    EXPECT_EQ(eddy_reraise(e), EDDY_EUSER);
    EXPECT(eddy_error() == e);
    EXPECT_EQ(eddy_reraise(eddy_error()), EDDY_EUSER);
    eddy_exception_unref(e);
    EXPECT_STR(eddy_exception_message(eddy_error()), "again");
}

TEST_VIRTUAL(an_error_may_quote_the_one_before)
{
    eddy_raise(-EIO, "cause");
    eddy_raise(EDDY_EUSER, "effect of %s", eddy_exception_message(eddy_error()));

    EXPECT_STR(eddy_exception_message(eddy_error()), "effect of cause");
}

TEST_VIRTUAL(without_memory_for_a_message_the_code_travels_alone)
{
    eddyi_fault_only("malloc", ENOMEM);
    EXPECT_EQ(eddy_raise(-EIO, "lost"), -EIO);
    EXPECT(eddy_exception_new(-EIO, "lost") == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    eddyi_fault_clear();

    EXPECT_EQ(eddy_exception_code(eddy_error()), -EIO);
    EXPECT_STR(eddy_exception_message(eddy_error()), "");
}

/* A group in a group, and so on, around one exception; NULL without memory. */
static eddy_exception *nested(int depth, eddy_exception *second)
{
    eddy_exception *e = eddy_exception_new(-EIO, "the first");

    for (int i = 0; i < depth && e; i++) {
        eddy_exception *members[] = {e, second},
                       *outer = eddy_exception_group_new("", members, second ? 2 : 1);

        eddy_exception_unref(e);
        e = outer;
    }
    return e;
}

static void free_on_a_small_stack(void *unused)
{
    (void)unused;
    eddy_exception_unref(nested(test_tortured() ? 20 : 300000, NULL));
}

static eddy_async(free_in_a_task)
{
    free_on_a_small_stack(NULL);
    return 0;
}

static eddy_async(free_in_a_task_with_a_small_stack)
{
    eddy_task *t = eddy_create_task(free_in_a_task(), .stack_size = 16 << 10);

    return t ? eddy_await(t) : -ENOMEM;
}

TEST_VIRTUAL(exceptions_within_exceptions_are_freed_however_many_levels_there_are)
{
    EXPECT_EQ(test_run(free_in_a_task_with_a_small_stack()), 0);
}

TEST_VIRTUAL(what_is_still_referred_to_outlives_the_group_that_held_it)
{
    eddy_exception *kept = eddy_exception_new(-EPIPE, "kept"), *e = nested(50, kept);

    REQUIRE(kept != NULL && e != NULL);
    eddy_exception_unref(e);
    EXPECT_STR(eddy_exception_message(kept), "kept");
    eddy_exception_unref(kept);
}

TEST_VIRTUAL(groups_within_groups_are_written_in_full_however_many_levels_there_are)
{
    int depth = test_tortured() ? 40 : 20000;
    eddy_exception *second = eddy_exception_new(-EPIPE, NULL), *e = nested(depth, second);
    size_t one =
               strlen(eddy_strerror(EDDY_EGROUP)) + strlen(": ; ") + strlen(eddy_strerror(-EPIPE)),
           length;
    char text[100], *all;

    REQUIRE(second != NULL && e != NULL);
    length = (size_t)eddy_exception_format(e, text, sizeof text);
    if (!test_tortured())
        EXPECT_EQ(length,
                  (size_t)depth * one + strlen("the first ()") + strlen(eddy_strerror(-EIO)));
    EXPECT_EQ(strlen(text), sizeof text - 1);
    all = calloc(1, length + 1);
    REQUIRE(all != NULL);
    EXPECT_EQ((size_t)eddy_exception_format(e, all, length + 1), length);
    EXPECT_EQ(strlen(all), length);
    EXPECT_STR(all + length - strlen(eddy_strerror(-EPIPE)), eddy_strerror(-EPIPE));
    free(all);
    eddy_exception_unref(e);
    eddy_exception_unref(second);
}

TEST_VIRTUAL(without_memory_the_innermost_levels_are_left_out_of_the_text)
{
    eddy_exception *e = nested(100, NULL);
    char text[10000];

    REQUIRE(e != NULL);
    eddyi_fault_only("realloc", ENOMEM);
    eddy_exception_format(e, text, sizeof text);
    eddyi_fault_clear();
    EXPECT_IN(": …", text);
    eddy_exception_format(e, text, sizeof text);
    EXPECT_IN("the first", text);
    eddy_exception_unref(e);
}
