/* A step at a time: three numbers, then bytes to add to the old image's, then new bytes, then a seek. It can stop between any two bytes. */
#include "firmware/bsdiff_apply.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/bsdiff_container.h"
#include "firmware/file_io.h"

#define BLOCK_BYTES 65536
#define EMPTY_MAX 64          /* entries in a row that make nothing: more is an attack on the processor */

enum number { NUMBER_DIFF, NUMBER_EXTRA, NUMBER_SEEK, NUMBERS };

struct bsdiff_apply {
    int base_fd;
    int64_t base_bytes;
    struct patch_output *output;
    struct bsdiff_source source;
    uint8_t number[BSDIFF_NUMBER_MAX];   /* the one that is being read */
    unsigned number_bytes, numbers_read;
    int64_t numbers[NUMBERS];
    int64_t diff_left, extra_left;
    int64_t base_at;
    bool in_entry;
    unsigned empty;
    uint8_t bytes[BLOCK_BYTES], base[BLOCK_BYTES];
};

struct bsdiff_apply *bsdiff_apply_new(int base_fd, int64_t base_bytes, struct patch_output *output, const struct bsdiff_source *source)
{
    struct bsdiff_apply *apply = calloc(1, sizeof *apply);

    if (!apply)
        return NULL;
    apply->base_fd = base_fd;
    apply->base_bytes = base_bytes;
    apply->output = output;
    apply->source = *source;
    return apply;
}

void bsdiff_apply_free(struct bsdiff_apply *apply)
{
    free(apply);
}

/* 1: a number is complete, 0: not yet, -1: this is none. */
static int number_leb128(const struct bsdiff_apply *apply, int64_t *ret_value)
{
    uint64_t value = 0;

    if (apply->number[apply->number_bytes - 1] & 0x80)
        return apply->number_bytes == BSDIFF_NUMBER_MAX ? -1 : 0;
    if (apply->number_bytes == BSDIFF_NUMBER_MAX && apply->number[BSDIFF_NUMBER_MAX - 1] > 1)
        return -1;
    for (unsigned i = apply->number_bytes; i-- > 0;)
        value = value << 7 | (apply->number[i] & 0x7F);
    if (apply->numbers_read == NUMBER_SEEK)
        value = value >> 1 ^ (0 - (value & 1));
    *ret_value = (int64_t)value;
    return 1;
}

static int number_signed(const struct bsdiff_apply *apply, int64_t *ret_value)
{
    uint64_t bits;

    if (apply->number_bytes < sizeof bits)
        return 0;
    memcpy(&bits, apply->number, sizeof bits);
    bits = le64toh(bits);
    *ret_value = (int64_t)(bits & INT64_MAX);
    if (bits >> 63)
        *ret_value = -*ret_value;
    return 1;
}

static enum error_code entry_begin(struct bsdiff_apply *apply, struct problem *ret_problem)
{
    int64_t diff = apply->numbers[NUMBER_DIFF], extra = apply->numbers[NUMBER_EXTRA], left = patch_output_left(apply->output);

    if (diff < 0 || extra < 0)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "patch", "a length is negative");
    if (diff > left || extra > left - diff)
        return package_refuse(ret_problem, E_SHA256, "patch", "an entry goes past the image's end: %lld and %lld bytes, %lld are left", (long long)diff,
                              (long long)extra, (long long)left);
    if (diff > 0 && (apply->base_at < 0 || apply->base_at > apply->base_bytes || diff > apply->base_bytes - apply->base_at))
        return package_refuse(ret_problem, E_INCOMPATIBLE, "patch", "it reads outside the base: %lld bytes at %lld of %lld", (long long)diff,
                              (long long)apply->base_at, (long long)apply->base_bytes);
    apply->empty = diff + extra > 0 ? 0 : apply->empty + 1;
    if (apply->empty > EMPTY_MAX)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "patch", "more than %d entries in a row make nothing", EMPTY_MAX);
    apply->diff_left = diff;
    apply->extra_left = extra;
    apply->in_entry = true;
    apply->numbers_read = 0;
    return E_NONE;
}

