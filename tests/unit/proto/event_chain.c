/* The sealed log: as it was written it verifies, whatever part of it is trimmed; a change, a gap, a swap and an insertion are each found, at their block. */
#include "check.h"

#include "common/json.h"
#include "proto/event.h"
#include "proto/event_chain.h"

#define BLOCKS 5
#define PER_BLOCK 4
#define TAIL 2
#define ENTRIES (BLOCKS * PER_BLOCK + TAIL)
#define KEEP 6

/* A log in memory: entries with two fields, seals, and which of them are there. */
struct entry {
    char id[STREAM_ID_SIZE], device[32], why[64];
    bool gone;
};
struct log {
    struct entry entries[ENTRIES + 4];
    size_t entry_count;
    struct seal seals[BLOCKS];
    bool seal_gone[BLOCKS];
};

static struct stream_entry entry_of(const struct entry *entry)
{
    struct stream_entry made = {.id = entry_text(entry->id), .count = 2};

    made.fields[0] = (struct entry_field){entry_text("device"), entry_text(entry->device)};
    made.fields[1] = (struct entry_field){entry_text("why"), entry_text(entry->why)};
    return made;
}

static void digest_of(const struct log *log, size_t from, size_t count, char *ret_hex)
{
    struct buffer canonical;
    unsigned char digest[SHA256_BYTES];

    buffer_init(&canonical, 0);
    for (size_t i = from; i < from + count; i++) {
        struct stream_entry entry = entry_of(&log->entries[i]);

        entry_canonical(&entry, &canonical);
    }
    assert_true(sha256_of(canonical.bytes, canonical.length, digest));
    text_hex(ret_hex, digest, sizeof digest);
    buffer_done(&canonical);
}

static void seal_make(struct log *log, size_t at)
{
    struct seal *seal = &log->seals[at];

    *seal = (struct seal){.n = (int64_t)at + 1, .count = PER_BLOCK, .position = (int64_t)(at + 1) * PER_BLOCK, .keep = KEEP, .at_ms = 5, .instance = "drover-1"};
    (void)snprintf(seal->id, sizeof seal->id, "%zu-0", 9000 + at);
    memcpy(seal->first, log->entries[at * PER_BLOCK].id, sizeof seal->first);
    memcpy(seal->last, log->entries[at * PER_BLOCK + PER_BLOCK - 1].id, sizeof seal->last);
    memcpy(seal->prev, at > 0 ? log->seals[at - 1].sha256 : SEAL_PREV_NONE, sizeof seal->prev);
    digest_of(log, at * PER_BLOCK, PER_BLOCK, seal->entries);
    assert_int_equal(seal_digest(seal, seal->sha256), DROVER_OK);
}

static struct log log_make(void)
{
    struct log log = {.entry_count = ENTRIES};

    for (size_t i = 0; i < ENTRIES; i++) {
        (void)snprintf(log.entries[i].id, sizeof log.entries[i].id, "%zu-%zu", 1000 + i / 2, i % 2);
        (void)snprintf(log.entries[i].device, sizeof log.entries[i].device, "d%zu", i);
        (void)snprintf(log.entries[i].why, sizeof log.entries[i].why, "its turn, %zu", i);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        seal_make(&log, i);
    return log;
}

/* As export and verify do: each seal before the entries that are not newer than its last. */
static enum drover_error log_verify(const struct log *log, int64_t anchor_n, const char *anchor, struct event_chain *ret_chain, struct problem *ret_problem)
{
    enum drover_error error = event_chain_init(ret_chain, anchor_n, anchor);
    size_t next = 0;

