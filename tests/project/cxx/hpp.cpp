/*
 * eddy.hpp with exceptions: what its comments promise. Prints a line for each promise. Linked with
 * results.cpp, which is compiled for results.
 */
#include <eddy.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

void results(void (*expect)(bool met, const char *promise));

static int failures;

static void expect(bool met, const char *promise)
{
    std::printf("%s %s\n", met ? "ok" : "not ok", promise);
    failures += !met;
}

/* Counts the objects of its type that live, moved-from ones too. */
struct counted {
    static int alive;
    counted()
    {
        alive++;
    }
    counted(const counted &)
    {
        alive++;
    }
    counted(counted &&) noexcept
    {
        alive++;
    }
    ~counted()
    {
        alive--;
    }
};
int counted::alive;

/* Returns the what() of the exception that @f throws, or "". */
template <class E, class F> static std::string thrown(F &&f)
{
    try {
        f();
    } catch (const E &e) {
        return e.what();
    } catch (...) {
        return "another exception";
    }
    return "";
}
template <class F> static bool is_cancelled(F &&f)
{
    try {
        f();
    } catch (const std::exception &) {
        return false;
    } catch (const eddy::cancelled &) {
        return true;
    }
    return false;
}

static void tasks()
{
    eddy::task nothing([] { eddy::sleep(1ms); });
    eddy::task text([] { return std::string("text"); });
    eddy::task moved([p = std::make_unique<int>(7)] { return *p; });

    nothing.await();
    expect(text.await() == "text", "a task gives what its lambda returns");
    expect(moved.await() == 7, "and its lambda may own what can only be moved");
    expect(thrown<eddy::error>([&] { moved.await(); }) == eddy_strerror(EDDY_EMISUSE),
           "a second await is misuse");
    expect(eddy::task<>().done(), "an empty task is done");

    eddy::task named([] { return std::string(eddy_task_get_name(eddy_current_task())); }, "Ada");
    expect(named.await() == "Ada", "a task has the name that it is given");
}

static void captures()
{
    {
        eddy::task t([c = counted()] { eddy::sleep(1ms); });
        t.await();
        expect(counted::alive == 0, "captures are destroyed when the lambda has ended");
    }
    {
        eddy::task never([c = counted()] {});
        never.cancel();
    }
    expect(counted::alive == 0, "and when it never runs");
    eddy_coroutine_close(eddy::coroutine([c = counted()] {}));
    expect(counted::alive == 0, "also those of a coroutine that is closed");
    {
        eddy::task unread([] { return counted(); });
        eddy::sleep(1ms);
    }
    expect(counted::alive == 0, "and so is a value that is not awaited");
}

static void ends_of_tasks()
{
    bool ended = false;
    {
        eddy::task t([&] {
            struct at_end {
                bool &flag;
                ~at_end()
                {
                    eddy::sleep(1ms); /* a destructor may wait */
                    flag = true;
                }
            } e{ended};
            eddy::sleep(1h);
        });
        eddy::sleep(1ms);
    }
    expect(ended, "a task that is destroyed is cancelled, and its end awaited");

    eddy::event go, gone;
    {
        eddy::task t([&] {
            go.wait();
            gone.set();
        });
        t.release();
    }
    go.set();
    gone.wait();
    expect(gone.is_set(), "a task that is released goes on");

    eddy::task slow([&] {
        try {
            eddy::sleep(1h);
        } catch (const eddy::cancelled &) {
            eddy::sleep(5ms);
            throw;
        }
    });
    eddy::task outer([&] {
        eddy::task inner(std::move(slow));
        eddy::sleep(1ms);
        { eddy::task ends_here(std::move(inner)); }
        eddy::sleep(1h);
    });
    eddy::sleep(2ms);
    outer.cancel();
    expect(is_cancelled([&] { outer.await(); }),
           "a cancellation while another task's end is awaited is not lost");
}

