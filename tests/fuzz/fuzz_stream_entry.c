/* Any bytes as a line of an exported event log: refused with a reason, or the same canonical bytes after it was written and read again; a seal is read
 * strictly, an event is taken out of it or not. */
#include "fuzz.h"

#include "proto/event.h"
#include "proto/seal.h"
#include "proto/stream_entry.h"

static void canonical(const struct stream_entry *entry, struct buffer *buffer)
{
    buffer_init(buffer, 0);
    entry_canonical(entry, buffer);
}

static void again(const struct stream_entry *entry, unsigned which)
{
    struct entry_storage storage = {.bytes = NULL};
    struct buffer line, first, second;
    struct stream_entry read;
    unsigned which_read;

    buffer_init(&line, 0);
    entry_write_json(entry, sealed_line_names[which], &line);
    if (line.length <= ENTRY_LINE_BYTES) {   /* what needs escapes may have become longer than a line may be */
        MUST(entry_read_json(line.bytes, line.length, sealed_line_names, &storage, &read, &which_read, NULL) == DROVER_OK && which_read == which);
        canonical(entry, &first);
        canonical(&read, &second);
        MUST(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
        buffer_done(&first);
        buffer_done(&second);
    }
    buffer_done(&line);
    entry_storage_done(&storage);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct entry_storage storage = {.bytes = NULL};
    struct problem problem = {0};
    struct stream_entry entry;
    struct event event;
    struct seal seal;
    unsigned which;

    if (entry_read_json((const char *)bytes, length, sealed_line_names, &storage, &entry, &which, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
    } else {
        again(&entry, which);
        if (event_from_entry(&entry, &event, &problem) != DROVER_OK)
            MUST(problem.where[0] && problem.what[0]);
        if (seal_read(&entry, &seal, &problem) == DROVER_OK) {
            struct seal_numbers numbers;
            struct stream_entry written;
            struct buffer first, second;

            seal_write(&seal, &numbers, &written);
            canonical(&entry, &first);
            canonical(&written, &second);
            MUST(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
            buffer_done(&first);
            buffer_done(&second);
        }
    }
    entry_storage_done(&storage);
    return 0;
}
