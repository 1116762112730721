/* Time: sleeping and time limits, with std::chrono (asyncio.sleep, asyncio.timeout). */
#ifndef EDDY_CXX_TIME_HPP
#define EDDY_CXX_TIME_HPP

#include <eddy/timeout.h>
#include <eddy/wait.h>

#include "call.hpp"

#include <chrono>

namespace eddy
{
inline namespace EDDYI_CXX_WAY
{

/* Converts a duration to the seconds of C; duration::max() means no limit. */
template <class Rep, class Period>
constexpr double seconds(std::chrono::duration<Rep, Period> d) noexcept
{
    if (d == std::chrono::duration<Rep, Period>::max())
        return EDDY_FOREVER;
    return std::chrono::duration<double>(d).count();
}

/* Suspends the current task (asyncio.sleep); 0 lets all that is ready run once. */
template <class Rep, class Period> returns<void> sleep(std::chrono::duration<Rep, Period> d)
{
    return detail::done(eddy_sleep(seconds(d)));
}

namespace detail
{

/* A scope of C with a deadline, which is left by exit(), or at the end of the block. */
class deadline
{
  public:
    explicit deadline(double delay)
    {
        (eddy_timeout_enter)(&m_timeout, delay);
    }
    deadline(const deadline &) = delete;
    deadline &operator=(const deadline &) = delete;
    ~deadline()
    {
        eddy_timeout *const tm = &m_timeout;

        if (!m_left)
            eddy_timeout_abandon(&tm);
    }
    int exit(int rc)
    {
        m_left = true;
        return eddy_timeout_exit(&m_timeout, rc);
    }

  private:
    eddy_timeout m_timeout;
    bool m_left = false;
};

} // namespace detail

/*
 * Calls @f in the current task, with a time limit (asyncio.timeout): `eddy::timeout(1s, [&] {
 * return stream.readline(); })`. Returns what @f returns. When the time has passed, the present or
 * next suspension of @f is cancelled; once @f has ended because of that, reports -ETIMEDOUT
 * (eddy::timed_out).
 */
template <class Rep, class Period, class F>
returns<detail::value_of<F>> timeout(std::chrono::duration<Rep, Period> d, F &&f)
{
    using T = detail::value_of<F>;
    detail::deadline limit(seconds(d));
    std::optional<detail::storable<T>> value;

#ifdef EDDY_RESULTS
    int rc = limit.exit(detail::invoke_into<T>(value, f));
#else
    int rc;
    try {
        rc = limit.exit(detail::invoke_into<T>(value, f));
    } catch (const cancelled &) {
        rc = limit.exit(-ECANCELED);
    }
#endif
    if (rc < 0)
        return detail::fail<T>(rc);
    if constexpr (std::is_void_v<T>)
        return returns<T>();
    else
        return std::move(*value);
}

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#endif
