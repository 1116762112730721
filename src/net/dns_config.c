#include "net/dns_config.h"

#include "base/refs.h"
#include "base/sys.h"
#include "eddy/error.h"

#include <ctype.h>
#include <string.h>

enum { NAME_SERVER_PORT = 53 };

/* Limits of the C library. */
enum { MAX_NDOTS = 15, MAX_SECONDS = 30, MAX_ATTEMPTS = 5 };

static const int64_t SECOND = 1000000000, MILLISECOND = 1000000;

struct eddyi_dns_config *eddyi_dns_config_new(void)
{
    struct eddyi_dns_config *c = eddyi_zalloc(sizeof *c);

    if (!c)
        return NULL;
    c->refs = 1;
    c->ndots = 1;
    c->attempts = 2;
    c->timeout = 5 * SECOND;
    return c;
}

void eddyi_dns_config_unref(struct eddyi_dns_config *c)
{
    if (!c || !eddyi_refs_drop(&c->refs))
        return;
    eddyi_free(c->search);
    eddyi_free(c);
}

/* Takes the next word. False at the end. */
static bool next_word(const char **at, const char *end, const char **word, size_t *length)
{
    const char *p = *at;

    while (p < end && isspace((unsigned char)*p))
        p++;
    *word = p;
    while (p < end && !isspace((unsigned char)*p))
        p++;
    *length = (size_t)(p - *word);
    *at = p;
    return *length > 0;
}

static bool is(const char *word, size_t length, const char *text)
{
    return length == strlen(text) && memcmp(word, text, length) == 0;
}

/* Reads the number behind @key, "ndots:3" for instance, and caps it at @max. */
static bool has_number(const char *word, size_t length, const char *key, unsigned max,
                       unsigned *ret)
{
    size_t n = strlen(key);
    unsigned value = 0;

    if (length <= n || memcmp(word, key, n) != 0 || !isdigit((unsigned char)word[n]))
        return false;
    for (; n < length && isdigit((unsigned char)word[n]); n++) {
        value = value * 10 + (unsigned)(word[n] - '0');
        value = value > max ? max : value;
    }
    *ret = value;
    return true;
}

static bool read_flag(struct eddyi_dns_config *c, const char *word, size_t length)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {{"rotate", &c->rotate},
                 {"use-vc", &c->use_vc},
                 {"edns0", &c->edns0},
                 {"trust-ad", &c->trust_ad},
                 {"single-request", &c->single_request},
                 {"no-aaaa", &c->no_aaaa},
                 {"no-reload", &c->no_reload}};

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (is(word, length, flags[i].name)) {
            *flags[i].flag = true;
            return true;
        }
    }
    return false;
}

/* "retrans" (milliseconds) and "retry" are c-ares's names. */
static void read_option(struct eddyi_dns_config *c, const char *word, size_t length)
{
    unsigned n;

    if (read_flag(c, word, length))
        return;
    if (has_number(word, length, "ndots:", MAX_NDOTS, &n))
        c->ndots = n;
    else if (has_number(word, length, "timeout:", MAX_SECONDS, &n))
        c->timeout = (n ? n : 1) * SECOND;
    else if (has_number(word, length, "retrans:", MAX_SECONDS * 1000, &n))
        c->timeout = (n ? n : 1) * MILLISECOND;
    else if (has_number(word, length, "attempts:", MAX_ATTEMPTS, &n) ||
             has_number(word, length, "retry:", MAX_ATTEMPTS, &n))
        c->attempts = n ? n : 1;
}

void eddyi_dns_config_options(struct eddyi_dns_config *c, const char *text, size_t size)
{
    const char *end = text + size, *word;
    size_t length;

    while (next_word(&text, end, &word, &length))
        read_option(c, word, length);
}

/* Replaces the search domains with those in @text, separated by white space. 0 or -ENOMEM. */
static int set_search(struct eddyi_dns_config *c, const char *text, size_t size)
{
    const char *end = text + size, *word;
    char *list = eddyi_zalloc(size + 2), *to = list;
    size_t length;

    if (!list)
        return -ENOMEM;
    while (next_word(&text, end, &word, &length)) {
        memcpy(to, word, length);
        to += length + 1;
    }
    eddyi_free(c->search);
    c->search = list;
    return 0;
}

/* Reads ":5353". 0 if the text is no port. */
static int port_of(const char *text)
{
    unsigned n = 0;

    return has_number(text, strlen(text), ":", 65536, &n) &&
                   strspn(text + 1, "0123456789") == strlen(text + 1) && n < 65536
               ? (int)n
               : 0;
}

