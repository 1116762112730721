/*
 * Looks up names and addresses concurrently, and prints the results in the order of the arguments,
 * as host(1) does.
 *
 *     dns-lookup [-4 | -6] [-s SERVER,… | -r c-ares|system] [-t SECONDS] NAME|ADDRESS…
 */
#include "command.h"

#include <eddy.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    int family;
    const char *servers;
    eddy_resolver resolver;
    double timeout;
    char **names;
    int n_names;
};

struct lookup {
    const char *name;
    bool is_address;
    struct addrinfo *list;  /* of a name */
    char found[NI_MAXHOST]; /* of an address */
};

static void print_addresses(const struct lookup *l)
{
    char text[NI_MAXHOST];

    if (l->list->ai_canonname && strcmp(l->list->ai_canonname, l->name) != 0)
        printf("%s is an alias for %s\n", l->name, l->list->ai_canonname);
    for (const struct addrinfo *a = l->list; a; a = a->ai_next)
        if (eddy_getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0,
                             NI_NUMERICHOST) == 0)
            printf("%s has %s %s\n", l->name, a->ai_family == AF_INET6 ? "IPv6 address" : "address",
                   text);
}

static void print(const struct lookup *l, int rc)
{
    char why[600];

    if (rc < 0) {
        eddy_exception_format(eddy_error(), why, sizeof why);
        printf("%s: %s\n", l->name, rc == -ETIMEDOUT ? "no answer in time" : why);
    } else if (l->is_address) {
        printf("%s is %s\n", l->name, l->found);
    } else {
        print_addresses(l);
    }
}

static int look_up(struct lookup *l, int family)
{
    const struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST};
    const struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
    struct addrinfo *address;
    int rc;

    if (eddy_getaddrinfo(l->name, NULL, &numeric, &address) < 0)
        return eddy_getaddrinfo(l->name, NULL, &hints, &l->list);
    l->is_address = true;
    rc = eddy_getnameinfo(address->ai_addr, address->ai_addrlen, l->found, sizeof l->found, NULL, 0,
                          NI_NAMEREQD);
    eddy_freeaddrinfo(address);
    return rc;
}

/* async def look_up_in_time(l, o): … */
eddy_async(look_up_in_time, (struct lookup *, l), (const struct options *, o))
{
    return eddy_within(o->timeout, look_up(l, o->family));
}

static int configure(const struct options *o)
{
    eddy_loop *loop = eddy_get_running_loop();

    if (o->servers)
        return eddy_loop_set_nameservers(loop, o->servers);
    return o->resolver == EDDY_RESOLVER_AUTO ? 0 : eddy_loop_set_resolver(loop, o->resolver);
}

/* Ends with the number of lookups that found nothing. */
eddy_async(amain, (const struct options *, o))
{
    struct lookup *lookups = calloc((size_t)o->n_names, sizeof *lookups);
    eddy_task **tasks = calloc((size_t)o->n_names, sizeof *tasks);
    int missing = 0, rc = lookups && tasks ? configure(o) : -ENOMEM;

    for (int i = 0; rc == 0 && i < o->n_names; i++) {
        lookups[i].name = o->names[i];
        tasks[i] = eddy_create_task(look_up_in_time(&lookups[i], o));
    }
    for (int i = 0; rc == 0 && i < o->n_names; i++) {
        int found = eddy_await(tasks[i]);

        print(&lookups[i], found);
        missing += found < 0;
        eddy_freeaddrinfo(lookups[i].list);
    }
    free(lookups);
    free(tasks);
    return rc < 0 ? rc : missing;
}

static const char help[] =
    "usage: dns-lookup [-4 | -6] [-s SERVER,... | -r c-ares|system] [-t SECONDS] "
    "NAME|ADDRESS...\n\n"
    "Looks up names and addresses, all of them at the same time.\n";

int main(int argc, char **argv)
{
    struct options o = {.timeout = EDDY_FOREVER};
    int opt, rc;

    if (command_is_answered(argc, argv, help))
        return 0;
    while ((opt = getopt(argc, argv, "46s:r:t:")) != -1) {
        switch (opt) {
        case '4':
        case '6':
            o.family = opt == '4' ? AF_INET : AF_INET6;
            break;
        case 's':
            o.servers = optarg;
            break;
        case 'r':
            o.resolver = strcmp(optarg, "system") == 0 ? EDDY_RESOLVER_SYSTEM : EDDY_RESOLVER_CARES;
            break;
        case 't':
            o.timeout = atof(optarg);
            break;
        default:
            return command_refuse(help);
        }
    }
    o.names = argv + optind;
    o.n_names = argc - optind;
    if (o.n_names == 0)
        return command_refuse(help);
    rc = eddy_run(amain(&o));
    return rc < 0 ? eddy_exit_code(rc) : rc > 0;
}
