// A plugin in C++: sorts the numbers of a line by sleeping that many milliseconds for each.
#include "plugin.h"

#include <eddy.hpp>

#include <sstream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

static void sort(const std::string &line, eddy_writer *writer)
{
    eddy::stream client = eddy::stream::borrowed(nullptr, writer);
    std::vector<eddy::task<>> tasks; // what ends this function early cancels them
    std::istringstream words(line);

    for (std::string word; words >> word;)
        tasks.emplace_back([&client, n = std::stoi(word)] {
            eddy::sleep(std::chrono::milliseconds(n));
            client.write(std::to_string(n) + "\n");
        });
    for (auto &task : tasks)
        task.await();
}

static eddy_coroutine *answer(const char *line, eddy_writer *client)
{
    return eddy::coroutine(
        [line = std::string(line), client] { eddy::timeout(1s, [&] { sort(line, client); }); });
}

const struct plugin plugin = {answer};
