// Boost.Fiber (tasks) and Boost.Asio (callbacks). boost-bench WORKLOAD
#include "../clock.h"
#include "../sleepers.h"

#include <boost/asio.hpp>
#include <boost/fiber/all.hpp>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace asio = boost::asio;
namespace fibers = boost::fibers;

namespace
{

constexpr std::size_t stack_size = 32768;
long n_run;

void print(const char *peer, const std::string &workload, double value, const char *unit)
{
    std::printf("%s %s %.3f %s\n", peer, workload.c_str(), value, unit);
    std::fflush(stdout);
}

void print_each(const char *peer, const std::string &workload, std::uint64_t began, double n,
                const char *unit)
{
    print(peer, workload, static_cast<double>(bench_now() - began) / n, unit);
}

void print_rate(const char *peer, const std::string &workload, std::uint64_t began, double n,
                const char *unit)
{
    print(peer, workload, n / (static_cast<double>(bench_now() - began) / 1e9), unit);
}

template <typename F> fibers::fiber spawn(F f)
{
    return fibers::fiber(std::allocator_arg, fibers::fixedsize_stack(stack_size), f);
}

void switching(const std::string &workload)
{
    const long n = 3000000;
    auto yield = [] {
        for (long i = 0; i < n; i++)
            boost::this_fiber::yield();
    };
    auto began = bench_now();
    fibers::fiber a(yield), b(yield);

    a.join();
    b.join();
    print_each("boost_fiber", workload, began, 2.0 * n, "ns");
}

void spawn_join(const std::string &workload)
{
    const long n = 300000;
    auto began = bench_now();

    for (long i = 0; i < n; i++)
        spawn([] { n_run++; }).join();
    print_each("boost_fiber", workload, began, n, "ns");
}

void spawn_gather(const std::string &workload)
{
    const int rounds = 20, live = 10000;
    std::vector<fibers::fiber> all;
    auto began = bench_now();

    for (int round = -1; round < rounds; round++) {
        if (round == 0) // the first time was for the memory
            began = bench_now();
        all.clear();
        for (int i = 0; i < live; i++)
            all.push_back(spawn([] { n_run++; }));
        for (auto &f : all)
            f.join();
    }
    print_each("boost_fiber", workload, began, rounds * live, "ns/task");
}

void queue(const std::string &workload)
{
    const long n = 1000000;
    fibers::buffered_channel<long> questions(2), answers(2); // the least it allows
    fibers::fiber other([&] {
        long value;

        while (questions.pop(value) == fibers::channel_op_status::success)
            answers.push(value);
    });
    auto began = bench_now();
    long value;

    for (long i = 0; i < n; i++) {
        questions.push(i);
        answers.pop(value);
    }
    print_each("boost_fiber", workload, began, 2.0 * n, "ns/msg");
    questions.close();
    other.join();
}

void lock(const std::string &workload)
{
    const int live = 100, n = 10000;
    std::vector<fibers::fiber> all;
    fibers::mutex mutex;
    auto began = bench_now();

    for (int i = 0; i < live; i++) {
        all.emplace_back([&] {
            for (int k = 0; k < n; k++) {
                std::unique_lock<fibers::mutex> held(mutex);
                boost::this_fiber::yield();
            }
        });
    }
    for (auto &f : all)
        f.join();
    print_each("boost_fiber", workload, began, live * n, "ns/acquire");
}

void timer_cancel(const std::string &workload)
{
    const long n = 1000000;
    asio::io_context io(1);
    std::vector<std::unique_ptr<asio::steady_timer>> timers(n);
    std::uint64_t random = BENCH_SEED;

    for (auto &t : timers)
        t = std::make_unique<asio::steady_timer>(io);
    auto began = bench_now();
    for (int round = -1; round < 1; round++) { // the first time is for the memory
        began = bench_now();
        for (auto &t : timers) {
            t->expires_after(
                std::chrono::nanoseconds(1000000000 + bench_random(&random) % 60000000000u));
            t->async_wait([](boost::system::error_code) { n_run++; });
        }
        for (auto &t : timers)
            t->cancel();
        io.restart();
        io.poll();
    }
    print_each("asio", workload, began, n, "ns");
    _exit(0);
}

struct sleeper {
    asio::steady_timer timer;
    std::uint64_t random, delay, began;

