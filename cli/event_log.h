/* The event log and the audit with their seals, from the server or from a file that `drover events export` wrote: each seal before the entries that it
 * covers. */
#pragma once

#include "cli/cli.h"
#include "proto/seal.h"

struct event_log_visitor {
    /* A seal or an entry; what it points to lives until the call returns. Anything but CLI_OK ends the walk. */
    enum cli_exit (*seal)(void *arg, enum sealed_log log, const struct stream_entry *entry);
    enum cli_exit (*entry)(void *arg, enum sealed_log log, const struct stream_entry *entry);
    void *arg;
};

/* file NULL: the server's. ret_read: which logs could be read (the server gives the audit to admins only; an older file has none). On failure it has been
 * reported, unless the visitor said so. */
enum cli_exit event_log_walk(struct cli *cli, const char *file, const struct event_log_visitor *visitor, bool ret_read[SEALED_LOGS]);
/* One line of such a file. */
void event_log_line(const struct stream_entry *entry, enum sealed_log log, bool is_seal, struct buffer *buffer);
