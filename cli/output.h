/* Data on standard output in the format that was asked for: table, json, jsonl, name. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/fields.h"

struct cJSON;

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_NAME };  /* in the order of the option's choices */

struct output {
    FILE *stream;
    enum output_format format;
    bool color;
    bool failed;              /* memory ran out; a full disk shows at the stream */
    /* of the list that is being printed */
    const struct view *view;  /* NULL: none */
    struct column *columns;
    struct table *table;
    int64_t count;
};

/* How one kind of thing is shown. */
struct view {
    void (*name)(const struct cJSON *object, struct buffer *out);   /* for -o name */
    const struct field *fields;
    unsigned count;
};

void output_init(struct output *output, FILE *stream, enum output_format format, bool color);

/* A list: begin, item..., end; show what has come so far in between when the list is followed. A list that comes in pages
 * begins once, with the first page, so that a refused request prints nothing; the end of a list that never began is nothing. */
void output_begin(struct output *output, const struct view *view);
void output_begin_once(struct output *output, const struct view *view);
void output_item(struct output *output, const struct cJSON *item, int64_t now_ms);
void output_show(struct output *output);
void output_end(struct output *output);

/* One object: for OUTPUT_TABLE its facts. */
void output_object(struct output *output, const struct view *view, const struct cJSON *object, int64_t now_ms);
/* And, for people, items of it as a list below; NULL or none: the object alone. */
void output_object_and_list(struct output *output, const struct view *view, const struct cJSON *object, const struct view *item_view, const struct cJSON *items, int64_t now_ms);
/* True when everything has reached the stream. */
bool output_flush(struct output *output);
