#include "testkit/kit.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "testkit/trial.h"

static void see(struct eddyi_observer *o, eddy_loop *loop, enum eddyi_sight sight,
                struct eddyi_ready *item)
{
    struct eddyi_kit *kit = eddyi_container(o, struct eddyi_kit, observer);

    if (sight == EDDYI_SEES_BATCH && kit->seed)
        eddyi_kit_shuffle(kit, &loop->schedule.batch);
    if (kit->trial)
        eddyi_trial_see(kit->trial, sight, item);
}

/* Removes the observer before the loop's tasks are ended. */
static void close_kit(struct eddyi_loop_part *part)
{
    struct eddyi_kit *kit = eddyi_container(part, struct eddyi_kit, part);

    eddyi_loop_set_observer(part->loop, NULL);
    eddyi_free(kit);
}

static eddy_coroutine *shut_down(struct eddyi_loop_part *part)
{
    struct eddyi_kit *kit = eddyi_container(part, struct eddyi_kit, part);

    if (kit->trial)
        eddyi_trial_tasks_have_ended(kit->trial);
    return NULL;
}

static void init_kit(struct eddyi_loop_part *part)
{
    struct eddyi_kit *kit = eddyi_container(part, struct eddyi_kit, part);

    kit->observer.see = see;
    eddyi_loop_set_observer(part->loop, &kit->observer);
}

struct eddyi_kit *eddyi_kit_of(eddy_loop *loop)
{
    static const struct eddyi_part_kind kind = {.size = sizeof(struct eddyi_kit),
                                                .init = init_kit,
                                                .close = close_kit,
                                                .shutdown = shut_down,
                                                .stage = EDDYI_EXECUTORS_END};
    struct eddyi_kit *kit = eddyi_loop_part(loop, &kind);

    if (!kit)
        eddy_raise(-ENOMEM, NULL);
    return kit;
}

unsigned long eddyi_kit_number(const char *variable)
{
    const char *text = secure_getenv(variable);

    return text ? strtoul(text, NULL, 0) : 0;
}

eddy_loop *eddyi_kit_loop(eddy_backend backend)
{
    eddy_loop *loop = eddy_loop_new(&(eddy_loop_options){.backend = backend});
    unsigned long seed = eddyi_kit_number("EDDY_SHUFFLE");

    if (loop && seed && eddy_test_loop_shuffle(loop, seed) < 0) {
        eddy_loop_unref(loop);
        return NULL;
    }
    return loop;
}
