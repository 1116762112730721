/*
 * Answers of name servers, to a question that eddy asked: what is taken from one was in it, and
 * only the answer to that question counts.
 */
#include "fuzz.h"

#include "eddy/error.h"
#include "net/dns_message.h"
#include "net/query.h"

#include <errno.h>
#include <netdb.h>

enum { LONGEST_NAME = 4 * 255 }; /* each byte as \ddd */

static const char *const names[] = {"example.org", "a", "x.y.example.org.", "4.3.2.1.in-addr.arpa"};
static const int types[] = {EDDYI_DNS_A, EDDYI_DNS_AAAA, EDDYI_DNS_PTR};

static struct eddyi_dns_question question;
static unsigned char *answer;
static size_t n_answer;

/* The answer begins with the question's own bytes, marked as a reply, or with anything. */
static void make_answer(struct fuzz_input *in, bool with_question)
{
    size_t n_question = with_question ? eddyi_dns_message_size(&question) : 0, n_rest;
    unsigned char *rest = fuzz_rest(in, &n_rest);

    n_answer = n_question + n_rest;
    answer = malloc(n_answer ? n_answer : 1);
    memcpy(answer, eddyi_dns_message(&question), n_question);
    memcpy(answer + n_question, rest, n_rest);
    free(rest);
    if (with_question && n_rest > 4) {
        answer[2] = answer[n_answer - 1];
        answer[3] = answer[n_answer - 2];
        answer[7] = answer[n_answer - 3];
        n_answer -= 3;
    }
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || (unsigned char)*text >= 0x7f)
            return false;
    return true;
}

static void check_verdict(void)
{
    const char *why = NULL;
    const unsigned char *asked = eddyi_dns_message(&question);
    enum eddyi_dns_verdict verdict = eddyi_dns_judge(&question, answer, n_answer, &why);

    FUZZ_CHECK((verdict == EDDYI_DNS_FAILED) == (why != NULL));
    if (verdict == EDDYI_DNS_STRAY)
        return;
    FUZZ_CHECK(n_answer >= 12 && memcmp(answer, asked, 2) == 0 && (answer[2] & 0x80));
    if (verdict == EDDYI_DNS_ANSWER || verdict == EDDYI_DNS_NO_SUCH ||
        verdict == EDDYI_DNS_TRUNCATED)
        FUZZ_CHECK(answer[5] == 1 && n_answer >= 12 + 5);
}

static void check_addresses(int type)
{
    struct eddyi_dns_addresses a;
    int rc = eddyi_dns_addresses_init(&a, answer, n_answer, type);

    FUZZ_CHECK(rc == 0 || rc == EDDY_ENAMEFAIL);
    FUZZ_CHECK(a.n <= EDDYI_ADDRINFO_MAX && (a.n > 0) == (a.addresses != NULL));
    FUZZ_CHECK((a.n > 0) == (a.canonname != NULL) && (rc == 0 || a.n == 0));
    for (size_t i = 0; i < a.n; i++) {
        const union eddyi_address *at = &a.addresses[i];

        FUZZ_CHECK(at->sa.sa_family == (type == EDDYI_DNS_A ? AF_INET : AF_INET6));
        FUZZ_CHECK(type == EDDYI_DNS_A ? memmem(answer, n_answer, &at->in.sin_addr, 4)
                                       : memmem(answer, n_answer, &at->in6.sin6_addr, 16));
    }
    FUZZ_CHECK(!a.canonname || (is_printable(a.canonname) && strlen(a.canonname) <= LONGEST_NAME));
    eddyi_dns_addresses_fini(&a);
}

static void check_host(void)
{
    union eddyi_address address = {.in = {.sin_family = AF_INET}};
    char host[NI_MAXHOST];
    int rc;

    memset(host, 'x', sizeof host);
    rc = eddyi_dns_host_of(answer, n_answer, &address, host);
    FUZZ_CHECK(rc == 0 || rc == EDDY_ENONAME || rc == EDDY_ENAMEFAIL);
    if (rc == 0)
        FUZZ_CHECK(memchr(host, '\0', sizeof host) && is_printable(host));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_input in = {data, n};
    unsigned flags = fuzz_byte(&in);
    int type = types[fuzz_below(&in, 3)];

    FUZZ_CHECK(eddyi_dns_question_init(&question, names[flags & 3], type, 0x6464,
                                       flags & 4 ? 1232 : 0, flags & 8) == 0);
    make_answer(&in, flags & 16);
    check_verdict();
    if (type == EDDYI_DNS_PTR)
        check_host();
    else
        check_addresses(type);
    free(answer);
    eddyi_dns_question_fini(&question);
    return 0;
}
