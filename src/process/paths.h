/*
 * The search for a program.
 */
#ifndef EDDYI_PATHS_H
#define EDDYI_PATHS_H

/*
 * Returns the paths of a program, for struct eddyi_program, in one piece of memory: the name itself
 * if it has a slash, else one path per directory of the PATH in @env, in CPython's order. The
 * caller owns it and frees it with eddyi_free(). NULL when memory is short.
 */
const char **eddyi_paths_of(const char *name, const char *const *env);

#endif
