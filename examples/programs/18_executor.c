/* blocking work in threads and processes */
#include <eddy.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int blocking(void *arg)
{
    int n = *(int *)arg;

    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL); /* time.sleep(0.1) */
    return n * n;
}

/* Calls loop.run_in_executor(executor, blocking, n); the job gets a copy of n. */
static eddy_future *run_blocking(eddy_executor *executor, int n)
{
    return eddy_loop_run_in_executor(eddy_get_running_loop(), executor, blocking, &n,
                                     .size = sizeof n);
}

struct place {
    bool is_main;
    pid_t pid;
};

static pthread_t main_thread; /* threading.main_thread() */

static int where(void *arg)
{
    struct place place = {pthread_equal(pthread_self(), main_thread), getpid()};

    return eddy_return_bytes(&place, sizeof place); /* another process gets bytes, not pointers */
}

static struct place *place_of(eddy_bytes *bytes)
{
    return bytes->data;
}

static int fails(void *arg)
{
    return eddy_raise(-EIO, "EIO"); /* raise OSError(5, 'EIO') */
}

eddy_run_on_executor(decorated, (int, n)) /* tornado's @run_on_executor */
{
    return blocking(&n);
}

static const char *str(bool b)
{
    return b ? "True" : "False";
}

eddy_async(amain)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_bytes bytes;

    double t0 = eddy_loop_time(loop);
    eddy_future *g = eddy_gather(run_blocking(NULL, 0), run_blocking(NULL, 1),
                                 run_blocking(NULL, 2), run_blocking(NULL, 3));
    eddy_try(eddy_await(eddy_ref(g)));
    const eddy_outcome *results = eddy_gather_outcomes(g);
    printf("[%d, %d, %d, %d]\n", results[0].status, results[1].status, results[2].status,
           results[3].status);
    eddy_unref(g);
    printf("side by side: %s\n", str(eddy_loop_time(loop) - t0 < 0.3));

    eddy_executor *pool = eddy_thread_pool_new(4); /* with ThreadPoolExecutor(4) as pool: */
    printf("pool: %d\n", eddy_await(run_blocking(pool, 5)));
    eddy_executor_free(pool);

    pool = eddy_process_pool_new(2); /* with ProcessPoolExecutor(2) as pool: */
    printf("process: %d\n", eddy_await(run_blocking(pool, 6)));
    eddy_try(eddy_await_bytes(eddy_loop_run_in_executor(loop, pool, where, NULL), &bytes));
    printf("another process: %s\n", str(place_of(&bytes)->pid != getpid()));
    eddy_bytes_fini(&bytes);
    eddy_executor_free(pool);

    eddy_try(eddy_await_bytes(eddy_loop_run_in_executor(loop, NULL, where, NULL), &bytes));
    printf("another thread: %s same process: %s\n", str(!place_of(&bytes)->is_main),
           str(place_of(&bytes)->pid == getpid()));
    eddy_bytes_fini(&bytes);
    printf("decorated: %d\n", eddy_await(decorated(7)));
    int rc = eddy_await(eddy_to_thread(fails, NULL));
    if (rc == -EIO) /* except OSError as e: */
        printf("OSError %d\n", -rc);
    return 0;
}

int main(void)
{
    main_thread = pthread_self();
    return eddy_main(amain());
}
