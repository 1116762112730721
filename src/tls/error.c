/*
 * OpenSSL's errors, as eddy raises them.
 *
 * OpenSSL keeps a queue of errors per thread, the cause first. Callers of OpenSSL empty the queue
 * before a call, and read it before anything else can run in the thread.
 */
#include "eddy/error.h"
#include "tls/context.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>

/* Sentences for the common errors, where OpenSSL's own say too little. */
static const struct {
    int reason;
    const char *text;
} texts[] = {
    {SSL_R_WRONG_VERSION_NUMBER, "the other side does not speak TLS (wrong version number)"},
    {SSL_R_HTTP_REQUEST, "the other side does not speak TLS (http request)"},
    {SSL_R_HTTPS_PROXY_REQUEST, "the other side does not speak TLS (https proxy request)"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "no version of TLS that both sides accept (unsupported protocol)"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
     "no version of TLS that both sides accept (alert protocol version)"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "the other side refuses (alert handshake failure)"},
    {SSL_R_NO_SHARED_CIPHER, "no cipher that both sides accept (no shared cipher)"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "no application protocol that both sides speak (ALPN)"},
    {SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL,
     "no application protocol that both sides speak (ALPN, alert no application protocol)"},
    {SSL_R_TLSV1_UNRECOGNIZED_NAME,
     "the server knows nothing of this name (alert unrecognized name)"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA,
     "the other side does not accept the certificate (alert unknown ca)"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
     "the other side wants a certificate (alert certificate required)"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
     "the other side does not accept the certificate (alert certificate expired)"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
     "the other side does not accept the certificate (alert bad certificate)"},
};

/* Returns the sentence for an error of OpenSSL. */
static const char *reason_of(unsigned long error)
{
    const char *reason;

    if (ERR_GET_LIB(error) == ERR_LIB_SSL)
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            if (texts[i].reason == ERR_GET_REASON(error))
                return texts[i].text;
    reason = ERR_reason_error_string(error);
    return reason ? reason : "OpenSSL gives no reason";
}

int eddyi_tls_raise(int code, const char *fmt, ...)
{
    unsigned long error = ERR_peek_error(), last = ERR_peek_last_error();
    char what[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    ERR_clear_error();
    if (ERR_SYSTEM_ERROR(error))
        return eddy_raise(-ERR_GET_REASON(error), "%s", what);
    if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
        return eddy_raise(-ENOMEM, "%s", what);
    return eddy_raise(code, "%s: %s", what, reason_of(last));
}
