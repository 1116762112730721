/*
 * Texts of /etc/resolv.conf, whose numbers stay within their limits, and of /etc/hosts, whose table
 * says what reading the file from top to bottom says.
 */
#include "fuzz.h"

#include "base/sys.h"
#include "net/dns_config.h"
#include "net/dns_hosts.h"

#include <errno.h>
#include <strings.h>

enum { MAX_FOUND = 1000 };

static void check_config(const struct eddyi_dns_config *c)
{
    FUZZ_CHECK(c->n_servers <= EDDYI_DNS_SERVERS_MAX);
    for (unsigned i = 0; i < c->n_servers; i++)
        FUZZ_CHECK(c->servers[i].sa.sa_family == AF_INET || c->servers[i].sa.sa_family == AF_INET6);
    FUZZ_CHECK(c->ndots <= 15 && c->attempts >= 1 && c->attempts <= 5);
    FUZZ_CHECK(c->timeout > 0 && c->timeout <= 30000000000);
    for (const char *domain = c->search; domain && *domain; domain += strlen(domain) + 1)
        FUZZ_CHECK(!strpbrk(domain, " \t\n"));
}

static void read_config(struct fuzz_input in)
{
    size_t n;
    struct eddyi_dns_config *c = eddyi_dns_config_new();
    char *servers = fuzz_string(&in, 200, NULL), *text = (char *)fuzz_rest(&in, &n);

    FUZZ_CHECK(eddyi_dns_config_read(c, text, n) == 0);
    check_config(c);
    eddyi_dns_config_options(c, text, n);
    check_config(c);
    if (eddyi_dns_config_servers(c, servers) == 0)
        FUZZ_CHECK(c->n_servers > 0);
    check_config(c);
    eddyi_dns_config_unref(c);
    free(text);
    free(servers);
}

/* The next line, up to a comment or a zero, in a copy that the caller owns; NULL at the end. */
static char *next_line(const char **at, const char *end)
{
    const char *begin = *at, *newline = memchr(begin, '\n', (size_t)(end - begin));
    char *line;

    if (begin == end)
        return NULL;
    *at = newline ? newline + 1 : end;
    line = strndup(begin, (size_t)((newline ? newline : end) - begin));
    line[strcspn(line, "#")] = '\0';
    return line;
}

/* Finds a name as the C library does, line by line. */
static size_t find_by_reading(const char *text, size_t n, const char *name,
                              union eddyi_address *ret)
{
    const char *at = text;
    size_t found = 0;
    char *line;

    while ((line = next_line(&at, text + n)) != NULL) {
        char *rest = line, *word = strtok_r(rest, " \t\r", &rest);
        union eddyi_address a;

        if (word && eddyi_address_parse(word, &a) == 1)
            while ((word = strtok_r(NULL, " \t\r", &rest)) != NULL)
                if (strcasecmp(word, name) == 0 && found < MAX_FOUND)
                    ret[found++] = a;
        free(line);
    }
    return found;
}

static void look_up(const struct eddyi_hosts *hosts, const char *text, size_t n, const char *name)
{
    static union eddyi_address expected[MAX_FOUND], found[MAX_FOUND];
    const char *canonname = NULL;
    size_t n_expected = find_by_reading(text, n, name, expected);
    size_t n_found = eddyi_hosts_find(hosts, name, AF_UNSPEC, found, MAX_FOUND, &canonname);

    FUZZ_CHECK(n_found == n_expected && (n_found > 0) == (canonname != NULL));
    for (size_t i = 0; i < n_found; i++) {
        FUZZ_CHECK(eddyi_address_equal(&found[i].sa, &expected[i].sa));
        FUZZ_CHECK(eddyi_hosts_name(hosts, &found[i]) != NULL);
    }
}

static void read_hosts(struct fuzz_input in)
{
    size_t n;
    char *text = (char *)fuzz_rest(&in, &n), *copy = eddyi_alloc(n + 1), *words, *rest, *word;
    struct eddyi_hosts *hosts;

    memcpy(copy, text, n);
    copy[n] = '\0';
    words = rest = strdup(copy);
    hosts = eddyi_hosts_new(copy, n);
    for (int i = 0; i < 8 && (word = strsep(&rest, " \t\r\n#")) != NULL; i++)
        if (*word && word[strlen(word) - 1] != '.')
            look_up(hosts, text, n, word);
    eddyi_hosts_free(hosts);
    free(words);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_input in = {data, n};

    if (fuzz_byte(&in) & 1)
        read_config(in);
    else
        read_hosts(in);
    return 0;
}
