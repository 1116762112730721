/* Blocking work in threads (asyncio.to_thread). */
#ifndef EDDY_CXX_EXECUTOR_HPP
#define EDDY_CXX_EXECUTOR_HPP

#include <eddy/executor.h>
#include <eddy/wait.h>

#include "call.hpp"

namespace eddy
{
inline namespace EDDYI_CXX_WAY
{

namespace detail
{

/* Submits the call @c to the default executor. Takes over the call's reference. */
template <class F> eddy_future *submit(call<F> *c)
{
    eddy_job job = {};

    if (c == nullptr)
        return nullptr;
    job.fn = [](void *arg) {
        auto *self = static_cast<call<F> *>(arg);
        return self->claim() ? self->run() : -ECANCELED;
    };
    job.name = "lambda";
    job.arg = c;
    job.drop = call<F>::drop;
    return eddy_loop_run_in_executor_with(nullptr, nullptr, &job);
}

/*
 * Waits for the end of a call in a thread. Returns true if the calling task was cancelled; the call
 * has then ended, or will never begin.
 */
template <class F> bool was_cancelled_before_end(eddy_future *future, call<F> *c)
{
    bool cancelled = false;

    while (eddy_wait(&future, 1, EDDY_FOREVER, EDDY_ALL_COMPLETED) == -ECANCELED) {
        cancelled = true;
        if (c->claim())
            break;
    }
    return cancelled;
}

} // namespace detail

/*
 * Calls @f in a thread of the loop's default executor, and returns what it returns. @f must not use
 * the loop.
 *
 * Cancelled: a call that has not begun never begins. A running call cannot be stopped, and may
 * refer to variables of the caller; so its end is awaited before the cancellation takes effect.
 * (eddy_to_thread() does not wait.)
 */
template <class F> returns<detail::value_of<F>> to_thread(F &&f)
{
    using T = detail::value_of<F>;
    auto *c = detail::new_call(std::forward<F>(f));
    detail::holder<T> outcome(c);
    eddy_future *future = detail::submit(c);

    if (future == nullptr)
        return detail::fail<T>(detail::latest_code());
    if (detail::was_cancelled_before_end(future, c)) {
        eddy_future_cancel(future, nullptr);
        eddy_unref(future);
        return detail::fail<T>(-ECANCELED);
    }
    return outcome->take(eddy_await(future));
}

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#endif
