/* Subprocesses of a parent, in a child that it forked. */
#include "loop/forks.h"
#include "process/programs.h"

static eddy_async(forks_with_a_subprocess)
{
    eddy_process *p;
    int code = NO_CODE, rc;

    eddy_try(eddy_create_subprocess_shell("read line; exit 7", &p, .std_in = EDDY_PIPE));
    eddy_process_free_at_end(p);
    fork_here(NULL);
    if (is_child()) {
        if (eddy_process_kill(p) != EDDY_EFORKED || eddy_process_wait(p, &code) != EDDY_EFORKED)
            _exit(2);
        return 0;
    }
    expect_child_right();
    rc = eddy_writer_write(eddy_process_stdin(p), "go on\n", 6);
    if (rc == 0)
        rc = eddy_process_wait(p, &code);
    EXPECT_EQ(code, 7);
    return rc;
}

TEST_REAL(a_child_does_not_end_the_subprocesses_of_its_parent)
{
    int rc;

    forks_init();
    rc = test_run_real(forks_with_a_subprocess());
    end_child(rc);
    EXPECT_EQ(rc, 0);
}
