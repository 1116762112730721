/* Running a program: a lambda as its outermost coroutine (asyncio.run). */
#ifndef EDDY_CXX_RUN_HPP
#define EDDY_CXX_RUN_HPP

#include <eddy/run.h>

#include "call.hpp"

namespace eddy
{
inline namespace EDDYI_CXX_WAY
{
/*
 * Makes a loop, runs @f in a task on it, cleans up and closes it (asyncio.run). Returns what @f
 * returns, or reports its failure. @options as for eddy_run().
 */
template <class F>
EDDYI_NOINLINE returns<detail::value_of<F>> run(F &&f, eddy_run_options options = {})
{
    using T = detail::value_of<F>;
    auto *c = detail::new_call(std::forward<F>(f));
    detail::holder<T> outcome(c);

    options.coro = detail::coroutine_of(c, "lambda", EDDYI_CALLER);
    int rc = eddy_run_with(&options);
    return outcome ? outcome->take(rc) : detail::fail<T>(rc);
}

/*
 * Runs @f as run() does, prints its failure, and returns the exit code of the process, as
 * eddy_main() does: `int main() { return eddy::main([] { … }); }`. If @f returns an int, it is the
 * exit code of a success.
 */
template <class F> EDDYI_NOINLINE int main(F &&f, eddy_run_options options = {})
{
    using T = detail::value_of<F>;
    auto *c = detail::new_call(std::forward<F>(f));
    detail::holder<T> outcome(c);

    options.coro = detail::coroutine_of(c, "lambda", EDDYI_CALLER);
    int code = eddy_main_with(&options);
    if constexpr (std::is_same_v<T, int>)
        if (code == 0 && outcome && outcome->value)
            return *outcome->value;
    return code;
}

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#endif
