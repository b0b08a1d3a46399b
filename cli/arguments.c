/* Words and options are taken apart first (an option means the same everywhere, so that this needs no command);
 * then the words choose the command; then the table says whether options and arguments suit it. */
#include "cli/arguments.h"

#include <string.h>

#include "cli/option_value.h"
#include "common/suggest.h"
#include "common/text.h"

#define WORDS_MAX (ARGUMENTS_MAX + 2)

struct reader {
    int argc, at;
    char *const *argv;
    struct invocation *result;
    struct buffer *problem;
    const char *words[WORDS_MAX];
    unsigned word_count;
};

static enum cli_exit did_you_mean(struct buffer *problem, const struct suggestion *suggestion, const char *prefix)
{
    if (suggestion->best)
        buffer_add_format(problem, "; did you mean `%s%s`?", prefix, suggestion->best);
    return CLI_USAGE;
}

static unsigned times_given(const struct invocation *invocation, enum option_id id)
{
    unsigned times = 0;

    for (unsigned i = 0; i < invocation->repeated_count; i++)
        times += invocation->repeated[i].id == id;
    return times;
}

static bool may_be_given(struct reader *reader, enum option_id id)
{
    const struct option_row *row = option_row(id);
    const struct invocation *result = reader->result;

    if (row->kind == OPTION_FLAG || !result->options[id].given)
        return true;
    if (row->most == 1)
        buffer_add_format(reader->problem, "--%s: given twice", row->name);
    else if (times_given(result, id) == row->most || result->repeated_count == REPEATED_MAX)
        buffer_add_format(reader->problem, "--%s: at most %u", row->name, row->most);
    else
        return true;
    return false;
}

static enum cli_exit option_store(struct reader *reader, enum option_id id, const char *text)
{
    const struct option_row *row = option_row(id);
    struct invocation *result = reader->result;

    if (!may_be_given(reader, id))
        return CLI_USAGE;
    if (!option_value_read(row, text, &result->options[id])) {
        buffer_add_format(reader->problem, "--%s: `%s` is not ", row->name, text);
        option_value_describe(row, reader->problem);
        return CLI_USAGE;
    }
    if (row->most > 1)
        result->repeated[result->repeated_count++] = (struct repeated){id, result->options[id]};
    result->options[id].given = true;
    result->help |= id == OPT_HELP;
    return CLI_OK;
}

/* The value of an option that takes one: behind the `=` or letter, or else the next word. */
static enum cli_exit option_value(struct reader *reader, enum option_id id, const char *attached)
{
    const struct option_row *row = option_row(id);

    if (!row->placeholder && attached) {
        buffer_add_format(reader->problem, "--%s takes no value", row->name);
        return CLI_USAGE;
    }
    if (row->placeholder && !attached) {
        if (reader->at >= reader->argc) {
            buffer_add_format(reader->problem, "--%s needs a value: %s", row->name, row->placeholder);
            return CLI_USAGE;
        }
        attached = reader->argv[reader->at++];
    }
    return option_store(reader, id, attached ? attached : "");
}

static enum cli_exit long_option(struct reader *reader, const char *text)
{
    size_t length = strcspn(text, "=");
    struct suggestion suggestion;
    char name[SUGGEST_MAX];

    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const char *known = option_row(id)->name;

        if (strlen(known) == length && strncmp(known, text, length) == 0)
            return option_value(reader, id, text[length] == '=' ? text + length + 1 : NULL);
    }
    buffer_add_format(reader->problem, "unknown option --%.*s", (int)length, text);
    if (!text_copy_n(name, sizeof name, text, length))
        return CLI_USAGE;
    suggest_begin(&suggestion, name);
    for (unsigned id = 0; id < OPTION_COUNT; id++)
        suggest_offer(&suggestion, option_row(id)->name);
    return did_you_mean(reader->problem, &suggestion, "--");
}

/* "-q", "-qf", "-ojson", "-o json" */
static enum cli_exit short_options(struct reader *reader, const char *letters)
{
    while (*letters) {
        unsigned id = 0;
        enum cli_exit code;

        while (id < OPTION_COUNT && option_row(id)->letter != *letters)
            id++;
        if (id == OPTION_COUNT) {
            buffer_add_format(reader->problem, "unknown option -%c", *letters);
            return CLI_USAGE;
        }
        letters++;
        if (option_row(id)->placeholder)
            return option_value(reader, id, *letters ? letters : NULL);
        code = option_value(reader, id, NULL);
        if (code)
            return code;
    }
    return CLI_OK;
}

static enum cli_exit word_add(struct reader *reader, const char *word)
{
    if (reader->word_count == WORDS_MAX) {
        buffer_add_format(reader->problem, "too many arguments: `%s`", word);
        return CLI_USAGE;
    }
    reader->words[reader->word_count++] = word;
    return CLI_OK;
}

static enum cli_exit take_apart(struct reader *reader)
{
    bool only_words = false;
    enum cli_exit code = CLI_OK;

