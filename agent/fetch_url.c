/* See fetch_url.h. */
#include "agent/fetch_url.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"

#define URL_MAX_BYTES 4096

bool fetch_url_is_https(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}

bool fetch_url_is_good(const char *url)
{
    size_t length = strnlen(url, URL_MAX_BYTES);

    return length < URL_MAX_BYTES && text_is_plain(url, length) && (fetch_url_is_https(url) || strncasecmp(url, "http://", 7) == 0);
}

/* Scheme, host or port; true when either cannot be said. */
static bool part_differs(CURLU *one, CURLU *two, CURLUPart part)
{
    char *first = NULL, *second = NULL;
    bool differs = curl_url_get(one, part, &first, CURLU_DEFAULT_PORT) != CURLUE_OK || curl_url_get(two, part, &second, CURLU_DEFAULT_PORT) != CURLUE_OK ||
                   strcasecmp(first, second) != 0;

    curl_free(first);
    curl_free(second);
    return differs;
}

bool fetch_url_same_origin(const char *one, const char *two)
{
    CURLU *first = curl_url(), *second = curl_url();
    bool is_same = first && second && curl_url_set(first, CURLUPART_URL, one, 0) == CURLUE_OK && curl_url_set(second, CURLUPART_URL, two, 0) == CURLUE_OK &&
                   !part_differs(first, second, CURLUPART_SCHEME) && !part_differs(first, second, CURLUPART_HOST) && !part_differs(first, second, CURLUPART_PORT);

    curl_url_cleanup(first);
    curl_url_cleanup(second);
    return is_same;
}
