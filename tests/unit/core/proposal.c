/* Which orders wait for another person, who may approve them, and when they no longer can be. */
#include "tests/unit/core/fixture.h"

#include <string.h>

#include "orchestrator/core/proposal.h"

static struct rollout staged(struct plan *plan, int64_t approvals, enum rollout_state state)
{
    plan->approvals = approvals;
    return (struct rollout){.plan = plan, .state = state, .revision = 5};
}

static void test_what_is_covered(void **state)
{
    (void)state;
    static const enum rollout_event covered[] = {ROLLOUT_EVENT_EDIT, ROLLOUT_EVENT_PROMOTE, ROLLOUT_EVENT_RESUME, ROLLOUT_EVENT_REOPEN};
    struct plan plan = {0};
    unsigned needed = 0;
    for (int on = 0; on < ROLLOUT_EVENT_COUNT; on++) {
        struct rollout rollout = staged(&plan, 1, ROLLOUT_RUNNING);
        needed += proposal_is_needed(&rollout, (enum rollout_event)on);
    }
    assert_int_equal(needed, 4);
    for (size_t i = 0; i < 4; i++) {
        struct rollout rollout = staged(&plan, 1, ROLLOUT_PAUSED);
        assert_true(proposal_is_needed(&rollout, covered[i]));
        rollout = staged(&plan, 0, ROLLOUT_PAUSED);
        assert_false(proposal_is_needed(&rollout, covered[i]));
        rollout.plan = NULL;
        assert_false(proposal_is_needed(&rollout, covered[i]));
    }
    struct rollout waits = staged(&plan, 1, ROLLOUT_AWAITING_APPROVAL), scheduled = staged(&plan, 1, ROLLOUT_SCHEDULED), back = staged(&plan, 1, ROLLOUT_ROLLBACK_PAUSED);
    assert_false(proposal_is_needed(&waits, ROLLOUT_EVENT_EDIT));
    assert_true(proposal_is_needed(&scheduled, ROLLOUT_EVENT_EDIT));
    assert_false(proposal_is_needed(&back, ROLLOUT_EVENT_RESUME));
}

static void test_the_stricter_of_two_plans_counts(void **state)
{
    (void)state;
    struct plan plan = {0}, none = {.approvals = 0}, two = {.approvals = 2};
    struct rollout rollout = staged(&plan, 1, ROLLOUT_RUNNING);
    assert_int_equal(proposal_needs(&rollout, NULL), 1);
    assert_int_equal(proposal_needs(&rollout, &none), 1);
    assert_int_equal(proposal_needs(&rollout, &two), 2);
}

static void test_who_may_approve(void **state)
{
    (void)state;
    struct plan plan = {0};
    struct rollout rollout = staged(&plan, 2, ROLLOUT_RUNNING);
    struct proposal proposal = {.number = 3, .revision = 5, .expires_ms = NOW + 1, .needed = 2, .who = "ann"};
    bool last = true;
    assert_string_equal(proposal_approve(&proposal, &rollout, "", NOW, &last), "an approval needs a name");
    assert_string_equal(proposal_approve(&proposal, &rollout, "ann", NOW, &last), "who proposed it cannot approve it");
    assert_null(proposal_approve(&proposal, &rollout, "bob", NOW, &last));
    assert_false(last);
    proposal.approvals = 1;
    strcpy(proposal.approvers[0], "bob");
    assert_string_equal(proposal_approve(&proposal, &rollout, "bob", NOW, &last), "who has approved it cannot do so again");
    assert_null(proposal_approve(&proposal, &rollout, "cleo", NOW, &last));
    assert_true(last);
}

static void test_when_it_stands(void **state)
{
    (void)state;
    struct plan plan = {0};
    struct rollout rollout = staged(&plan, 1, ROLLOUT_RUNNING);
    struct proposal proposal = {.number = 3, .revision = 5, .expires_ms = NOW + 1, .needed = 1, .who = "ann"};
    bool last;
    assert_true(proposal_stands(&proposal, &rollout, NOW));
    assert_false(proposal_stands(&proposal, &rollout, NOW + 1));
    assert_non_null(strstr(proposal_approve(&proposal, &rollout, "bob", NOW + 1, &last), "expired"));
    rollout.revision = 6;
    assert_false(proposal_stands(&proposal, &rollout, NOW));
    assert_non_null(strstr(proposal_approve(&proposal, &rollout, "bob", NOW, &last), "has changed"));
    proposal.number = 0;
    rollout.revision = 5;
    assert_false(proposal_stands(&proposal, &rollout, NOW));
}

static void test_orders_have_names(void **state)
{
    (void)state;
    enum rollout_event on = ROLLOUT_EVENT_CANCEL;
    assert_true(proposal_order_read("retry", &on));
    assert_int_equal(on, ROLLOUT_EVENT_REOPEN);
    assert_string_equal(proposal_order_name(ROLLOUT_EVENT_EDIT), "edit");
    assert_string_equal(proposal_order_name(ROLLOUT_EVENT_PAUSE), "");
    assert_false(proposal_order_read("pause", &on));
    assert_false(proposal_order_read("", &on));
    assert_int_equal(on, ROLLOUT_EVENT_REOPEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_covered), cmocka_unit_test(test_the_stricter_of_two_plans_counts), cmocka_unit_test(test_who_may_approve),
        cmocka_unit_test(test_when_it_stands), cmocka_unit_test(test_orders_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
