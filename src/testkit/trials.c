/*
 * All runs of a scenario: the backends, the choice of runs, and the report.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "testkit/kit.h"
#include "testkit/trial.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Failures beyond this number are only counted. */
enum { REPORTED = 20 };

static const struct backend {
    unsigned bit;
    eddy_backend backend;
    const char *name;
} backends[] = {
    {EDDY_TEST_VIRTUAL, EDDY_BACKEND_VIRTUAL, "virtual"},
    {EDDY_TEST_EPOLL, EDDY_BACKEND_EPOLL, "epoll"},
    {EDDY_TEST_IO_URING, EDDY_BACKEND_IO_URING, "io_uring"},
};

static const char *backend_name(eddy_backend backend)
{
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++)
        if (backends[i].backend == backend)
            return backends[i].name;
    return "?";
}

__attribute__((format(printf, 2, 3))) static void say(const eddy_test_scenario *s, const char *fmt,
                                                      ...)
{
    char line[2000];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (s->say)
        s->say(line, s->arg);
    else
        fprintf(stderr, "%s\n", line);
}

int eddyi_trials_begin(struct eddyi_trials *all, const eddy_test_scenario *s)
{
    *all = (struct eddyi_trials){
        .scenario = s,
        .only = secure_getenv("EDDY_TEST_ONLY"),
        .verbose = eddyi_kit_number("EDDY_TEST_VERBOSE") > 0,
        .points_room = 64,
    };
    if (eddyi_loop_running)
        return eddy_raise(EDDY_ERUNNING,
                          "scenarios cannot be run from within a running event loop");
    all->points = eddyi_alloc(all->points_room * sizeof all->points[0]);
    return all->points ? 0 : eddy_raise(-ENOMEM, NULL);
}

static bool is_available(eddy_backend backend)
{
    eddy_loop *loop = eddy_loop_new(&(eddy_loop_options){.backend = backend});

    eddy_loop_unref(loop);
    return loop != NULL;
}

/* Runs the scenario twice: the first run records what it does, the second checks that it breaks no
 * rule without an accident. */
static int run_without_accident(struct eddyi_trials *all)
{
    struct eddyi_trial t = {.all = all, .recording = true},
                       again = {.all = all, .key = "plain", .must_succeed = true};

    all->n_points = 0;
    all->hung = false;
    all->duration = -eddyi_sys_now();
    eddyi_trial_run(&t);
    all->duration += eddyi_sys_now();
    all->items = t.items;
    if (t.status < 0) {
        say(all->scenario, "%s on %s: fails without an accident: %s", all->scenario->name,
            backend_name(all->backend), t.wrong[0] ? t.wrong : eddy_strerror(t.status));
        return eddy_raise(t.status, "%s", t.wrong[0] ? t.wrong : eddy_strerror(t.status));
    }
    eddyi_trials_run(all, &again);
    return 1;
}

int eddyi_trials_next_backend(struct eddyi_trials *all)
{
    unsigned wanted = all->scenario->backends ? all->scenario->backends : EDDY_TEST_VIRTUAL;

    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
        if (!(wanted & ~all->tried & backends[i].bit))
            continue;
        all->tried |= backends[i].bit;
        if (!is_available(backends[i].backend))
            continue;
        all->usable |= backends[i].bit;
        all->backend = backends[i].backend;
        return run_without_accident(all);
    }
    return all->usable ? 0 : eddy_exception_code(eddy_error());
}

bool eddyi_trials_run(struct eddyi_trials *all, struct eddyi_trial *t)
{
    const eddy_test_scenario *s = all->scenario;
    char key[240];

    snprintf(key, sizeof key, "%s/%s/%s", s->name, backend_name(all->backend), t->key);
    if (all->hung || (all->only && strcmp(all->only, key) != 0))
        return false;
    if (all->verbose)
        say(s, "%s: %s", key, t->what);
    eddyi_trial_run(t);
    all->result.trials += t->what[0] != '\0';
    all->result.unreached += (t->point && !t->victim_number) || (t->failing_call && !t->call);
    if (!t->wrong[0])
        return false;
    if (++all->result.failures <= REPORTED)
        say(s, "%s on %s%s%s%s%s%s: %s [EDDY_TEST_ONLY='%s']", s->name, backend_name(all->backend),
            t->what[0] ? ", " : "", t->what, t->call ? " (" : "", t->call ? t->call : "",
            t->call ? ")" : "", t->wrong, key);
    else if (all->result.failures == REPORTED + 1)
        say(s, "%s: there are more failures than that", s->name);
    if (all->hung)
        say(s, "%s on %s: no more runs, since each that hangs takes some seconds", s->name,
            backend_name(all->backend));
    return true;
}

int eddyi_trials_end(struct eddyi_trials *all, int rc, eddy_test_result *ret_result)
{
    eddyi_free(all->points);
    if (rc < 0)
        return rc;
    if (ret_result)
        *ret_result = all->result;
    return all->result.failures > INT32_MAX ? INT32_MAX : (int)all->result.failures;
}
