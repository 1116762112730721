/*
 * Many names are looked up at once; with_names.c starts this program beside a name server.
 */
#include "bench.h"
#include "system.h"

#include <netdb.h>
#include <netinet/in.h>

static eddy_async(look_up, (long, number), (long, n))
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    char name[32];

    name_of(number, name);
    for (long i = 0; i < n; i++) {
        struct addrinfo *list;
        uint32_t address;

        eddy_try(eddy_getaddrinfo(name, NULL, &hints, &list));
        address = ntohl(((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr.s_addr);
        eddy_freeaddrinfo(list);
        if (address != name_address(number))
            return eddy_raise(EDDY_EUSER, "the address of another name");
    }
    return 0;
}

static eddy_async(look_up_at_once, (long, n), (long, live))
{
    eddy_group tg;

    eddy_group_enter(&tg);
    for (long i = 0; i < live; i++)
        (void)eddy_group_create_task(&tg, look_up(i, n / live));
    return eddy_group_exit(&tg, 0);
}

static eddy_async(measure, (long, n), (long, live))
{
    uint64_t began, cpu;

    eddy_try(eddy_await(look_up_at_once(1, 1)));
    began = bench_now();
    cpu = cpu_now();
    eddy_try(eddy_await(look_up_at_once(n, live)));
    bench_print("", (double)(bench_now() - began) / (double)n / 1e3, "us");
    bench_print("_cpu", (double)(cpu_now() - cpu) / (double)n, "ns");
    return 0;
}

int bench_names(long n, long live)
{
    return eddy_run(measure(n, live));
}
