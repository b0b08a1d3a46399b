/* The names of Redis keys. Scripts get the two prefixes as KEYS[1] and KEYS[2] and add the rest, as listed in docs/redis-keys.md. */
#pragma once

#define KEY_SCHEMA "drover:schema"          /* hash: version */
#define KEY_SCHEMA_VERSION 1
#define KEY_PREFIX "drover:v1:"             /* for readers: dashboards may rely on it */
#define KEY_PREFIX_PRIVATE "drover:priv:"   /* for droverd alone */
#define KEY_AUDIT KEY_PREFIX "audit"
#define KEY_AUDIT_SEALS KEY_PREFIX "audit_seals"
#define KEY_EVENTS KEY_PREFIX "events"
#define KEY_SEALS KEY_PREFIX "seals"
#define KEY_SERIES KEY_PREFIX "series"
