/*
 * Cancellation everywhere in the test kit's own waits: for time that passes, and until nothing is
 * ready any more.
 */
#include "testkit/everywhere.h"

static int ticks;

static void begin(void *unused)
{
    ticks = 0;
}

static eddy_async(tick)
{
    for (int i = 0; i < 3; i++) {
        eddy_try(eddy_sleep(1));
        ticks++;
    }
    return 0;
}

static eddy_async(advance)
{
    eddy_try(eddy_test_advance(NULL, 1.5));
    eddy_try(HOLDS(ticks == 1));
    return eddy_test_run_until_idle(NULL);
}

static int scenario(void *unused)
{
    eddy_task *ticker = eddy_create_task(tick());
    eddy_task *advancing = eddy_create_task(advance());
    int rc = join(&advancing, 1), rc_of_ticker = join(&ticker, 1);

    return rc < 0 ? rc : rc_of_ticker;
}

static int check(void *unused, const eddy_test_trial *trial)
{
    return HOLDS(ticks == 3);
}

TEST_VIRTUAL(a_task_that_lets_time_pass_can_be_cancelled_everywhere)
{
    everywhere(
        &(eddy_test_scenario){"time", scenario, .begin = begin, .check = check, .task = "advance"},
        3);
}
