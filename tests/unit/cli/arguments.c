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
        {"release add file", "release add"},
        {"release add -- -file", "release add"},
        {"package verify -", "package verify"},
        {"package create out --component a=b --component c=d,part=e --model m --version 1.0.0", "package create"},
        {"package delta old new out --format zstd", "package delta"},
        {"key trust --trust t", "key trust"},
        {"key trust pub --trust t --role package --role root", "key trust"},
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
        {"rollout start", "PLAN|MODEL is missing"},
        {"rollout start esp32 one", "VERSION: `one` is not a version like 1.2.3"},
        {"rollout edit r1", "PLAN is missing"},
        {"rollout start esp32 1.0", "VERSION: `1.0` is not a version like 1.2.3"},
        {"rollout start esp32 1.0.0 --share 0", "--share: `0` is not a number from 1 to 100"},
        {"rollout start esp32 1.0.0 --share 101", "--share: `101` is not a number from 1 to 100"},
        {"rollout start esp32 1.0.0 --share 1.5", "--share: `1.5` is not a number from 1 to 100"},
        {"rollout start esp32 1.0.0 --soak 5x", "--soak: `5x` is not a duration like 30s, 5m, 2h or 1d in a sensible range"},
        {"rollout start esp32 1.0.0 --id ../x",
         "--id: `../x` is not letters, digits, `.`, `_`, `-`, at most 64, the first a letter or digit"},
        {"release add f --delta _", "--delta: `` is not a file name"},
        {"release add esp32 1.0.0 f", "too many arguments: `1.0.0`"},
        {"package create out --chunk-size 5", "--chunk-size: `5` is not a number of bytes like 65536, 64K or 4M in a sensible range"},
        {"package create out --chunk-size 64KB", "--chunk-size: `64KB` is not a number of bytes like 65536, 64K or 4M in a sensible range"},
        {"package create out --chunk-size 1G", "--chunk-size: `1G` is not a number of bytes like 65536, 64K or 4M in a sensible range"},
        {"package create out --build-time yesterday", "--build-time: `yesterday` is not a time like 2026-01-31, 2026-01-31T10:00:00Z or seconds since 1970"},
        {"package create out --expires-in 1d --expires-at 2030-01-01", "--expires-in and --expires-at exclude each other"},
        {"package create out --hw-rev b/1", "--hw-rev: `b/1` is not letters, digits, `.`, `_`, `-`, at most 64, the first a letter or digit"},
        {"package verify p --trust t --public-key k", "--trust and --public-key exclude each other"},
        {"package verify p --manifest-sha256 AB", "--manifest-sha256: `AB` is not a SHA-256 of 64 hex digits in lower case"},
        {"package sign p --algorithm rsa-md5", "--algorithm: `rsa-md5` is not one of rsa-pkcs1-sha256|rsa-pss-sha256|ecdsa-p256-sha256|ed25519"},
        {"package inspect p --trust t", "`package inspect` takes no option --trust"},
        {"package delta old new", "OUT is missing"},
        {"key revoke", "KEYID is missing"},
        {"key trust p --role owner", "--role: `owner` is not one of package|delta|permit|root"},
        {"package", "`package` what?"},
        {"package crate", "unknown command `package crate`; did you mean `package create`?"},
        {"device list --online --offline", "--online and --offline exclude each other"},
        {"device list --state asleep",
         "--state: `asleep` is not one of none|pending|dispatched|acknowledged|downloading|installing|verifying|retry_wait|"
         "held|rolling_back|lost|succeeded|rolled_back|failed|rejected|cancelled|superseded"},
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

    parse(&parsed, "release add full --delta a --delta=b=c");
    assert_int_equal(parsed.invocation.repeated_count, 2);
    assert_string_equal(parsed.invocation.repeated[0].value.text, "a");
    assert_string_equal(parsed.invocation.repeated[1].value.text, "b=c");
    assert_true(parsed.invocation.repeated[1].id == OPT_DELTA);
    buffer_done(&parsed.problem);

    parse(&parsed, "release add f --delta a --delta b --delta c --delta d --delta e --delta f --delta g --delta h --delta i");
    CHECK_TEXT(parsed.problem.bytes, "--delta: at most 8", "nine deltas");
    buffer_done(&parsed.problem);

    parse(&parsed, "package create out --chunk-size 64K --build-time 2026-01-31 --hw-rev b1 --hw-rev b2 --force --force");
    assert_int_equal(options[OPT_CHUNK_SIZE].number, 65536);
    assert_int_equal(options[OPT_BUILD_TIME].number, INT64_C(1769817600000));
    assert_int_equal(parsed.invocation.repeated_count, 2);
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

static void times_are_strict(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } rows[] = {
        {"0", 0},
        {"1700000000", INT64_C(1700000000000)},
        {"2026-01-31", INT64_C(1769817600000)},
        {"2026-01-31T00:00:00Z", INT64_C(1769817600000)},
        {"2026-01-31T02:30:00+02:30", INT64_C(1769817600000)},
        {"2026-01-30T19:00:00-05:00", INT64_C(1769817600000)},
        {"2024-02-29", INT64_C(1709164800000)},
        {"", -1}, {"2026-01-31T00:00:00", -1}, {"2026-01-31T00:00Z", -1}, {"2026-01-31 00:00:00Z", -1}, {"2026-02-30", -1}, {"2026-13-01", -1},
        {"2025-02-29", -1}, {"26-01-31", -1}, {"2026-1-31", -1}, {"2026-01-31T00:00:00+2:30", -1}, {"2026-01-31T00:00:00Zx", -1}, {"2026-01-31x", -1},
        {"2026-01-31T25:00:00Z", -1}, {"-5", -1}, {"1969-12-31", -1}, {"2026-01-31T00:00:00+25:00", -1}, {"999999999999999", -1}, {"2026-01-31T  1:00:00Z", -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms = -1;
        bool good = time_read(rows[i].text, &ms);

        CHECK_ROW(good == (rows[i].ms >= 0), rows[i].text);
        CHECK_ROW(!good || ms == rows[i].ms, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines_choose_their_command), cmocka_unit_test(bad_lines_say_what_is_wrong),
        cmocka_unit_test(values_arrive),                   cmocka_unit_test(help_needs_no_more_than_is_there),
        cmocka_unit_test(durations_are_strict),            cmocka_unit_test(times_are_strict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
