/* Limits the time of a program, and reads the output that it wrote until then. */
#include <eddy.h>

#include <stdio.h>

eddy_async(amain)
{
    eddy_process *proc;
    const char *out;
    size_t n_out;
    int rc;

    eddy_try(
        eddy_create_subprocess_shell("echo before; exec sleep 1000", &proc, .std_out = EDDY_PIPE));
    eddy_process_free_at_end(proc);

    rc = eddy_within(1, eddy_process_communicate(proc, NULL, 0, &out, &n_out));

    /* The process still runs, and no output that was read is lost. */
    if (rc == -ETIMEDOUT) {
        eddy_process_kill(proc);
        rc = eddy_process_communicate(proc, NULL, 0, &out, &n_out);
    }
    eddy_try(rc);
    printf("%s", out);
    printf("ended by signal %d\n", -eddy_process_returncode(proc));
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
