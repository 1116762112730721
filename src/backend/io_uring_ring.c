#include "backend/io_uring_ring.h"

#include <stdio.h>
#include <string.h>

enum { SQ_ENTRIES = 256, CQ_ENTRIES = 4096 };

static const char *hint_for(int rc)
{
    switch (rc) {
    case -EPERM:
        return " (seccomp or kernel.io_uring_disabled)";
    case -ENOSYS:
        return " (a kernel without io_uring, or seccomp)";
    case -ENOMEM:
        return " (possibly RLIMIT_MEMLOCK)";
    default:
        return "";
    }
}

int eddyi_ring_refused(int rc, const char *call, char *reason, size_t reason_size)
{
    snprintf(reason, reason_size, "%s: %s%s", call, strerror(-rc), hint_for(rc));
    return rc;
}

int eddyi_ring_make(struct io_uring *ring, bool *ret_disabled)
{
    static const unsigned ladder[] = {
        /* Kernel 6.1; COOP is implied. TASKRUN_FLAG tells, without a call, whether completions wait
         * to be gathered. */
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED |
            IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
            IORING_SETUP_SUBMIT_ALL, /* kernel 5.19 */
        0,
    };
    int rc = -EINVAL;

    for (size_t i = 0; i < sizeof ladder / sizeof ladder[0] && rc == -EINVAL; i++) {
        struct io_uring_params p = {.cq_entries = CQ_ENTRIES};

        p.flags = ladder[i] | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
        rc = eddyi_sys_uring_init(ring, SQ_ENTRIES, &p);
        *ret_disabled = ladder[i] & IORING_SETUP_R_DISABLED;
    }
    /* If this fails, a child merely has the memory mapped as well. */
    if (rc == 0)
        eddyi_sys_uring_dontfork(ring);
    return rc;
}

int eddyi_ring_check(struct io_uring *ring, uint64_t *ret_opcodes, char *reason, size_t reason_size)
{
    static const struct {
        unsigned char opcode;
        const char *name;
    } needed[] = {
        {IORING_OP_POLL_ADD, "POLL_ADD"}, {IORING_OP_RECV, "RECV"},
        {IORING_OP_SEND, "SEND"},         {IORING_OP_ACCEPT, "ACCEPT"},
        {IORING_OP_CONNECT, "CONNECT"},   {IORING_OP_ASYNC_CANCEL, "ASYNC_CANCEL"},
    };
    enum { N_PROBED = 64 };
    union {
        struct io_uring_probe probe;
        char space[sizeof(struct io_uring_probe) + N_PROBED * sizeof(struct io_uring_probe_op)];
    } u = {0};
    int rc;

    if (!(ring->features & IORING_FEAT_EXT_ARG) || !(ring->features & IORING_FEAT_NODROP)) {
        snprintf(reason, reason_size, "io_uring: the kernel is too old (5.11 is needed)");
        return -ENOSYS;
    }
    rc = eddyi_sys_uring_probe_enter(ring);
    if (rc < 0 && rc != -EBADFD) /* EBADFD: still disabled, but reached */
        return eddyi_ring_refused(rc, "io_uring_enter", reason, reason_size);
    rc = eddyi_sys_uring_probe(ring, &u.probe, N_PROBED);
    if (rc < 0)
        return eddyi_ring_refused(rc, "io_uring_register", reason, reason_size);
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (io_uring_opcode_supported(&u.probe, needed[i].opcode))
            continue;
        snprintf(reason, reason_size, "io_uring: the kernel refuses %s", needed[i].name);
        return -ENOSYS;
    }
    *ret_opcodes = 0;
    for (int i = 0; i < N_PROBED; i++)
        *ret_opcodes |= (uint64_t)(io_uring_opcode_supported(&u.probe, i) != 0) << i;
    return 0;
}