    for (size_t s = 0; s <= BLOCKS && !error; s++) {
        struct stream_id last = {UINT64_MAX, UINT64_MAX};

        if (s < BLOCKS && log->seal_gone[s])
            continue;
        if (s < BLOCKS) {
            assert_true(stream_id_read(log->seals[s].last, strlen(log->seals[s].last), &last));
            error = event_chain_seal(ret_chain, &log->seals[s], ret_problem);
        }
        for (; next < log->entry_count && !error; next++) {
            struct stream_entry entry = entry_of(&log->entries[next]);
            struct stream_id id;

            assert_true(stream_id_read(entry.id.bytes, entry.id.length, &id));
            if (stream_id_compare(&id, &last) > 0)
                break;
            if (!log->entries[next].gone)
                error = event_chain_entry(ret_chain, &entry, ret_problem);
        }
    }
    if (!error)
        error = event_chain_end(ret_chain, ret_problem);
    event_chain_done(ret_chain);
    return error;
}

static void verifies(const struct log *log, struct event_chain *ret_chain)
{
    struct problem problem = {.what = ""};
    enum drover_error error = log_verify(log, 0, "", ret_chain, &problem);

    if (error)
        fail_msg("%s: %s", problem.where, problem.what);
}

static void misfits(const struct log *log, const char *where, const char *what)
{
    struct problem problem = {.what = ""};
    struct event_chain chain;

    if (log_verify(log, 0, "", &chain, &problem) != DROVER_MISMATCH)
        fail_msg("not found: %s: %s", where, what);
    if (strcmp(problem.where, where) != 0 || !strstr(problem.what, what))
        fail_msg("%s: %s, not %s: %s", problem.where, problem.what, where, what);
}

static void trim(struct log *log, size_t count)
{
    for (size_t i = 0; i < count; i++)
        log->entries[i].gone = true;
}

/* --- as it was written --- */

static void a_whole_log_verifies(void **state)
{
    struct log log = log_make();
    struct event_chain chain;

    (void)state;
    verifies(&log, &chain);
    assert_int_equal(chain.seals, BLOCKS);
    assert_int_equal(chain.blocks, BLOCKS);
    assert_int_equal(chain.entries, BLOCKS * PER_BLOCK);
    assert_int_equal(chain.unsealed, TAIL);
    assert_string_equal(chain.from, "1000-0");
    assert_string_equal(chain.to, log.seals[BLOCKS - 1].last);
}

static void a_trimmed_beginning_is_no_fault_wherever_it_ends(void **state)
{
    struct event_chain chain;

    (void)state;
    for (size_t gone = 0; gone <= ENTRIES - KEEP; gone++) {
        struct log log = log_make();
        size_t into = gone % PER_BLOCK;

        trim(&log, gone);
        verifies(&log, &chain);
        assert_int_equal(chain.trimmed_blocks, gone / PER_BLOCK);
        assert_int_equal(chain.partial, into ? PER_BLOCK - into : 0);
        assert_int_equal(chain.entries, BLOCKS * PER_BLOCK - (gone + PER_BLOCK - 1) / PER_BLOCK * PER_BLOCK);
    }
}

static void oldest_seals_may_be_trimmed_too(void **state)
{
    struct log log = log_make();
    struct event_chain chain;

    (void)state;
    log.seal_gone[0] = log.seal_gone[1] = true;
    verifies(&log, &chain);
    assert_int_equal(chain.before, 2 * PER_BLOCK);
    assert_int_equal(chain.blocks, BLOCKS - 2);
    for (size_t i = 0; i < BLOCKS; i++)
        log.seal_gone[i] = true;
    verifies(&log, &chain);
    assert_int_equal(chain.unsealed, ENTRIES);
}

static void more_is_missing_than_trimming_takes(void **state)
{
    struct log log = log_make();

    (void)state;
    trim(&log, ENTRIES - KEEP + 1);
    misfits(&log, "beginning", "cut off");
    trim(&log, ENTRIES);
    misfits(&log, "beginning", "cut off: 0 entries are left");
}

/* --- attacks --- */

static void every_changed_entry_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < BLOCKS * PER_BLOCK; i++) {
        struct log log = log_make();
        char where[24];

        (void)snprintf(where, sizeof where, "block %zu", i / PER_BLOCK + 1);
        log.entries[i].why[0] = 'I';
        misfits(&log, where, "an entry was changed");
        log = log_make();
        (void)snprintf(log.entries[i].device, sizeof log.entries[i].device, "d%zui", i);   /* a byte over the border between two fields */
        memmove(log.entries[i].why, log.entries[i].why + 1, strlen(log.entries[i].why));
        misfits(&log, where, "an entry was changed");
    }
}

