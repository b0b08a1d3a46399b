/* boot.state: reading, writing, and the boot loader's choice. A text is read loosely and then must equal what is written for it, byte by byte:
 * one form only, and nothing that the writer does not know. */
#include "agent/slots_boot_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/crc32.h"
#include "agent/durable.h"
#include "common/log.h"

static const char *const copies[] = {"boot.state", "boot.state.copy"};
#define COPY_COUNT (sizeof copies / sizeof copies[0])

static const char *const marks[] = {[SLOT_INVALID] = "invalid", [SLOT_WRITTEN] = "written", [SLOT_GOOD] = "good"};
#define MARK_COUNT (sizeof marks / sizeof marks[0])

const char *slot_name(enum slot slot)
{
    return slot == SLOT_A ? "a" : "b";
}

static const char *or_dash(const char *text)
{
    return text[0] ? text : "-";
}

size_t boot_state_write(const struct boot_state *state, char ret_text[BOOT_STATE_BYTES])
{
    const struct slot_entry *a = &state->slots[SLOT_A], *b = &state->slots[SLOT_B];
    int length = snprintf(ret_text, BOOT_STATE_BYTES,
                          "drover-boot-state 1\nsequence=%" PRId64 "\nactive=%s\nbooted=%s\ntrying=%s\ntries=%u\na=%s %s %s\nb=%s %s %s\n",
                          state->sequence, slot_name(state->active), slot_name(state->booted),
                          state->trying == NO_SLOT ? "-" : slot_name((enum slot)state->trying), state->tries,
                          marks[a->mark], or_dash(a->version), or_dash(a->manifest_sha256),
                          marks[b->mark], or_dash(b->version), or_dash(b->manifest_sha256));

    length += snprintf(ret_text + length, BOOT_STATE_BYTES - (size_t)length, "crc32=%08" PRIx32 "\n", crc32_of(ret_text, (size_t)length));
    return (size_t)length;
}

bool boot_state_is(const struct boot_state *left, const struct boot_state *right)
{
    char texts[2][BOOT_STATE_BYTES];

    (void)boot_state_write(left, texts[0]);
    (void)boot_state_write(right, texts[1]);
    return strcmp(texts[0], texts[1]) == 0;
}

/* What sscanf finds, before anybody asks what it means. */
struct loose {
    char sequence[20], active[2], booted[2], trying[2], tries[4];
    struct { char mark[8], version[VERSION_SIZE], digest[SHA256_HEX_SIZE]; } slots[2];
};

static bool loose_read(const char *text, struct loose *ret)
{
    return sscanf(text,
                  "drover-boot-state 1 sequence=%19[0-9] active=%1[ab] booted=%1[ab] trying=%1[ab-] tries=%3[0-9]"
                  " a=%7[a-z] %63s %64[0-9a-f-] b=%7[a-z] %63s %64[0-9a-f-]",
                  ret->sequence, ret->active, ret->booted, ret->trying, ret->tries,
                  ret->slots[SLOT_A].mark, ret->slots[SLOT_A].version, ret->slots[SLOT_A].digest,
                  ret->slots[SLOT_B].mark, ret->slots[SLOT_B].version, ret->slots[SLOT_B].digest) == 11;
}

static enum slot slot_read(const char *name)
{
    return name[0] == 'a' ? SLOT_A : SLOT_B;
}

static bool entry_read(const struct loose *loose, enum slot slot, struct slot_entry *ret)
{
    const char *version = loose->slots[slot].version, *digest = loose->slots[slot].digest;
    unsigned mark = 0;

    while (mark < MARK_COUNT && strcmp(marks[mark], loose->slots[slot].mark) != 0)
        mark++;
    if (mark == MARK_COUNT)
        return false;
    ret->mark = (enum slot_mark)mark;
    if (strcmp(version, "-") != 0 && semver_read(version, strlen(version), ret->version, NULL) != DROVER_OK)
        return false;
    if (strcmp(digest, "-") != 0 && !text_is_hex(digest, strlen(digest), SHA256_HEX_SIZE - 1))
        return false;
    return strcmp(digest, "-") == 0 || text_copy(ret->manifest_sha256, sizeof ret->manifest_sha256, digest);
}

