#include "tls.h"

#include <stdio.h>
#include <string.h>

static int load(eddy_tls_context *tls, const char *dir, const char *who)
{
    static const char *const protocols[] = {"interop", NULL};
    char certificate[500], key[500], authority[500];

    snprintf(certificate, sizeof certificate, "%s/%s.pem", dir, who);
    snprintf(key, sizeof key, "%s/%s.key", dir, who);
    snprintf(authority, sizeof authority, "%s/ca.pem", dir);
    eddy_try(eddy_tls_context_load_cert_chain(tls, certificate, key, NULL, NULL));
    eddy_try(eddy_tls_context_load_verify_locations(tls, authority, NULL, NULL));
    eddy_try(eddy_tls_context_set_verify_mode(tls, EDDY_TLS_VERIFY_REQUIRED));
    return eddy_tls_context_set_alpn_protocols(tls, protocols);
}

int tls_open(eddy_tls_side side, const char *dir, eddy_tls_context **ret)
{
    eddy_tls_context *tls;
    int rc = eddy_tls_context_new(side, &tls);

    if (rc < 0)
        return rc;
    rc = load(tls, dir, side == EDDY_TLS_SERVER ? "server" : "client");
    if (rc == 0)
        *ret = tls;
    else
        eddy_tls_context_unref(tls);
    return rc;
}

int tls_describe(const eddy_writer *writer, char *ret, size_t size)
{
    char version[20] = "none", alpn[20] = "none", text[4000] = "";

    (void)eddy_writer_get_extra_info(writer, "version", version, sizeof version);
    (void)eddy_writer_get_extra_info(writer, "alpn", alpn, sizeof alpn);
    (void)eddy_writer_get_extra_info(writer, "peercert_text", text, sizeof text - 1);
    return snprintf(ret, size, "%s %s %s\n", version, alpn,
                    strstr(text, "CN=client") ? "client" : "unknown");
}
