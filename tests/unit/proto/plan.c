/* Plans: proto/examples/plan as test data, several errors at once, the canonical form, filters. Use: test-proto-plan FOLDER */
#include "check.h"

#include <dirent.h>

#include "common/hash.h"
#include "proto/plan.h"

static const char *folder;

static struct plan *read_good(const char *bytes, size_t length, const char *row)
{
    struct plan_problems problems;
    struct plan *plan;

    if (plan_read(bytes, length, &plan, &problems) != DROVER_OK)
        fail_msg("%s: %s: %s", row, problems.items[0].where, problems.items[0].what);
    assert_int_equal(problems.count, 0);
    return plan;
}

static struct plan *read_text(const char *text)
{
    return read_good(text, strlen(text), text);
}

static size_t file_read(const char *name, char *bytes, size_t size)
{
    char path[1024];
    size_t length;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/plan/%s", folder, name);
    file = fopen(path, "rb");
    if (!file)
        fail_msg("%s cannot be opened", path);
    length = fread(bytes, 1, size, file);
    fclose(file);
    return length;
}

/* --- examples --- */

/* What is written is read as the same plan: it is written the same. */
static void check_canonical(const char *bytes, size_t length, const char *row)
{
    struct plan *plan = read_good(bytes, length, row), *again;
    struct buffer first, second;

    buffer_init(&first, 0);
    buffer_init(&second, 0);
    plan_write(plan, &first);
    again = read_good(first.bytes, first.length, row);
    plan_write(again, &second);
    if (strcmp(first.bytes, second.bytes) != 0)
        fail_msg("%s: %s is read as %s", row, first.bytes, second.bytes);
    assert_int_equal(plan->stage_count, again->stage_count);
    for (unsigned i = 0; i < plan->stage_count; i++)
        assert_int_equal(plan->stages[i].kind, again->stages[i].kind);
    plan_drop(plan);
    plan_drop(again);
    buffer_done(&first);
    buffer_done(&second);
}

static void valid_examples_survive(void **state)
{
    char path[1024], bytes[16384];
    unsigned count = 0;
    struct dirent *entry;
    DIR *dir;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/plan", folder);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)))
        if (strncmp(entry->d_name, "valid-", 6) == 0) {
            check_canonical(bytes, file_read(entry->d_name, bytes, sizeof bytes), entry->d_name);
            count++;
        }
    closedir(dir);
    assert_true(count >= 6);
}

/* "file<TAB>error<TAB>pointer<TAB>schema": exactly this one problem. */
static void check_invalid(char *line)
{
    char bytes[16384], *file = strtok(line, "\t");
    char *error = strtok(NULL, "\t"), *where = error + strlen(error) + 1; /* strtok would skip an empty pointer */
    struct plan_problems problems;
    struct plan *plan;
    size_t length;

    where[strcspn(where, "\t")] = '\0';
    length = file_read(file, bytes, sizeof bytes);
    assert_string_equal(drover_error_name(plan_read(bytes, length, &plan, &problems)), error);
    assert_null(plan);
    if (problems.count != 1 || strcmp(problems.items[0].where, where) != 0)
        fail_msg("%s: %u problems, the first at '%s' (%s), not one at '%s'", file, problems.count, problems.items[0].where, problems.items[0].what, where);
    assert_true(strlen(problems.items[0].what) > 0);
}

static void invalid_examples_have_one_problem(void **state)
{
    char path[1024], line[512];
    unsigned count = 0;
    FILE *index;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/plan/invalid.tsv", folder);
    index = fopen(path, "r");
    assert_non_null(index);
    while (fgets(line, sizeof line, index))
        if (line[0] != '#') {
            check_invalid(line);
            count++;
        }
    fclose(index);
    assert_true(count >= 80);
}

/* --- several at once --- */

