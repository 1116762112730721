/*
 * As whom a subprocess runs.
 */
#ifndef EDDYI_IDENTITY_H
#define EDDYI_IDENTITY_H

#include "base/spawn.h"
#include "eddy/subprocess.h"

/*
 * Looks up who is named, and has the program run as that. 0, or a raised error. What it made is
 * given back by the other, also after an error.
 */
int eddyi_identity_set(struct eddyi_program *p, const eddy_subprocess_options *o);
void eddyi_identity_fini(struct eddyi_program *p);

#endif
