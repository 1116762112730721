/* The version of these headers, and of the library that is running. */
#ifndef EDDY_VERSION_H
#define EDDY_VERSION_H

#include "defs.h"

EDDY_BEGIN_DECLS

/* The version of these headers, as numbers and as text. */
#define EDDY_VERSION_MAJOR 0
#define EDDY_VERSION_MINOR 1
#define EDDY_VERSION_PATCH 0
#define EDDY_VERSION "0.1.0"

/*
 * Returns the version of the library in use, such as "0.1.0"; EDDY_VERSION is that of these
 * headers.
 */
EDDY_API const char *eddy_version(void);

EDDY_END_DECLS

#endif
