/*
 * eddy for C++17: RAII, tasks from lambdas, std::chrono, and exceptions or results.
 *
 *     #include <eddy.hpp>
 *     using namespace std::chrono_literals;
 *
 *     int main()
 *     {
 *         return eddy::main([] {
 *             eddy::task hello([] { eddy::sleep(1s); std::puts("hello"); });
 *             eddy::task answer([] { eddy::sleep(2s); return 42; });
 *
 *             hello.await();
 *             std::printf("%d\n", answer.await());
 *         });
 *     }
 *
 * Header-only, above the C interface of <eddy.h>, which can be used beside it: every class has a
 * get() that returns its C object, and check() converts a status of C. The names are asyncio's.
 *
 *   Errors      A failed call throws eddy::error, whose what() is the message and whose code() is
 *               the status. If EDDY_RESULTS is defined before the first #include, or the compiler
 *               has no exceptions (-fno-exceptions), the same functions return eddy::result<T>.
 *               Files compiled in the two ways can be linked together. The comments write T for
 *               the type of either.
 *   Cancelled   A cancelled call throws eddy::cancelled, which is not a std::exception, so that no
 *               `catch (const std::exception &)` swallows a cancellation. A result then has the
 *               code -ECANCELED.
 *   Ownership   An object owns what it opened and closes it when it is destroyed; it can be moved,
 *               not copied. A task is cancelled and awaited, so a lambda may refer to variables
 *               that outlive its task object.
 *   Lambdas     A task owns the captures of its lambda, and destroys them when the lambda has
 *               ended, or when it turns out that it will never run. A lambda returns any movable
 *               type, or nothing.
 *   Exceptions  An exception that leaves a lambda becomes the failure of its task: await() throws
 *               the exception itself again; for C it has the code of an eddy::error, or
 *               EDDY_EEXCEPTION, and the what() as its message.
 *
 * docs/cxx.md is the guide.
 */
#ifndef EDDY_HPP
#define EDDY_HPP

#include <eddy.h>

#include "eddy/cxx/call.hpp"
#include "eddy/cxx/error.hpp"
#include "eddy/cxx/executor.hpp"
#include "eddy/cxx/file.hpp"
#include "eddy/cxx/group.hpp"
#include "eddy/cxx/process.hpp"
#include "eddy/cxx/queue.hpp"
#include "eddy/cxx/range.hpp"
#include "eddy/cxx/result.hpp"
#include "eddy/cxx/run.hpp"
#include "eddy/cxx/server.hpp"
#include "eddy/cxx/stream.hpp"
#include "eddy/cxx/sync.hpp"
#include "eddy/cxx/task.hpp"
#include "eddy/cxx/time.hpp"

#endif