static void every_removed_entry_is_found(void **state)
{
    (void)state;
    for (size_t i = 1; i < BLOCKS * PER_BLOCK; i++) { /* the very first one may have been trimmed */
        struct log log = log_make();
        char where[24];

        (void)snprintf(where, sizeof where, "block %zu", i / PER_BLOCK + 1);
        log.entries[i].gone = true;
        misfits(&log, where, "of its 4 entries were removed");
    }
}

static void inserted_entries_are_found(void **state)
{
    struct log log = log_make();

    (void)state;
    memmove(&log.entries[7], &log.entries[6], (ENTRIES - 6) * sizeof log.entries[0]);
    log.entry_count++;
    memcpy(log.entries[6].id, "1002-9", 7);   /* inside block 2: 1002-0 .. 1003-1 */
    memcpy(log.entries[7].id, "1003-0", 7);
    misfits(&log, "block 2", "1 entries were added to its 4");

    log = log_make();
    memmove(&log.entries[5], &log.entries[4], (ENTRIES - 4) * sizeof log.entries[0]);
    log.entry_count++;
    memcpy(log.entries[4].id, "1001-5", 7);   /* between block 1 and block 2 */
    misfits(&log, "block 2", "added between");

    log = log_make();
    memcpy(log.entries[0].id, "1-0", 4);   /* before the very first */
    misfits(&log, "block 1", "added between");
}

static void swapped_entries_are_found(void **state)
{
    struct log log = log_make();
    struct entry kept = log.entries[5];

    (void)state;
    memcpy(log.entries[5].why, log.entries[6].why, sizeof kept.why);   /* under their ids */
    memcpy(log.entries[6].why, kept.why, sizeof kept.why);
    misfits(&log, "block 2", "an entry was changed");
    log = log_make();
    log.entries[5] = log.entries[6];   /* with their ids, as in a file that was sorted by hand */
    log.entries[6] = kept;
    misfits(&log, kept.id, "swapped");
}

static void seals_are_removed_changed_swapped_replaced(void **state)
{
    struct log log = log_make();
    struct seal seal;

    (void)state;
    log.seal_gone[2] = true;
    misfits(&log, "block 4", "follows that of block 2");
    trim(&log, 3 * PER_BLOCK);
    misfits(&log, "block 4", "follows that of block 2");   /* also where no entry of it is left */

    log = log_make();
    log.seals[1].count--;
    misfits(&log, "block 2", "its seal was changed");
    trim(&log, 3 * PER_BLOCK);
    misfits(&log, "block 2", "its seal was changed");

    log = log_make();
    seal = log.seals[1];
    log.seals[1] = log.seals[2];
    log.seals[2] = seal;
    trim(&log, 3 * PER_BLOCK);
    misfits(&log, "block 3", "follows that of block 1");

    log = log_make();   /* rewritten with its entry, as who can write to Redis may do: the next one does not follow */
    log.entries[5].why[0] = 'I';
    seal_make(&log, 1);
    memcpy(log.seals[2].prev, log_make().seals[2].prev, sizeof log.seals[2].prev);
    misfits(&log, "block 3", "does not go on from the one before");
}

