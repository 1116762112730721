/* eddy.hpp with results in place of exceptions; also compiled with -fno-exceptions. */
#define EDDY_RESULTS
#include <eddy.hpp>

#include <string>

using namespace std::chrono_literals;

void results(void (*expect)(bool met, const char *promise));

static eddy::result<size_t> count_words(eddy::stream &s)
{
    size_t n = 0;

    for (;;) {
        std::string_view line = EDDY_VALUE(s.readline());
        if (line.empty())
            return n;
        n += 1;
    }
}

static eddy::result<void> all(void (*expect)(bool met, const char *promise))
{
    eddy::task good([]() -> eddy::result<std::string> { return std::string("value"); });
    eddy::task bad([]() -> eddy::result<int> { return eddy::failure(-ENOENT, "not there"); });
    eddy::task plain([] { return 5; });

    expect(EDDY_VALUE(good.await()) == "value", "results: a task's value");
    auto r = bad.await();
    expect(!r && r.code() == -ENOENT && r.message().find("not there") == 0,
           "results: a task's failure");
    expect(plain.await().value_or(0) == 5, "results: a lambda may return a plain value");

    auto late = eddy::timeout(1ms, [] { return eddy::sleep(1h); });
    expect(late.code() == -ETIMEDOUT, "results: timeout()");
    eddy::task cancelled([] { return eddy::sleep(1h); });
    cancelled.cancel();
    expect(cancelled.await().code() == -ECANCELED, "results: a cancellation");

    auto pair = EDDY_VALUE(eddy::memory_pair());
    EDDY_VALUE(pair.first.write("a\nb\n"));
    EDDY_VALUE(pair.first.write_eof());
    expect(EDDY_VALUE(count_words(pair.second)) == 2, "results: EDDY_VALUE() gives values");
    auto refused = eddy::open_unix_connection("/nowhere/at/all");
    expect(!refused && refused.code() == -ENOENT && !refused.message().empty(),
           "results: a failed connection");

    auto both = eddy::gather([] { return 1; },
                             []() -> eddy::result<int> { return eddy::failure(-EIO); });
    expect(both.code() == -EIO, "results: gather() gives the first failure");
    auto fine = EDDY_VALUE(eddy::gather([] { return 1; }, [] {}));
    expect(std::get<0>(fine) == 1, "results: gather() gives values");

    eddy::queue<int> q;
    eddy::task never([&]() -> eddy::result<void> {
        auto items = q.items();
        for (int i : items)
            (void)i;
        return items.status();
    });
    EDDY_VALUE(eddy::sleep(1ms));
    never.cancel();
    expect(never.await().code() == -ECANCELED, "results: the status of a range");

    eddy::mutex m;
    {
        auto held = EDDY_VALUE(m.acquire());
        expect(m.locked(), "results: a mutex is held");
    }
    expect(!m.locked(), "results: until its guard ends");
    eddy::task_group group;
    group.create_task([]() -> eddy::result<void> { return eddy::failure(-EPERM); });
    auto ended = group.wait();
    expect(ended.code() == EDDY_EGROUP && ended.why().members().at(0).code() == -EPERM,
           "results: a group has its failures");
    expect(EDDY_VALUE(eddy::to_thread([] { return 3; })) == 3, "results: to_thread()");
    return {};
}

void results(void (*expect)(bool met, const char *promise))
{
    auto r = eddy::run([&] { return all(expect); });

    expect(bool(r), "results: run()");
}