/* The rules between the lines: what is tried is another slot than the active one, and whole. */
static bool state_read(const struct loose *loose, struct boot_state *ret)
{
    int64_t tries;

    if (!text_to_i64(loose->sequence, strlen(loose->sequence), 0, INT64_MAX - 1, &ret->sequence) ||
        !text_to_i64(loose->tries, strlen(loose->tries), 0, BOOT_TRIES_MAX, &tries))
        return false;
    ret->tries = (unsigned)tries;
    ret->active = slot_read(loose->active);
    ret->booted = slot_read(loose->booted);
    ret->trying = loose->trying[0] == '-' ? NO_SLOT : (int)slot_read(loose->trying);
    if (!entry_read(loose, SLOT_A, &ret->slots[SLOT_A]) || !entry_read(loose, SLOT_B, &ret->slots[SLOT_B]))
        return false;
    if (ret->trying == NO_SLOT)
        return ret->tries == 0;
    return ret->trying != (int)ret->active && ret->slots[ret->trying].mark != SLOT_INVALID;
}

enum drover_error boot_state_read(const char *bytes, size_t length, struct boot_state *ret_state, struct problem *ret_problem)
{
    char text[BOOT_STATE_BYTES], again[BOOT_STATE_BYTES];
    struct loose loose;
    struct boot_state state = {.sequence = 0};

    if (!text_copy_n(text, sizeof text, bytes, length))
        return problem_set(ret_problem, DROVER_SYNTAX, copies[0], "more than %u bytes, or a zero byte", BOOT_STATE_BYTES - 1);
    if (!loose_read(text, &loose) || !state_read(&loose, &state))
        return problem_set(ret_problem, DROVER_SYNTAX, copies[0], "not a boot state of version 1");
    if (boot_state_write(&state, again) != length || memcmp(text, again, length) != 0)
        return problem_set(ret_problem, DROVER_SYNTAX, copies[0], "damaged: it does not have its checksum");
    *ret_state = state;
    return DROVER_OK;
}

static enum drover_error copy_load(int folder_fd, const char *name, struct boot_state *ret_state, struct problem *ret_problem)
{
    char text[BOOT_STATE_BYTES];
    size_t length;
    enum drover_error error = durable_read(folder_fd, name, text, sizeof text, &length, ret_problem);

    return error ? error : boot_state_read(text, length, ret_state, ret_problem);
}

enum drover_error boot_state_load(int folder_fd, struct boot_state *ret_state, bool *ret_repair, struct problem *ret_problem)
{
    struct boot_state found[COPY_COUNT];
    enum drover_error errors[COPY_COUNT];
    const struct boot_state *newest = NULL;

    for (unsigned i = 0; i < COPY_COUNT; i++) {
        errors[i] = copy_load(folder_fd, copies[i], &found[i], ret_problem);
        if (!errors[i] && (!newest || found[i].sequence > newest->sequence))
            newest = &found[i];
    }
    if (newest) {
        *ret_repair = errors[0] || errors[1] || found[0].sequence != found[1].sequence;
        *ret_state = *newest;
        return DROVER_OK;
    }
    if (errors[0] == DROVER_NOT_FOUND && errors[1] == DROVER_NOT_FOUND)
        return problem_set(ret_problem, DROVER_NOT_FOUND, copies[0], "there is no such file");
    for (unsigned i = 0; i < COPY_COUNT; i++)
        if (errors[i] == DROVER_IO)
            return problem_set(ret_problem, DROVER_IO, copies[i], "cannot be read");
    return problem_set(ret_problem, DROVER_SYNTAX, copies[0], "neither it nor its copy is whole");
}

/* Once the first copy is in place the new state holds. A second copy that cannot follow is removed, so that it never speaks for the past. */
enum drover_error boot_state_save(int folder_fd, struct boot_state *state, struct problem *ret_problem)
{
    struct boot_state next = *state;
    struct problem problem = {.what = ""};
    char text[BOOT_STATE_BYTES];
    size_t length;
    enum drover_error error;

    next.sequence++;
    length = boot_state_write(&next, text);
    error = durable_replace(folder_fd, copies[0], text, length, ret_problem);
    if (error)
        return error;
    if (durable_replace(folder_fd, copies[1], text, length, &problem) != DROVER_OK) {
        log_event(LOG_WARN, "boot_state_without_copy", LOG_TEXT("why", problem.what));
        durable_set_aside(folder_fd, copies[1], &problem);
    }
    *state = next;
    return DROVER_OK;
}

void boot_state_set_aside(int folder_fd, const struct problem *why)
{
    for (unsigned i = 0; i < COPY_COUNT; i++)
        durable_set_aside(folder_fd, copies[i], why);
}

enum slot boot_state_choose(struct boot_state *state)
{
    enum slot slot = state->active;

    if (state->trying != NO_SLOT && state->tries > 0) {
        state->tries--;
        slot = (enum slot)state->trying;
    } else if (state->slots[slot].mark == SLOT_INVALID && state->slots[slot_other(slot)].mark != SLOT_INVALID) {
        slot = slot_other(slot);
    }
    state->booted = slot;
    return slot;
}
