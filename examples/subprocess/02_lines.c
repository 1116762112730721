/* Reads the output of a program line by line, while it runs. */
#include <eddy.h>

#include <stdio.h>

eddy_async(amain)
{
    eddy_process *proc;
    const char *line;
    ssize_t n;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("seq", "3"), &proc, .std_out = EDDY_PIPE));
    eddy_process_free_at_end(proc);

    /*
     * Lines are not terminated by a null byte; 0 is the end of the output, a negative n an error.
     */
    while ((n = eddy_reader_readline(eddy_process_stdout(proc), &line)) > 0)
        printf("line: %.*s", (int)n, line);
    eddy_try((int)n);

    eddy_try(eddy_process_wait(proc, NULL));
    printf("exit code %d\n", eddy_process_returncode(proc));
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
