/*
 * Exceptions of C++ among tasks, generators and callbacks. Prints a line for each promise.
 * "exceptions task" and "exceptions protocol" end the process by an exception that cannot be
 * caught.
 */
#include <eddy.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>

static int failures;

static void expect(bool met, const char *promise)
{
    std::printf("%s %s\n", met ? "ok" : "not ok", promise);
    failures += !met;
}

/* Returns true if `throw;` in a catch block throws this. */
static bool rethrows(const std::string &what)
{
    try {
        throw;
    } catch (const std::exception &e) {
        return what == e.what();
    }
}

static int n_right;

eddy_async(suspends_in_catch, (int, id), (double, nap))
{
    std::string mine = "the exception of task " + std::to_string(id);

    try {
        throw std::runtime_error(mine);
    } catch (const std::exception &) {
        eddy_try(eddy_sleep(nap));
        n_right += rethrows(mine);
        eddy_try(eddy_sleep(nap));
        n_right += rethrows(mine);
    }
    return std::uncaught_exceptions();
}

struct naps_when_destroyed {
    ~naps_when_destroyed()
    {
        n_right += eddy_sleep(0.002) == 0 && std::uncaught_exceptions() == 1;
    }
};

eddy_async(suspends_while_unwinding)
{
    try {
        naps_when_destroyed d;
        throw std::runtime_error("unwinding");
    } catch (const std::exception &) {
    }
    return std::uncaught_exceptions();
}

eddy_async(several)
{
    eddy_task *a = eddy_create_task(suspends_in_catch(1, 0.001)),
              *b = eddy_create_task(suspends_in_catch(2, 0.003)),
              *c = eddy_create_task(suspends_while_unwinding());

    eddy_try(eddy_await(a));
    eddy_try(eddy_await(b));
    eddy_try(eddy_await(c));
    return n_right == 5 && !std::current_exception() ? 0 : -EINVAL;
}

static int yields_in_catch(void *)
{
    try {
        throw std::runtime_error("of the generator");
    } catch (const std::exception &) {
        eddy_try(eddy_yield(nullptr, nullptr));
        return rethrows("of the generator") ? 0 : -EINVAL;
    }
}

static bool goes_through_generators()
{
    eddy_generator *g = eddy_generator_new("g", yields_in_catch, nullptr, 0);
    eddy_async_generator *a = eddy_async_generator_new("a", yields_in_catch, nullptr, 0);
    bool right = false;

    try {
        throw std::runtime_error("of its user");
    } catch (const std::exception &) {
        right = eddy_next(g, nullptr) == 1 && eddy_anext(a, nullptr) == 1 &&
                eddy_next(g, nullptr) == 0 && eddy_anext(a, nullptr) == 0 &&
                rethrows("of its user");
    }
    eddy_generator_free(g);
    eddy_async_generator_free(a);
    return right;
}

eddy_async(generators)
{
    return goes_through_generators() ? 0 : -EINVAL;
}

/* Out of coroutines. */

static int throws(void *)
{
    throw std::runtime_error("thrown");
}

static bool catches(eddy_coroutine *coro)
{
    try {
        (void)!eddy_await(coro);
    } catch (const std::exception &e) {
        return std::strcmp(e.what(), "thrown") == 0;
    }
    return false;
}

eddy_async(catches_what_comes)
{
    char text[1000];
    eddy_coroutine *limited =
        eddy_awaitable_wait_for(EDDY_AWAITABLE(eddy_coro(throws, nullptr)), 5);

    expect(catches(eddy_coro(throws, nullptr)), "an exception passes through eddy_await");
    expect(catches(eddy_awaitable_wait_for(EDDY_AWAITABLE(limited), 6)), "and through wait_for");
    eddy_format_call_graph(nullptr, nullptr, text, sizeof text);
    expect(!std::strstr(text, "throws"), "the task is not in the coroutine any more");
    return eddy_sleep(0.001);
}

eddy_async(throws_in_scopes)
{
    eddy_group tg;
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 10);
    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, eddy_sleep_coro(1000, 0, nullptr));
    throw std::runtime_error("thrown");
}

eddy_async(leaves_scopes)
{
    return catches(throws_in_scopes()) ? eddy_sleep(0.001) : -EINVAL;
}

eddy_async(runs_in_context)
{
    eddy_context *context = eddy_copy_context();
    bool caught = false;
    int rc;

    try {
        (void)!eddy_context_run(context, throws, nullptr);
    } catch (const std::exception &) {
        caught = true;
    }
    rc = eddy_context_run(
        context, [](void *) { return 4; }, nullptr);
    eddy_context_unref(context);
    return caught && rc == 4 ? 0 : -EINVAL;
}