static void every_error_is_named(void **state)
{
    static const char text[] = "{\"schema\":1,\"model\":\"-\",\"stages\":[{\"percnt\":5},{\"percent\":20,\"soak_s\":-1},{\"percent\":10},{\"percent\":8}],"
                               "\"gates\":[{\"measure\":\"lost_rate\"},{\"measure\":\"unhealthy\",\"max_pct\":101}],\"limits\":{\"per_minute\":\"5\"},\"a/b~c\":1}";
    static const char *const wheres[] = {"/a~1b~0c", "/model", "/version", "/gates/0/max_pct", "/gates/1/max_pct", "/stages/0/percnt",
                                         "/stages/1/soak_s", "/limits/per_minute", "/stages/3/percent"};
    struct plan_problems problems;
    struct plan *plan;

    (void)state;
    assert_int_equal(plan_read(text, strlen(text), &plan, &problems), DROVER_SYNTAX);
    for (unsigned i = 0; i < COUNT_OF(wheres); i++)
        CHECK_ROW(i < problems.count && strcmp(problems.items[i].where, wheres[i]) == 0, wheres[i]);
    assert_int_equal(problems.count, COUNT_OF(wheres));
    assert_string_equal(problems.items[5].what, "is not known here; did you mean percent?");
    assert_string_equal(problems.items[0].what, "is not known here");
}

/* Two times of day that are none are not the same time. */
static void an_error_brings_no_others(void **state)
{
    static const char text[] = "{\"schema\":1,\"model\":\"m\",\"version\":\"1.0.0\",\"windows\":{\"weekly\":[{\"from\":\"1:00\",\"to\":\"25:00\"}]}}";
    struct plan_problems problems;
    struct plan *plan;

    (void)state;
    assert_int_equal(plan_read(text, strlen(text), &plan, &problems), DROVER_SYNTAX);
    assert_int_equal(problems.count, 2);
    assert_string_equal(problems.items[1].where, "/windows/weekly/0/to");
}

static void more_errors_than_are_kept_are_counted(void **state)
{
    struct plan_problems problems;
    struct buffer text;
    struct plan *plan;

    (void)state;
    buffer_init(&text, 0);
    buffer_add_text(&text, "{\"schema\":1,\"model\":\"m\",\"version\":\"1.0.0\",\"target\":{\"devices\":[\"-\"");
    for (int i = 1; i < 100; i++)
        buffer_add_text(&text, ",\"-\"");
    buffer_add_text(&text, "]}}");
    assert_int_equal(plan_read(text.bytes, text.length, &plan, &problems), DROVER_SYNTAX);
    assert_int_equal(problems.count, 100);
    assert_string_equal(problems.items[PLAN_PROBLEMS_MAX - 1].where, "/target/devices/31");
    buffer_done(&text);
}

static void broken_json_says_where(void **state)
{
    struct plan_problems problems;
    struct plan *plan;

    (void)state;
    assert_int_equal(plan_read("{\"schema\":01}", 13, &plan, &problems), DROVER_SYNTAX);
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.items[0].where, "");
    assert_non_null(strstr(problems.items[0].what, "byte 10"));
    assert_int_equal(plan_read("", 0, &plan, &problems), DROVER_SYNTAX);
    assert_int_equal(problems.count, 1);
}

/* --- what is in it --- */

static void defaults_are_those_of_the_header(void **state)
{
    struct plan *plan = read_text("{\"schema\":1,\"model\":\"m\",\"version\":\"v1.0.0\"}");

    (void)state;
    assert_string_equal(plan->version, "1.0.0");
    assert_int_equal(plan->stage_count, 1);
    assert_string_equal(plan->stages[0].name, "everybody");
    assert_int_equal(plan->stages[0].kind, STAGE_EVERYBODY);
    assert_int_equal(plan->stages[0].settled_pct, 100);
    assert_int_equal(plan->limits.max_in_flight, 1000);
    assert_int_equal(plan->limits.per_minute, 0);
    assert_string_equal(plan->limits.site_tag, "site-");
    assert_string_equal(plan->windows.time_zone, "UTC");
    assert_int_equal(plan->retry.max_attempts, 3);
    assert_true(plan->rollback.automatic);
    assert_int_equal(plan->priority.ageing_s, 10);
    assert_int_equal(plan->confirmations, 2);
    assert_int_equal(plan->spread_s, 60);
    assert_int_equal(plan->start_ms, 0);
    plan_drop(plan);
}

