#include "process/standard.h"

#include "base/given.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "eddy/error.h"

#include <unistd.h>

static const char *const names[] = {"standard input", "standard output", "standard error"};

static int open_pipe(struct eddyi_standard *s, int which, const struct eddyi_process_pipes *pipes)
{
    int fds[2], here = which == STDIN_FILENO ? 1 : 0, rc = eddyi_sys_pipe(fds);

    if (rc < 0)
        return eddy_raise(rc, "no pipe for %s", names[which]);
    s->fds[which] = fds[1 - here];
    s->mine[which] = true;
    rc = pipes->attach(pipes->arg, which, fds[here]);
    if (rc < 0)
        eddyi_sys_close(fds[here]);
    return rc;
}

static int open_null(struct eddyi_standard *s, int which)
{
    int fd = eddyi_sys_open_null();

    if (fd < 0)
        return eddy_raise(fd, "no /dev/null for %s", names[which]);
    s->fds[which] = fd;
    s->mine[which] = true;
    return 0;
}

static int open_one(struct eddyi_standard *s, int which, int wanted,
                    const struct eddyi_process_pipes *pipes)
{
    s->fds[which] = -1;
    s->mine[which] = false;
    switch (wanted) {
    case EDDY_INHERIT:
        return 0;
    case EDDY_PIPE:
        return open_pipe(s, which, pipes);
    case EDDY_DEVNULL:
        return open_null(s, which);
    default:
        break;
    }
    if (wanted == EDDY_STDOUT && which != STDERR_FILENO)
        return eddy_raise(-EINVAL, "EDDY_STDOUT is for standard error, not for %s", names[which]);
    if (wanted == EDDY_STDOUT)
        s->fds[which] = s->fds[STDOUT_FILENO] < 0 ? STDOUT_FILENO : s->fds[STDOUT_FILENO];
    else if (wanted > 0 || wanted == EDDY_FD_0)
        s->fds[which] = eddyi_fd_given(wanted);
    else
        return eddy_raise(-EBADF, "%d is nothing that %s could be", wanted, names[which]);
    return 0;
}

void eddyi_standard_close(struct eddyi_standard *s)
{
    for (int i = 0; i < 3; i++)
        if (s->mine[i])
            eddyi_sys_close(s->fds[i]);
}

int eddyi_standard_open(struct eddyi_standard *s, const eddy_subprocess_options *options,
                        const struct eddyi_process_pipes *pipes)
{
    const int wanted[3] = {options->std_in, options->std_out, options->std_err};
    int rc = 0;

    *s = (struct eddyi_standard){0};
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = open_one(s, i, wanted[i], pipes);
    if (rc < 0)
        eddyi_standard_close(s);
    return rc;
}
