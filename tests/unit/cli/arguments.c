/* Command lines, good and bad: what is understood, and the words for what is not. */
#include "check.h"

#include "cli/arguments.h"
#include "common/text.h"

#define ARGV_MAX 24

/* Splits the line at blanks; `_` stands for an empty argument. */
static int split(char *line, char **argv)
{
    int argc = 0;

    for (char *word = strtok(line, " "); word && argc < ARGV_MAX; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "_") == 0 ? word + 1 : word;
    return argc;
}

struct parsed {
    char line[512];
    struct invocation invocation;
    struct buffer problem;
    enum cli_exit code;
};

static void parse(struct parsed *parsed, const char *line)
{
    char *argv[ARGV_MAX];
    int argc;

    (void)snprintf(parsed->line, sizeof parsed->line, "drover %s", line);
    argc = split(parsed->line, argv);
    buffer_init(&parsed->problem, 0);
    parsed->code = arguments_read(argc, argv, &parsed->invocation, &parsed->problem);
}

static void good_lines_choose_their_command(void **state)
{
    static const struct {
        const char *line, *command;
    } rows[] = {
        {"release add esp32 1.1.0 file", "release add"},
        {"release add esp32 v1.1.0 -- -file", "release add"},
        {"-o json rollout list", "rollout list"},
        {"rollout -ojson list", "rollout list"},
        {"rollout list --output=json", "rollout list"},
        {"device list --version 1.0.0 --online", "device list"},
        {"device list --state retry_wait --limit 0", "device list"},
        {"events -qf --after $", "events"},
        {"events --after 1700000000000-0", "events"},
        {"--version", "version"},
        {"help rollout start", "help"},
        {"help", "help"},
        {"completion bash", "completion"},
        {"rollout start --help", "rollout start"}, /* the missing arguments do not matter then */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parsed parsed;
        char name[COMMAND_NAME_SIZE];

        parse(&parsed, rows[i].line);
        CHECK_TEXT(parsed.problem.bytes, "", rows[i].line);
        CHECK_ROW(parsed.code == CLI_OK && parsed.invocation.command, rows[i].line);
        command_name(parsed.invocation.command, name);
        CHECK_TEXT(name, rows[i].command, rows[i].line);
        buffer_done(&parsed.problem);
    }
}