static void stages_have_the_plans_gates_first(void **state)
{
    struct plan *plan = read_text("{\"schema\":1,\"model\":\"m\",\"version\":\"1.0.0\",\"gates\":[{\"measure\":\"reboots\",\"max_times\":1.5}],"
                                  "\"stages\":[{\"percent\":0.25,\"gates\":[{\"measure\":\"failure_rate\",\"error\":\"E_SHA256\",\"max_pct\":0.0001,\"then\":\"cancel\"}]},{}]}");

    (void)state;
    assert_int_equal(plan->stages[0].gate_count, 2);
    assert_int_equal(plan->stages[0].percent_x100, 25);
    assert_int_equal(plan->stages[0].gates[0].measure, GATE_REBOOTS);
    assert_int_equal(plan->stages[0].gates[0].limit, 1500);
    assert_int_equal(plan->stages[0].gates[0].min_sample, 20);
    assert_int_equal(plan->stages[0].gates[0].confidence_pct, 95);
    assert_int_equal(plan->stages[0].gates[1].error, E_SHA256);
    assert_int_equal(plan->stages[0].gates[1].limit, 1);
    assert_int_equal(plan->stages[0].gates[1].then, GATE_CANCEL);
    assert_int_equal(plan->stages[1].gate_count, 1);
    assert_string_equal(plan->stages[1].name, "stage-2");
    plan_drop(plan);
}

static void times_are_minutes_and_milliseconds(void **state)
{
    struct plan *plan = read_text("{\"schema\":1,\"model\":\"m\",\"version\":\"1.0.0\",\"start\":\"2026-01-31T02:30:00+02:30\",\"windows\":{\"weekly\":["
                                  "{\"days\":[\"sun\",\"mon\"],\"from\":\"22:05\",\"to\":\"00:00\",\"use\":\"install\"},{\"from\":\"00:00\",\"to\":\"06:30\"}]}}");

    (void)state;
    assert_true(plan->start_ms == INT64_C(1769817600000));
    assert_int_equal(plan->windows.count, 2);
    assert_int_equal(plan->windows.windows[0].days, 0x41);
    assert_int_equal(plan->windows.windows[0].from_min, 22 * 60 + 5);
    assert_int_equal(plan->windows.windows[0].to_min, 1440);
    assert_int_equal(plan->windows.windows[0].use, WINDOW_INSTALL);
    assert_int_equal(plan->windows.windows[1].days, 0x7F);
    assert_int_equal(plan->windows.windows[1].from_min, 0);
    assert_int_equal(plan->windows.windows[1].to_min, 390);
    plan_drop(plan);
}

/* --- filters --- */