/* Out of callbacks. */

static void throwing_callback(void *)
{
    throw std::runtime_error("thrown");
}

static void throwing_done_callback(eddy_future *, void *)
{
    throw std::runtime_error("thrown");
}

static void count(void *n)
{
    ++*static_cast<int *>(n);
}

static bool run_throws(eddy_loop *loop, eddy_coroutine *coro)
{
    try {
        (void)!eddy_loop_run_until_complete(loop, coro);
    } catch (const std::exception &e) {
        return std::strcmp(e.what(), "thrown") == 0 && !eddy_get_running_loop();
    }
    return false;
}

static void callbacks()
{
    eddy_loop *loop = eddy_new_event_loop();
    eddy_future *f = eddy_loop_create_future(loop);
    int n = 0;

    eddy_loop_call_soon(loop, throwing_callback, nullptr);
    eddy_loop_call_soon(loop, count, &n);
    expect(run_throws(loop, eddy_sleep_coro(0.001, 0, nullptr)) && n == 0,
           "a callback's exception ends the run");
    expect(eddy_loop_run_until_complete(loop, eddy_sleep_coro(0.001, 7, nullptr)) == 7 && n == 1,
           "the loop runs again, and what was to follow comes first");

    eddy_loop_call_later(loop, 0.001, throwing_callback, nullptr);
    expect(run_throws(loop, eddy_sleep_coro(1000, 0, nullptr)), "a timer's exception does");

    eddy_future_add_done_callback(f, throwing_done_callback, nullptr);
    eddy_future_set_result(f, 0);
    expect(run_throws(loop, eddy_sleep_coro(1000, 0, nullptr)), "a done-callback's exception does");
    eddy_unref(f);
    eddy_loop_set_exception_handler(
        loop, [](eddy_loop *, const eddy_exception_context *, void *) {}, nullptr);
    eddy_loop_unref(loop);
}

static int n_cleaned_up;

eddy_async(cleans_up)
{
    int rc = eddy_sleep(1000);

    n_cleaned_up++;
    return rc;
}

eddy_async(has_a_bad_callback)
{
    eddy_unref(eddy_create_task(cleans_up()));
    eddy_loop_call_later(eddy_get_running_loop(), 0.001, throwing_callback, nullptr);
    return eddy_sleep(1000);
}

static void whole_runs()
{
    bool caught = false;

    try {
        (void)!eddy_run(has_a_bad_callback());
    } catch (const std::exception &) {
        caught = true;
    }
    expect(caught && n_cleaned_up == 1,
           "eddy_run cancels its tasks before a callback's exception leaves it");
    try {
        throw std::runtime_error("of main");
    } catch (const std::exception &) {
        expect(eddy_run(several()) == 0 && rethrows("of main"),
               "a run within a catch block keeps both apart");
    }
}

/* The work that is to die. */

static int datagram_factory(void *, const eddy_datagram_protocol **ret_protocol, void **ret_arg)
{
    static eddy_datagram_protocol protocol;

    protocol.connection_made = [](void *, eddy_datagram_transport *) {
        throw std::runtime_error("thrown");
    };
    *ret_protocol = &protocol;
    *ret_arg = nullptr;
    return 0;
}

eddy_async(opens_an_endpoint)
{
    eddy_datagram_transport *t;
    eddy_datagram_endpoint_options options = {};

    options.local_host = "127.0.0.1";
    return eddy_loop_create_datagram_endpoint_with(eddy_get_running_loop(), datagram_factory,
                                                   nullptr, &t, &options);
}

static int run_what_dies(const char *which)
{
    try {
        return eddy_run(std::strcmp(which, "task") == 0 ? eddy_coro(throws, nullptr)
                                                        : opens_an_endpoint());
    } catch (...) {
        return 0;
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return run_what_dies(argv[1]);
    expect(eddy_run(several()) == 0, "each task has the exceptions that it handles for itself");
    n_right = 0;
    expect(eddy_run(generators()) == 0, "each generator, too");
    expect(eddy_run(catches_what_comes()) == 0, "a task goes on after an exception that it caught");
    expect(eddy_run(leaves_scopes()) == 0, "scopes are left as an exception passes");
    expect(eddy_run(runs_in_context()) == 0, "a context is left as an exception passes");
    callbacks();
    whole_runs();
    return failures > 0;
}
