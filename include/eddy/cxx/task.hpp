/* Tasks made of lambdas (asyncio.create_task, gather). */
#ifndef EDDY_CXX_TASK_HPP
#define EDDY_CXX_TASK_HPP

#include <eddy/task.h>
#include <eddy/wait.h>

#include "call.hpp"

#include <array>
#include <tuple>
#include <utility>

namespace eddy
{
inline namespace EDDYI_CXX_WAY
{
namespace detail
{

/*
 * Repeats wait(), which returns a status of C, while the calling task is cancelled in it; the
 * cancellation then takes effect at the next suspension.
 */
template <class Wait> void wait_uncancelled(Wait &&wait)
{
    bool was_cancelled = false;

    while (wait() == -ECANCELED)
        was_cancelled = true;
    if (was_cancelled) { /* requested once more, but counted once */
        eddy_task_cancel(eddy_current_task(), nullptr);
        eddy_task_uncancel(eddy_current_task());
    }
}

} // namespace detail

/*
 * A task that runs a lambda: `eddy::task t([&] { return work(); });`. T is the type that the lambda
 * returns.
 *
 * A task object that is destroyed before await() cancels its task and waits for its end; release()
 * lets the task go on. The loop reports a failure that was never awaited.
 */
template <class T = void> class [[nodiscard]] task
{
  public:
    using value_type = T;

    task() = default;
    /*
     * Creates the task; its first step is an ordinary turn of the loop. @options as for
     * eddy_create_task(). If it cannot be created, await() reports why.
     */
    template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, task>>>
    EDDYI_NOINLINE explicit task(F &&f, eddy_task_options options = {})
    {
        auto *c = detail::new_call(std::forward<F>(f));
        options.coro = detail::coroutine_of(c, "lambda", EDDYI_CALLER);

        m_outcome = c;
        m_task = eddy_loop_create_task_with(nullptr, &options);
        if (m_task == nullptr)
            m_why = failure::latest(detail::latest_code());
    }
    /* Creates the task with a name. */
    template <class F>
    EDDYI_NOINLINE task(F &&f, const char *name) : task(std::forward<F>(f), named(name))
    {
    }
    task(task &&other) noexcept
        : m_task(std::exchange(other.m_task, nullptr)),
          m_outcome(std::exchange(other.m_outcome, nullptr)), m_why(std::move(other.m_why))
    {
    }
    task &operator=(task &&other)
    {
        if (this != &other) {
            end();
            m_task = std::exchange(other.m_task, nullptr);
            m_outcome = std::exchange(other.m_outcome, nullptr);
            m_why = std::move(other.m_why);
        }
        return *this;
    }
    ~task()
    {
        end();
    }

    /*
     * Waits for the end of the task and returns what its lambda returned, once (await t). An
     * exception that left the lambda is thrown again as it was. A second call reports EDDY_EMISUSE.
     *
     * Cancelled: cancels the task too, and waits for its end.
     */
    returns<T> await()
    {
        if (m_task == nullptr)
            return detail::fail<T>(m_why ? *m_why : failure(EDDY_EMISUSE));

        int rc = eddy_await(std::exchange(m_task, nullptr));
        detail::holder<T> outcome(std::exchange(m_outcome, nullptr));

        return outcome->take(rc);
    }
    /* Requests that the task end (Task.cancel): its present or next suspension is cancelled. */
    bool cancel(const char *message = nullptr)
    {
        return m_task != nullptr && eddy_task_cancel(m_task, message);
    }
    /* Returns whether the task has ended (Task.done); also true after await(). */
    bool done() const
    {
        return m_task == nullptr || eddy_task_done(m_task);
    }
    /* Returns the task of C; null after await(). Borrowed. */
    eddy_task *get() const noexcept
    {
        return m_task;
    }
    /* Lets the task go on by itself: the loop owns it. */
    void release()
    {
        if (m_task != nullptr)
            eddy_unref(std::exchange(m_task, nullptr));
        end();
    }

  private:
    static eddy_task_options named(const char *name)
    {
        eddy_task_options options = {};

        options.name = name;
        return options;
    }
    void end()
    {
        if (m_task != nullptr) {
            eddy_task_cancel(m_task, nullptr);
            if (eddy_current_task() != nullptr)
                detail::wait_uncancelled(
                    [this] { return eddy_wait(&m_task, 1, EDDY_FOREVER, EDDY_ALL_COMPLETED); });
            eddy_unref(std::exchange(m_task, nullptr));
        }
        if (m_outcome != nullptr)
            std::exchange(m_outcome, nullptr)->unref();
    }

    eddy_task *m_task = nullptr;
    detail::outcome<T> *m_outcome = nullptr;
    std::optional<failure> m_why; /* why there is no task */
};

template <class F> task(F &&) -> task<detail::value_of<F>>;
template <class F> task(F &&, eddy_task_options) -> task<detail::value_of<F>>;
template <class F> task(F &&, const char *) -> task<detail::value_of<F>>;

/* Creates a task that runs @f (asyncio.create_task). */
template <class F>
EDDYI_NOINLINE task<detail::value_of<F>> create_task(F &&f, eddy_task_options options = {})
{
    return task<detail::value_of<F>>(std::forward<F>(f), options);
}

/*
 * Creates a task that runs @f and that the loop owns. If the task fails, the loop's exception
 * handler is called. Reports only that the task could not be created.
 */
template <class F> EDDYI_NOINLINE returns<void> spawn(F &&f, eddy_task_options options = {})
{
    options.coro = coroutine(std::forward<F>(f));
    return detail::done(eddy_spawn_with(&options));
}

namespace detail
{

template <class T> task<T> &as_task(task<T> &t)
{
    return t;
}
template <class F> task<value_of<F>> as_task(F &&f)
{
    return task<value_of<F>>(std::forward<F>(f));
}

/* Awaits @t and stores its value. Returns whether it succeeded; else stores the failure. */
template <class T>
bool await_into(task<T> &t, std::optional<storable<T>> &value, std::optional<failure> &why)
{
#ifdef EDDY_RESULTS
    auto r = t.await();
    if (!r)
        why = r.why();
    else if constexpr (std::is_void_v<T>)
        value.emplace();
    else
        value.emplace(*std::move(r));
    return bool(r);
#else
    (void)why;
    if constexpr (std::is_void_v<T>) {
        t.await();
        value.emplace();
    } else {
        value.emplace(t.await());
    }
    return true;
#endif
}

template <class... Tasks, size_t... I>
auto gather_tasks(std::tuple<Tasks...> tasks, std::index_sequence<I...>)
    -> returns<std::tuple<storable<typename std::decay_t<Tasks>::value_type>...>>
{
    using values = std::tuple<storable<typename std::decay_t<Tasks>::value_type>...>;
    eddy_task *all[] = {std::get<I>(tasks).get()...};
    std::tuple<std::optional<std::tuple_element_t<I, values>>...> found;
    std::optional<failure> why;
    int rc = eddy_wait(all, sizeof...(I), EDDY_FOREVER, EDDY_FIRST_EXCEPTION);

    if (rc < 0)
        return fail<values>(rc);
    /* A failure first, which may lie behind tasks that have not ended; no other task is awaited. */
    if (!((!eddy_task_done(all[I]) || eddy_task_result(all[I]) >= 0 ||
           await_into(std::get<I>(tasks), std::get<I>(found), why)) &&
          ...))
        return fail<values>(*why);
    if (!(await_into(std::get<I>(tasks), std::get<I>(found), why) && ...))
        return fail<values>(*why);
    return values(std::move(*std::get<I>(found))...);
}

} // namespace detail

/*
 * Runs lambdas and tasks concurrently, and returns a tuple of what they return, with std::monostate
 * for those that return nothing (asyncio.gather): `auto [a, b] = eddy::gather(f, g);`.
 *
 * The first failure is reported at once. Lambdas that have not ended are then cancelled and
 * awaited, as at the end of a task group, before gather() is left; a task that was given as an
 * lvalue goes on.
 *
 * Cancelled: as after a failure.
 */
template <class... Fs> auto gather(Fs &&...fs)
{
    return detail::gather_tasks(
        std::tuple<decltype(detail::as_task(std::forward<Fs>(fs)))...>{
            detail::as_task(std::forward<Fs>(fs))...},
        std::index_sequence_for<Fs...>());
}

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#endif
