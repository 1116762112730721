/*
 * Where a program may be.
 */
#ifndef EDDYI_PATHS_H
#define EDDYI_PATHS_H

/*
 * The paths of a program, for struct eddyi_program, in one piece of memory to be given to
 * eddyi_free(): the name itself if it has a slash, else one for each directory of the PATH in @env,
 * as CPython looks for it. NULL when memory is short.
 */
const char **eddyi_paths_of(const char *name, const char *const *env);

#endif
