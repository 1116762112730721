/*
 * The way in which the functions of eddy.hpp report failures: by exceptions, or as result<T>.
 *
 * Every function is written once, and returns returns<T>: T itself or result<T>. The names whose
 * meaning depends on this choice stand in an inline namespace of its name, so that objects compiled
 * in both ways can be linked together.
 */
#ifndef EDDY_CXX_RESULT_HPP
#define EDDY_CXX_RESULT_HPP

#include <eddy/coroutine.h>

#include "error.hpp"

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#if !defined(__cpp_exceptions) && !defined(EDDY_RESULTS)
#define EDDY_RESULTS
#endif

#ifdef EDDY_RESULTS
#define EDDYI_CXX_WAY results
#else
#define EDDYI_CXX_WAY exceptions
#endif

namespace eddy
{

/*
 * A value of type T, or a failure. Examined before it is used: `if (r)`, then *r or r->. The
 * compiler warns of a result that is ignored.
 */
template <class T> class [[nodiscard]] result
{
  public:
    result(T value) : m_value(std::move(value))
    {
    }
    result(failure why) : m_why(std::move(why))
    {
    }
    explicit operator bool() const noexcept
    {
        return m_value.has_value();
    }
    /* Return the value; there must be one. */
    T &operator*() & noexcept
    {
        return *m_value;
    }
    const T &operator*() const & noexcept
    {
        return *m_value;
    }
    T &&operator*() && noexcept
    {
        return std::move(*m_value);
    }
    T *operator->() noexcept
    {
        return &*m_value;
    }
    const T *operator->() const noexcept
    {
        return &*m_value;
    }
    T value_or(T other) &&
    {
        return m_value ? std::move(*m_value) : std::move(other);
    }
    /* Returns the code of the failure, or 0. */
    int code() const noexcept
    {
        return m_why ? m_why->code() : 0;
    }
    /* Returns the message of the failure, or "". */
    std::string message() const
    {
        return m_why ? m_why->message() : std::string();
    }
    /* Returns the failure; there must be one. */
    const failure &why() const noexcept
    {
        return *m_why;
    }

  private:
    std::optional<T> m_value;
    std::optional<failure> m_why;
};

/* Success, or a failure. */
template <> class [[nodiscard]] result<void>
{
  public:
    result() = default;
    result(failure why) : m_why(std::move(why))
    {
    }
    explicit operator bool() const noexcept
    {
        return !m_why;
    }
    void operator*() const noexcept
    {
    }
    int code() const noexcept
    {
        return m_why ? m_why->code() : 0;
    }
    std::string message() const
    {
        return m_why ? m_why->message() : std::string();
    }
    const failure &why() const noexcept
    {
        return *m_why;
    }

  private:
    std::optional<failure> m_why;
};

inline namespace EDDYI_CXX_WAY
{

#ifdef EDDY_RESULTS
template <class T> using returns = result<T>;
#else
template <class T> using returns = T;
#endif

namespace detail
{

/* The type that a result wraps; any other type itself. */
template <class T> struct unwrapped {
    using type = T;
    static constexpr bool is_result = false;
};
template <class T> struct unwrapped<result<T>> {
    using type = T;
    static constexpr bool is_result = true;
};

/* Reports a failure from a function that returns returns<T>: `return fail<T>(why);`. */
template <class T> returns<T> fail(failure why)
{
#ifdef EDDY_RESULTS
    return why;
#else
    switch (why.code()) {
    case -ECANCELED:
        throw cancelled();
    case -ETIMEDOUT:
        throw timed_out(std::move(why));
    case EDDY_EGROUP:
        throw exception_group(std::move(why));
    case -ENOMEM:
        throw std::bad_alloc();
    default:
        throw error(std::move(why));
    }
#endif
}

/* Reports the failure that a function of C has just reported by returning @code. */
template <class T> returns<T> fail(int code)
{
    return fail<T>(failure::latest(code));
}

/* Converts a status that says no more than success or failure. */
template <class Status> returns<void> done(Status rc)
{
    if (rc < 0)
        return fail<void>(static_cast<int>(rc));
    return returns<void>();
}

} // namespace detail

/*
 * Converts the status @rc of a function of C: check(eddy_event_wait(&event)). Returns @rc if it is
 * >= 0; reports a failure otherwise, with the message of eddy_error().
 */
template <class Status> returns<Status> check(Status rc)
{
    if (rc < 0)
        return detail::fail<Status>(static_cast<int>(rc));
    return rc;
}

/* Awaits an awaitable of C, and returns its status: await(eddy_wait_for(x, 1)). Consumes @x. */
template <class Awaitable> returns<int> await(Awaitable *x)
{
    return check(eddy_await(x));
}

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#ifdef EDDY_RESULTS
/*
 * Expands to the value of a result; a failure is returned from the calling function, which returns
 * a result too: `auto line = EDDY_VALUE(stream.readline());`.
 */
#define EDDY_VALUE(...)                                                                            \
    __extension__({                                                                                \
        auto eddyi_result = (__VA_ARGS__);                                                         \
        if (!eddyi_result)                                                                         \
            return eddyi_result.why();                                                             \
        *std::move(eddyi_result);                                                                  \
    })
#endif

#endif
