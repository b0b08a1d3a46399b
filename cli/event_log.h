/* The event log with its seals, from the server or from a file that `drover events export` wrote: each seal before the entries that it covers. */
#pragma once

#include "cli/cli.h"
#include "proto/stream_entry.h"

struct event_log_visitor {
    /* A seal or an entry; what it points to lives until the call returns. Anything but CLI_OK ends the walk. */
    enum cli_exit (*seal)(void *arg, const struct stream_entry *entry);
    enum cli_exit (*entry)(void *arg, const struct stream_entry *entry);
    void *arg;
};

/* file NULL: the server's. On failure it has been reported, unless the visitor said so. */
enum cli_exit event_log_walk(struct cli *cli, const char *file, const struct event_log_visitor *visitor);
/* One line of such a file. */
void event_log_line(const struct stream_entry *entry, bool is_seal, struct buffer *buffer);