static void bad_lines_say_what_is_wrong(void **state)
{
    static const struct {
        const char *line, *problem;
    } rows[] = {
        {"", "no command given"},
        {"relase list", "unknown command `relase`; did you mean `release`?"},
        {"xyzzy", "unknown command `xyzzy`"},
        {"rollout", "`rollout` what?"},
        {"rollout stat", "unknown command `rollout stat`; did you mean `rollout start`?"},
        {"rollout frobnicate", "unknown command `rollout frobnicate`"},
        {"rollout list --modle", "unknown option --modle; did you mean `--model`?"},
        {"rollout list --frobnicate", "unknown option --frobnicate"},
        {"rollout list -x", "unknown option -x"},
        {"rollout list --share 5", "`rollout list` takes no option --share"},
        {"rollout list --quiet=yes", "--quiet takes no value"},
        {"rollout list --output", "--output needs a value: FORMAT"},
        {"rollout list -o", "--output needs a value: FORMAT"},
        {"rollout list -o xml", "--output: `xml` is not one of table|json|jsonl|name"},
        {"rollout list -o json -o name", "--output: given twice"},
        {"rollout list extra", "too many arguments: `extra`"},
        {"rollout list a b c d e f g", "too many arguments: `e`"},
        {"rollout start esp32", "VERSION is missing"},
        {"rollout start esp/32 1.0.0", "MODEL: `esp/32` is not an id (letters, digits, `.`, `_`, `-`, at most 64)"},
        {"rollout start esp32 1.0", "VERSION: `1.0` is not a version like 1.2.3"},
        {"rollout start esp32 1.0.0 --share 0", "--share: `0` is not a number from 1 to 100"},
        {"rollout start esp32 1.0.0 --share 101", "--share: `101` is not a number from 1 to 100"},
        {"rollout start esp32 1.0.0 --share 1.5", "--share: `1.5` is not a number from 1 to 100"},
        {"rollout start esp32 1.0.0 --soak 5x", "--soak: `5x` is not a duration like 30s, 5m, 2h or 1d in a sensible range"},
        {"rollout start esp32 1.0.0 --id ../x",
         "--id: `../x` is not letters, digits, `.`, `_`, `-`, at most 64, the first a letter or digit"},
        {"release add esp32 1.0.0 f --delta f", "--delta: `f` is not BASE=FILE with BASE a version like 1.2.3"},
        {"release add esp32 1.0.0 f --delta 1.0.0=", "--delta: `1.0.0=` is not BASE=FILE with BASE a version like 1.2.3"},
        {"device list --online --offline", "--online and --offline exclude each other"},
        {"device list --state asleep",
         "--state: `asleep` is not one of none|pending|dispatched|acknowledged|downloading|installing|verifying|retry_wait|"
         "rolling_back|lost|succeeded|rolled_back|failed|rejected|cancelled|superseded"},
        {"device show _", "DEVICE: `` is not an id (letters, digits, `.`, `_`, `-`, at most 64)"},
        {"events --after 12-", "--after: `12-` is not the id of an event, like 1700000000000-0"},
        {"completion zsh", "SHELL: `zsh` is not a shell we have completions for: bash"},
        {"status --api _", "--api: `` is not a text that is not empty"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct parsed parsed;

        parse(&parsed, rows[i].line);
        CHECK_ROW(parsed.code == CLI_USAGE, rows[i].line);
        CHECK_TEXT(parsed.problem.bytes, rows[i].problem, rows[i].line);
        buffer_done(&parsed.problem);
    }
}

static void values_arrive(void **state)
{
    struct parsed parsed;
    const struct option_value *options = parsed.invocation.options;

    (void)state;
    parse(&parsed, "rollout start v2x v1.1.0 --share 10 --soak 10m --spread 90 --supersede -o jsonl --timeout 250ms");
    assert_int_equal(parsed.code, CLI_OK);
    assert_string_equal(parsed.invocation.arguments[0], "v2x"); /* a model keeps its v, a version does not */
    assert_string_equal(parsed.invocation.arguments[1], "1.1.0");
    assert_int_equal(parsed.invocation.argument_count, 2);
    assert_int_equal(options[OPT_SHARE].number, 10);
    assert_int_equal(options[OPT_SOAK].number, 600000);
    assert_int_equal(options[OPT_SPREAD].number, 90000);
    assert_int_equal(options[OPT_TIMEOUT].number, 250);
    assert_int_equal(options[OPT_OUTPUT].number, 2);
    assert_true(options[OPT_SUPERSEDE].given);
    assert_false(options[OPT_ID].given);
    buffer_done(&parsed.problem);

    parse(&parsed, "release add m 1.1.0 full --delta 1.0.0=a --delta=v0.9.0=b=c");
    assert_int_equal(parsed.invocation.delta_count, 2);
    assert_string_equal(parsed.invocation.deltas[0], "1.0.0=a");
    assert_string_equal(parsed.invocation.deltas[1], "v0.9.0=b=c");
    buffer_done(&parsed.problem);

    parse(&parsed, "release add m 1.1.0 f --delta 1.0.1=a --delta 1.0.2=a --delta 1.0.3=a --delta 1.0.4=a --delta 1.0.5=a "
                   "--delta 1.0.6=a --delta 1.0.7=a --delta 1.0.8=a --delta 1.0.9=a");
    CHECK_TEXT(parsed.problem.bytes, "--delta: at most 8", "nine deltas");
    buffer_done(&parsed.problem);
}

static void help_needs_no_more_than_is_there(void **state)
{
    struct parsed parsed;

    (void)state;
    parse(&parsed, "--help");
    assert_true(parsed.code == CLI_OK && parsed.invocation.help && !parsed.invocation.noun);
    parse(&parsed, "rollout -h");
    assert_true(parsed.code == CLI_OK && parsed.invocation.help && !parsed.invocation.command);
    assert_string_equal(parsed.invocation.noun, "rollout");
    parse(&parsed, "rolout -h");
    assert_int_equal(parsed.code, CLI_USAGE);
    buffer_done(&parsed.problem);
}

static void durations_are_strict(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        {"0", 0},      {"90", 90000}, {"90s", 90000}, {"5m", 300000}, {"2h", 7200000}, {"1d", 86400000}, {"250ms", 250},
        {"", -1},      {"s", -1},     {"-5s", -1},    {"5 s", -1},    {"5S", -1},      {"05s", -1},      {"1.5h", -1},
        {"5sec", -1},  {"99999999999999999999d", -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms = -1;

        CHECK_ROW(duration_read(rows[i].text, &ms) == (rows[i].ms >= 0), rows[i].text);
        CHECK_ROW(ms == rows[i].ms, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines_choose_their_command), cmocka_unit_test(bad_lines_say_what_is_wrong),
        cmocka_unit_test(values_arrive),                   cmocka_unit_test(help_needs_no_more_than_is_there),
        cmocka_unit_test(durations_are_strict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
