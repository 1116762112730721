/* The interface of a plugin, in C or C++: it has an object of the name "plugin". */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <eddy.h>

EDDY_BEGIN_DECLS

extern const struct plugin {
    /*
     * Makes the coroutine that writes the answer to @line, the request of a client. Both arguments
     * are borrowed until the coroutine has ended. If it fails, the host sends its message.
     */
    eddy_coroutine *(*answer)(const char *line, eddy_writer *client);
} plugin;

EDDY_END_DECLS

#endif
