#include "base/log.h"

#include "base/sys.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The program's function, stored after its argument. */
static eddy_log_fn *_Atomic log_fn;
static void *_Atomic log_arg;
static atomic_bool warnings_dropped;

void eddy_set_log(eddy_log_fn *fn, void *arg)
{
    atomic_store(&log_fn, NULL);
    atomic_store(&log_arg, arg);
    atomic_store(&log_fn, fn);
}

void eddyi_log_drop_warnings(bool dropped)
{
    atomic_store(&warnings_dropped, dropped);
}

bool eddyi_log_is_taken(void)
{
    return atomic_load(&log_fn) != NULL;
}

static bool hand_over(eddy_log_level level, const char *text)
{
    eddy_log_fn *fn = atomic_load(&log_fn);

    if (level == EDDY_LOG_WARNING && atomic_load(&warnings_dropped))
        return true;
    if (fn)
        fn(level, text, atomic_load(&log_arg));
    return fn != NULL;
}

void eddyi_log_as(eddy_log_level level, const char *prefix, const char *text)
{
    if (!hand_over(level, text))
        fprintf(stderr, "%s: %s\n", prefix, text);
}

void eddyi_log(eddy_log_level level, const char *fmt, ...)
{
    char text[2048];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    eddyi_log_as(level, "eddy", text);
}

size_t eddyi_log_lines(eddy_log_level level, char *text, size_t n)
{
    size_t begin = 0;

    for (size_t i = 0; i < n; i++) {
        if (text[i] != '\n')
            continue;
        text[i] = '\0';
        eddyi_log_as(level, "eddy", text + begin);
        begin = i + 1;
    }
    return begin;
}

/* Writes with one write(2), so that the line stays whole beside those of other threads, and not
 * through a stream, whose lock or buffer may be broken. */
void eddyi_log_fatal(const char *text)
{
    static const char prefix[] = "eddy: ";
    char line[2048];
    size_t n = strnlen(text, sizeof line - sizeof prefix);

    if (hand_over(EDDY_LOG_FATAL, text))
        return;
    memcpy(line, prefix, sizeof prefix - 1);
    memcpy(line + sizeof prefix - 1, text, n);
    line[sizeof prefix - 1 + n] = '\n';
    eddyi_sys_write_all(STDERR_FILENO, line, sizeof prefix + n);
}
