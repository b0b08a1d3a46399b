/* One scan a segment. The original looks for the longest match at every byte and takes it when it is more than 8 bytes better than staying at the
 * present offset, that is: when it reaches over at least nine bytes that differ there. So the place of the ninth of them decides: strings of 8
 * bytes up to it are looked up in the index's bitmap from behind (as Boyer and Moore search), and one that occurs nowhere rules out
 * every start in front of it. What is left is searched for. */
#include "firmware/bsdiff_scan.h"

#include <stdlib.h>

#include "firmware/bsdiff_common.h"

#define SEGMENT_BYTES_MIN (1024 * 1024)
#define SEGMENTS_A_THREAD 4
#define BETTER_BY 9            /* a match elsewhere must agree in so many more bytes */
#define SEARCH_AGAIN 32        /* behind a long match that was no better: only so far in front of its end */
#define REPORT_BYTES (256 * 1024)

struct scan {
    const struct bsdiff_index *index;
    const uint8_t *old, *new;
    int64_t old_bytes;
    int64_t begin, end;        /* the segment of the new image */
    int64_t last_at, last_old; /* where the stretch that is open began, in both images */
    int64_t offset;            /* old minus new inside it */
    int64_t match_old, match_length;   /* the last match found */
    int64_t at;                /* here */
    int64_t differs[BETTER_BY];   /* a ring: the next bytes from here on that differ at the present offset; `end` where there are none */
    unsigned first;            /* of the ring */
    struct bsdiff_entries entries;
    bool failed;
};

struct scans {
    struct scan *list;
    unsigned count;
    struct parallel_report *report;
};

static bool entries_add(struct bsdiff_entries *entries, struct bsdiff_entry entry)
{
    if (entries->count == entries->size) {
        size_t size = entries->size ? entries->size * 2 : 256;
        struct bsdiff_entry *list = realloc(entries->list, size * sizeof *list);

        if (!list)
            return false;
        entries->list = list;
        entries->size = size;
    }
    entries->list[entries->count++] = entry;
    return true;
}

/* The first byte from here on that differs at the present offset; what lies outside the old image differs. */
static int64_t next_difference(const struct scan *scan, int64_t from)
{
    int64_t old_at = from + scan->offset, left = scan->end - from;

    if (left <= 0)
        return scan->end;
    if (old_at < 0 || old_at >= scan->old_bytes)
        return from;
    if (scan->old_bytes - old_at < left)
        left = scan->old_bytes - old_at;
    return from + (int64_t)bytes_agree(scan->old + old_at, scan->new + from, (size_t)left);
}

/* The offset is new. */
static void differences_begin(struct scan *scan)
{
    int64_t from = scan->at;

    scan->first = 0;
    for (unsigned i = 0; i < BETTER_BY; i++) {
        scan->differs[i] = next_difference(scan, from);
        from = scan->differs[i] + 1;
    }
}

/* Forgets the ones in front of here. The last one of the ring, as many as a match has to make up for. */
static int64_t differences_last(struct scan *scan)
{
    unsigned last = (scan->first + BETTER_BY - 1) % BETTER_BY;

    while (scan->differs[scan->first] < scan->at) {
        scan->differs[scan->first] = next_difference(scan, scan->differs[last] + 1);
        last = scan->first;
        scan->first = (scan->first + 1) % BETTER_BY;
    }
    return scan->differs[last];
}

/* A start from which every string of 8 bytes up to `last` may occur in the old image: here, or behind the rightmost one that does not. */
static int64_t possible_start(const struct scan *scan, int64_t last)
{
    for (int64_t string = last - 7; string >= scan->at; string -= 8) {
        if (!bsdiff_index_may_hold(scan->index, scan->new + string))
            return string + 1;
    }
    return scan->at;
}

static void find_match(struct scan *scan)
{
    size_t position = 0;

    scan->match_length = (int64_t)bsdiff_index_find(scan->index, scan->new + scan->at, (size_t)(scan->end - scan->at), &position);
    scan->match_old = (int64_t)position;
}

/* Goes on to the next match elsewhere that is better than staying at the present offset, or to the end. */
static void seek_match(struct scan *scan)
{
    while (scan->at < scan->end) {
        int64_t last = differences_last(scan), start;

        if (last >= scan->end) {
            scan->at = scan->end;
            return;
        }
        start = possible_start(scan, last);
        if (start > scan->at) {
            scan->at = start;
            continue;
        }
        find_match(scan);
        if (scan->match_length > last - scan->at)
            return;
        scan->at += scan->match_length > SEARCH_AGAIN ? scan->match_length - SEARCH_AGAIN : 1;
    }
}

/* How far the open stretch reaches: where twice the agreeing bytes exceed the length by most. */
static int64_t reach_forward(const struct scan *scan)
{
    int64_t agreed = 0, best = 0, reach = 0, limit = scan->at - scan->last_at;

    if (scan->old_bytes - scan->last_old < limit)
        limit = scan->old_bytes - scan->last_old;
    for (int64_t i = 0; i < limit;) {
        agreed += scan->old[scan->last_old + i] == scan->new[scan->last_at + i];
        i++;
        if (agreed * 2 - i > best) {
            best = agreed * 2 - i;
            reach = i;
        }
    }
    return reach;
}

/* How far the match that was found reaches back. */
static int64_t reach_back(const struct scan *scan)
{
    int64_t agreed = 0, best = 0, reach = 0;

    if (scan->at >= scan->end)
        return 0;
    for (int64_t i = 1; scan->at >= scan->last_at + i && scan->match_old >= i; i++) {
        agreed += scan->old[scan->match_old - i] == scan->new[scan->at - i];
        if (agreed * 2 - i > best) {
            best = agreed * 2 - i;
            reach = i;
        }
    }
    return reach;
}

