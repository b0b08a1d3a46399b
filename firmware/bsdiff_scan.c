/* One scan a segment. Three things make it faster than the original without making patches larger: a stretch that goes on agreeing at the present
 * offset is skipped without a search, a search that would only find the rest of the last match is not made, and bsdiff_index turns down
 * strings that occur nowhere after one look. */
#include "firmware/bsdiff_scan.h"

#include <stdlib.h>

#include "firmware/bsdiff_common.h"

#define SEGMENT_BYTES_MIN (1024 * 1024)
#define SEGMENTS_A_THREAD 4
#define AGREE_SKIP 16          /* bytes that agree at the present offset: no need to look elsewhere */
#define REUSE_MIN 32           /* the rest of a match this long stands for a search */
#define BETTER_BY 8            /* a match elsewhere must agree in so many more bytes */
#define REPORT_BYTES (256 * 1024)

struct scan {
    const struct bsdiff_index *index;
    const uint8_t *old, *new;
    int64_t old_bytes;
    int64_t begin, end;        /* the segment of the new image */
    int64_t last_at, last_old; /* where the stretch that is open began, in both images */
    int64_t offset;            /* old minus new inside it */
    int64_t match_at, match_old, match_length;   /* the last match found */
    int64_t at;                /* here */
    int64_t counted_to, score; /* of [at, counted_to) so many agree at the present offset */
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

static bool agrees_at(const struct scan *scan, int64_t at)
{
    int64_t old_at = at + scan->offset;

    return old_at >= 0 && old_at < scan->old_bytes && scan->old[old_at] == scan->new[at];
}

/* How far the two go on agreeing from here at the present offset. */
static int64_t agree_here(const struct scan *scan)
{
    int64_t old_at = scan->at + scan->offset, left = scan->end - scan->at;

    if (old_at < 0 || old_at >= scan->old_bytes)
        return 0;
    if (scan->old_bytes - old_at < left)
        left = scan->old_bytes - old_at;
    return (int64_t)bytes_agree(scan->old + old_at, scan->new + scan->at, (size_t)left);
}

static void find_match(struct scan *scan)
{
    int64_t gone = scan->at - scan->match_at;
    size_t position = 0;

    if (gone > 0 && scan->match_length - gone >= REUSE_MIN) {
        scan->match_old += gone;
        scan->match_length -= gone;
    } else {
        scan->match_length = (int64_t)bsdiff_index_find(scan->index, scan->new + scan->at, (size_t)(scan->end - scan->at), &position);
        scan->match_old = (int64_t)position;
    }
    scan->match_at = scan->at;
}

static void score_from_here(struct scan *scan)
{
    scan->counted_to = scan->at;
    scan->score = 0;
}

/* The window of the score begins one byte further on. */
static void step(struct scan *scan)
{
    if (scan->counted_to <= scan->at)
        scan->counted_to = scan->at + 1;
    else if (agrees_at(scan, scan->at))
        scan->score--;
    scan->at++;
}

/* Goes on to the next match elsewhere that is better than staying at the present offset by more than BETTER_BY bytes, or to the end. */
static void seek_match(struct scan *scan)
{
    while (scan->at < scan->end) {
        int64_t agree = agree_here(scan);

        if (agree >= AGREE_SKIP) {
            scan->at += agree;
            score_from_here(scan);
            continue;
        }
        find_match(scan);
        for (; scan->counted_to < scan->at + scan->match_length; scan->counted_to++)
            scan->score += agrees_at(scan, scan->counted_to);
        if (scan->match_length > scan->score + BETTER_BY)
            return;
        step(scan);
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

    score_from_here(scan);
    while (scan->at < scan->end && !scan->failed) {
        seek_match(scan);
        close_stretch(scan);
        if (scan->at < scan->end) {
            scan->at += scan->match_length;
            score_from_here(scan);
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
    scan->match_at = begin;
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
