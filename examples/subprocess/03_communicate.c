/* Sends a program its input, and reads all of its output. */
#include <eddy.h>

#include <stdio.h>

eddy_async(amain)
{
    static const char input[] = "pear\napple\nquince\n";
    eddy_process *proc;
    const char *out, *err;
    size_t n_out, n_err;

    eddy_try(eddy_create_subprocess_shell("sort; echo sorted >&2", &proc, .std_in = EDDY_PIPE,
                                          .std_out = EDDY_PIPE, .std_err = EDDY_PIPE));
    eddy_process_free_at_end(proc);
    eddy_try(eddy_process_communicate(proc, input, sizeof input - 1, &out, &n_out, &err, &n_err,
                                      .limit = 1 << 20));

    printf("%s%s", out, err);
    printf("exit code %d\n", eddy_process_returncode(proc));
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
