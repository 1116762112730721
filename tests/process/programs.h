/*
 * Programs that tests start, and how they end.
 */
#ifndef EDDY_TEST_PROGRAMS_H
#define EDDY_TEST_PROGRAMS_H

#include "harness/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No return code, and not EDDY_RUNNING. */
enum { NO_CODE = 100000 };

/* Waits; an injected error must not have it wait for ever. */
__attribute__((unused)) static int code_of(eddy_process *p)
{
    int code = NO_CODE, rc;
    eddy_timeout tm;

    eddy_timeout_enter(&tm, test_tortured() ? 0.5 : EDDY_FOREVER);
    rc = eddy_timeout_exit(&tm, eddy_process_wait(p, &code));
    return rc < 0 ? NO_CODE : code;
}

/* Has the shell run a command to its end. */
__attribute__((unused)) static int code_of_shell(const char *command)
{
    eddy_process *p;

    eddy_try(eddy_create_subprocess_shell(command, &p));
    eddy_process_free_at_end(p);
    return code_of(p);
}

/* Runs a command with @options to its end, and stores its standard output in @buf. */
__attribute__((unused)) static int output_of(const eddy_subprocess_options *options, char *buf,
                                             size_t size)
{
    eddy_subprocess_options o = *options;
    eddy_process *p;
    ssize_t n, length = 0;

    buf[0] = '\0';
    o.ret_process = &p;
    o.std_out = EDDY_PIPE;
    eddy_try(eddy_create_subprocess_shell_with(&o));
    eddy_process_free_at_end(p);
    while ((n = eddy_reader_read(eddy_process_stdout(p), buf + length, size - 1 - (size_t)length)) >
           0)
        length += n;
    buf[length] = '\0';
    eddy_try((int)n);
    return code_of(p);
}
#define shell_output(buf, ...)                                                                     \
    output_of(&(eddy_subprocess_options){.command = __VA_ARGS__}, (buf), sizeof(buf))

#endif
