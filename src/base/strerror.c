#include "base/libc.h"
#include "eddy/error.h"
#include "eddy/version.h"

#include <string.h>

static const struct {
    int code;
    const char *text;
} texts[] = {
    {EDDY_EINVALIDSTATE, "Invalid state: the future is not in the state this call needs"},
    {EDDY_EGROUP, "Unhandled errors in a task group"},
    {EDDY_EQUEUEFULL, "Queue is full"},
    {EDDY_EQUEUEEMPTY, "Queue is empty"},
    {EDDY_EQUEUESHUTDOWN, "Queue has been shut down"},
    {EDDY_EBROKENBARRIER, "Barrier is broken"},
    {EDDY_EINCOMPLETE, "Stream ended before everything was read"},
    {EDDY_ELIMIT, "Limit exceeded"},
    {EDDY_ENOTASK, "Only a task can wait: called outside a coroutine"},
    {EDDY_ENOLOOP, "No event loop runs in this thread"},
    {EDDY_ECLOSED, "Event loop is closed"},
    {EDDY_ERUNNING, "An event loop is already running"},
    {EDDY_ESTOPPED, "Event loop stopped before Future completed."},
    {EDDY_EOTHERLOOP, "The future belongs to another event loop"},
    {EDDY_ETHREAD, "Called from a thread other than the event loop's"},
    {EDDY_EFORKED, "The event loop was made before fork()"},
    {EDDY_EGENERATOREXIT, "The generator is being closed"},
    {EDDY_EMISUSE, "The call is not allowed here"},
    {EDDY_EBROKEN, "The worker that ran the job has died"},
    {EDDY_ENONAME, "No such host name"},
    {EDDY_ENAMEAGAIN, "Temporary failure in name resolution"},
    {EDDY_EBADNAME, "Not a valid host name"},
    {EDDY_ENOSERVICE, "Unknown service"},
    {EDDY_ENAMEFAIL, "Name resolution failed"},
    {EDDY_ETLS, "TLS failed"},
    {EDDY_ECERT, "The certificate is not accepted"},
    {EDDY_ETRUNCATED, "The connection ended without close_notify: the data may be truncated"},
    {EDDY_ETERMINATED, "Ended by SIGTERM"},
    {EDDY_EEXCEPTION, "C++ exception"},
};

const char *eddy_strerror(int status)
{
    const char *text;

    if (status >= 0)
        return "Success";
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].code == status)
            return texts[i].text;
    text = status > -4096 ? strerrordesc_np(-status) : NULL;
    return text ? text : status <= EDDY_EUSER ? "Error of the program" : "Unknown error";
}

const char *eddy_version(void)
{
    return EDDY_VERSION;
}
