/* Intervals and verdicts of gates. */
#include "orchestrator/core/gate.h"

#include <math.h>
#include <stdio.h>

#include "proto/error_code.h"

#define DAY_MS 86400000.0

static const char *const state_names[] = {[GATE_OPEN] = "open", [GATE_HELD] = "held", [GATE_BROKEN] = "broken"};

const char *gate_state_name(enum gate_state state)
{
    return (unsigned)state < sizeof state_names / sizeof state_names[0] ? state_names[state] : "unknown";
}

/* Quantiles of the standard normal distribution: Phi(z) = (1 + confidence) / 2. */
double confidence_z(int64_t confidence_pct)
{
    switch (confidence_pct) {
    case 80:
        return 1.2815515655446004;
    case 90:
        return 1.6448536269514722;
    case 99:
        return 2.5758293035489004;
    default:
        return 1.959963984540054;
    }
}

static double share(int64_t hits, int64_t of)
{
    return of > 0 ? (double)hits / (double)of : 0;
}

struct interval wilson_interval(int64_t hits, int64_t of, double z)
{
    if (of <= 0)
        return (struct interval){0, 1};
    double n = (double)of, p = share(hits, of), zz = z * z;
    double centre = (p + zz / (2 * n)) / (1 + zz / n);
    double half = z * sqrt(p * (1 - p) / n + zz / (4 * n * n)) / (1 + zz / n);
    return (struct interval){hits == 0 ? 0 : fmax(0, centre - half), hits == of ? 1 : fmin(1, centre + half)};
}

struct interval newcombe_difference(int64_t left_hits, int64_t left_of, int64_t right_hits, int64_t right_of, double z)
{
    struct interval left = wilson_interval(left_hits, left_of, z), right = wilson_interval(right_hits, right_of, z);
    double p = share(left_hits, left_of), q = share(right_hits, right_of), difference = p - q;
    if (left_of <= 0 || right_of <= 0)
        return (struct interval){-1, 1};
    return (struct interval){difference - hypot(p - left.low, right.high - q), difference + hypot(left.high - p, q - right.low)};
}

/* --- what is measured --- */

bool gate_compares(const struct plan_gate *gate)
{
    return gate->measure == GATE_HEARTBEAT_LOSS || gate->measure == GATE_UNHEALTHY || gate->measure == GATE_REBOOTS;
}

static bool is_beyond(const struct interval *bounds, double limit, bool must_be_low)
{
    return must_be_low ? bounds->low > limit : bounds->high < limit;
}

/* Of what must be low, and of what must be high. enough: as large a sample as the gate asks for. */
static void judge(struct gate_reading *ret, bool must_be_low, bool enough)
{
    bool kept = must_be_low ? ret->value <= ret->limit : ret->value >= ret->limit;
    ret->state = enough && is_beyond(&ret->bounds, ret->limit, must_be_low) ? GATE_BROKEN : enough && kept ? GATE_HELD : GATE_OPEN;
    ret->doubt = ret->state == GATE_OPEN && ret->sample > 0 && !kept;
}

/* Failures settle sooner than successes, which have to prove themselves: so a limit is broken only if it were even though all that are under way ended well. */
static void read_share(const struct plan_gate *gate, int64_t hits, int64_t of, int64_t under_way, bool must_be_low, struct gate_reading *ret)
{
    double z = confidence_z(gate->confidence_pct);
    if (hits > of)   /* since a resume: one that had settled before may have got another error */
        hits = of;
    ret->sample = of;
    ret->under_way = under_way;
    ret->value = share(hits, of);
    ret->bounds = wilson_interval(hits, of, z);
    judge(ret, must_be_low, of >= gate->min_sample && of > 0);
    struct interval at_best = wilson_interval(must_be_low ? hits : hits + under_way, of + under_way, z);
    if (ret->state == GATE_BROKEN && !is_beyond(&at_best, ret->limit, must_be_low)) {
        ret->state = GATE_OPEN;
        ret->doubt = true;
    }
}

/* Of a group, without those that were so before. */
struct part {
    int64_t hits, of;
};

static struct part part_since(int64_t devices, int64_t now, int64_t before)
{
    int64_t same = now < before ? now : before;
    return (struct part){now - same, devices > same ? devices - same : 0};
}

static void read_difference(const struct plan_gate *gate, struct part updated, struct part control, struct gate_reading *ret)
{
    ret->sample = updated.of < control.of ? updated.of : control.of;
    ret->value = share(updated.hits, updated.of) - share(control.hits, control.of);
    ret->bounds = newcombe_difference(updated.hits, updated.of, control.hits, control.of, confidence_z(gate->confidence_pct));
    judge(ret, true, ret->sample >= gate->min_sample && ret->sample > 0);
}

static void read_offline(const struct plan_gate *gate, const struct group_health *updated, const struct group_health *control, struct gate_reading *ret)
{
    read_difference(gate, part_since(updated->devices, updated->offline, updated->offline_before),
                    part_since(control->devices, control->offline, control->offline_before), ret);
}

