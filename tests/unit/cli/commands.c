/* The table of commands is whole: every row can be found, described and reached; states are those of the state machine. */
#include "check.h"

#include <ctype.h>

#include "cli/commands.h"
#include "cli/exit_code.h"

static void every_command_is_found_and_described(void **state)
{
    unsigned count;
    const struct command *rows = commands(&count);

    (void)state;
    assert_true(count > 15);
    for (unsigned i = 0; i < count; i++) {
        CHECK_ROW(command_find(rows[i].noun, rows[i].verb) == &rows[i], rows[i].summary);
        CHECK_ROW(rows[i].run && rows[i].summary[0] && rows[i].examples[0], rows[i].noun);
        CHECK_ROW(strstr(rows[i].examples, "drover "), rows[i].noun);
        CHECK_ROW(rows[i].options[OPTIONS_MAX - 1] == 0, rows[i].summary);
        for (unsigned id = 0; id <= OPTION_LAST_GLOBAL; id++)
            CHECK_ROW(!option_is_of(&rows[i], id), rows[i].summary);
        CHECK_ROW(rows[i].summary[strlen(rows[i].summary) - 1] != '.', rows[i].summary);
    }
    assert_null(command_find("rollout", NULL));
    assert_null(command_find("rollout", "nothing"));
    assert_true(command_noun_known("rollout"));
    assert_false(command_noun_known("list"));
}

static void every_option_has_one_name_and_a_user(void **state)
{
    unsigned count;
    const struct command *rows = commands(&count);

    (void)state;
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = option_row(id);
        bool has_user = id <= OPTION_LAST_GLOBAL;

        for (unsigned i = 0; i < count; i++)
            has_user |= option_is_of(&rows[i], id);
        CHECK_ROW(has_user, row->name);
        CHECK_ROW(row->most >= 1, row->name);
        CHECK_ROW((row->placeholder == NULL) == (row->kind == OPTION_FLAG), row->name);
        CHECK_ROW((row->choices != NULL) == (row->kind == OPTION_CHOICE), row->name);
        for (unsigned other = 0; other < id; other++) {
            CHECK_ROW(strcmp(row->name, option_row(other)->name) != 0, row->name);
            CHECK_ROW(!row->letter || row->letter != option_row(other)->letter, row->name);
        }
    }
}

static void states_are_those_of_the_machine(void **state)
{
    static const char *const machine[] = {
        "none",
#define STATE(name, kind, text) #name,
#define EVENT(name, text)
#define MOVE(from, on, to, effects, why)
#include "orchestrator/core/upgrade_fsm.def"
    };
    const char *choices = option_row(OPT_STATE)->choices, *word;
    unsigned length;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(machine); i++) {
        word = list_next(&choices, "|", &length);
        CHECK_ROW(strlen(machine[i]) == length, machine[i]);
        for (unsigned at = 0; at < length; at++)
            CHECK_ROW(tolower((unsigned char)machine[i][at]) == word[at], machine[i]);
    }
    (void)list_next(&choices, "|", &length);
    assert_int_equal(length, 0);
}

static void statuses_become_exit_codes(void **state)
{
    static const struct {
        int status;
        enum cli_exit code;
    } rows[] = {
        {200, CLI_OK},       {201, CLI_OK},       {304, CLI_FAILED},   {400, CLI_FAILED},      {401, CLI_DENIED},      {403, CLI_DENIED},
        {404, CLI_NOT_FOUND}, {409, CLI_CONFLICT}, {422, CLI_FAILED},  {503, CLI_UNAVAILABLE}, {504, CLI_UNAVAILABLE}, {507, CLI_FAILED},
    };
    unsigned count;
    const struct exit_code *codes = exit_codes(&count);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(exit_code_of_status(rows[i].status), rows[i].code);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(codes[i].code, i); /* no gaps: the order is the number */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_found_and_described), cmocka_unit_test(every_option_has_one_name_and_a_user),
        cmocka_unit_test(states_are_those_of_the_machine),      cmocka_unit_test(statuses_become_exit_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