/* One byte of control at a time: the bytes behind it are another entry's. */
static enum error_code control_read(struct bsdiff_apply *apply, size_t *ret_got, struct problem *ret_problem)
{
    enum error_code code = apply->source.pull(apply->source.arg, BSDIFF_CONTROL, &apply->number[apply->number_bytes], 1, ret_got, ret_problem);
    int status;

    if (code || *ret_got == 0)
        return code;
    apply->number_bytes++;
    status = apply->source.leb128 ? number_leb128(apply, &apply->numbers[apply->numbers_read]) : number_signed(apply, &apply->numbers[apply->numbers_read]);
    if (status < 0)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "patch", "a number has more than 64 bits");
    if (status == 0)
        return E_NONE;
    apply->number_bytes = 0;
    return ++apply->numbers_read == NUMBERS ? entry_begin(apply, ret_problem) : E_NONE;
}

static enum error_code base_add(struct bsdiff_apply *apply, size_t length, struct problem *ret_problem)
{
    size_t got = 0;

    if (!file_read_at(apply->base_fd, apply->base, length, apply->base_at, &got) || got != length)
        return package_refuse(ret_problem, E_DELTA_BASE, "base", "cannot be read at %lld", (long long)apply->base_at);
    for (size_t i = 0; i < length; i++)
        apply->bytes[i] = (uint8_t)(apply->bytes[i] + apply->base[i]);
    return E_NONE;
}

static enum error_code diff_read(struct bsdiff_apply *apply, size_t *ret_got, struct problem *ret_problem)
{
    size_t wanted = apply->diff_left < BLOCK_BYTES ? (size_t)apply->diff_left : BLOCK_BYTES;
    enum error_code code = apply->source.pull(apply->source.arg, BSDIFF_DIFF, apply->bytes, wanted, ret_got, ret_problem);

    if (code || *ret_got == 0)
        return code;
    if (patch_output_at(apply->output) + (int64_t)*ret_got > patch_output_mark(apply->output))
        code = base_add(apply, *ret_got, ret_problem);
    apply->base_at += (int64_t)*ret_got;
    apply->diff_left -= (int64_t)*ret_got;
    return code ? code : patch_output_add(apply->output, apply->bytes, *ret_got, ret_problem);
}

static enum error_code extra_read(struct bsdiff_apply *apply, size_t *ret_got, struct problem *ret_problem)
{
    size_t wanted = apply->extra_left < BLOCK_BYTES ? (size_t)apply->extra_left : BLOCK_BYTES;
    enum error_code code = apply->source.pull(apply->source.arg, BSDIFF_EXTRA, apply->bytes, wanted, ret_got, ret_problem);

    if (code || *ret_got == 0)
        return code;
    apply->extra_left -= (int64_t)*ret_got;
    return patch_output_add(apply->output, apply->bytes, *ret_got, ret_problem);
}

static enum error_code entry_end(struct bsdiff_apply *apply, struct problem *ret_problem)
{
    apply->in_entry = false;
    if (__builtin_add_overflow(apply->base_at, apply->numbers[NUMBER_SEEK], &apply->base_at))
        return package_refuse(ret_problem, E_INCOMPATIBLE, "patch", "a seek goes beyond 64 bits");
    return E_NONE;
}

enum error_code bsdiff_apply_run(struct bsdiff_apply *apply, enum bsdiff_stream *ret_needs, struct problem *ret_problem)
{
    for (;;) {
        enum error_code code;
        size_t got = 1;

        if (apply->in_entry && apply->diff_left > 0) {
            *ret_needs = BSDIFF_DIFF;
            code = diff_read(apply, &got, ret_problem);
        } else if (apply->in_entry && apply->extra_left > 0) {
            *ret_needs = BSDIFF_EXTRA;
            code = extra_read(apply, &got, ret_problem);
        } else if (apply->in_entry) {
            code = entry_end(apply, ret_problem);
        } else if (patch_output_left(apply->output) == 0) {
            return E_NONE;
        } else {
            *ret_needs = BSDIFF_CONTROL;
            code = control_read(apply, &got, ret_problem);
        }
        if (code || got == 0)
            return code;
    }
}
