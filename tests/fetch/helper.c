/*
 * Helpers of the tests of eddy-fetch, for tasks that a shell cannot do.
 *
 *     helper ports N prints N port numbers that were free a moment ago helper hold KIND takes a
 *     port, prints it, and keeps it until killed. refuse: connections are refused; mute: they are
 *     made, and never answered helper json reads the JSON document of eddy-fetch and prints a line
 *     for each URL, its members separated by tabs: state, status, bytes, attempts, file, error, url
 *     helper names reads URLs and prints the file names that eddy-fetch makes of them
 */
#include "../../tools/eddy-fetch/items.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int bind_any(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("bind");
        exit(1);
    }
    return fd;
}

static void print_port(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;

    getsockname(fd, (struct sockaddr *)&address, &length);
    printf("%u\n", ntohs(address.sin_port));
}

/* All are bound before the first is closed, so that no two are the same. */
static int print_ports(int n)
{
    for (int i = 0; i < n; i++)
        print_port(bind_any());
    return 0;
}

/* Binds a port and holds it. No other socket can bind the port, and it refuses connections unless
 * the helper listens. */
__attribute__((noreturn)) static void hold(const char *kind)
{
    int fd = bind_any();

    if (strcmp(kind, "mute") == 0)
        listen(fd, 64);
    print_port(fd);
    fflush(stdout);
    for (;;)
        pause();
}

static void print_member(json_t *object, const char *name, char end)
{
    json_t *member = json_object_get(object, name);

    if (json_is_string(member))
        fputs(json_string_value(member), stdout);
    else if (json_is_integer(member))
        printf("%lld", (long long)json_integer_value(member));
    else
        putchar('-');
    putchar(end);
}

static int print_json(void)
{
    static const char *const names[] = {"state", "status", "bytes", "attempts",
                                        "file",  "error",  "url"};
    json_error_t error;
    json_t *document = json_loadf(stdin, 0, &error);
    json_t *item;
    size_t i;

    if (!document) {
        fprintf(stderr, "line %d: %s\n", error.line, error.text);
        return 1;
    }
    json_array_foreach(json_object_get(document, "results"), i, item)
    {
        for (size_t n = 0; n < sizeof names / sizeof *names; n++)
            print_member(item, names[n], n + 1 < sizeof names / sizeof *names ? '\t' : '\n');
    }
    json_decref(document);
    return 0;
}

static int print_names(void)
{
    struct item_list list = {0};

    if (item_list_read(&list, "-") < 0 || item_list_name_files(&list) < 0)
        return 1;
    for (size_t i = 0; i < list.n; i++)
        puts(list.items[i].file);
    item_list_free(&list);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "ports") == 0)
        return print_ports(atoi(argv[2]));
    if (argc == 3 && strcmp(argv[1], "hold") == 0)
        hold(argv[2]);
    if (argc == 2 && strcmp(argv[1], "json") == 0)
        return print_json();
    if (argc == 2 && strcmp(argv[1], "names") == 0)
        return print_names();
    fputs("usage: helper ports N | hold refuse|mute | json | names\n", stderr);
    return 2;
}