static void failures_of_tasks()
{
    struct own : std::runtime_error {
        using std::runtime_error::runtime_error;
    };
    eddy::task t([] { throw own("mine"); });
    expect(thrown<own>([&] { t.await(); }) == "mine", "await() throws the exception itself");

    eddy::task odd([] { throw 42; });
    int caught = 0;
    try {
        odd.await();
    } catch (int i) {
        caught = i;
    }
    expect(caught == 42, "whatever its type");

    int rc = eddy_await(eddy::coroutine([] { throw own("for C"); }));
    expect(rc == EDDY_EEXCEPTION &&
               std::string(eddy_exception_message(eddy_error())) == "for C",
           "C gets EDDY_EEXCEPTION and the what()");
    rc = eddy_await(eddy::coroutine([] { throw eddy::error(-ENOENT, "no such thing"); }));
    expect(rc == -ENOENT && std::string(eddy_exception_message(eddy_error())) == "no such thing",
           "or the code of an eddy::error, and its message");
    rc = eddy_await(eddy::coroutine([] { throw eddy::cancelled(); }));
    expect(rc == -ECANCELED, "or a cancellation");
    rc = eddy_await(eddy::coroutine([] { throw std::bad_alloc(); }));
    expect(rc == -ENOMEM, "or -ENOMEM");

    eddy::task c([] { eddy::check(eddy_raise(-EIO, "reading")); });
    expect(thrown<eddy::error>([&] { c.await(); }) ==
               std::string("reading (") + eddy_strerror(-EIO) + ")",
           "check() throws a status of C with its message");
    eddy::task s([] { eddy::sleep(1h); });
    s.cancel();
    expect(is_cancelled([&] { s.await(); }), "a cancelled task throws no std::exception");

    int pending = std::uncaught_exceptions();
    try {
        throw own("outer");
    } catch (const own &e) {
        eddy::task other([] { expect(thrown<own>([] { throw own("x"); }) == "x", "it throws"); });
        other.await();
        expect(std::string(e.what()) == "outer" && std::uncaught_exceptions() == pending,
               "a catch block may await a task that throws");
    }
}

static void gathering()
{
    int order = 0;
    auto [a, b, c] = eddy::gather([&] { return order++; }, [&] { order++; },
                                  [&] {
                                      eddy::sleep(1ms);
                                      return std::to_string(order);
                                  });
    (void)b;
    expect(a == 0 && c == "2", "gather() gives a tuple of the values");

    bool ended = false;
    eddy::event go;
    eddy::task kept([&] {
        go.wait();
        return 1;
    });
    expect(thrown<std::runtime_error>([&] {
               eddy::gather(
                   kept,
                   [&] {
                       try {
                           eddy::sleep(1h);
                       } catch (const eddy::cancelled &) {
                           ended = true;
                           throw;
                       }
                   },
                   [] {
                       eddy::sleep(1ms);
                       throw std::runtime_error("first");
                   });
           }) == "first",
           "gather() throws the first failure");
    expect(ended, "having ended its lambdas");
    go.set();
    expect(kept.await() == 1, "but not a task that has another owner");
}

static void groups()
{
    int n = 0;
    {
        eddy::task_group group;
        for (int i = 0; i < 3; i++)
            group.create_task([&n] {
                eddy::sleep(1ms);
                n++;
            });
        group.wait();
    }
    expect(n == 3, "a group waits for its children");

    bool found = false;
    try {
        eddy::task_group group;
        group.create_task([] { throw std::runtime_error("one"); });
        group.create_task([] { eddy::sleep(1h); });
        group.wait();
    } catch (const eddy::exception_group &e) {
        auto members = e.why().members();
        found = members.size() == 1 && members[0].code() == EDDY_EEXCEPTION &&
                members[0].message().find("one") == 0;
    }
    expect(found, "its failures are members of an exception_group");

    int cancelled = 0;
    expect(thrown<std::logic_error>([&] {
               eddy::task_group group;
               group.create_task([&] {
                   if (is_cancelled([] { eddy::sleep(1h); }))
                       cancelled++;
               });
               eddy::sleep(1ms);
               throw std::logic_error("block");
           }) == "block" &&
               cancelled == 1,
           "an exception that leaves the block ends the children first");
}

