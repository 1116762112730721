/*
 * The user and groups of a subprocess.
 */
#ifndef EDDYI_IDENTITY_H
#define EDDYI_IDENTITY_H

#include "base/spawn.h"
#include "eddy/subprocess.h"

/*
 * set() looks up the named user and groups and puts them into @p. Returns 0 or a raised error.
 * fini() frees what set() made, also after an error.
 */
int eddyi_identity_set(struct eddyi_program *p, const eddy_subprocess_options *o);
void eddyi_identity_fini(struct eddyi_program *p);

#endif
