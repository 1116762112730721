/* HTTP dates (RFC 9110, 5.6.7). */
#include "http.h"

#include <string.h>

static bool format(time_t t, char buf[HTTP_DATE_SIZE])
{
    struct tm tm;

    /* A file's time can be any 64-bit number; gmtime_r() fails if the year exceeds an int. */
    if (!gmtime_r(&t, &tm) || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900)
        return false;
    return strftime(buf, HTTP_DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0;
}

/* Every answer has one or two dates, often those of the answer before, so the latest are kept. */
bool http_format_date(time_t t, char buf[HTTP_DATE_SIZE])
{
    enum { KEPT = 8 };
    static _Thread_local struct {
        time_t t;
        char text[HTTP_DATE_SIZE]; /* "": none */
    } kept[KEPT];
    size_t i = (size_t)t % KEPT;

    if (kept[i].t != t || !*kept[i].text) {
        if (!format(t, kept[i].text)) {
            *kept[i].text = '\0';
            return false;
        }
        kept[i].t = t;
    }
    memcpy(buf, kept[i].text, HTTP_DATE_SIZE);
    return true;
}

/*
 * Corrects a year of two digits: if it seems to be more than 50 years in the future, it is the most
 * recent year that ends with these digits.
 */
static void correct_century(struct tm *tm)
{
    time_t now = time(NULL);
    struct tm today;

    if (gmtime_r(&now, &today) && tm->tm_year > today.tm_year + 50)
        tm->tm_year -= 100;
}

bool http_parse_date(const char *text, time_t *ret)
{
    static const char *const forms[] = {
        "%a, %d %b %Y %H:%M:%S GMT", /* the preferred format */
        "%A, %d-%b-%y %H:%M:%S GMT", /* RFC 850's */
        "%a %b %e %H:%M:%S %Y",      /* asctime()'s */
    };

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);

        if (!end || *end)
            continue;
        if (i == 1)
            correct_century(&tm);
        *ret = timegm(&tm);
        return true;
    }
    return false;
}
