/* Addresses: which may be fetched at all, and whether two are of the same server. */
#pragma once

#include <stdbool.h>

/* http or https, of bounded length, printable. */
bool fetch_url_is_good(const char *url);
bool fetch_url_is_https(const char *url);
/* Scheme, host and port (RFC 6454). False also when one cannot be read. */
bool fetch_url_same_origin(const char *one, const char *two);
