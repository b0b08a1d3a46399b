/* See http_budget.h. Together: libevent's rate limit groups. They know what went to the kernel, and sendfile hands it as much as it takes: a group
 * overdraws its bucket by that and then waits until it is even, so the mean holds, but not each moment. One connection: the kernel's own pacing of
 * TCP (SO_MAX_PACING_RATE, tcp(7)), which is exact, with sendfile and with TLS; it also smooths what the groups let through at once. */
#include "orchestrator/edges/http_budget.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/socket.h>

#define TICK_MS 100
#define SHARE_MIN_BYTES_S 4096   /* a thread with few of many replies must get somewhere, too */

static size_t per_tick(int64_t bytes_s)
{
    int64_t bytes = bytes_s / (1000 / TICK_MS);
    return bytes > 0 ? (size_t)bytes : 1;
}

static struct ev_token_bucket_cfg *bucket_new(size_t read, size_t write)
{
    static const struct timeval tick = {0, TICK_MS * 1000};
    return ev_token_bucket_cfg_new(read, read, write, write, &tick);
}

static enum drover_error group_new(struct event_base *base, size_t read, size_t write, struct bufferevent_rate_limit_group **ret_group)
{
    struct ev_token_bucket_cfg *bucket = bucket_new(read, write);
    *ret_group = bucket != NULL ? bufferevent_rate_limit_group_new(base, bucket) : NULL;
    if (bucket != NULL)
        ev_token_bucket_cfg_free(bucket);   /* the group has a copy */
    return *ret_group != NULL ? DROVER_OK : DROVER_MEMORY;
}

enum drover_error http_budget_init(struct http_budget *budget, struct event_base *base, const struct http_limits *limits, unsigned threads)
{
    enum drover_error error = DROVER_OK;
    *budget = (struct http_budget){.bytes_s = limits->bytes_s, .connection_bytes_s = limits->connection_bytes_s,
                                   .share_bytes_s = limits->bytes_s / threads};
    if (limits->bytes_s > 0)
        error = group_new(base, EV_RATE_LIMIT_MAX, per_tick(budget->share_bytes_s), &budget->downloads);
    if (error == DROVER_OK && limits->upload_bytes_s > 0)
        error = group_new(base, per_tick(limits->upload_bytes_s / threads), EV_RATE_LIMIT_MAX, &budget->uploads);
    return error;
}

void http_budget_done(struct http_budget *budget)
{
    if (budget->downloads != NULL)
        bufferevent_rate_limit_group_free(budget->downloads);
    if (budget->uploads != NULL)
        bufferevent_rate_limit_group_free(budget->uploads);
    *budget = (struct http_budget){.replies = 0};
}

/* The slower of what one connection may and what all may. 0: no limit. */
static unsigned pace_of(const struct http_budget *budget)
{
    int64_t pace = budget->connection_bytes_s;
    if (budget->bytes_s > 0 && (pace == 0 || budget->bytes_s < pace))
        pace = budget->bytes_s;
    return pace < UINT32_MAX ? (unsigned)pace : UINT32_MAX;
}

void http_budget_download(struct http_budget *budget, struct bufferevent *bev)
{
    unsigned pace = pace_of(budget);
    budget->replies++;
    if (pace > 0)
        (void)setsockopt(bufferevent_getfd(bev), SOL_SOCKET, SO_MAX_PACING_RATE, &pace, sizeof pace);
    if (budget->downloads != NULL)
        (void)bufferevent_add_to_rate_limit_group(bev, budget->downloads);   /* out of memory: it goes unlimited */
}

void http_budget_download_ends(struct http_budget *budget, struct bufferevent *bev)
{
    budget->replies--;
    if (budget->downloads != NULL)
        (void)bufferevent_remove_from_rate_limit_group(bev);
}

void http_budget_upload(struct http_budget *budget, struct bufferevent *bev)
{
    if (budget->uploads != NULL)
        (void)bufferevent_add_to_rate_limit_group(bev, budget->uploads);
}

void http_budget_share(struct http_budget *budget, unsigned replies_of_all)
{
    if (budget->downloads == NULL || replies_of_all == 0)
        return;
    int64_t share = budget->bytes_s * budget->replies / replies_of_all;
    share = share > SHARE_MIN_BYTES_S ? share : SHARE_MIN_BYTES_S;
    if (share == budget->share_bytes_s)
        return;
    struct ev_token_bucket_cfg *bucket = bucket_new(EV_RATE_LIMIT_MAX, per_tick(share));
    if (bucket == NULL)
        return;
    if (bufferevent_rate_limit_group_set_cfg(budget->downloads, bucket) == 0)
        budget->share_bytes_s = share;
    ev_token_bucket_cfg_free(bucket);
}
