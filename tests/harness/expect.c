#include "harness/harness.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Reports a failed expectation. The first one makes the headline; all of them are written to the
 * test's output. Once a fault was injected, failed expectations do not count.
 */
static void unmet(const char *where, const char *fmt, va_list args)
{
    char text[sizeof report->unmet_message];
    int n = snprintf(text, sizeof text, "%s: ", where);

    vsnprintf(text + n, sizeof text - (size_t)n, fmt, args);
    fprintf(stderr, "%s\n", text);
    if (report->torture.struck)
        return;
    if (!atomic_exchange(&report->unmet, true))
        memcpy(report->unmet_message, text, sizeof text);
}

void test_fail(const char *where, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    unmet(where, fmt, args);
    va_end(args);
}

void report_broken(const char *fmt, ...)
{
    char text[sizeof report->broken_message];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fprintf(stderr, "%s\n", text);
    if (!atomic_exchange(&report->broken, true))
        memcpy(report->broken_message, text, sizeof text);
}

void test_skip(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(report->skip_reason, sizeof report->skip_reason, fmt, args);
    va_end(args);
    report->skipped = !report->torture.struck;
    child_end();
}

bool test_expect(bool met, const char *what, const char *where)
{
    if (!met)
        test_fail(where, "not true: %s", what);
    return met;
}

void test_require(bool met, const char *what, const char *where)
{
    if (test_expect(met, what, where))
        return;
    child_end();
}

struct test_value test_value_signed(long long i)
{
    return (struct test_value){.type = TEST_SIGNED, .i = i};
}

struct test_value test_value_unsigned(unsigned long long u)
{
    return (struct test_value){.type = TEST_UNSIGNED, .u = u};
}

struct test_value test_value_double(double d)
{
    return (struct test_value){.type = TEST_DOUBLE, .d = d};
}

struct test_value test_value_pointer(const volatile void *p)
{
    return (struct test_value){.type = TEST_POINTER, .p = (const void *)p};
}

static double as_double(struct test_value v)
{
    return v.type == TEST_DOUBLE ? v.d : v.type == TEST_SIGNED ? (double)v.i : (double)v.u;
}

/* Returns true if two numbers are the same number, whatever their types, or two pointers are
 * equal. */
static bool equal(struct test_value a, struct test_value b)
{
    if (a.type == TEST_POINTER || b.type == TEST_POINTER)
        return a.type == b.type && a.p == b.p;
    if (a.type == TEST_DOUBLE || b.type == TEST_DOUBLE)
        return as_double(a) == as_double(b);
    if (a.type != b.type && (long long)a.u < 0)
        return false;
    return a.u == b.u;
}

static const char *show(struct test_value v, char *buf, size_t size)
{
    switch (v.type) {
    case TEST_SIGNED:
        /* Most negative numbers in tests are statuses. */
        if (v.i < 0 && (v.i > -200 || (v.i > -10100 && v.i < -10000)))
            snprintf(buf, size, "%lld (%s)", v.i, eddy_strerror((int)v.i));
        else
            snprintf(buf, size, "%lld", v.i);
        break;
    case TEST_UNSIGNED:
        snprintf(buf, size, "%llu", v.u);
        break;
    case TEST_DOUBLE:
        snprintf(buf, size, "%.17g", v.d);
        break;
    case TEST_POINTER:
        snprintf(buf, size, "%p", v.p);
        break;
    }
    return buf;
}

static void test_fail_values(struct test_value a, struct test_value b, const char *what,
                             const char *where)
{
    char left[120], right[120];

    test_fail(where, "not true: %s; they are %s and %s", what, show(a, left, sizeof left),
              show(b, right, sizeof right));
}

bool test_expect_eq(struct test_value a, struct test_value b, const char *what, const char *where)
{
    bool met = equal(a, b);

    if (!met)
        test_fail_values(a, b, what, where);
    return met;
}

bool test_expect_ne(struct test_value a, struct test_value b, const char *what, const char *where)
{
    bool met = !equal(a, b);

    if (!met)
        test_fail_values(a, b, what, where);
    return met;
}

bool test_expect_str(const char *a, const char *b, const char *what, const char *where)
{
    bool met = a && b && strcmp(a, b) == 0;

    if (!met)
        test_fail(where, "not true: %s; they are \"%s\" and \"%s\"", what, a ? a : "(null)",
                  b ? b : "(null)");
    return met;
}

bool test_expect_in(const char *part, const char *whole, const char *what, const char *where)
{
    bool met = part && whole && strstr(whole, part);

    if (!met)
        test_fail(where, "not true: %s; the text is \"%s\"", what, whole ? whole : "(null)");
    return met;
}

int test_left_with(int status)
{
    report->left_early = status != 0 && report->torture.struck;
    return status;
}

void test_expect_status(int status, const char *where)
{
    char text[300] = "";
    const eddy_exception *e = eddy_error();

    if (status == 0)
        return;
    if (e && eddy_exception_code(e) == status)
        eddy_exception_format(e, text, sizeof text);
    else if (status < 0)
        snprintf(text, sizeof text, "%s", eddy_strerror(status));
    test_fail(where, "the coroutine ended with %d: %s", status, text);
}
