/* See plan_file.h. */
#include "cli/plan_file.h"

#include <stdio.h>
#include <string.h>

#include "cli/json_place.h"
#include "cli/key_options.h"
#include "cli/work.h"

static struct yaml_place place_of(const struct plan_file *file, size_t offset)
{
    struct yaml_place place = {offset, 1, 1};

    if (file->yaml)
        return yaml_place_find(&file->places, offset);
    for (size_t i = 0; i < offset && i < file->json.length; i++) {
        place.line += file->json.bytes[i] == '\n';
        place.column = file->json.bytes[i] == '\n' ? 1 : place.column + 1;
    }
    return place;
}

void plan_file_problem(struct cli *cli, const struct plan_file *file, const char *pointer, const char *what)
{
    size_t offset = json_place(file->json.bytes, file->json.length, pointer);
    struct yaml_place place;

    if (!pointer[0] && !file->yaml)
        (void)sscanf(what, "byte %zu:", &offset); /* text that is no JSON */
    place = place_of(file, offset);
    (void)cli_fail(cli, CLI_USAGE, "%s:%u:%u: %s%s%s", file->path, place.line, place.column, pointer, pointer[0] ? ": " : "", what);
}

static enum cli_exit problems_report(struct cli *cli, const struct plan_file *file, const struct plan_problems *problems)
{
    for (unsigned i = 0; i < problems->count && i < PLAN_PROBLEMS_MAX; i++)
        plan_file_problem(cli, file, problems->items[i].where, problems->items[i].what);
    if (problems->count > PLAN_PROBLEMS_MAX)
        (void)cli_fail(cli, CLI_USAGE, "%s: and %u more errors", file->path, problems->count - PLAN_PROBLEMS_MAX);
    return CLI_USAGE;
}

static bool name_ends(const char *path, const char *end)
{
    size_t length = strlen(path), wanted = strlen(end);

    return length > wanted && strcmp(path + length - wanted, end) == 0;
}

/* By its name; otherwise JSON is what begins with a brace. A YAML file may begin with one, too: it is JSON, or says where it is not. */
static bool is_yaml(const char *path, const struct buffer *text)
{
    size_t blank = text->bytes ? strspn(text->bytes, " \t\r\n") : 0;

    if (name_ends(path, ".yaml") || name_ends(path, ".yml"))
        return true;
    return !name_ends(path, ".json") && text->length > 0 && text->bytes[blank] != '{';
}

static enum cli_exit yaml_take(struct cli *cli, struct plan_file *file, const struct buffer *text)
{
    struct problem problem = {0};

    buffer_init(&file->json, PLAN_BYTES_MAX);
    if (yaml_to_json(text->bytes, text->length, &file->json, &file->places, &problem) == DROVER_OK)
        return CLI_OK;
    return cli_fail(cli, CLI_USAGE, "%s: %s: %s", file->path, problem.where, problem.what);
}

enum cli_exit plan_file_read(struct cli *cli, const char *path, struct plan_file *ret_file)
{
    struct plan_problems problems;
    struct buffer text;
    enum drover_error error;
    enum cli_exit code;

    *ret_file = (struct plan_file){.path = path};
    code = small_file_read(cli, path, PLAN_BYTES_MAX, &text);
    if (code)
        return code;
    ret_file->yaml = is_yaml(path, &text);
    if (ret_file->yaml) {
        code = yaml_take(cli, ret_file, &text);
        buffer_done(&text);
    } else {
        ret_file->json = text;
    }
    if (code)
        return code;
    error = plan_read(ret_file->json.bytes ? ret_file->json.bytes : "", ret_file->json.length, &ret_file->plan, &problems);
    if (error == DROVER_MEMORY)
        return cli_fail(cli, CLI_FAILED, "%s: %s", path, drover_error_text(error));
    return error ? problems_report(cli, ret_file, &problems) : CLI_OK;
}

void plan_file_done(struct plan_file *file)
{
    plan_drop(file->plan);
    yaml_places_done(&file->places);
    buffer_done(&file->json);
}
