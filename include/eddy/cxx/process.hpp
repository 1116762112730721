/* Subprocesses (asyncio.create_subprocess_exec, create_subprocess_shell). */
#ifndef EDDY_CXX_PROCESS_HPP
#define EDDY_CXX_PROCESS_HPP

#include <eddy/subprocess.h>

#include "stream.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace eddy
{
inline namespace EDDYI_CXX_WAY
{

/* What process::communicate() collects. */
struct output {
    std::string out, err; /* "" for an output that is not a pipe */
    int returncode;       /* the exit code, or the negative number of a signal */
};

/* A subprocess. One that still runs is killed when its object is destroyed. */
class process
{
  public:
    process() = default;
    explicit process(eddy_process *p) noexcept : m_process(p)
    {
    }
    process(process &&other) noexcept : m_process(std::exchange(other.m_process, nullptr))
    {
    }
    process &operator=(process &&other) noexcept
    {
        std::swap(m_process, other.m_process);
        return *this;
    }
    ~process()
    {
        eddy_process_free(m_process);
    }

    /* Waits until the process has ended (Process.wait). Returns its returncode. */
    returns<int> wait()
    {
        int code;
        int rc = eddy_process_wait(m_process, &code);

        if (rc < 0)
            return detail::fail<int>(rc);
        return code;
    }
    /*
     * Sends @input, reads the outputs to their ends and waits for the end (Process.communicate).
     * @limit is that of each output, in bytes; 0: none.
     */
    returns<output> communicate(std::string_view input = {}, size_t limit = 0)
    {
        const char *out, *err;
        size_t n_out, n_err;
        eddy_communicate_options options = {};
        options.limit = limit;
        int rc = eddy_process_communicate(m_process, input.data(), input.size(), &out, &n_out,
                                          &err, &n_err, options);

        if (rc < 0)
            return detail::fail<output>(rc);
        return output{out != nullptr ? std::string(out, n_out) : "",
                      err != nullptr ? std::string(err, n_err) : "",
                      eddy_process_returncode(m_process)};
    }
    /* The parent's ends of pipes (Process.stdin, stdout, stderr), owned by the process. */
    stream std_in() const noexcept
    {
        return stream::borrowed(nullptr, eddy_process_stdin(m_process));
    }
    stream std_out() const noexcept
    {
        return stream::borrowed(eddy_process_stdout(m_process), nullptr);
    }
    stream std_err() const noexcept
    {
        return stream::borrowed(eddy_process_stderr(m_process), nullptr);
    }
    pid_t pid() const noexcept
    {
        return eddy_process_pid(m_process);
    }
    returns<void> send_signal(int signo)
    {
        return detail::done(eddy_process_send_signal(m_process, signo));
    }
    returns<void> terminate()
    {
        return detail::done(eddy_process_terminate(m_process));
    }
    returns<void> kill()
    {
        return detail::done(eddy_process_kill(m_process));
    }
    eddy_process *get() const noexcept
    {
        return m_process;
    }

  private:
    eddy_process *m_process = nullptr;
};

/* Starts a program: create_subprocess_exec({"sort", "-n"}, options). */
inline returns<process> create_subprocess_exec(const std::vector<std::string> &arguments,
                                               eddy_subprocess_options options = {})
{
    std::vector<const char *> argv;
    eddy_process *p;

    for (const std::string &argument : arguments)
        argv.push_back(argument.c_str());
    argv.push_back(nullptr);
    int rc = eddy_create_subprocess_exec(argv.data(), &p, options);
    if (rc < 0)
        return detail::fail<process>(rc);
    return process(p);
}

/* Runs a command in the shell. Text from outside the program must be quoted. */
inline returns<process> create_subprocess_shell(const std::string &command,
                                                eddy_subprocess_options options = {})
{
    eddy_process *p;
    int rc = eddy_create_subprocess_shell(command.c_str(), &p, options);

    if (rc < 0)
        return detail::fail<process>(rc);
    return process(p);
}

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#endif
