/* Files, read and written without blocking the loop. */
#ifndef EDDY_CXX_FILE_HPP
#define EDDY_CXX_FILE_HPP

#include <eddy/file.h>

#include "range.hpp"

#include <fcntl.h>
#include <memory>
#include <string>
#include <string_view>

namespace eddy
{
inline namespace EDDYI_CXX_WAY
{

/* An open file, closed when it is destroyed. eddy/file.h says what each call does. */
class file
{
  public:
    file() = default;
    /* Takes over the descriptor @fd. */
    explicit file(int fd) noexcept : m_fd(fd)
    {
    }
    /* Opens a file as open(2) does. */
    static returns<file> open(const std::string &path, int flags = O_RDONLY, mode_t mode = 0666)
    {
        int fd = eddy_file_open(path.c_str(), flags, mode);

        if (fd < 0)
            return detail::fail<file>(fd);
        return file(fd);
    }
    file(file &&other) noexcept : m_fd(std::exchange(other.m_fd, -1))
    {
    }
    file &operator=(file &&other) noexcept
    {
        std::swap(m_fd, other.m_fd);
        return *this;
    }
    ~file()
    {
        if (m_fd >= 0)
            eddy_file_close(m_fd);
    }

    /* Closes the file, and reports a late error of an earlier write. */
    returns<void> close()
    {
        return detail::done(eddy_file_close(std::exchange(m_fd, -1)));
    }
    /* Reads up to @size bytes at @offset; -1: at the file's own position. */
    returns<size_t> read(void *buf, size_t size, int64_t offset = -1)
    {
        ssize_t rc = eddy_file_read(m_fd, buf, size, offset);

        if (rc < 0)
            return detail::fail<size_t>(static_cast<int>(rc));
        return static_cast<size_t>(rc);
    }
    /* Writes all of @data at @offset; -1: at the file's own position. */
    returns<void> write(std::string_view data, int64_t offset = -1)
    {
        return detail::done(
            eddy_file_write_fully(m_fd, data.data(), data.size(), offset, nullptr));
    }
    returns<void> fsync()
    {
        return detail::done(eddy_file_fsync(m_fd));
    }
    /*
     * The lines as a range, each without its '\n', from the file's position to its end. A line is
     * valid until the next one is taken. Reports EDDY_ELIMIT if one exceeds @limit bytes.
     */
    auto lines(size_t limit = 1 << 20) &
    {
        return range([r = line_reader(*this, limit)]() mutable { return r.next(); });
    }
    int fd() const noexcept
    {
        return m_fd;
    }

  private:
    /* The bytes of a file that have been read and not taken: data[first…]. */
    class line_reader
    {
      public:
        line_reader(file &of, size_t limit) : m_of(&of), m_limit(limit)
        {
        }
        returns<std::optional<std::string_view>> next()
        {
            using line = std::optional<std::string_view>;
            size_t end, searched = 0;

            while ((end = m_data.find('\n', m_first + searched)) == std::string::npos) {
                searched = m_data.size() - m_first;
                if (searched > m_limit)
                    return detail::fail<line>(failure(EDDY_ELIMIT));
                ssize_t n = read_more();
                if (n < 0)
                    return detail::fail<line>(static_cast<int>(n));
                if (n == 0)
                    return searched > 0 ? line(take(searched, searched)) : line();
            }
            return line(take(end - m_first, end - m_first + 1));
        }

      private:
        ssize_t read_more()
        {
            size_t piece = 64 * 1024;

            m_data.erase(0, std::exchange(m_first, 0));
            size_t kept = m_data.size();
            m_data.resize(kept + piece);
            ssize_t n = eddy_file_read(m_of->fd(), &m_data[kept], piece, -1);
            m_data.resize(kept + static_cast<size_t>(n > 0 ? n : 0));
            return n;
        }
        std::string_view take(size_t length, size_t with_newline)
        {
            std::string_view line(&m_data[m_first], length);

            m_first += with_newline;
            return line;
        }

        file *m_of;
        size_t m_limit, m_first = 0;
        std::string m_data;
    };

    int m_fd = -1;
};

/* Reads a whole file. Reports EDDY_ELIMIT if it has more than @limit bytes. */
inline returns<std::string> read_file(const std::string &path, size_t limit = SIZE_MAX)
{
    void *data;
    size_t size;
    int rc = eddy_file_read_all(path.c_str(), limit, &data, &size);

    if (rc < 0)
        return detail::fail<std::string>(rc);
    std::unique_ptr<void, void (*)(void *)> held(data, eddy_file_free);
    return std::string(static_cast<const char *>(data), size);
}

/* Makes or overwrites a file, as eddy_file_write_all(). */
inline returns<void> write_file(const std::string &path, std::string_view data)
{
    return detail::done(eddy_file_write_all(path.c_str(), data.data(), data.size()));
}

/* Replaces a file atomically, as eddy_file_replace(). */
inline returns<void> replace_file(const std::string &path, std::string_view data)
{
    return detail::done(eddy_file_replace(path.c_str(), data.data(), data.size()));
}

} // namespace EDDYI_CXX_WAY
} // namespace eddy

#endif
