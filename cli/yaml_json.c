/* See yaml_json.h. libyaml's events, one after the other, become JSON text. */
#include "cli/yaml_json.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/json.h"

#define DEPTH_MAX 16

struct level {
    bool mapping;
    bool value_next;   /* of a mapping: its key was written */
    bool first;
};

struct conversion {
    const char *bytes;
    size_t length;
    struct buffer *json;
    struct yaml_places *places;
    struct problem *problem;
    struct level levels[DEPTH_MAX];
    unsigned depth;
    bool out_of_memory, done;
};

static enum drover_error fail_at(struct conversion *conversion, const yaml_mark_t *mark, const char *what)
{
    char where[48];

    (void)snprintf(where, sizeof where, "line %zu, column %zu", mark->line + 1, mark->column + 1);
    return problem_set(conversion->problem, DROVER_SYNTAX, where, "%s", what);
}

static void place_note(struct conversion *conversion, const yaml_mark_t *mark)
{
    struct yaml_places *places = conversion->places;

    if (places->count == places->room) {
        size_t room = places->room ? 2 * places->room : 64;
        struct yaml_place *items = realloc(places->items, room * sizeof *items);

        conversion->out_of_memory |= !items;
        if (!items)
            return;
        places->items = items;
        places->room = room;
    }
    places->items[places->count++] = (struct yaml_place){conversion->json->length, (unsigned)mark->line + 1, (unsigned)mark->column + 1};
}

/* --- scalars --- */

static bool digits(const char **at)
{
    size_t count = strspn(*at, "0123456789");

    *at += count;
    return count > 0;
}

/* As JSON spells numbers (RFC 8259, section 6). */
static bool is_number(const char *text)
{
    text += *text == '-';
    if (*text == '0')
        text++;
    else if (!digits(&text))
        return false;
    if (*text == '.') {
        text++;
        if (!digits(&text))
            return false;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '+' || *text == '-';
        if (!digits(&text))
            return false;
    }
    return *text == '\0';
}

/* What a plain scalar is written as; NULL: as text. */
static const char *plain_word(const char *text)
{
    static const struct {
        const char *yaml, *json;
    } words[] = {{"", "null"}, {"~", "null"}, {"null", "null"}, {"true", "true"}, {"false", "false"}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].yaml, text) == 0)
            return words[i].json;
    return is_number(text) ? text : NULL;
}

/* --- structure --- */

/* Before a value or a key: the comma or colon, and whether it may stand here. */
static enum drover_error item_begin(struct conversion *conversion, const yaml_event_t *event, bool scalar)
{
    struct level *level = conversion->depth ? &conversion->levels[conversion->depth - 1] : NULL;

    if (!level && conversion->done)
        return fail_at(conversion, &event->start_mark, "a second document");
    conversion->done = true;
    if (level && level->mapping && !level->value_next && !scalar)
        return fail_at(conversion, &event->start_mark, "a member's name must be text");
    if (level && level->mapping && level->value_next)
        buffer_add_text(conversion->json, ":");
    else if (level && !level->first)
        buffer_add_text(conversion->json, ",");
    if (level) {
        level->first = false;
        level->value_next = level->mapping && !level->value_next;
    }
    place_note(conversion, &event->start_mark);
    return DROVER_OK;
}

static enum drover_error scalar_add(struct conversion *conversion, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    const char *word;
    enum drover_error error;

    if (event->data.scalar.anchor || event->data.scalar.tag)
        return fail_at(conversion, &event->start_mark, "anchors and tags are not taken");
    if (strlen(text) != event->data.scalar.length)
        return fail_at(conversion, &event->start_mark, "a text with a zero byte");
    error = item_begin(conversion, event, true);
    if (error)
        return error;
    /* value_next: this is a name, and names are always text */
    bool name = conversion->depth && conversion->levels[conversion->depth - 1].value_next;
    word = plain && !name ? plain_word(text) : NULL;
    if (word)
        buffer_add_text(conversion->json, word);
    else
        json_add_quoted(conversion->json, text);
    return DROVER_OK;
}

static enum drover_error container_begin(struct conversion *conversion, const yaml_event_t *event, bool mapping, bool marked)
{
    enum drover_error error;