static void time_limits()
{
    expect(thrown<eddy::timed_out>([] { eddy::timeout(1ms, [] { eddy::sleep(1h); }); }) ==
               eddy_strerror(-ETIMEDOUT),
           "timeout() throws timed_out");
    expect(eddy::timeout(1h, [] { return std::string("in time"); }) == "in time",
           "and gives what its function returns");
    expect(thrown<std::runtime_error>([] {
               eddy::timeout(1h, [] { throw std::runtime_error("other"); });
           }) == "other",
           "and lets other exceptions pass");
    eddy::task t([] { eddy::timeout(1h, [] { eddy::sleep(1h); }); });
    eddy::sleep(1ms);
    t.cancel();
    expect(is_cancelled([&] { t.await(); }), "a cancellation is no time limit");
    eddy::timeout(std::chrono::seconds::max(), [] {});
}

static void synchronization()
{
    eddy::mutex m;
    eddy::condition c(m);
    int value = 0;
    {
        std::scoped_lock held(m);
        expect(m.locked() && !m.try_lock(), "std::scoped_lock takes an eddy::mutex");
    }
    eddy::task waits([&] {
        std::unique_lock<eddy::mutex> held(m);
        c.wait([&] { return value == 2; });
        return value;
    });
    eddy::task changes([&] {
        for (int i = 0; i < 2; i++) {
            auto held = m.acquire();
            value++;
            c.notify_all();
        }
    });
    expect(waits.await() == 2, "a condition waits for a predicate");
    changes.await();

    eddy::semaphore s(1);
    {
        auto token = s.acquire();
        expect(s.locked(), "a token is held");
    }
    expect(!s.locked(), "until it is destroyed");

    eddy::barrier b(2);
    auto [x, y] = eddy::gather([&] { return b.wait(); }, [&] { return b.wait(); });
    expect(x + y == 1, "a barrier lets tasks meet");
}

static void queues()
{
    eddy::queue<std::unique_ptr<int>> q(1);
    eddy::task puts([&] {
        for (int i = 0; i < 3; i++)
            q.put(std::make_unique<int>(i));
        q.shutdown();
    });
    int sum = 0;
    for (auto &item : q.items()) {
        sum += *item;
        q.task_done();
    }
    puts.await();
    q.join();
    expect(sum == 3, "a queue's items are a range that ends with its shutdown");
    expect(thrown<eddy::error>([&] { q.put(nullptr); }) == eddy_strerror(EDDY_EQUEUESHUTDOWN),
           "nothing can be put after that");
    {
        eddy::queue<counted> left;
        left.put(counted());
        left.put_nowait(counted());
    }
    expect(counted::alive == 0, "a queue destroys the items that are left");
    eddy::queue<counted> dropped;
    dropped.put(counted());
    dropped.shutdown(true);
    dropped.join();
    expect(counted::alive == 0, "and at once those of an immediate shutdown");

    eddy::priority_queue<int> least;
    eddy::lifo_queue<int> last;
    for (int i : {2, 1, 3}) {
        least.put(i);
        last.put(i);
    }
    expect(least.get() == 1 && least.get() == 2 && last.get() == 3,
           "priority_queue and lifo_queue have their orders");
    expect(thrown<eddy::error>([&] { eddy::queue<int>().get_nowait(); }) ==
               eddy_strerror(EDDY_EQUEUEEMPTY),
           "get_nowait() of an empty queue fails");
}

static void streams()
{
    auto [a, b] = eddy::memory_pair();
    a.write("one\ntwo");
    a.write_eof();
    std::vector<std::string> lines;
    for (std::string_view line : b.lines())
        lines.emplace_back(line);
    expect(lines == std::vector<std::string>{"one", "two"} && b.at_eof(),
           "the lines of a stream are a range");
    b.write("head;body");
    expect(a.readuntil(";") == "head;" && a.readexactly(2) == "bo", "readuntil, readexactly");
    b = eddy::stream();
    expect(a.read_all() == "dy", "a stream is closed when its object ends");

    eddy::server server = eddy::start_server(
        [](eddy::stream &s) {
            if (s.readline() == "fail\n")
                throw std::runtime_error("handler");
            s.write("hello\n");
            eddy::sleep(1h);
        },
        "127.0.0.1", 0);
    eddy::stream client = eddy::open_connection("127.0.0.1", server.port());
    client.write("go\n");
    expect(client.readline() == "hello\n", "a server calls its lambda for a connection");

    int reported = 0;
    eddy_loop_set_exception_handler(
        eddy_get_running_loop(),
        [](eddy_loop *, const eddy_exception_context *context, void *arg) {
            *static_cast<int *>(arg) += context->exception != nullptr;
        },
        &reported);
    eddy::stream failing = eddy::open_connection("127.0.0.1", server.port());
    failing.write("fail\n");
    expect(failing.read_all().empty() && reported == 1, "a handler's exception is reported");
    eddy_loop_set_exception_handler(eddy_get_running_loop(), nullptr, nullptr);
    server = eddy::server();
    try {
        expect(client.read_all().empty(), "a server that is destroyed ends its handlers");
    } catch (const eddy::error &) {
        expect(true, "a server that is destroyed ends its handlers");
    }
    expect(thrown<eddy::error>([] { eddy::open_unix_connection("/nowhere/at/all"); }) != "",
           "a failed connection throws");
}

