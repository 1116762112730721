/* Reads programs on standard input, one JSON object a line, and writes {"id": …, "trace": […]} for
 * each. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* Returns false if the line is no program; its answer is then an empty trace, so that lines still
 * pair up. */
static bool run_line(const char *line, size_t length, size_t number)
{
    json_error_t error;
    json_t *program = json_loadb(line, length, JSON_ALLOW_NUL, &error);
    const json_t *coros = json_object_get(program, "coros");
    json_t *id = json_object_get(program, "id");
    json_t *trace = json_is_object(coros) ? run_scenario(coros) : NULL;
    json_t *answer = json_pack("{s:O?, s:o}", "id", id, "trace", trace ? trace : json_array());

    if (!program)
        fprintf(stderr, "scenario-runner: line %zu: %s\n", number, error.text);
    else if (!json_is_object(coros))
        fprintf(stderr, "scenario-runner: line %zu: no \"coros\"\n", number);
    json_dumpf(answer, stdout, 0);
    putchar('\n');
    fflush(stdout);
    json_decref(answer);
    json_decref(program);
    return trace != NULL;
}

static bool is_blank(const char *line)
{
    return line[strspn(line, " \t\r\n")] == '\0';
}

int main(void)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    ssize_t length;
    bool good = true;

    while ((length = getline(&line, &size, stdin)) >= 0) {
        number++;
        if (!is_blank(line) && !run_line(line, (size_t)length, number))
            good = false;
    }
    free(line);
    if (ferror(stdin) || fflush(stdout) != 0 || ferror(stdout)) {
        perror("scenario-runner");
        return 1;
    }
    return good ? 0 : 1;
}
