/* Inside proto/ and its tests: a plan as tables of members, one for each object. Reader, writer and the schema's test all come from
 * them, so that they cannot disagree. */
#pragma once

#include "proto/plan.h"

enum plan_kind {
    PLAN_SCHEMA,     /* the integer 1; stored nowhere */
    PLAN_INTEGER,    /* int64_t, min .. max */
    PLAN_SCALED,     /* a number with at most `decimals` decimals, as int64_t times a power of ten; min .. max are of that */
    PLAN_BOOL,
    PLAN_TEXT,       /* char[size] of the form `form` */
    PLAN_VERSION,    /* char[VERSION_SIZE] */
    PLAN_ERROR,      /* enum error_code by its name */
    PLAN_CHOICE,     /* an int (or enum): an index in `names` */
    PLAN_MANUAL,     /* bool: "manual" is true, "auto" false */
    PLAN_CLOCK,      /* int: minutes of the day as "22:00"; min 1: "00:00" means "24:00" */
    PLAN_DAYS,       /* unsigned: bits, as an array of "mon" .. "sun" */
    PLAN_MOMENT,     /* int64_t, unix ms; RFC 3339 with a zone, or a number */
    PLAN_WORDS,      /* struct plan_words of the form `form` */
    PLAN_IDS,        /* the ids of a struct plan_filter */
    PLAN_VERSIONS,   /* char[most][VERSION_SIZE] */
    PLAN_OBJECT,     /* a struct described by `object` */
    PLAN_LIST,       /* most of such structs; how many stands at count_offset */
};

enum plan_form { PLAN_FORM_ID, PLAN_FORM_WORD, PLAN_FORM_PLAIN, PLAN_FORM_ZONE, PLAN_FORM_PER, PLAN_FORM_PERMIT, PLAN_FORM_COUNT };

struct plan_object;
struct plan_member {
    const char *name;
    enum plan_kind kind;
    size_t offset;
    bool required;
    bool some;                          /* 0 says that it is not there: a stage has a percent or a count */
    bool read_only;                     /* never written: stages carry the plan's gates */
    int64_t min, max;
    int64_t fallback;                   /* when it is absent */
    const char *text;                   /* the same for a text; NULL: "" */
    int decimals;
    enum plan_form form;
    size_t size;                        /* of a text with its NUL; of an item */
    const char *(*name_of)(int value);  /* of a choice; max is the last one */
    const struct plan_object *object;
    size_t count_offset;
    unsigned most;                      /* items; min is the least */
    unsigned measures;                  /* of a gate: bits of the measures it goes with; 0: all */
};

struct plan_reading;
struct plan_object {
    const struct plan_member *members;
    unsigned count;
    void (*check)(struct plan_reading *reading, void *object);   /* what its members must be to each other; NULL: nothing */
};

/* The whole; what it describes is a struct plan_draft, of which a plan is the beginning. */
extern const struct plan_object plan_object, plan_stage_object;
struct plan_draft {
    struct plan plan;
    unsigned gate_count;                /* of the plan, before each stage gets them */
    struct plan_gate gates[PLAN_GATES_MAX];
};

extern const char *const plan_days[7];  /* "mon" .. "sun" */
/* Does the form fit? *ret_needed: what it should have been. */
bool plan_form_fits(enum plan_form form, const char *text, const char **ret_needed);
/* False: a gate's member that is not for what it measures. */
bool plan_member_applies(const struct plan_member *member, const void *object);

/* One reading, and where in the text it is. */
struct plan_reading {
    struct plan_problems *problems;
    bool out_of_memory;
    char path[128];                     /* JSON pointer of the object being read */
};
/* Adds "/name" (NULL: "/index"); returns what plan_path_leave wants. */
size_t plan_path_enter(struct plan_reading *reading, const char *name, size_t index);
void plan_path_leave(struct plan_reading *reading, size_t length);
/* A problem at the path, or at its member of that name (NULL: itself). */
void plan_problem(struct plan_reading *reading, const char *member, const char *format, ...) PRINTF_LIKE(3, 4);
/* True when nothing was wrong with it (NULL: with the path's own object), nor with anything in it. */
bool plan_is_sound(const struct plan_reading *reading, const char *member);

/* plan_check.c: called for every object, also for one with mistakes: what is compared must be sound. */
void plan_check_gate(struct plan_reading *reading, void *gate);
void plan_check_stage(struct plan_reading *reading, void *stage);
void plan_check_filter(struct plan_reading *reading, void *filter);
void plan_check_limits(struct plan_reading *reading, void *limits);
void plan_check_window(struct plan_reading *reading, void *window);
void plan_check_retry(struct plan_reading *reading, void *retry);
void plan_check_whole(struct plan_reading *reading, void *draft);

/* plan_values.c: values that are more than a number or a text. True: read; false: the problem is noted. `at` is where it goes. */
struct json_member;
bool plan_value_read(struct plan_reading *reading, const struct plan_member *member, const struct json_member *value, void *at);