    void sleep()
    {
        began = bench_now();
        if (sleepers_over(began))
            return;
        delay = bench_random(&random) % 100000000;
        timer.expires_after(std::chrono::nanoseconds(delay));
        timer.async_wait([this](boost::system::error_code) {
            sleepers_woke(began + delay, bench_now());
            sleep();
        });
    }
};

void sleepers(const std::string &workload)
{
    const long n = workload == "sleepers_10k" ? 10000 : 100000;
    asio::io_context io(1);
    std::vector<std::unique_ptr<sleeper>> all;

    sleepers_begin(n, 3);
    for (long i = 0; i < n; i++) {
        all.emplace_back(new sleeper{asio::steady_timer(io), i * 2654435761u + BENCH_SEED, 0, 0});
        all.back()->sleep();
        sleepers_begun();
    }
    io.run();
    print("asio", workload, sleepers_rate(), "wakeups/s");
    print("asio", workload + "_p99", sleepers_p99(), "us");
}

struct again {
    asio::io_context &io;
    long &left;

    void operator()()
    {
        if (--left > 0)
            asio::post(io, again{io, left});
    }
};

void call_soon(const std::string &workload)
{
    const long live = workload == "call_soon_chain" ? 1 : 1000, n = 10000000;
    asio::io_context io(1);
    long left = n;

    for (long i = 0; i < live; i++)
        asio::post(io, again{io, left});
    auto began = bench_now();
    io.run();
    print_each("asio", workload, began, n, "ns");
}

class semaphore
{
    std::mutex mutex;
    std::condition_variable changed;
    bool set = false;

  public:
    void post()
    {
        {
            std::lock_guard<std::mutex> held(mutex);
            set = true;
        }
        changed.notify_one();
    }

    void wait()
    {
        std::unique_lock<std::mutex> held(mutex);

        changed.wait(held, [this] { return set; });
        set = false;
    }
};

void post(const std::string &workload)
{
    const long n_round_trips = 50000, n_flood = 2000000;
    asio::io_context io;
    auto work = asio::make_work_guard(io);
    std::thread thread([&] { io.run(); });
    semaphore answered;
    long seen = 0;
    auto began = bench_now();

    if (workload == "post_rt") {
        for (long i = 0; i < n_round_trips; i++) {
            asio::post(io, [&] { answered.post(); });
            answered.wait();
        }
        print("asio", workload, static_cast<double>(bench_now() - began) / n_round_trips / 1e3,
              "us");
    } else {
        for (long i = 0; i < n_flood; i++) {
            asio::post(io, [&] {
                if (++seen == n_flood)
                    answered.post();
            });
        }
        answered.wait();
        print_rate("asio", workload, began, n_flood, "posts/s");
    }
    work.reset();
    thread.join();
}

void executor(const std::string &workload)
{
    const long n_round_trips = 50000, n_flood = 500000;
    asio::io_context io(1);
    asio::thread_pool pool(4);
    auto work = asio::make_work_guard(io);
    long seen = 0;
    auto began = bench_now();
    std::function<void()> go = [&] {
        asio::post(pool, [&] {
            asio::post(io, [&] {
                if (++seen < n_round_trips)
                    go();
                else
                    io.stop();
            });
        });
    };

    if (workload == "executor_rt") {
        go();
        io.run();
        print("asio", workload, static_cast<double>(bench_now() - began) / n_round_trips / 1e3,
              "us");
    } else {
        for (long i = 0; i < n_flood; i++) {
            asio::post(pool, [&] {
                asio::post(io, [&] {
                    if (++seen == n_flood)
                        io.stop();
                });
            });
        }
        io.run();
        print_rate("asio", workload, began, n_flood, "jobs/s");
    }
    _exit(0);
}

const std::map<std::string, void (*)(const std::string &)> workloads = {
    {"switch", switching},
    {"spawn_join", spawn_join},
    {"spawn_gather", spawn_gather},
    {"queue", queue},
    {"lock", lock},
    {"timer_cancel", timer_cancel},
    {"sleepers", sleepers},
    {"sleepers_10k", sleepers},
    {"call_soon", call_soon},
    {"call_soon_chain", call_soon},
    {"post_rt", post},
    {"post_flood", post},
    {"executor_rt", executor},
    {"executor_flood", executor}};

} // namespace

int main(int argc, char **argv)
{
    auto found = workloads.find(argc == 2 ? argv[1] : "");

    if (found == workloads.end()) {
        std::fprintf(stderr, "no such workload\n");
        return 2;
    }
    found->second(found->first);
    return 0;
}
