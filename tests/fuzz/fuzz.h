/*
 * For fuzz targets: the input as a source of numbers, and a check that ends the process.
 *
 * A target is a file tests/fuzz/<name>.c with LLVMFuzzerTestOneInput(); tests/fuzz/run says how
 * they are built and run. It reads its input with these functions; from its end on they give zeros.
 */
#ifndef EDDY_TESTS_FUZZ_H
#define EDDY_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fuzz_input {
    const uint8_t *data;
    size_t n;
};

static inline unsigned fuzz_byte(struct fuzz_input *in)
{
    if (in->n == 0)
        return 0;
    in->n--;
    return *in->data++;
}

/* Gives a number of up to four bytes, below @limit. */
static inline unsigned fuzz_below(struct fuzz_input *in, unsigned limit)
{
    unsigned n = 0;

    for (unsigned most = limit - 1; most > 0; most >>= 8)
        n = n << 8 | fuzz_byte(in);
    return n % limit;
}

/* Takes a part of the rest, of a length that the input says, as a string. The caller owns it. */
static inline char *fuzz_string(struct fuzz_input *in, size_t max, size_t *ret_n)
{
    size_t n = fuzz_below(in, (unsigned)max + 1);
    char *text;

    n = n < in->n ? n : in->n;
    text = malloc(n + 1);
    if (!text)
        abort();
    memcpy(text, in->data, n);
    text[n] = '\0';
    in->data += n;
    in->n -= n;
    if (ret_n)
        *ret_n = n;
    return text;
}

#define FUZZ_CHECK(condition)                                                                      \
    ((condition) ? (void)0                                                                         \
                 : (fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition), \
                    abort()))

/*
 * Takes the rest, in memory of just its size: reading past it is found. The caller owns it.
 */
static inline unsigned char *fuzz_rest(struct fuzz_input *in, size_t *ret_n)
{
    unsigned char *rest = malloc(in->n ? in->n : 1);

    if (!rest)
        abort();
    memcpy(rest, in->data, in->n);
    *ret_n = in->n;
    in->data += in->n;
    in->n = 0;
    return rest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#endif