static void filters_say_what_does_not_fit(void **state)
{
    static const struct {
        const char *filter, *tags, *hw_rev, *version, *id, *refusal;
    } rows[] = {
        {"{}", "", "", "1.0.0", "d1", NULL},
        {"{\"tags_any\":[\"a\",\"b\"]}", "x,b", "", "1.0.0", "d1", NULL},
        {"{\"tags_any\":[\"a\",\"b\"]}", "ab,c", "", "1.0.0", "d1", "its tags are not meant"},
        {"{\"tags_all\":[\"a\",\"b\"]}", "b,c,a", "", "1.0.0", "d1", NULL},
        {"{\"tags_all\":[\"a\",\"b\"]}", "a", "", "1.0.0", "d1", "its tags are not meant"},
        {"{\"tags_none\":[\"a\"]}", "b", "", "1.0.0", "d1", NULL},
        {"{\"tags_none\":[\"a\"]}", "b,a", "", "1.0.0", "d1", "its tags are not meant"},
        {"{\"hw_revs\":[\"b1\"]}", "", "b1", "1.0.0", "d1", NULL},
        {"{\"hw_revs\":[\"b1\"]}", "", "b2", "1.0.0", "d1", "its hardware revision is not meant"},
        {"{\"hw_revs\":[\"b1\"]}", "", "", "1.0.0", "d1", "its hardware revision is not meant"},
        {"{\"min_version\":\"1.0.0\",\"max_version\":\"1.9.9\"}", "", "", "1.0.0", "d1", NULL},
        {"{\"min_version\":\"1.0.0\",\"max_version\":\"1.9.9\"}", "", "", "1.9.9", "d1", NULL},
        {"{\"min_version\":\"1.0.0\"}", "", "", "1.0.0-rc.1", "d1", "the version it runs is not meant"},
        {"{\"max_version\":\"1.9.9\"}", "", "", "1.10.0", "d1", "the version it runs is not meant"},
        {"{\"devices\":[\"d3\",\"d1\",\"d2\"]}", "", "", "1.0.0", "d1", NULL},
        {"{\"devices\":[\"d3\",\"d1\",\"d2\"]}", "", "", "1.0.0", "d10", "it is not on the list"},
        {"{\"tags_any\":[\"a\"],\"devices\":[\"d1\"]}", "b", "", "1.0.0", "d1", "its tags are not meant"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512];
        struct heartbeat heartbeat = {0};
        struct plan *plan;
        const char *refusal;

        (void)snprintf(text, sizeof text, "{\"schema\":1,\"model\":\"m\",\"version\":\"9.0.0\",\"target\":%s}", rows[i].filter);
        (void)snprintf(heartbeat.tags, sizeof heartbeat.tags, "%s", rows[i].tags);
        (void)snprintf(heartbeat.hw_rev, sizeof heartbeat.hw_rev, "%s", rows[i].hw_rev);
        (void)snprintf(heartbeat.version, sizeof heartbeat.version, "%s", rows[i].version);
        (void)snprintf(heartbeat.device_id, sizeof heartbeat.device_id, "%s", rows[i].id);
        plan = read_text(text);
        refusal = plan_filter_refusal(&plan->target, &heartbeat);
        if (strcmp(refusal ? refusal : "", rows[i].refusal ? rows[i].refusal : "") != 0)
            fail_msg("%s: %s", rows[i].filter, refusal ? refusal : "taken");
        plan_drop(plan);
    }
}

static void the_first_tag_with_the_prefix_counts(void **state)
{
    static const struct {
        const char *tags, *prefix, *found;
    } rows[] = {{"a,site-1,site-2", "site-", "site-1"}, {"a", "site-", ""}, {"", "site-", ""}, {"xsite-1", "site-", ""}, {"site-", "site-", "site-"}};
    char found[ID_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        plan_tag_with_prefix(rows[i].tags, rows[i].prefix, found);
        CHECK_ROW(strcmp(found, rows[i].found) == 0, rows[i].tags);
    }
}

static void stages_are_compared_by_whom_they_take(void **state)
{
    static const struct {
        const char *left, *right;
        bool same;
    } rows[] = {
        {"{\"percent\":5}", "{\"percent\":5,\"soak_s\":60,\"promote\":\"manual\",\"gates\":[{\"measure\":\"lost_rate\",\"max_pct\":1}]}", true},
        {"{\"percent\":5}", "{\"percent\":5.01}", false},
        {"{\"count\":5}", "{\"count\":5,\"per\":\"hw_rev\"}", false},
        {"{\"filter\":{\"devices\":[\"a\",\"b\"]}}", "{\"filter\":{\"devices\":[\"b\",\"a\"]}}", true},
        {"{\"filter\":{\"devices\":[\"a\",\"b\"]}}", "{\"filter\":{\"devices\":[\"b\"]}}", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct plan *plans[2];

        for (int j = 0; j < 2; j++) {
            char text[512];
            (void)snprintf(text, sizeof text, "{\"schema\":1,\"model\":\"m\",\"version\":\"9.0.0\",\"stages\":[%s]}", j ? rows[i].right : rows[i].left);
            plans[j] = read_text(text);
        }
        CHECK_ROW(plan_stage_takes_same(&plans[0]->stages[0], &plans[1]->stages[0]) == rows[i].same, rows[i].right);
        plan_drop(plans[0]);
        plan_drop(plans[1]);
    }
}

/* --- the largest, and any --- */

static void the_largest_list_is_read(void **state)
{
    struct buffer text;
    struct plan *plan;

    (void)state;
    buffer_init(&text, 0);
    buffer_add_text(&text, "{\"schema\":1,\"model\":\"m\",\"version\":\"1.0.0\",\"target\":{\"devices\":[");
    for (int i = 0; i < PLAN_IDS_MAX; i++)
        buffer_add_format(&text, "%s\"%064d\"", i ? "," : "", PLAN_IDS_MAX - i);
    buffer_add_text(&text, "]}}");
    assert_true(text.length < PLAN_BYTES_MAX);
    plan = read_good(text.bytes, text.length, "10,000 ids");
    assert_int_equal(plan->target.id_count, PLAN_IDS_MAX);
    assert_true(strcmp(plan->target.ids[0], plan->target.ids[PLAN_IDS_MAX - 1]) < 0);
    plan_drop(plan);
    buffer_done(&text);
}

/* A plan put together at random from a seed; whatever the reader takes of it is written and read again. */
static unsigned drawn(uint64_t *seed, unsigned below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*seed >> 33) % below;
}