static void files()
{
    char path[] = "/tmp/eddy-hpp-XXXXXX";
    eddy::file made(eddy_file_make_temporary(path));
    std::string text = "first\n" + std::string(100000, 'x') + "\n\nlast";
    made.write(text);
    made.close();
    size_t n = 0, total = 0;
    std::string last;
    eddy::file f = eddy::file::open(path);
    for (std::string_view line : f.lines()) {
        n++;
        total += line.size();
        last = line;
    }
    expect(n == 4 && total == 5 + 100000 + 4 && last == "last", "the lines of a file are a range");
    expect(eddy::read_file(path) == text, "read_file() gives all of it");
    eddy::replace_file(path, "new");
    char buf[8];
    expect(eddy::file::open(path).read(buf, sizeof buf) == 3, "replace_file() replaces it");
    expect(thrown<eddy::error>([&] {
               eddy::file zeros = eddy::file::open("/dev/zero");
               for (std::string_view line : zeros.lines(1000))
                   (void)line;
           }) == eddy_strerror(EDDY_ELIMIT),
           "a line has a limit");
    unlink(path);
}

static void processes()
{
    eddy_subprocess_options pipes = {};
    pipes.std_in = pipes.std_out = EDDY_PIPE;
    auto cat = eddy::create_subprocess_exec({"cat"}, pipes);
    auto got = cat.communicate("through cat");
    expect(got.out == "through cat" && got.returncode == 0, "communicate() gives the output");
    auto sh = eddy::create_subprocess_shell("echo line; exit 3", pipes);
    expect(sh.std_out().readline() == "line\n" && sh.wait() == 3, "and pipes are streams");
    expect(thrown<eddy::error>([] { eddy::create_subprocess_exec({"/no/such/program"}); }) != "",
           "a program that is not there throws");
    auto sleeps = eddy::create_subprocess_exec({"sleep", "1000"});
    sleeps.kill();
    expect(sleeps.wait() == -SIGKILL, "a process can be killed");
}

static void threads()
{
    int local = 1;
    expect(eddy::to_thread([&] { return local + 1; }) == 2, "to_thread() gives the value");
    expect(thrown<std::logic_error>([] {
               eddy::to_thread([] { throw std::logic_error("in a thread"); });
           }) == "in a thread",
           "or throws the exception");

    std::atomic<bool> begun{false}, may_end{false}, ended{false};
    eddy::task t([&] {
        eddy::to_thread([&] {
            begun = true;
            while (!may_end)
                usleep(1000);
            ended = true;
        });
    });
    while (!begun)
        eddy::sleep(1ms);
    t.cancel();
    eddy::sleep(1ms);
    expect(!t.done(), "a cancelled call that has begun is awaited");
    may_end = true;
    expect(is_cancelled([&] { t.await(); }) && ended, "and then its task is cancelled");
}

int main()
{
    expect(eddy::run([] { return std::string("run"); }) == "run", "run() gives the value");
    expect(thrown<std::runtime_error>([] {
               eddy::run([] { throw std::runtime_error("out"); });
           }) == "out",
           "or throws the exception");
    int code = eddy::main([] {
        tasks();
        captures();
        ends_of_tasks();
        failures_of_tasks();
        gathering();
        groups();
        time_limits();
        synchronization();
        queues();
        streams();
        files();
        processes();
        threads();
        return 7;
    });
    expect(code == 7, "main() gives the exit code that its lambda returns");
    results(expect);
    return failures != 0;
}
