/* Lambdas as coroutines of C: what a task and the executor share. Internal but for coroutine(). */
#ifndef EDDY_CXX_CALL_HPP
#define EDDY_CXX_CALL_HPP

#include <eddy/coroutine.h>

#include "result.hpp"

#include <atomic>
#include <exception>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace eddy
{
inline namespace EDDYI_CXX_WAY
{
namespace detail
{

/* What a variable of type T can hold, also for void. */
template <class T> using storable = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/* The type of the value that a lambda returns, by itself or in a result. */
template <class F>
using value_of = typename unwrapped<std::decay_t<std::invoke_result_t<std::decay_t<F> &>>>::type;

/*
 * Calls body(), which returns a status of C, and converts an exception that leaves it to a failure:
 * its code and message. Stores the exception in @thrown, unless it says no more than its code.
 */
template <class Body> int status_of(Body &&body, std::exception_ptr &thrown) noexcept
{
#ifdef __cpp_exceptions
    try {
        return body();
    } catch (const cancelled &) {
        return -ECANCELED;
    } catch (const std::bad_alloc &) {
        return -ENOMEM;
    } catch (const error &e) {
        thrown = std::current_exception();
        return e.why().raise();
    } catch (const std::exception &e) {
        thrown = std::current_exception();
        return eddy_raise(EDDY_EEXCEPTION, "%s", e.what());
    } catch (...) {
        thrown = std::current_exception();
        return eddy_raise(EDDY_EEXCEPTION, "an exception that is no std::exception");
    }
#else
    (void)thrown;
    return body();
#endif
}

/* Calls f(args), stores what it returns in @value, and returns a status of C. */
template <class T, class F, class... Args>
int invoke_into(std::optional<storable<T>> &value, F &f, Args &&...args)
{
    using returned = std::invoke_result_t<F &, Args...>;

    if constexpr (std::is_void_v<returned>) {
        f(std::forward<Args>(args)...);
        value.emplace();
    } else if constexpr (unwrapped<std::decay_t<returned>>::is_result) {
        auto r = f(std::forward<Args>(args)...);
        if (!r)
            return r.why().raise();
        if constexpr (std::is_void_v<T>)
            value.emplace();
        else
            value.emplace(*std::move(r));
    } else {
        value.emplace(f(std::forward<Args>(args)...));
    }
    return 0;
}

/*
 * How a call ended, shared by the call and by the object that awaits it; freed with its last
 * reference, which a thread of the executor may hold. A failure is kept where the status of C is,
 * in the task; an exception also here, so that it can be thrown again as it was.
 */
template <class T> class outcome
{
  public:
    outcome(const outcome &) = delete;
    outcome &operator=(const outcome &) = delete;
    virtual ~outcome() = default;

    void unref() noexcept
    {
        if (m_references.fetch_sub(1, std::memory_order_acq_rel) == 1)
            delete this;
    }
    /* Returns the value or reports the failure of the call, whose status was @rc. */
    returns<T> take(int rc)
    {
        if (thrown)
            rethrow();
        if (rc < 0)
            return fail<T>(rc);
        if constexpr (std::is_void_v<T>)
            return returns<T>();
        else
            return std::move(*value);
    }

    std::optional<storable<T>> value;
    std::exception_ptr thrown;

  protected:
    outcome() = default;

  private:
    void rethrow()
    {
#ifdef __cpp_exceptions
        std::rethrow_exception(std::exchange(thrown, nullptr));
#endif
    }

    std::atomic<int> m_references{2}; /* of the call, and of the object that awaits it */
};

/* A lambda together with its outcome. */
template <class F> class call final : public outcome<value_of<F>>
{
    using T = value_of<F>;

  public:
    explicit call(F f) : m_function(std::move(f))
    {
    }
    /* Calls the lambda, keeps its value and destroys it. Returns the status for C. */
    int run() noexcept
    {
        int rc = status_of([this] { return invoke_into<T>(this->value, *m_function); },
                           this->thrown);

        m_function.reset();
        return rc;
    }
    /*
     * Returns true once: to the thread that begins the call, or to the task that gives it up
     * before. Only the executor asks.
     */
    bool claim() noexcept
    {
        return !m_claimed.exchange(true);
    }
    /* Run the lambda, or give it up, and release the call's reference: functions for C. */
    static int entry(void *arg) noexcept
    {
        auto *self = static_cast<call *>(arg);
        int rc = self->run();

        self->unref();
        return rc;
    }
    static void drop(void *arg) noexcept
    {
        auto *self = static_cast<call *>(arg);

        self->m_function.reset();
        self->unref();
    }

  private:
    std::optional<F> m_function;
    std::atomic<bool> m_claimed{false};
};

/* Releases the reference of the object that awaits a call when the block is left. */
template <class T> class holder
{
  public:
    explicit holder(outcome<T> *of) noexcept : m_of(of)
    {
    }
    holder(const holder &) = delete;
    holder &operator=(const holder &) = delete;
    ~holder()
    {
        if (m_of != nullptr)
            m_of->unref();
    }
    outcome<T> *operator->() const noexcept
    {
        return m_of;
    }
    explicit operator bool() const noexcept
    {
        return m_of != nullptr;
    }

  private:
    outcome<T> *m_of;
};

/* Returns the code of the failure that left a function of C with a null pointer. */
inline int latest_code() noexcept
{
    const eddy_exception *e = eddy_error();

    return e != nullptr ? eddy_exception_code(e) : -ENOMEM;
}

/* Makes the call of @f; null if memory is short. */
template <class F> call<std::decay_t<F>> *new_call(F &&f)
{
    return new (std::nothrow) call<std::decay_t<F>>(std::forward<F>(f));
}

/*
 * Makes the coroutine of C that makes the call @c, and takes over the call's reference. @caller is
 * the address at which the program made it. NULL for @c is allowed, and returned.
 */
template <class F> eddy_coroutine *coroutine_of(call<F> *c, const char *name, const void *caller)
{
    using self = call<F>;

    if (c == nullptr)
        return nullptr;
    return eddy_coroutine_new_copy_owning(
        name, [](void *arg) { return self::entry(*static_cast<self **>(arg)); },
        [](void *arg) { self::drop(*static_cast<self **>(arg)); }, &c, sizeof c, caller);
}

} // namespace detail

/*
 * Makes a coroutine of C that calls @f: for functions of C that consume an awaitable. Owned.
 * Returns NULL when memory is short.
 */
template <class F>
EDDYI_NOINLINE eddy_coroutine *coroutine(F &&f, const char *name = "lambda")
{
    auto *c = detail::new_call(std::forward<F>(f));

    if (c != nullptr)
        c->unref(); /* no object awaits it */
    return detail::coroutine_of(c, name, EDDYI_CALLER);
}

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#endif