static void random_stage(struct buffer *text, uint64_t *seed, unsigned i)
{
    static const char *const measures[] = {"failure_rate\",\"max_pct", "success_rate\",\"min_pct", "lost_rate\",\"max_pct", "unhealthy\",\"max_pct", "reboots\",\"max_times"};

    buffer_add_format(text, "%s{", i ? "," : "");
    if (drawn(seed, 3) == 0)
        buffer_add_format(text, "\"count\":%u,\"per\":\"%s\",", 1 + drawn(seed, 50), drawn(seed, 2) ? "hw_rev" : "tag:b-");
    else
        buffer_add_format(text, "\"percent\":%u.%02u,", i * 10, 1 + drawn(seed, 99));
    buffer_add_format(text, "\"soak_s\":%u,\"promote\":\"%s\",\"filter\":{\"devices\":[\"z%u\",\"a%u\"]},\"gates\":[", drawn(seed, 1000), drawn(seed, 2) ? "auto" : "manual", drawn(seed, 9),
                      drawn(seed, 9));
    for (unsigned j = 0, gates = drawn(seed, 5); j < gates; j++)
        buffer_add_format(text, "%s{\"measure\":\"%s\":%u.%03u}", j ? "," : "", measures[drawn(seed, 5)], 1 + drawn(seed, 99), drawn(seed, 1000));
    buffer_add_text(text, "]}");
}

static void what_is_written_is_read_as_the_same(void **state)
{
    uint64_t seed = 5;

    (void)state;
    for (int round = 0; round < 300; round++) {
        struct buffer text;

        buffer_init(&text, 0);
        buffer_add_text(&text, "{\"schema\":1,\"model\":\"m\",\"version\":\"1.0.0\",\"stages\":[");
        for (unsigned i = 0, stages = 1 + drawn(&seed, 9); i < stages; i++)
            random_stage(&text, &seed, i);
        buffer_add_format(&text, "],\"start\":%u,\"limits\":{\"per_minute\":%u,\"growth_pct\":%u}}", drawn(&seed, 100000), 1 + drawn(&seed, 99), drawn(&seed, 100));
        check_canonical(text.bytes, text.length, text.bytes);
        buffer_done(&text);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_examples_survive),
        cmocka_unit_test(invalid_examples_have_one_problem),
        cmocka_unit_test(every_error_is_named),
        cmocka_unit_test(an_error_brings_no_others),
        cmocka_unit_test(more_errors_than_are_kept_are_counted),
        cmocka_unit_test(broken_json_says_where),
        cmocka_unit_test(defaults_are_those_of_the_header),
        cmocka_unit_test(stages_have_the_plans_gates_first),
        cmocka_unit_test(times_are_minutes_and_milliseconds),
        cmocka_unit_test(filters_say_what_does_not_fit),
        cmocka_unit_test(the_first_tag_with_the_prefix_counts),
        cmocka_unit_test(stages_are_compared_by_whom_they_take),
        cmocka_unit_test(the_largest_list_is_read),
        cmocka_unit_test(what_is_written_is_read_as_the_same),
    };

    if (argc != 2) {
        fprintf(stderr, "use: test-proto-plan FOLDER\n");
        return 2;
    }
    folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
