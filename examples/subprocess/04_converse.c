/* Sends a program several questions, one after another. */
#include <eddy.h>

#include <stdio.h>

static EDDY_AWAITS int ask(eddy_process *proc, const char *question)
{
    const char *answer;
    ssize_t n;

    eddy_try(eddy_writer_printf(eddy_process_stdin(proc), "%s\n", question));
    n = eddy_reader_readline(eddy_process_stdout(proc), &answer);
    if (n == 0)
        return eddy_raise(EDDY_EINCOMPLETE, "no answer to '%s'", question);
    eddy_try((int)n);
    printf("%s is %.*s", question, (int)n, answer);
    return 0;
}

eddy_async(amain)
{
    eddy_process *proc;

    eddy_try(eddy_create_subprocess_shell("while read question; do echo $(($question)); done",
                                          &proc, .std_in = EDDY_PIPE, .std_out = EDDY_PIPE));
    eddy_process_free_at_end(proc);
    eddy_try(ask(proc, "6*7"));
    eddy_try(ask(proc, "2+2"));

    /* The program ends with its input. */
    eddy_writer_close(eddy_process_stdin(proc));
    eddy_try(eddy_process_wait(proc, NULL));
    printf("exit code %d\n", eddy_process_returncode(proc));
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