/* Reads "192.0.2.1", "192.0.2.1:5353", "2001:db8::1" or "[2001:db8::1]:5353". */
static bool parse_server(const char *word, size_t length, union eddyi_address *ret)
{
    char text[EDDYI_ADDRESS_TEXT], *host = text, *port = NULL, *colon;

    if (length >= sizeof text)
        return false;
    memcpy(text, word, length);
    text[length] = '\0';
    colon = strchr(text, ':');
    if (text[0] == '[') {
        host = text + 1;
        port = strchr(text, ']');
        if (!port)
            return false;
        *port++ = '\0';
    } else if (colon && !strchr(colon + 1, ':')) {
        port = colon;
    }
    if (port && *port) {
        int number = port_of(port);

        if (number == 0)
            return false;
        *port = '\0';
        if (eddyi_address_parse(host, ret) != 1)
            return false;
        eddyi_address_set_port(&ret->sa, number);
        return true;
    }
    if (eddyi_address_parse(host, ret) != 1)
        return false;
    eddyi_address_set_port(&ret->sa, NAME_SERVER_PORT);
    return true;
}

int eddyi_dns_config_servers(struct eddyi_dns_config *c, const char *list)
{
    c->n_servers = 0;
    for (const char *at = list; at;) {
        const char *word, *begin = at, *end = strchrnul(at, ',');
        size_t length;

        at = *end ? end + 1 : NULL;
        if (!next_word(&begin, end, &word, &length) || c->n_servers == EDDYI_DNS_SERVERS_MAX ||
            !parse_server(word, length, &c->servers[c->n_servers]))
            return -EINVAL;
        c->n_servers++;
        if (next_word(&begin, end, &word, &length))
            return -EINVAL;
    }
    return 0;
}

static int read_line(struct eddyi_dns_config *c, const char *at, const char *end)
{
    const char *key, *word;
    size_t n_key, length;

    if (at == end || *at == '#' || *at == ';' || !next_word(&at, end, &key, &n_key))
        return 0;
    if (is(key, n_key, "options")) {
        eddyi_dns_config_options(c, at, (size_t)(end - at));
    } else if (is(key, n_key, "search")) {
        return set_search(c, at, (size_t)(end - at));
    } else if (is(key, n_key, "domain")) {
        if (next_word(&at, end, &word, &length))
            return set_search(c, word, length);
    } else if (is(key, n_key, "nameserver") && c->n_servers < EDDYI_DNS_SERVERS_MAX) {
        if (next_word(&at, end, &word, &length) &&
            parse_server(word, length, &c->servers[c->n_servers]))
            c->n_servers++;
    }
    return 0;
}

int eddyi_dns_config_read(struct eddyi_dns_config *c, const char *text, size_t size)
{
    const char *end = text + size;
    int rc = 0;

    while (rc == 0 && text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *line_end = newline ? newline : end;

        rc = read_line(c, text, line_end);
        text = line_end + 1;
    }
    return rc;
}

/* Searches the domain of the host name: the default without a search line. */
static int search_own_domain(struct eddyi_dns_config *c)
{
    char name[256] = "";
    const char *dot;

    if (eddyi_sys_hostname(name, sizeof name - 1) < 0)
        name[0] = '\0';
    dot = strchr(name, '.');
    dot = dot ? dot + 1 : "";
    return set_search(c, dot, strlen(dot));
}

static int apply_environment(struct eddyi_dns_config *c)
{
    const char *options = secure_getenv("RES_OPTIONS"), *domain = secure_getenv("LOCALDOMAIN");

    if (options)
        eddyi_dns_config_options(c, options, strlen(options));
    if (domain)
        return set_search(c, domain, strlen(domain));
    return c->search ? 0 : search_own_domain(c);
}

static int fill(struct eddyi_dns_config *c, const char *path, const char *servers)
{
    char *text = NULL;
    size_t size = 0;
    int rc = eddyi_sys_read_file(path, &text, &size);

    if (rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE || rc == -EIO)
        return rc;
    rc = rc < 0 ? 0 : eddyi_dns_config_read(c, text, size);
    eddyi_free(text);
    if (rc == 0)
        rc = apply_environment(c);
    if (rc == 0 && (servers || c->n_servers == 0))
        rc = eddyi_dns_config_servers(c, servers ? servers : "127.0.0.1");
    c->patience = c->timeout;
    return rc;
}

int eddyi_dns_config_load(const char *path, const char *servers, struct eddyi_dns_config **ret)
{
    struct eddyi_dns_config *c = eddyi_dns_config_new();
    int rc = c ? fill(c, path, servers) : -ENOMEM;

    if (rc == 0) {
        *ret = c;
        return 0;
    }
    eddyi_dns_config_unref(c);
    if (rc == -EINVAL)
        return eddy_raise(rc, "name servers %s", servers);
    return rc == -ENOMEM ? eddy_raise(rc, NULL) : eddy_raise(rc, "read %s", path);
}
