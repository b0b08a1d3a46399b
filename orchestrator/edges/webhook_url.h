/* Where a webhook may go. Pure. */
#pragma once

#include <stdbool.h>

/* True for https://, and for http:// to 127.0.0.1, [::1] or localhost. */
bool webhook_url_is_safe(const char *url);
