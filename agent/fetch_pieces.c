/* What of the staging file's payload is there, asked for, proved (fetch_staging.h): one piece a chunk. */
#include "agent/fetch_staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_FIRST_BYTES (16 * 1024)       /* most heads are smaller, and then the first chunks begin to come with it */
#define RESUME_STEP_BYTES (1024 * 1024)    /* proved in one call */

static struct package_chunk chunk_at(const struct fetch_staging *staging, unsigned number)
{
    return package_chunks_at(staging->chunks, number);
}

/* What cannot be stored is said before it is downloaded. Many file systems cannot reserve; then writing finds out. */
static enum error_code space_reserve(struct fetch_staging *staging, struct problem *ret_problem)
{
    enum error_code code;
    struct stat status;

    if (fallocate(staging->fd, FALLOC_FL_KEEP_SIZE, 0, staging->size_bytes) == 0 || (errno != ENOSPC && errno != EDQUOT))
        return E_NONE;
    code = staging_failed("the package does not fit", ret_problem);
    if (fstat(staging->fd, &status) == 0)
        (void)ftruncate(staging->fd, status.st_size); /* gives back what was reserved behind the end */
    return code;
}

enum error_code pieces_init(struct fetch_staging *staging, struct problem *ret_problem)
{
    enum error_code code = package_chunks_new(&staging->head, staging->keys, &staging->chunks, ret_problem);

    if (code)
        return code;
    staging->piece_count = package_chunks_count(staging->chunks);
    staging->pieces = calloc(staging->piece_count, sizeof *staging->pieces);
    if (!staging->pieces)
        return package_refuse(ret_problem, E_INTERNAL, "payload", "no memory for a list of its chunks");
    staging->proved_bytes = staging->head_bytes;
    return space_reserve(staging, ret_problem);
}

void pieces_done(struct fetch_staging *staging)
{
    package_chunks_free(staging->chunks);
    free(staging->pieces);
    staging->chunks = NULL;
    staging->pieces = NULL;
    staging->piece_count = staging->proved_count = staging->resume_next = 0;
    staging->proved_bytes = 0;
}

bool staging_is_proved(const struct fetch_staging *staging)
{
    return staging->has_head && staging->proved_count == staging->piece_count;
}

static void piece_proved(struct fetch_staging *staging, unsigned number, const struct package_chunk *chunk)
{
    staging->pieces[number] = (struct fetch_piece){.have_bytes = (uint32_t)(chunk->end - chunk->begin), .state = PIECE_PROVED};
    staging->proved_count++;
    staging->proved_bytes += chunk->end - chunk->begin;
}

/* False: a hole, or behind the end of the file. */
static bool has_data(const struct fetch_staging *staging, const struct package_chunk *chunk)
{
    off_t data = lseek(staging->fd, chunk->begin, SEEK_DATA);

    return data >= 0 ? data < chunk->end : errno != ENXIO;
}

enum error_code staging_resume_some(struct fetch_staging *staging, bool *ret_over, struct problem *ret_problem)
{
    int64_t looked_at = 0;

    while (staging->resume_next < staging->piece_count && looked_at < RESUME_STEP_BYTES) {
        unsigned number = staging->resume_next++;
        struct package_chunk chunk = chunk_at(staging, number);
        enum error_code code;

        if (!has_data(staging, &chunk))
            continue;
        looked_at += chunk.end - chunk.begin;
        code = package_chunks_prove(staging->chunks, number, staging->fd, ret_problem);
        if (code == E_NONE)
            piece_proved(staging, number, &chunk);
        else if (code == E_INTERNAL || code == E_INSTALL)
            return code;
    }
    *ret_over = staging->resume_next == staging->piece_count;
    return E_NONE;
}

static bool head_next(const struct fetch_staging *staging, struct http_span *ret_span)
{
    int64_t stop = staging->head_have_bytes > 0 ? staging->head_bytes : HEAD_FIRST_BYTES;

    if (stop > staging->size_bytes)
        stop = staging->size_bytes;
    *ret_span = (struct http_span){staging->head_have_bytes, stop - staging->head_have_bytes};
    return true;
}

bool staging_next(struct fetch_staging *staging, int64_t target_bytes, struct http_span *ret_span)
{
    struct package_chunk chunk;
    unsigned number = 0;

    if (!staging->has_head)
        return head_next(staging, ret_span);
    while (number < staging->piece_count && staging->pieces[number].state != PIECE_MISSING)
        number++;
    if (number == staging->piece_count)
        return false;
    chunk = chunk_at(staging, number);
    ret_span->start = chunk.begin + staging->pieces[number].have_bytes;
    do { /* no piece that is there in part: its beginning would come twice */
        staging->pieces[number].state = PIECE_ASKED;
        ret_span->length = chunk_at(staging, number).end - ret_span->start;
        number++;
    } while (number < staging->piece_count && ret_span->length < target_bytes && staging->pieces[number].state == PIECE_MISSING &&
             staging->pieces[number].have_bytes == 0);
    return true;
}

/* The piece with this byte, which lies behind the metadata. */
static unsigned piece_with(const struct fetch_staging *staging, int64_t offset)
{
    unsigned low = 0, high = staging->piece_count - 1;

    while (low < high) {
        unsigned middle = low + (high - low + 1) / 2;

        if (chunk_at(staging, middle).begin <= offset)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

void staging_give_back(struct fetch_staging *staging, struct http_span span)
{
    if (!staging->has_head)
        return;
    for (unsigned i = piece_with(staging, span.start); i < staging->piece_count && chunk_at(staging, i).begin < span.start + span.length; i++)
        if (staging->pieces[i].state == PIECE_ASKED)
            staging->pieces[i].state = PIECE_MISSING;
}

static enum error_code piece_complete(struct fetch_staging *staging, unsigned number, const struct package_chunk *chunk, struct problem *ret_problem)
{
    struct fetch_piece *piece = &staging->pieces[number];
    enum error_code code = package_chunks_prove(staging->chunks, number, staging->fd, ret_problem);

    if (code) {
        *piece = (struct fetch_piece){.state = PIECE_MISSING, .wrong_count = (uint8_t)(piece->wrong_count + (piece->wrong_count < UINT8_MAX))};
        if (piece->wrong_count > staging->wrong_most)
            staging->wrong_most = piece->wrong_count;
        return code;
    }
    piece_proved(staging, number, chunk);
    (void)sync_file_range(staging->fd, chunk->begin, chunk->end - chunk->begin, SYNC_FILE_RANGE_WRITE); /* only begins: a power cut loses less, the end waits less */
    return E_NONE;
}

enum error_code pieces_arrived(struct fetch_staging *staging, int64_t offset, const uint8_t *bytes, size_t length, size_t *ret_taken,
                               struct problem *ret_problem)
{
    unsigned number = piece_with(staging, offset);
    struct fetch_piece *piece = &staging->pieces[number];
    struct package_chunk chunk = chunk_at(staging, number);
    int64_t have = chunk.begin + piece->have_bytes, stop = offset < have ? have : chunk.end;
    enum error_code code;

    *ret_taken = (int64_t)length < stop - offset ? length : (size_t)(stop - offset);
    if (offset != have) /* of the head or of this piece, and there already */
        return E_NONE;
    code = staging_write(staging, offset, bytes, *ret_taken, ret_problem);
    if (code)
        return code;
    piece->have_bytes += (uint32_t)*ret_taken;
    staging->written_bytes += (int64_t)*ret_taken;
    return have + (int64_t)*ret_taken < chunk.end ? E_NONE : piece_complete(staging, number, &chunk, ret_problem);
}