static void read_unhealthy(const struct plan_gate *gate, const struct group_health *updated, const struct group_health *control, struct gate_reading *ret)
{
    read_difference(gate, part_since(updated->devices, updated->unhealthy, updated->unhealthy_before),
                    part_since(control->devices, control->unhealthy, control->unhealthy_before), ret);
}

/* The quotient of two Poisson rates: given their sum, the reboots of the updated are binomial with share r t1 / (r t1 + t2) for the quotient r
 * (Przyborowski and Wilenski, Biometrika 31, 1940), so an interval for that share is one for r. */
static void read_reboots(const struct plan_gate *gate, const struct group_health *updated, const struct group_health *control, struct gate_reading *ret)
{
    int64_t events = updated->reboots + control->reboots;
    struct interval part = wilson_interval(updated->reboots, events, confidence_z(gate->confidence_pct));
    double times = updated->device_ms > 0 ? (double)control->device_ms / (double)updated->device_ms : 0;
    ret->sample = updated->devices < control->devices ? updated->devices : control->devices;
    ret->value = updated->reboots == 0 ? 0 : control->reboots == 0 ? INFINITY : (double)updated->reboots / (double)control->reboots * times;
    ret->bounds.low = part.low / (1 - part.low) * times;   /* Wilson's lower bound is always below 1 */
    ret->bounds.high = part.high < 1 ? part.high / (1 - part.high) * times : INFINITY;
    if (events < GATE_REBOOTS_MIN && ret->value > ret->limit)
        return;   /* open, and no reason to doubt */
    judge(ret, true, ret->sample > 0 && ret->sample >= gate->min_sample && times > 0);
}

static void measure(const struct plan_gate *gate, const struct gate_readings *readings, struct gate_reading *ret)
{
    const struct rollout_counts *counts = &readings->counts;
    const struct group_health *updated = &readings->health.updated, *control = &readings->health.control;
    int64_t settled = rollout_counts_settled(counts), under_way = rollout_counts_in_flight(counts);
    switch (gate->measure) {
    case GATE_FAILURE_RATE:
        read_share(gate, gate->error == E_NONE ? rollout_counts_failed(counts) : counts->errors[gate->error], settled, under_way, true, ret);
        break;
    case GATE_SUCCESS_RATE:
        read_share(gate, counts->states[STATE_SUCCEEDED], settled, under_way, false, ret);
        break;
    case GATE_LOST_RATE:   /* of all that were told */
        read_share(gate, counts->states[STATE_LOST], settled + under_way, 0, true, ret);
        break;
    case GATE_HEARTBEAT_LOSS:
        read_offline(gate, updated, control, ret);
        break;
    case GATE_UNHEALTHY:
        read_unhealthy(gate, updated, control, ret);
        break;
    case GATE_REBOOTS:
    case GATE_MEASURE_COUNT:
        read_reboots(gate, updated, control, ret);
        break;
    }
}

/* --- in words --- */

static void put_quotient(struct gate_reading *ret, const char *what)
{
    snprintf(ret->text, sizeof ret->text, "%s %.2f times of %lld (%.2f .. %.2f), limit %.2f: %s", what, ret->value, (long long)ret->sample,
             ret->bounds.low, ret->bounds.high, ret->limit, gate_state_name(ret->state));
    snprintf(ret->brief, sizeof ret->brief, "%.20s %.2f times, limit %.2f", what, ret->value, ret->limit);
}

static void put_share(struct gate_reading *ret, const char *what)
{
    char under_way[40] = "";
    if (ret->under_way > 0)
        snprintf(under_way, sizeof under_way, " and %lld under way", (long long)ret->under_way);
    snprintf(ret->text, sizeof ret->text, "%s %.1f %% of %lld%s (%.1f .. %.1f %%), limit %.1f %%: %s", what, 100 * ret->value, (long long)ret->sample, under_way,
             100 * ret->bounds.low, 100 * ret->bounds.high, 100 * ret->limit, gate_state_name(ret->state));
    snprintf(ret->brief, sizeof ret->brief, "%.32s %.1f %%, limit %.1f %%", what, 100 * ret->value, 100 * ret->limit);
}

static void put(const struct plan_gate *gate, struct gate_reading *ret)
{
    char what[48];
    snprintf(what, sizeof what, "%s%s%s", gate_measure_name(gate->measure), gate->error == E_NONE ? "" : " ", gate->error == E_NONE ? "" : error_code_name(gate->error));
    if (gate->measure == GATE_REBOOTS)
        put_quotient(ret, what);
    else
        put_share(ret, what);
}

void gate_read(const struct plan_gate *gate, const struct gate_readings *readings, struct gate_reading *ret)
{
    *ret = (struct gate_reading){.limit = (double)gate->limit / (gate->measure == GATE_REBOOTS ? 1000.0 : 1000000.0)};
    measure(gate, readings, ret);
    put(gate, ret);
}
