/* drover completion bash: the script's frame stands here as text, its words come from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cmd.h"

static const char frame_head[] =
    "# bash completion for drover; printed by `drover completion bash`.\n"
    "\n"
    "# Ids known to the server, when it answers at once. compgen expands its words: nothing but plain ids may reach it.\n"
    "_drover_ids() {\n"
    "    command drover \"$1\" list -o name -q --timeout 2s \"${@:2}\" 2>/dev/null | LC_ALL=C grep -E '^[A-Za-z0-9 ._+-]+$'\n"
    "}\n"
    "\n"
    "_drover() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} previous=\"\" noun=\"\" verb=\"\" place=0 i word\n"
    "    local -a words=()\n"
    "    ((COMP_CWORD > 0)) && previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        case $word in\n"
    "        %s) ((i++)) ;;\n"
    "        -*) ;;\n"
    "        *) words+=(\"$word\") ;;\n"
    "        esac\n"
    "    done\n"
    "    noun=${words[0]-} verb=${words[1]-} place=${#words[@]}\n"
    "    COMPREPLY=()\n";

static const char frame_tail[] =
    "}\n"
    "complete -F _drover drover\n";

static bool noun_is_new(const struct command *rows, unsigned at)
{
    return at == 0 || strcmp(rows[at].noun, rows[at - 1].noun) != 0;
}

/* "--api|-o|--output": the options whose next word is their value. */
static void valued_options_write(struct buffer *out)
{
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = option_row(id);

        if (!row->placeholder)
            continue;
        buffer_add_format(out, "%s--%s", out->length ? "|" : "", row->name);
        if (row->letter)
            buffer_add_format(out, "|-%c", row->letter);
    }
}

/* What to offer for a placeholder: ids of the server, files, or nothing. */
static const char *source_of(const char *placeholder, unsigned length)
{
    static const struct {
        const char *placeholder;
        const char *words;
    } rows[] = {
        {"PLAN", "-f --"},        {"PLAN|MODEL", "-f -W \"$(_drover_ids release | cut -d' ' -f1 | sort -u)\" --"},
        {"FILE", "-f --"},        {"PACKAGE", "-f --"},      {"KEY", "-f --"},
        {"OLD", "-f --"},         {"NEW", "-f --"},          {"OUT", "-f --"},
        {"[OUT]", "-f --"},       {"DIR", "-d --"},          {"[PUBKEY]", "-f --"},
        {"ROLLOUT", "-W \"$(_drover_ids rollout)\" --"},
        {"DEVICE", "-W \"$(_drover_ids device --limit 200)\" --"},
        {"MODEL", "-W \"$(_drover_ids release | cut -d' ' -f1 | sort -u)\" --"},
        {"VERSION", "-W \"$(_drover_ids release | cut -d' ' -f2 | sort -u)\" --"},
        {"[VERSION]", "-W \"$(_drover_ids release | cut -d' ' -f2 | sort -u)\" --"},
        {"SHELL", "-W bash --"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strlen(rows[i].placeholder) == length && strncmp(rows[i].placeholder, placeholder, length) == 0)
            return rows[i].words;
    return NULL;
}

static void reply_print(const char *indent, const char *condition, const char *words, FILE *out)
{
    fprintf(out, "%s%s) mapfile -t COMPREPLY < <(compgen %s \"$current\"); return ;;\n", indent, condition, words);
}

static void option_values_print(FILE *out)
{
    fputs("    case $previous in\n", out);
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = option_row(id);
        char condition[64], words[256];
        const char *source = row->placeholder ? source_of(row->placeholder, (unsigned)strlen(row->placeholder)) : NULL;

        (void)snprintf(condition, sizeof condition, row->letter ? "--%s|-%c" : "--%s", row->name, row->letter);
        if (row->choices) {
            (void)snprintf(words, sizeof words, "-W '%s' --", row->choices);
            for (char *bar = words; (bar = strchr(bar, '|'));)
                *bar = ' ';
            reply_print("    ", condition, words, out);
        } else if (source) {
            reply_print("    ", condition, source, out);
        } else if (row->placeholder) {
            fprintf(out, "    %s) return ;;\n", condition);
        }
    }
    fputs("    esac\n", out);
}

static void option_names_print(FILE *out)
{
    unsigned count;
    const struct command *rows = commands(&count);

    fputs("    if [[ $current == -* ]]; then\n        local options='", out);
    for (unsigned id = 0; id < OPTION_COUNT; id++)
        if (command_takes(NULL, id))
            fprintf(out, "--%s ", option_row(id)->name);
    fputs("'\n        case \"$noun $verb\" in\n", out);
    for (unsigned i = 0; i < count; i++) {
        if (!rows[i].options[0])
            continue;
        fprintf(out, "        \"%s %s\"*) options+='", rows[i].noun, rows[i].verb ? rows[i].verb : "");
        for (unsigned id = 0; id < OPTION_COUNT; id++)
            if (option_is_of(&rows[i], id))
                fprintf(out, "--%s ", option_row(id)->name);
        fputs("' ;;\n", out);
    }
    fputs("        esac\n        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")\n        return\n    fi\n", out);
}

/* The verbs of the noun that begins in this row; it may also be a command alone. */
static void verbs_print(const struct command *rows, unsigned count, unsigned first, FILE *out)
{
    bool any = false;

    for (unsigned i = first; i < count && strcmp(rows[i].noun, rows[first].noun) == 0; i++) {
        if (!rows[i].verb)
            continue;
        if (!any)
            fprintf(out, "    1:%s) mapfile -t COMPREPLY < <(compgen -W '", rows[i].noun);
        fprintf(out, "%s ", rows[i].verb);
        any = true;
    }
    if (any)
        fputs("' -- \"$current\"); return ;;\n", out);
}

/* The first word, and the second where the noun has verbs. */
static void command_words_print(FILE *out)
{
    unsigned count;
    const struct command *rows = commands(&count);

    fputs("    case $place:$noun in\n    0:*) mapfile -t COMPREPLY < <(compgen -W '", out);
    for (unsigned i = 0; i < count; i++)
        if (noun_is_new(rows, i))
            fprintf(out, "%s ", rows[i].noun);
    fputs("' -- \"$current\"); return ;;\n", out);
    for (unsigned i = 0; i < count; i++)
        if (noun_is_new(rows, i))
            verbs_print(rows, count, i, out);
    fputs("    esac\n", out);
}

static void arguments_print(FILE *out)
{
    unsigned count, length;
    const struct command *rows = commands(&count);

    fputs("    case $place:$noun:$verb in\n", out);
    for (unsigned i = 0; i < count; i++) {
        const char *list = rows[i].arguments, *name;

        for (unsigned place = rows[i].verb ? 2 : 1; (name = list_next(&list, " ", &length)), length > 0; place++) {
            const char *source = source_of(name, length);
            char condition[64];

            if (!source)
                continue;
            (void)snprintf(condition, sizeof condition, "%u:%s:%s", place, rows[i].noun, rows[i].verb ? rows[i].verb : "*");
            reply_print("    ", condition, source, out);
        }
    }
    fputs("    esac\n", out);
}

enum cli_exit cmd_completion(struct cli *cli)
{
    FILE *out = cli->output.stream;
    struct buffer valued;

    buffer_init(&valued, 0);
    valued_options_write(&valued);
    fprintf(out, frame_head, valued.bytes);
    buffer_done(&valued);
    option_values_print(out);
    option_names_print(out);
    command_words_print(out);
    arguments_print(out);
    fputs(frame_tail, out);
    return CLI_OK;
}
