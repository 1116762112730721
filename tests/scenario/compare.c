/*
 * Compares traces with recorded ones: scenario-compare [--partly] RECORDED TRACES. Both files hold one JSON object a line,
 * for the same programs in the same order. Shows the first lines that differ, of the first few programs that do, and
 * ends with a summary; the exit status is 1 if a program differs, 2 if the files cannot be compared.
 *
 * --partly leaves out programs with ops that the runner does not know; if that is all of them, the status is 77.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

    while (i < json_array_size(p->recorded) && json_equal(json_array_get(p->recorded, i), json_array_get(p->got, i)))
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

static bool has_unknown_op(const json_t *trace)
{
    static const char ending[] = " unknown";
    size_t i;
    json_t *line;

    json_array_foreach(trace, i, line) {
        const char *text = json_string_value(line);
        size_t n = text ? strlen(text) : 0;

        if (n >= strlen(ending) && strcmp(text + n - strlen(ending), ending) == 0)
            return true;
    }
    return false;
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

int main(int argc, char **argv)
{
    bool partly = argc > 1 && strcmp(argv[1], "--partly") == 0;
    const char **paths = (const char **)argv + 1 + partly;
    size_t n = 0, differ = 0, left_out = 0;
    json_t *recorded, *got;
    FILE *files[2];

    if (argc != 3 + partly) {
        fprintf(stderr, "usage: scenario-compare [--partly] RECORDED TRACES\n");
        return 2;
    }
    for (int i = 0; i < 2; i++)
        files[i] = open_file(paths[i]);

    for (; (recorded = read_object(files[0], paths[0])) != NULL; n++) {
        struct pair p = {json_object_get(recorded, "trace"), NULL, json_string_value(json_object_get(recorded, "id"))};

        got = read_object(files[1], paths[1]);
        if (!got || !json_equal(json_object_get(recorded, "id"), json_object_get(got, "id"))) {
            printf("%s: no trace for %s\n", paths[1], p.id);
            return 2;
        }
        p.got = json_object_get(got, "trace");
        if (partly && has_unknown_op(p.got))
            left_out++;
        else if (!json_equal(p.recorded, p.got) && differ++ < MAX_SHOWN)
            show_difference(&p);
        json_decref(recorded);
        json_decref(got);
    }
    for (int i = 0; i < 2; i++)
        fclose(files[i]);
    if (n == 0) {
        printf("%s: no programs\n", paths[0]);
        return 2;
    }
    printf("%zu programs, %zu differ", n, differ);
    if (left_out > 0)
        printf(", %zu need ops that the runner does not know", left_out);
    putchar('\n');
    return differ ? 1 : left_out == n ? 77 : 0;
}
