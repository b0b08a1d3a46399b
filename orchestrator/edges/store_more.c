/* The argument of a script that few calls need, as JSON. */
#include "orchestrator/edges/store_more.h"

static void say(struct more *more)
{
    if (!more->said) {
        buffer_init(&more->json, 0);
        json_begin(&more->writer, &more->json);
    }
    more->said = true;
}

void more_flag(struct more *more, const char *name, bool value)
{
    if (value) {
        say(more);
        json_put_bool(&more->writer, name, true);
    }
}

void more_number(struct more *more, const char *name, int64_t value)
{
    if (value != 0) {
        say(more);
        json_put_i64(&more->writer, name, value);
    }
}

void more_text(struct more *more, const char *name, const char *value)
{
    if (value[0]) {
        say(more);
        json_put_text(&more->writer, name, value);
    }
}

void more_add(struct more *more, struct redis_args *args)
{
    if (!more->said) {
        redis_args_add_text(args, "");
        return;
    }
    json_end(&more->writer);
    if (more->json.failed)
        args->buffer.failed = true;
    else
        redis_args_add(args, more->json.bytes, more->json.length);
    buffer_done(&more->json);
}