/* Who rewrites everything from there on is found by one digest that was kept elsewhere. */
static void a_known_seal_finds_a_log_that_was_rewritten(void **state)
{
    struct log honest = log_make(), log = log_make();
    struct event_chain chain;
    struct problem problem;

    (void)state;
    assert_int_equal(log_verify(&honest, 4, honest.seals[3].sha256, &chain, &problem), DROVER_OK);
    log.entries[5].why[0] = 'I';
    for (size_t i = 1; i < BLOCKS; i++)
        seal_make(&log, i);
    verifies(&log, &chain);
    assert_int_equal(log_verify(&log, 4, honest.seals[3].sha256, &chain, &problem), DROVER_MISMATCH);
    assert_string_equal(problem.where, "block 4");
    assert_int_equal(log_verify(&log, BLOCKS + 1, honest.seals[3].sha256, &chain, &problem), DROVER_MISMATCH);
    assert_string_equal(problem.where, "seals");
}

static void missed_entries_are_told(void **state)
{
    struct log log = log_make();
    struct event_chain chain;

    (void)state;
    for (size_t i = 2; i < BLOCKS; i++) {
        log.seals[i].position += 3;
        log.seals[i].missed = i == 2 ? 3 : 0;
        memcpy(log.seals[i].prev, log.seals[i - 1].sha256, sizeof log.seals[i].prev);
        assert_int_equal(seal_digest(&log.seals[i], log.seals[i].sha256), DROVER_OK);
    }
    verifies(&log, &chain);
    assert_int_equal(chain.missed, 3);
    log.seals[2].missed = 2;
    for (size_t i = 2; i < BLOCKS; i++) {
        memcpy(log.seals[i].prev, log.seals[i - 1].sha256, sizeof log.seals[i].prev);
        assert_int_equal(seal_digest(&log.seals[i], log.seals[i].sha256), DROVER_OK);
    }
    misfits(&log, "block 3", "its numbers do not go on");
}

/* --- bytes --- */

static void canonical_bytes_are_as_documented(void **state)
{
    const struct entry entry = {.id = "1700000000000-0", .device = "d1", .why = "caf\xc3\xa9"};
    struct stream_entry made = entry_of(&entry);
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 0);
    entry_canonical(&made, &buffer);
    assert_string_equal(buffer.bytes, "15:1700000000000-0,6:device,2:d1,3:why,5:caf\xc3\xa9,\n");
    buffer_done(&buffer);
}

/* Made once with Python's hashlib from docs/events.md alone: the format does not change by accident. */
static void a_seal_known_from_elsewhere(void **state)
{
    struct log log = log_make();

    (void)state;
    assert_string_equal(log.seals[0].entries, "b156b3b8972c860d69e6cd7d7b82b5b172db9f749add357ad1acec054cf816a1");
    assert_string_equal(log.seals[0].sha256, "f63edf582d9d1a3cc9615015757a09a115236b3a4fca09f3133e76ea983710ba");
    assert_string_equal(log.seals[1].sha256, "3c604d3504a24cf62d6eeea28b31a35b94738f6ed6c419f456c0618bc167b798");
}

static void lines_are_read_as_they_were_written(void **state)
{
    static const char *const names[] = {"id", "seal", NULL};
    const struct entry entry = {.id = "5-1", .device = "d\"1", .why = "a\nb\xf0\x9f\x98\x80"};
    struct stream_entry made = entry_of(&entry), again;
    struct entry_storage storage = {.bytes = NULL};
    struct buffer line, first, second;
    unsigned which = 9;

    (void)state;
    buffer_init(&line, 0);
    buffer_init(&first, 0);
    buffer_init(&second, 0);
    entry_write_json(&made, "seal", &line);
    assert_int_equal(entry_read_json(line.bytes, line.length, names, &storage, &again, &which, NULL), DROVER_OK);
    assert_int_equal(which, 1);
    entry_canonical(&made, &first);
    entry_canonical(&again, &second);
    assert_string_equal(first.bytes, second.bytes);
    buffer_done(&line);
    buffer_done(&first);
    buffer_done(&second);
    entry_storage_done(&storage);
}

