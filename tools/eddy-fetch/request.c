/* The options about requests, and their transfer to libcurl. */
#include "request.h"

#include <eddy/version.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int out_of_memory(void)
{
    fputs("eddy-fetch: out of memory\n", stderr);
    return -ENOMEM;
}

int request_add_header(struct request *r, const char *header)
{
    size_t name = strcspn(header, ":;");
    struct curl_slist *headers;

    if (name == 0 || !header[name] || strpbrk(header, "\r\n")) {
        fprintf(stderr, "eddy-fetch: --header: not of the form 'Name: value': %s\n", header);
        return -EINVAL;
    }
    headers = curl_slist_append(r->headers, header);
    if (!headers)
        return out_of_memory();
    r->headers = headers;
    return 0;
}

static int append(struct request *r, const char *bytes, size_t n)
{
    char *data = realloc(r->data, r->n_data + n + 1);

    if (!data)
        return out_of_memory();
    memcpy(data + r->n_data, bytes, n);
    r->data = data;
    r->n_data += n;
    return 0;
}

static int append_file(struct request *r, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char bytes[4096];
    int status = 0;

    while (file && status >= 0 && !feof(file) && !ferror(file)) {
        size_t n = fread(bytes, 1, sizeof bytes, file), kept = 0;

        for (size_t i = 0; i < n; i++)
            if (bytes[i] != '\r' && bytes[i] != '\n' && bytes[i] != '\0')
                bytes[kept++] = bytes[i];
        status = append(r, bytes, kept);
    }
    if (!file || ferror(file)) {
        status = -errno;
        fprintf(stderr, "eddy-fetch: --data: %s: %s\n", path, strerror(-status));
    }
    if (file && file != stdin)
        fclose(file);
    return status;
}

int request_add_data(struct request *r, const char *text)
{
    int status = append(r, "&", r->data ? 1 : 0);

    if (status < 0)
        return status;
    return *text == '@' ? append_file(r, text + 1) : append(r, text, strlen(text));
}

int request_set_user(struct request *r, char *text)
{
    free(r->user);
    r->user = strdup(text);
    if (!r->user)
        return out_of_memory();
    memset(text, '*', strlen(text));
    return 0;
}

CURLcode request_apply(const struct request *r, CURL *easy)
{
    CURLcode code =
        curl_easy_setopt(easy, CURLOPT_USERAGENT, r->agent ? r->agent : "eddy-fetch/" EDDY_VERSION);

    if (code == CURLE_OK && r->headers)
        code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, r->headers);
    if (code == CURLE_OK && r->user)
        code = curl_easy_setopt(easy, CURLOPT_USERPWD, r->user);
    if (code == CURLE_OK && r->data)
        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->n_data);
    if (code == CURLE_OK && r->data)
        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->data);
    if (code == CURLE_OK && r->head)
        code = curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (code == CURLE_OK && r->method)
        code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
    return code;
}

void request_free(struct request *r)
{
    curl_slist_free_all(r->headers);
    free(r->user);
    free(r->data);
    *r = (struct request){0};
}
