#include "net/lookup.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "task/task.h"

#include <string.h>

/* Flags that only the C library implements. */
enum { SYSTEM_FLAGS = AI_ADDRCONFIG | AI_V4MAPPED | AI_ALL | AI_IDN | AI_CANONIDN };

static void over(struct eddyi_lookup *l, int result)
{
    l->over = true;
    l->result = result;
    eddyi_list_remove(&l->link);
}

static void step(struct eddyi_ready *ready)
{
    struct eddyi_lookup *l = eddyi_container(ready, struct eddyi_lookup, step);
    int rc = l->go_on(l);

    if (rc == EDDYI_LOOKUP_WAITS)
        return;
    over(l, rc);
    l->done(l);
}

void eddyi_lookup_wake(struct eddyi_lookup *l)
{
    if (l->over && l->notice)
        l->notice(l);
    else if (!l->over && !l->loop->closed && eddyi_list_empty(&l->step.link))
        eddyi_loop_ready(l->loop, &l->step);
}

static void init(struct eddyi_lookup *l, eddy_loop *loop)
{
    l->loop = loop;
    l->query = (struct eddyi_query){0};
    l->address = NULL;
    l->done = NULL;
    l->over = l->pending = false;
    l->list = NULL;
    l->name = NULL;
    l->notice = NULL;
    l->resolver = NULL;
    l->job = NULL;
    eddyi_list_init(&l->link);
    eddyi_list_init(&l->waiting);
    eddyi_ready_init(&l->step, step);
    eddyi_hook_init(&l->hook);
    l->n_reads = 0;
    l->hosts_error = 0;
    l->asks = l->delay_over = false;
}

/* Begins to look up what is no literal. Returns as eddyi_lookup_begin() does. */
static bool begin(struct eddyi_lookup *l, bool system)
{
    struct eddyi_resolver *r = NULL;
    int rc = l->loop->closed ? eddy_raise(-ECANCELED, NULL) : 0;

    if (rc == 0)
        r = eddyi_resolver_of(l->loop);
    if (!r) {
        over(l, rc < 0 ? rc : -ENOMEM);
        return true;
    }
    l->resolver = r;
    system |= eddyi_resolver_is_system(r);
    l->go_on = system ? eddyi_system_go_on : eddyi_dns_go_on;
    memcpy(l->sources, r->order, sizeof l->sources);
    l->source = l->sources;
    rc = l->go_on(l);
    if (rc == EDDYI_LOOKUP_WAITS)
        eddyi_list_append(&r->all, &l->link);
    else
        over(l, rc);
    return l->over;
}

bool eddyi_lookup_begin(struct eddyi_lookup *l, eddy_loop *loop, const char *host,
                        const char *service, const struct addrinfo *hints, int64_t delay)
{
    int rc;

    init(l, loop);
    l->delay = delay;
    rc = eddyi_query_init(&l->query, host, service, hints);
    if (rc == 0)
        rc = eddyi_query_literal(&l->query, &l->list);
    if (rc == 0)
        rc = eddyi_name_check(host, l->query.flags);
    if (rc == 0)
        return begin(l, l->query.flags & SYSTEM_FLAGS);
    over(l, rc < 0 ? rc : 0);
    return true;
}

/* Suspending. */

static void wake(struct eddyi_lookup *l)
{
    eddyi_outcome_set(&l->outcome, l->result);
}

static bool lookup_cancel(struct eddyi_wait *w)
{
    eddyi_lookup_end(eddyi_container(w, struct eddyi_lookup, outcome.wait));
    return eddyi_outcome_cancel(w);
}

static int wait_for(struct eddyi_lookup *l)
{
    int rc = eddyi_outcome_init(&l->outcome, lookup_cancel, "name lookup");

    l->done = wake;
    return rc < 0 ? rc : (int)eddyi_outcome_wait(&l->outcome);
}

int eddyi_lookup_run(struct eddyi_lookup *l, const char *host, const char *service,
                     const struct addrinfo *hints, int64_t delay)
{
    eddy_task *t = eddyi_task_current();

    init(l, NULL);
    if (!t)
        return eddyi_raise_no_task();
    if (eddyi_lookup_begin(l, t->future.loop, host, service, hints, delay))
        return l->result;
    return wait_for(l);
}

int eddyi_lookup_name(const union eddyi_address *a, char *ret_name)
{
    struct eddyi_lookup l;
    int rc;

    init(&l, eddyi_task_current()->future.loop);
    l.address = a;
    l.name = ret_name;
    l.delay = -1;
    rc = begin(&l, false) ? l.result : wait_for(&l);
    eddyi_lookup_end(&l);
    return rc;
}

int eddyi_lookup_more(struct eddyi_lookup *l, struct addrinfo **ret)
{
    return l->pending ? eddyi_dns_more(l, ret) : 0;
}

void eddyi_lookup_end(struct eddyi_lookup *l)
{
    eddyi_ready_cancel(&l->step);
    eddyi_list_remove(&l->link);
    eddyi_system_end(l);
    if (l->resolver)
        eddyi_dns_end(l);
    l->resolver = NULL;
    l->over = true;
    eddy_freeaddrinfo(l->list);
    l->list = NULL;
}
