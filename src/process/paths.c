#include "process/paths.h"

#include "base/sys.h"

#include <string.h>

/* The directories of programs if the environment does not name them (os.defpath). */
static const char STANDARD_PATH[] = "/bin:/usr/bin";

static const char *path_in(const char *const *env)
{
    for (; *env; env++)
        if (strncmp(*env, "PATH=", 5) == 0)
            return *env + 5;
    return STANDARD_PATH;
}

static size_t count(const char *path)
{
    size_t n = 1;

    for (; *path; path++)
        n += *path == ':';
    return n;
}

/* Writes one path. An empty entry is the current directory: the path is the name alone. */
static char *put(char *to, const char *dir, size_t n, const char *name)
{
    memcpy(to, dir, n);
    to += n;
    if (n > 0 && to[-1] != '/')
        *to++ = '/';
    return stpcpy(to, name) + 1;
}

const char **eddyi_paths_of(const char *name, const char *const *env)
{
    bool is_path = strchr(name, '/') != NULL || !*name;
    const char *path = is_path ? "" : path_in(env);
    size_t n = count(path), size = strlen(path) + n * (strlen(name) + 2);
    const char **paths = eddyi_alloc((n + 1) * sizeof *paths + size);
    char *to = paths ? (char *)(paths + n + 1) : NULL;

    if (!paths)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t length = strcspn(path, ":");

        paths[i] = to;
        to = put(to, path, length, name);
        path += length + 1;
    }
    paths[n] = NULL;
    return paths;
}