/* Both reach over the same bytes: they part where the sum agrees most. */
static void share_overlap(const struct scan *scan, int64_t *forward, int64_t *back)
{
    int64_t overlap = scan->last_at + *forward - (scan->at - *back), score = 0, best = 0, kept = 0;
    const uint8_t *new = scan->new + scan->at - *back;
    const uint8_t *before = scan->old + scan->last_old + *forward - overlap, *behind = scan->old + scan->match_old - *back;

    if (overlap <= 0)
        return;
    for (int64_t i = 0; i < overlap; i++) {
        score += (new[i] == before[i]) - (new[i] == behind[i]);
        if (score > best) {
            best = score;
            kept = i + 1;
        }
    }
    *forward += kept - overlap;
    *back -= kept;
}

/* The open stretch ends; the one of the match begins. */
static void close_stretch(struct scan *scan)
{
    int64_t forward = reach_forward(scan), back = reach_back(scan);

    share_overlap(scan, &forward, &back);
    if (!entries_add(&scan->entries, (struct bsdiff_entry){scan->last_old, forward, scan->at - back - (scan->last_at + forward)}))
        scan->failed = true;
    scan->last_at = scan->at - back;
    scan->last_old = scan->match_old - back;
    scan->offset = scan->match_old - scan->at;
}

static void segment_scan(void *arg, unsigned number)
{
    struct scans *scans = arg;
    struct scan *scan = &scans->list[number];
    int64_t reported = scan->begin;

    differences_begin(scan);
    while (scan->at < scan->end && !scan->failed) {
        seek_match(scan);
        close_stretch(scan);
        if (scan->at < scan->end) {
            scan->at += scan->match_length;
            differences_begin(scan);
            if (scan->at >= scan->end)
                close_stretch(scan);
        }
        if (scan->at - reported >= REPORT_BYTES || scan->at >= scan->end) {
            if (!parallel_report_add(scans->report, scan->at - reported))
                return;
            reported = scan->at;
        }
    }
}

/* An entry that only goes on where the last one stopped is no entry of its own. */
static bool entries_join(struct bsdiff_entries *all, const struct bsdiff_entries *more)
{
    for (size_t i = 0; i < more->count; i++) {
        struct bsdiff_entry entry = more->list[i], *last = all->count ? &all->list[all->count - 1] : NULL;

        if (last && last->extra_bytes == 0 && (last->old_at + last->diff_bytes == entry.old_at || entry.diff_bytes == 0)) {
            last->diff_bytes += entry.diff_bytes;
            last->extra_bytes = entry.extra_bytes;
        } else if (last && entry.diff_bytes == 0) {
            last->extra_bytes += entry.extra_bytes;
        } else if (!entries_add(all, entry)) {
            return false;
        }
    }
    return true;
}

static void segment_init(struct scan *scan, int64_t begin, int64_t end)
{
    scan->begin = scan->at = scan->last_at = begin;
    scan->end = end;
    scan->last_old = begin < scan->old_bytes ? begin : scan->old_bytes;   /* a guess: nothing has moved */
    scan->offset = scan->last_old - begin;
}

static unsigned segments_for(size_t new_bytes, unsigned threads)
{
    size_t most = new_bytes / SEGMENT_BYTES_MIN, wanted = threads > 1 ? (size_t)threads * SEGMENTS_A_THREAD : 1;
    size_t least = new_bytes > SEGMENT_BYTES_MIN / 4 && threads > 1 ? 2 : 1;

    return (unsigned)(most < least ? least : most < wanted ? most : wanted);
}

static enum error_code scans_join(struct scans *scans, struct bsdiff_entries *ret_entries, struct problem *ret_problem)
{
    struct bsdiff_entries all = {0};
    bool good = true;

    for (unsigned i = 0; i < scans->count; i++) {
        good = good && !scans->list[i].failed && entries_join(&all, &scans->list[i].entries);
        bsdiff_entries_done(&scans->list[i].entries);
    }
    if (good && !atomic_load(&scans->report->stopped)) {
        *ret_entries = all;
        return E_NONE;
    }
    bsdiff_entries_done(&all);
    if (atomic_load(&scans->report->stopped))
        return package_refuse(ret_problem, E_CANCELLED, "bsdiff", "stopped");
    return package_refuse(ret_problem, E_INTERNAL, "bsdiff", "out of memory for the entries of the patch");
}

enum error_code bsdiff_scan(const struct bsdiff_index *index, const uint8_t *old, size_t old_bytes, const uint8_t *new, size_t new_bytes, unsigned threads,
                            struct parallel_report *report, struct bsdiff_entries *ret_entries, struct problem *ret_problem)
{
    struct scans scans = {.count = segments_for(new_bytes, threads), .report = report};
    enum error_code code;

    scans.list = calloc(scans.count, sizeof *scans.list);
    if (!scans.list)
        return package_refuse(ret_problem, E_INTERNAL, "bsdiff", "out of memory");
    for (unsigned i = 0; i < scans.count; i++) {
        struct scan *scan = &scans.list[i];

        scan->index = index;
        scan->old = old;
        scan->new = new;
        scan->old_bytes = (int64_t)old_bytes;
        segment_init(scan, (int64_t)(new_bytes * i / scans.count), (int64_t)(new_bytes * (i + 1) / scans.count));
    }
    parallel_run(threads, scans.count, segment_scan, &scans);
    code = scans_join(&scans, ret_entries, ret_problem);
    free(scans.list);
    return code;
}

void bsdiff_entries_done(struct bsdiff_entries *entries)
{
    free(entries->list);
    *entries = (struct bsdiff_entries){0};
}
