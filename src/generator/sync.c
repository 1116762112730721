/*
 * The public functions of synchronous generators.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "generator/generator.h"

static struct eddyi_generator *inner_of(const eddy_generator *g)
{
    return (struct eddyi_generator *)(void *)g;
}

eddy_generator *eddy_generator_new(const char *name, int (*fn)(void *args), const void *args,
                                   size_t size)
{
    return (eddy_generator *)(void *)eddyi_generator_new(name, fn, args, size);
}

int(eddy_generator_send)(eddy_generator *g, void *value, void **ret_value)
{
    return g ? eddyi_generator_resume(inner_of(g), value, NULL, ret_value)
             : eddy_raise(-ENOMEM, NULL);
}

int(eddy_next)(eddy_generator *g, void **ret_value)
{
    return eddy_generator_send(g, NULL, ret_value);
}

int(eddy_generator_throw)(eddy_generator *g, void **ret_value, int code, const char *fmt, ...)
{
    eddy_exception *e;
    va_list args;
    int rc;

    if (!g)
        return eddy_raise(-ENOMEM, NULL);
    if (code >= 0)
        return eddy_raise(EDDY_EMISUSE, "the code of an exception is negative");
    va_start(args, fmt);
    e = eddyi_exception_vnew(code, fmt, args);
    va_end(args);
    if (!e)
        return eddy_raise(-ENOMEM, NULL);
    rc = eddyi_generator_resume(inner_of(g), NULL, e, ret_value);
    eddy_exception_unref(e);
    return rc;
}

int eddy_generator_close(eddy_generator *g)
{
    return g ? eddyi_generator_close(inner_of(g)) : eddy_raise(-ENOMEM, NULL);
}

int eddy_generator_result(const eddy_generator *g)
{
    if (!g)
        return eddy_raise(-ENOMEM, NULL);
    if (inner_of(g)->state != EDDYI_GEN_ENDED)
        return eddy_raise(EDDY_EINVALIDSTATE, "the generator has not ended");
    return inner_of(g)->result;
}

void eddy_generator_free(eddy_generator *g)
{
    if (g)
        eddyi_generator_free(inner_of(g));
}

/* Resumes the inner generator with what the outer one was resumed with: a value or an exception. */
static int pass_on(eddy_generator *inner, int thrown, void *sent, void **ret_value)
{
    int rc;

    if (thrown == 0)
        return eddy_generator_send(inner, sent, ret_value);
    if (thrown == EDDY_EGENERATOREXIT) {
        rc = eddyi_generator_close(inner_of(inner));
        return rc < 0 ? rc : eddy_raise(thrown, NULL);
    }
    return eddyi_generator_resume(inner_of(inner), NULL, eddy_error(), ret_value);
}

int eddy_yield_from(eddy_generator *inner)
{
    void *value, *sent = NULL;
    int rc, thrown = 0;

    if (!inner)
        return eddy_raise(-ENOMEM, NULL);
    inner_of(inner)->kept = true;
    while ((rc = pass_on(inner, thrown, sent, &value)) > 0)
        thrown = eddy_yield(value, &sent);
    if (rc == 0)
        rc = inner_of(inner)->result;
    inner_of(inner)->kept = false;
    eddy_generator_free(inner);
    return rc;
}
