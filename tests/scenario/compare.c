/*
 * Compares traces with recorded ones: scenario-compare RECORDED TRACES. Both files hold one JSON
 * object a line, for the same programs in the same order. Shows the first lines that differ, of the
 * first few programs that do, and ends with a summary; the exit status is 1 if a program differs, 2
 * if the files cannot be compared.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_SHOWN 3
#define LINES_BEFORE 5
#define LINES_AFTER 4

struct pair {
    json_t *recorded, *got; /* arrays of lines */
    const char *id;
};

static const char *line_at(const json_t *trace, size_t i)
{
    return json_string_value(json_array_get(trace, i));
}

static size_t first_difference(const struct pair *p)
{
    size_t i = 0;

    while (i < json_array_size(p->recorded) &&
           json_equal(json_array_get(p->recorded, i), json_array_get(p->got, i)))
        i++;
    return i;
}

static void show_lines(const char *sign, const json_t *trace, size_t from, size_t to)
{
    for (size_t i = from; i < to && i < json_array_size(trace); i++)
        printf("  %s %s\n", sign, line_at(trace, i));
    if (to >= json_array_size(trace) && *sign != ' ')
        printf("  %s (end)\n", sign);
}

static void show_difference(const struct pair *p)
{
    size_t at = first_difference(p);

    printf("%s differs at line %zu (- recorded, + got):\n", p->id, at + 1);
    show_lines(" ", p->recorded, at > LINES_BEFORE ? at - LINES_BEFORE : 0, at);
    show_lines("-", p->recorded, at, at + LINES_AFTER);
    show_lines("+", p->got, at, at + LINES_AFTER);
}

/* The next object of a file; NULL at its end. */
static json_t *read_object(FILE *f, const char *path)
{
    json_error_t error;
    json_t *object;
    int c = fgetc(f);

    if (c == EOF)
        return NULL;
    ungetc(c, f);
    object = json_loadf(f, JSON_DISABLE_EOF_CHECK, &error);
    if (!object || !json_is_array(json_object_get(object, "trace"))) {
        fprintf(stderr, "%s: %s\n", path, object ? "an object without a trace" : error.text);
        exit(2);
    }
    while ((c = fgetc(f)) == '\n' || c == '\r')
        ;
    ungetc(c, f);
    return object;
}

static FILE *open_file(const char *path)
{
    FILE *f = fopen(path, "r");

    if (!f) {
        perror(path);
        exit(2);
    }
    return f;
}

/* 1 if the next two programs of the files differ, 0 if they do not; -1 at the end. */
static int compare_next(FILE *recorded_file, FILE *got_file, char **paths, bool show)
{
    json_t *recorded = read_object(recorded_file, paths[0]);
    json_t *got = recorded ? read_object(got_file, paths[1]) : NULL;
    struct pair p;
    bool equal;

    if (!recorded)
        return -1;
    p.id = json_string_value(json_object_get(recorded, "id"));
    p.recorded = json_object_get(recorded, "trace");
    p.got = json_object_get(got, "trace");
    if (!got || !json_equal(json_object_get(recorded, "id"), json_object_get(got, "id"))) {
        fprintf(stderr, "%s: no trace for %s\n", paths[1], p.id);
        exit(2);
    }
    equal = json_equal(p.recorded, p.got);
    if (!equal && show)
        show_difference(&p);
    json_decref(recorded);
    json_decref(got);
    return !equal;
}

int main(int argc, char **argv)
{
    size_t n = 0, differ = 0;
    FILE *recorded, *got;
    int result;

    if (argc != 3) {
        fprintf(stderr, "usage: scenario-compare RECORDED TRACES\n");
        return 2;
    }
    recorded = open_file(argv[1]);
    got = open_file(argv[2]);
    for (; (result = compare_next(recorded, got, argv + 1, differ < MAX_SHOWN)) >= 0; n++)
        differ += (size_t)result;
    fclose(recorded);
    fclose(got);
    if (n == 0) {
        fprintf(stderr, "%s: no programs\n", argv[1]);
        return 2;
    }
    printf("%zu programs, %zu differ\n", n, differ);
    return differ ? 1 : 0;
}