    if (marked)
        return fail_at(conversion, &event->start_mark, "anchors and tags are not taken");
    if (conversion->depth == DEPTH_MAX)
        return fail_at(conversion, &event->start_mark, "nested too deeply");
    error = item_begin(conversion, event, false);
    if (error)
        return error;
    buffer_add_text(conversion->json, mapping ? "{" : "[");
    conversion->levels[conversion->depth++] = (struct level){.mapping = mapping, .first = true};
    return DROVER_OK;
}

static enum drover_error event_take(struct conversion *conversion, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return fail_at(conversion, &event->start_mark, "aliases are not taken");
    case YAML_SCALAR_EVENT:
        return scalar_add(conversion, event);
    case YAML_MAPPING_START_EVENT:
        return container_begin(conversion, event, true, event->data.mapping_start.anchor || event->data.mapping_start.tag);
    case YAML_SEQUENCE_START_EVENT:
        return container_begin(conversion, event, false, event->data.sequence_start.anchor || event->data.sequence_start.tag);
    case YAML_MAPPING_END_EVENT:
        buffer_add_text(conversion->json, "}");
        conversion->depth--;
        break;
    case YAML_SEQUENCE_END_EVENT:
        buffer_add_text(conversion->json, "]");
        conversion->depth--;
        break;
    default:
        break;
    }
    return DROVER_OK;
}

/* Bytes that are no text have an offset, but no mark. */
static yaml_mark_t mark_of_byte(const char *bytes, size_t offset)
{
    yaml_mark_t mark = {0};

    for (size_t i = 0; i < offset; i++) {
        mark.line += bytes[i] == '\n';
        mark.column = bytes[i] == '\n' ? 0 : mark.column + 1;
    }
    return mark;
}

static enum drover_error parse_failed(struct conversion *conversion, const yaml_parser_t *parser)
{
    yaml_mark_t mark = parser->problem_mark;

    if (parser->error == YAML_MEMORY_ERROR)
        return problem_set(conversion->problem, DROVER_MEMORY, "file", "no memory to read it");
    if (parser->error == YAML_READER_ERROR && parser->problem_offset <= conversion->length)
        mark = mark_of_byte(conversion->bytes, parser->problem_offset);
    return fail_at(conversion, &mark, parser->problem ? parser->problem : "it is no YAML");
}

static enum drover_error convert(struct conversion *conversion, yaml_parser_t *parser)
{
    for (;;) {
        yaml_event_t event;
        enum drover_error error;
        bool end;

        if (!yaml_parser_parse(parser, &event))
            return parse_failed(conversion, parser);
        error = event_take(conversion, &event);
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (error || end)
            return error;
        if (conversion->json->failed || conversion->out_of_memory)
            return problem_set(conversion->problem, conversion->out_of_memory ? DROVER_MEMORY : DROVER_TOO_LONG, "file", "it is too large");
    }
}

enum drover_error yaml_to_json(const char *bytes, size_t length, struct buffer *json, struct yaml_places *ret_places, struct problem *ret_problem)
{
    struct conversion conversion = {.bytes = bytes ? bytes : "", .length = length, .json = json, .places = ret_places, .problem = ret_problem};
    yaml_parser_t parser;
    enum drover_error error;

    *ret_places = (struct yaml_places){0};
    if (!yaml_parser_initialize(&parser))
        return problem_set(ret_problem, DROVER_MEMORY, "file", "no memory to read it");
    yaml_parser_set_input_string(&parser, (const unsigned char *)conversion.bytes, length);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    error = convert(&conversion, &parser);
    yaml_parser_delete(&parser);
    if (!error && !conversion.done)
        error = problem_set(ret_problem, DROVER_SYNTAX, "line 1, column 1", "there is nothing in it");
    return error;
}

struct yaml_place yaml_place_find(const struct yaml_places *places, size_t offset)
{
    size_t low = 0, high = places->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (places->items[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? places->items[low - 1] : (struct yaml_place){0, 1, 1};
}

void yaml_places_done(struct yaml_places *places)
{
    free(places->items);
    *places = (struct yaml_places){0};
}
