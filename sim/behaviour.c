/* The table of behaviours as functions, and the short text form used by --share and the built-in profiles. */
#include "sim/behaviour.h"

#include <string.h>

#include "common/text.h"

#define NUMBER_MAX 100000

static const struct {
    const char *name, *number, *managed_end, *simple_end, *text;
    int64_t fallback;
    bool simple;
} table[BEHAVIOUR_COUNT] = {
#define BEHAVIOUR(NAME, name, simple, number, fallback, managed_end, simple_end, text) \
    [BEHAVE_##NAME] = {name, number, managed_end, simple_end, text, fallback, simple},
#include "sim/behaviour.def"
#undef BEHAVIOUR
};

static const char *const step_names[STEP_COUNT] = {"", "acknowledge", "download", "sha", "install", "reboot", "verify"};

#define STEP_BIT(step) (1u << (step))

/* Which steps a behaviour may be given: a managed device's and a simple one's. A simple device has nothing to acknowledge,
 * and of its failures only a broken download shows. */
static unsigned steps_of(enum behaviour_kind kind, enum device_kind device)
{
    bool simple = device == KIND_SIMPLE;

    switch (kind) {
    case BEHAVE_TRANSIENT:
        return simple ? STEP_BIT(STEP_DOWNLOAD) : STEP_BIT(STEP_DOWNLOAD) | STEP_BIT(STEP_SHA) | STEP_BIT(STEP_INSTALL);
    case BEHAVE_PERMANENT:
        return STEP_BIT(STEP_ACKNOWLEDGE) | STEP_BIT(STEP_SHA);
    case BEHAVE_SILENT:
        return STEP_BIT(STEP_DOWNLOAD) | STEP_BIT(STEP_SHA) | STEP_BIT(STEP_INSTALL) | STEP_BIT(STEP_REBOOT) |
               STEP_BIT(STEP_VERIFY) | (simple ? 0 : STEP_BIT(STEP_ACKNOWLEDGE));
    default:
        return 0;
    }
}

const char *behaviour_name(enum behaviour_kind kind)
{
    return table[kind].name;
}

const char *behaviour_text(enum behaviour_kind kind)
{
    return table[kind].text;
}

const char *behaviour_number_name(enum behaviour_kind kind)
{
    return table[kind].number;
}

int64_t behaviour_number_default(enum behaviour_kind kind)
{
    return table[kind].fallback;
}

bool behaviour_fits_simple(enum behaviour_kind kind)
{
    return table[kind].simple;
}

const char *step_name(enum step step)
{
    return step_names[step];
}

static bool is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static bool kind_read(const char *text, size_t length, enum behaviour_kind *ret_kind)
{
    for (unsigned i = 0; i < BEHAVIOUR_COUNT; i++)
        if (is_word(text, length, table[i].name)) {
            *ret_kind = (enum behaviour_kind)i;
            return true;
        }
    return false;
}

static bool step_read(const char *text, size_t length, unsigned allowed, enum step *ret_step)
{
    if (length == 0 || is_word(text, length, "any")) {
        *ret_step = STEP_NONE;
        return true;
    }
    for (unsigned i = STEP_NONE + 1; i < STEP_COUNT; i++)
        if ((allowed & STEP_BIT(i)) && is_word(text, length, step_names[i])) {
            *ret_step = (enum step)i;
            return true;
        }
    return false;
}

enum drover_error behaviour_read(const char *text, size_t length, struct behaviour *ret_behaviour, struct problem *ret_problem)
{
    const char *end = text + length, *colon = memchr(text, ':', length);
    const char *step = colon ? colon + 1 : end;
    const char *second = memchr(step, ':', (size_t)(end - step));
    const char *step_end = second ? second : end;
    struct behaviour behaviour = {.step = STEP_NONE};

    if (!kind_read(text, (size_t)((colon ? colon : end) - text), &behaviour.kind))
        return problem_set(ret_problem, DROVER_UNKNOWN, "behaviour", "'%.*s' is no behaviour", (int)length, text);
    behaviour.number = table[behaviour.kind].fallback;
    if (!step_read(step, (size_t)(step_end - step), steps_of(behaviour.kind, KIND_MANAGED), &behaviour.step))
        return problem_set(ret_problem, DROVER_UNKNOWN, "behaviour", "%s does not act at step '%.*s'",
                           table[behaviour.kind].name, (int)(step_end - step), step);
    if (second && (table[behaviour.kind].number[0] == '\0' ||
                   !text_to_i64(second + 1, (size_t)(end - second - 1), 0, NUMBER_MAX, &behaviour.number)))
        return problem_set(ret_problem, DROVER_RANGE, "behaviour", "'%.*s': bad number for %s", (int)length, text,
                           table[behaviour.kind].name);
    *ret_behaviour = behaviour;
    return DROVER_OK;
}

bool behaviour_has_step(enum behaviour_kind kind, enum device_kind device, enum step step)
{
    return steps_of(kind, device) & STEP_BIT(step);
}

enum step behaviour_draw_step(enum behaviour_kind kind, enum device_kind device, uint64_t random)
{
    unsigned allowed = steps_of(kind, device), count = (unsigned)__builtin_popcount(allowed), skip;

    if (count == 0)
        return STEP_NONE;
    skip = (unsigned)(random % count);
    for (unsigned i = 0; i < STEP_COUNT; i++)
        if ((allowed & STEP_BIT(i)) && skip-- == 0)
            return (enum step)i;
    return STEP_NONE;
}

/* A silent device that returns is tried again, or is found on the new version; only a reboot out of an installation looks like
 * a fallback, and of a simple device the installation is taken to begin with the last byte. */
const char *behaviour_expect(const struct behaviour *behaviour, enum device_kind device)
{
    bool looks_back = behaviour->step == STEP_INSTALL || (behaviour->step == STEP_SHA && device == KIND_SIMPLE);

    if (behaviour->kind == BEHAVE_SILENT && behaviour->number > 0)
        return looks_back ? "rolled_back" : "succeeded";
    return device == KIND_SIMPLE ? table[behaviour->kind].simple_end : table[behaviour->kind].managed_end;
}
