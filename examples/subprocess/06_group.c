/* Ends a program together with all processes that it started. */
#include <eddy.h>

#include <signal.h>
#include <stdio.h>

eddy_async(amain)
{
    eddy_process *proc;
    const char *line;

    eddy_try(eddy_create_subprocess_shell("sleep 1000 & sleep 1000 & echo started; wait", &proc,
                                          .std_out = EDDY_PIPE, .process_group = EDDY_NEW_GROUP));
    eddy_process_free_at_end(proc);
    eddy_try((int)eddy_reader_readline(eddy_process_stdout(proc), &line));

    eddy_try(eddy_process_signal_group(proc, SIGTERM));
    eddy_try(eddy_process_wait(proc, NULL));
    printf("the shell was ended by signal %d\n", -eddy_process_returncode(proc));

    /* The end of the output: no process is left that could write. */
    eddy_try((int)eddy_reader_readline(eddy_process_stdout(proc), &line));
    puts("and the others as well");
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