    while (!code && reader->at < reader->argc) {
        const char *word = reader->argv[reader->at++];

        if (only_words || word[0] != '-' || word[1] == '\0')
            code = word_add(reader, word);
        else if (strcmp(word, "--") == 0)
            only_words = true;
        else if (word[1] == '-')
            code = long_option(reader, word + 2);
        else
            code = short_options(reader, word + 1);
    }
    return code;
}

static enum cli_exit unknown_command(struct reader *reader, const char *noun, const char *verb)
{
    bool noun_known = command_noun_known(noun);
    struct suggestion suggestion;
    char prefix[COMMAND_NAME_SIZE + 8] = "";
    unsigned count;
    const struct command *rows = commands(&count);

    if (noun_known && !verb)
        buffer_add_format(reader->problem, "`%s` what?", noun);
    else
        buffer_add_format(reader->problem, "unknown command `%s%s%s`", noun, noun_known ? " " : "", noun_known ? verb : "");
    suggest_begin(&suggestion, noun_known && verb ? verb : noun);
    for (unsigned i = 0; i < count; i++) {
        if (!noun_known)
            suggest_offer(&suggestion, rows[i].noun);
        else if (verb && strcmp(rows[i].noun, noun) == 0)
            suggest_offer(&suggestion, rows[i].verb);
    }
    if (noun_known) {
        strcpy(prefix, noun);
        strcat(prefix, " ");
    }
    return did_you_mean(reader->problem, &suggestion, prefix);
}

static enum cli_exit command_choose(struct reader *reader)
{
    struct invocation *result = reader->result;
    const char *verb = reader->word_count > 1 ? reader->words[1] : NULL;

    if (reader->word_count == 0) {
        if (result->help)
            return CLI_OK;
        buffer_add_text(reader->problem, "no command given");
        return CLI_USAGE;
    }
    result->noun = reader->words[0];
    result->command = command_find(result->noun, verb);
    if (!result->command && !(result->help && !verb && command_noun_known(result->noun)))
        return unknown_command(reader, result->noun, verb);
    return CLI_OK;
}

static enum cli_exit exclusions_check(struct reader *reader)
{
    static const enum option_id pairs[][2] = {
        {OPT_ONLINE, OPT_OFFLINE}, {OPT_EXPIRES_IN, OPT_EXPIRES_AT}, {OPT_TRUST, OPT_PUBLIC_KEY},
        {OPT_DOCUMENTS, OPT_ONLY}, {OPT_PASSPHRASE, OPT_PASSPHRASE_FILE},
    };
    const struct option_value *options = reader->result->options;

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (options[pairs[i][0]].given && options[pairs[i][1]].given) {
            buffer_add_format(reader->problem, "--%s and --%s exclude each other", option_row(pairs[i][0])->name, option_row(pairs[i][1])->name);
            return CLI_USAGE;
        }
    return CLI_OK;
}

static enum cli_exit options_check(struct reader *reader)
{
    const struct invocation *result = reader->result;
    char name[COMMAND_NAME_SIZE];

    for (unsigned id = 0; id < OPTION_COUNT; id++)
        if (result->options[id].given && !command_takes(result->command, id)) {
            command_name(result->command, name);
            buffer_add_format(reader->problem, "`%s` takes no option --%s", name, option_row(id)->name);
            return CLI_USAGE;
        }
    return exclusions_check(reader);
}

static enum cli_exit arguments_check(struct reader *reader)
{
    struct invocation *result = reader->result;
    const char *list = result->command->arguments, *name, *what = "";
    unsigned at = result->command->verb ? 2 : 1, length;

    while ((name = list_next(&list, " ", &length)), length > 0) {
        const char *text = at < reader->word_count ? reader->words[at] : NULL;

        if (!text && name[0] == '[')
            return CLI_OK;
        if (!text) {
            buffer_add_format(reader->problem, "%.*s is missing", (int)length, name);
            return CLI_USAGE;
        }
        if (!argument_read(name, length, &text, &what)) {
            bool optional = name[0] == '[';

            buffer_add_format(reader->problem, "%.*s: `%s` is not %s", (int)length - 2 * optional, name + optional, text, what);
            return CLI_USAGE;
        }
        result->arguments[result->argument_count++] = text;
        at++;
    }
    if (at < reader->word_count) {
        buffer_add_format(reader->problem, "too many arguments: `%s`", reader->words[at]);
        return CLI_USAGE;
    }
    return CLI_OK;
}

enum cli_exit arguments_read(int argc, char *const *argv, struct invocation *ret, struct buffer *problem)
{
    struct reader reader = {.argc = argc, .at = 1, .argv = argv, .result = ret, .problem = problem};
    enum cli_exit code;

    *ret = (struct invocation){0};
    if (argc == 2 && strcmp(argv[1], "--version") == 0) { /* what every program answers; else it is an option of device list */
        ret->noun = "version";
        ret->command = command_find("version", NULL);
        return CLI_OK;
    }
    code = take_apart(&reader);
    if (!code)
        code = command_choose(&reader);
    if (!code && ret->command)
        code = options_check(&reader);
    if (!code && ret->command && !ret->help)
        code = arguments_check(&reader);
    return code;
}
