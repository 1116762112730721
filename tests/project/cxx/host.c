#include <dlfcn.h>
#include <eddy.h>
#include <stdio.h>

typedef int nap_fn(void *which);

eddy_async(amain, (const char *, path))
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    nap_fn *nap = library ? (nap_fn *)dlsym(library, "nap_in_catch") : NULL;
    eddy_task *other;
    int rc;

    if (!nap) {
        fprintf(stderr, "%s\n", dlerror());
        return -ENOENT;
    }
    other = eddy_create_task(eddy_coro(nap, "long"));
    rc = nap("short"); /* in this task, which is older than the library */
    return rc < 0 ? rc : eddy_await(other);
}

int main(int argc, char **argv)
{
    return eddy_main(amain(argv[argc - 1]));
}