static void bad_lines_are_refused(void **state)
{
    static const struct {
        const char *line;
        enum drover_error error;
        const char *where;
    } rows[] = {
        {"{}", DROVER_RANGE, "entry"},
        {"{\"at_ms\":\"1\"}", DROVER_MISSING, "id"},
        {"{\"id\":\"x\"}", DROVER_SYNTAX, "id"},
        {"{\"id\":\"1-1\",\"attempt\":1}", DROVER_TYPE, "attempt"},
        {"{\"id\":\"1-1\",\"a\":\"\",\"a\":\"\"}", DROVER_DUPLICATE, "a"},
    };
    static const char *const names[] = {"id", NULL};
    struct entry_storage storage = {.bytes = NULL};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem = {.what = ""};
        struct stream_entry entry;
        unsigned which;

        CHECK_PROBLEM(entry_read_json(rows[i].line, strlen(rows[i].line), names, &storage, &entry, &which, &problem), problem, rows[i].error, rows[i].where, rows[i].line);
    }
    entry_storage_done(&storage);
}

/* What a NUL hides from a reader of C strings is not hidden from the digest. */
static void a_nul_does_not_pass(void **state)
{
    static const char *const names[] = {"id", NULL};
    struct stream_entry made = {.id = entry_text("5-1"), .count = 1}, again;
    struct entry_storage storage = {.bytes = NULL};
    struct buffer line;
    unsigned which;

    (void)state;
    made.fields[0] = (struct entry_field){entry_text("why"), {"a\0b", 3}};
    buffer_init(&line, 0);
    entry_write_json(&made, "id", &line);
    assert_string_equal(line.bytes, "{\"id\":\"5-1\",\"why\":\"a\\u0000b\"}");
    assert_int_not_equal(entry_read_json(line.bytes, line.length, names, &storage, &again, &which, NULL), DROVER_OK);
    buffer_done(&line);
    entry_storage_done(&storage);
}

static void an_entry_becomes_an_event(void **state)
{
    struct stream_entry entry = {.id = entry_text("1700000000000-3"), .count = 4};
    struct event event;
    struct problem problem;

    (void)state;
    entry.fields[0] = (struct entry_field){entry_text("at_ms"), entry_text("1700000000001")};
    entry.fields[1] = (struct entry_field){entry_text("device"), entry_text("d1")};
    entry.fields[2] = (struct entry_field){entry_text("attempt"), entry_text("2")};
    entry.fields[3] = (struct entry_field){entry_text("of_a_later_release"), entry_text("x")};
    assert_int_equal(event_from_entry(&entry, &event, &problem), DROVER_OK);
    assert_string_equal(event.id, "1700000000000-3");
    assert_true(event.at_ms == 1700000000001);
    assert_string_equal(event.device_id, "d1");
    assert_int_equal(event.attempt, 2);
    entry.fields[2].value = entry_text("02");
    assert_int_equal(event_from_entry(&entry, &event, &problem), DROVER_RANGE);
    assert_string_equal(problem.where, "attempt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_log_verifies),
        cmocka_unit_test(a_trimmed_beginning_is_no_fault_wherever_it_ends),
        cmocka_unit_test(oldest_seals_may_be_trimmed_too),
        cmocka_unit_test(more_is_missing_than_trimming_takes),
        cmocka_unit_test(every_changed_entry_is_found),
        cmocka_unit_test(every_removed_entry_is_found),
        cmocka_unit_test(inserted_entries_are_found),
        cmocka_unit_test(swapped_entries_are_found),
        cmocka_unit_test(seals_are_removed_changed_swapped_replaced),
        cmocka_unit_test(a_known_seal_finds_a_log_that_was_rewritten),
        cmocka_unit_test(missed_entries_are_told),
        cmocka_unit_test(canonical_bytes_are_as_documented),
        cmocka_unit_test(a_seal_known_from_elsewhere),
        cmocka_unit_test(lines_are_read_as_they_were_written),
        cmocka_unit_test(bad_lines_are_refused),
        cmocka_unit_test(a_nul_does_not_pass),
        cmocka_unit_test(an_entry_becomes_an_event),
    };

    return cmocka_run_group_tests_name("event chain", tests, NULL, NULL);
}
