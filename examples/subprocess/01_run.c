/* Runs programs and prints how they end. */
#include <eddy.h>

#include <signal.h>
#include <stdio.h>

static void report(const char *what, int returncode)
{
    if (returncode >= 0)
        printf("%s: exit code %d\n", what, returncode);
    else
        printf("%s: ended by signal %d\n", what, -returncode);
}

eddy_async(run_a_program)
{
    eddy_process *proc;
    int returncode;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("test", "-d", "/nowhere"), &proc));
    eddy_process_free_at_end(proc);
    eddy_try(eddy_process_wait(proc, &returncode));
    report("test", returncode);
    return 0;
}

eddy_async(run_a_command)
{
    eddy_process *proc;
    int returncode;

    eddy_try(eddy_create_subprocess_shell("kill -TERM $$", &proc));
    eddy_process_free_at_end(proc);
    eddy_try(eddy_process_wait(proc, &returncode));
    report("shell", returncode);
    return 0;
}

eddy_async(run_nothing)
{
    eddy_process *proc;
    int rc = eddy_create_subprocess_exec(eddy_argv("no-such-program"), &proc);

    if (rc == -ENOENT)
        printf("%s\n", eddy_exception_message(eddy_error()));
    return 0;
}

eddy_async(amain)
{
    eddy_try(eddy_await(run_a_program()));
    eddy_try(eddy_await(run_a_command()));
    return eddy_await(run_nothing());
}

int main(void)
{
    return eddy_main(amain());
}
