#include "backend/epoll_table.h"

#include "base/fd_table.h"
#include "base/sys.h"

#include <sys/epoll.h>

void eddyi_table_init(struct eddyi_table *t)
{
    t->epfd = -1;
    eddyi_list_init(&t->unarmed);
    eddyi_list_init(&t->overdue);
}

void eddyi_table_fini(struct eddyi_table *t)
{
    eddyi_free(t->slots);
}

static int have_slot(struct eddyi_table *t, int fd)
{
    void *slots;
    int rc;

    if ((size_t)fd < t->n_slots)
        return 0;
    rc = eddyi_fd_table_grow(t->slots, &t->n_slots, sizeof t->slots[0], fd, &slots);
    if (rc == 0)
        t->slots = slots;
    return rc;
}

EDDYI_DIRECT int eddyi_table_enter(struct eddyi_table *t, struct eddyi_op *op)
{
    int rc = have_slot(t, op->fd);
    struct eddyi_slot *s;

    if (rc < 0)
        return rc;
    s = &t->slots[op->fd];
    for (enum eddyi_direction d = EDDYI_READS; d <= EDDYI_WRITES; d++) {
        if (eddyi_op_wants(op, d) && s->op[d])
            return -EBUSY;
    }
    for (enum eddyi_direction d = EDDYI_READS; d <= EDDYI_WRITES; d++) {
        if (eddyi_op_wants(op, d))
            s->op[d] = op;
    }
    t->n_waiting++;
    eddyi_list_init(&op->link);
    op->in_kernel = true;
    return 0;
}

EDDYI_DIRECT void eddyi_table_leave(struct eddyi_table *t, struct eddyi_op *op)
{
    struct eddyi_slot *s = &t->slots[op->fd];

    for (enum eddyi_direction d = EDDYI_READS; d <= EDDYI_WRITES; d++) {
        if (s->op[d] == op)
            s->op[d] = NULL;
    }
    eddyi_list_remove(&op->link);
    op->in_kernel = false;
    t->n_waiting--;
}

static int control(struct eddyi_table *t, int op, int fd, unsigned events, uint32_t generation)
{
    return eddyi_sys_epoll_ctl(t->epfd, op, fd, events, (uint64_t)generation << 32 | (uint32_t)fd);
}

/*
 * Makes the registration of @fd match @events. The table only guesses whether there is one: closing
 * removed it (ENOENT), or it stayed with a duplicate that has got the same number again (EEXIST).
 * If this fails, the previous registration stays.
 */
static int register_as(struct eddyi_table *t, int fd, unsigned events)
{
    struct eddyi_slot *s = &t->slots[fd];
    bool old = s->registered;
    int rc = control(t, old ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events, s->generation + 1);

    if (rc == -ENOENT || rc == -EEXIST) {
        old = rc == -EEXIST;
        rc = control(t, old ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events, s->generation + 1);
    }
    if (rc < 0)
        return rc;
    if (!old || !s->registered)
        s->stream = eddyi_sys_is_tcp(fd);
    s->generation++;
    s->events = events;
    s->registered = true;
    s->ending = false;
    return 0;
}

int eddyi_table_arm(struct eddyi_table *t, int fd, unsigned mode)
{
    struct eddyi_slot *s = &t->slots[fd];
    bool kept = mode == EPOLLET && s->op[EDDYI_READS];
    unsigned in = s->op[EDDYI_READS] ? EPOLLIN : 0, out = s->op[EDDYI_WRITES] ? EPOLLOUT : 0;
    int rc = register_as(t, fd, mode | in | out | (kept ? EPOLLRDHUP | EPOLLPRI : 0));

    if (rc < 0)
        return rc;
    s->edge = mode == EPOLLET;
    s->kept = kept;
    for (enum eddyi_direction d = EDDYI_READS; d <= EDDYI_WRITES; d++) {
        if (s->op[d])
            eddyi_list_remove(&s->op[d]->link);
    }
    return 0;
}

EDDYI_DIRECT int eddyi_table_expect(struct eddyi_table *t, struct eddyi_op *op)
{
    struct eddyi_slot *s = &t->slots[op->fd];
    bool polls = op->kind == EDDYI_OP_POLL && op->tried && op->events == POLLIN;
    bool alone =
        (polls || op->kind == EDDYI_OP_RECV || op->kind == EDDYI_OP_ACCEPT) && !s->op[EDDYI_WRITES];

    if (alone && op->tried && s->kept && s->stream && !s->ending) {
        eddyi_list_append(&t->unarmed, &op->link);
        return 0;
    }
    return eddyi_table_arm(t, op->fd, alone ? EPOLLET : EPOLLONESHOT);
}

int eddyi_table_forget(struct eddyi_table *t, int fd)
{
    struct eddyi_slot *s = &t->slots[fd];

    s->registered = s->edge = s->kept = false;
    return control(t, EPOLL_CTL_DEL, fd, 0, 0);
}

static bool is_waited_for(const struct eddyi_slot *s)
{
    return s->registered && (s->adopted || s->op[EDDYI_READS] || s->op[EDDYI_WRITES]);
}

/* Makes a new set with everything that is waited for. A descriptor that was closed meanwhile is in
 * neither. */
static int make_set(struct eddyi_table *t, int wakefd, uint64_t wake_data)
{
    int rc = t->epfd = eddyi_sys_epoll_create();

    if (rc >= 0)
        rc = eddyi_sys_epoll_ctl(t->epfd, EPOLL_CTL_ADD, wakefd, EPOLLIN | EPOLLET, wake_data);
    for (size_t fd = 0; fd < t->n_slots && rc >= 0; fd++) {
        if (is_waited_for(&t->slots[fd]))
            rc = control(t, EPOLL_CTL_ADD, (int)fd, t->slots[fd].events, t->slots[fd].generation);
        if (rc == -EBADF || rc == -EPERM)
            rc = 0;
    }
    return rc;
}

int eddyi_table_renew(struct eddyi_table *t, int wakefd, uint64_t wake_data)
{
    int old = t->epfd, rc = make_set(t, wakefd, wake_data), unused = rc < 0 ? t->epfd : old;

    t->n_stale = 0;
    if (rc < 0)
        t->epfd = old;
    if (unused >= 0)
        eddyi_sys_close(unused);
    for (size_t fd = 0; fd < t->n_slots && rc >= 0; fd++) {
        struct eddyi_slot *s = &t->slots[fd];

        if (!is_waited_for(s))
            s->registered = s->edge = s->kept = false;
    }
    return rc;
}

int eddyi_table_adopt(struct eddyi_table *t, int fd)
{
    int rc = have_slot(t, fd);
    struct eddyi_slot *s;

    if (rc < 0)
        return rc;
    s = &t->slots[fd];
    if (s->op[EDDYI_READS] || s->op[EDDYI_WRITES])
        return -EBUSY;
    rc = register_as(t, fd, EPOLLET | EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI);
    if (rc < 0)
        return rc;
    s->adopted = true;
    s->ready[EDDYI_READS] = s->ready[EDDYI_WRITES] = s->edge = s->kept = false;
    return 0;
}

void eddyi_table_disown(struct eddyi_table *t, int fd)
{
    struct eddyi_slot *s = (size_t)fd < t->n_slots ? &t->slots[fd] : NULL;

    if (!s || !(s->registered || s->adopted))
        return;
    (void)eddyi_table_forget(t, fd);
    s->generation++; /* the events of the present wait belong to no operation */
    s->adopted = false;
}
