/* Semantic Versioning 2.0.0. A version is read once, strictly; comparing may then trust its form. */
#include "common/semver.h"

#include <stdint.h>
#include <string.h>

#include "common/text.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_identifier_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

/* One identifier ends where its characters end; *ret_numeric says whether it is digits only. */
static size_t identifier_length(const char *at, const char *end, bool *ret_numeric)
{
    const char *start = at;

    *ret_numeric = true;
    for (; at < end && is_identifier_char(*at); at++)
        if (!is_digit(*at))
            *ret_numeric = false;
    return (size_t)(at - start);
}

static bool has_leading_zero(const char *at, size_t length)
{
    return length > 1 && at[0] == '0';
}

/* Three dotted numbers. Returns where they end, or NULL with the reason in *ret_what. */
static const char *core_read(const char *at, const char *end, const char **ret_what)
{
    for (unsigned i = 0; i < 3; i++) {
        const char *start = at;

        if (i > 0 && (at == end || *at++ != '.')) {
            *ret_what = "needs three numbers, like 1.2.3";
            return NULL;
        }
        if (i > 0)
            start = at;
        while (at < end && is_digit(*at))
            at++;
        if (at == start) {
            *ret_what = "needs three numbers, like 1.2.3";
            return NULL;
        }
        if (has_leading_zero(start, (size_t)(at - start))) {
            *ret_what = "a number has a leading zero";
            return NULL;
        }
    }
    return at;
}

/* Dotted identifiers behind '-' or '+'. */
static const char *identifiers_read(const char *at, const char *end, bool zeros_allowed, const char **ret_what)
{
    for (;;) {
        bool numeric;
        size_t length = identifier_length(at, end, &numeric);

        if (length == 0) {
            *ret_what = "an identifier is empty or has a character outside 0-9 A-Z a-z -";
            return NULL;
        }
        if (numeric && !zeros_allowed && has_leading_zero(at, length)) {
            *ret_what = "a numeric pre-release identifier has a leading zero";
            return NULL;
        }
        at += length;
        if (at == end || *at != '.')
            return at;
        at++;
    }
}

enum drover_error semver_read(const char *text, size_t length, char *ret, struct problem *ret_problem)
{
    const char *what = "", *at = text, *end = text + length;
    const char *rest;
    char excerpt[32];

    if (length > 0 && *at == 'v')
        at++;
    if ((size_t)(end - at) >= VERSION_SIZE)
        return problem_set(ret_problem, DROVER_TOO_LONG, "version", "%zu characters; at most %d", (size_t)(end - at),
                           VERSION_SIZE - 1);
    rest = core_read(at, end, &what);
    if (rest && rest < end && *rest == '-')
        rest = identifiers_read(rest + 1, end, false, &what);
    if (rest && rest < end && *rest == '+')
        rest = identifiers_read(rest + 1, end, true, &what);
    if (rest && rest < end) {
        what = "unexpected character";
        rest = NULL;
    }
    if (!rest)
        return problem_set(ret_problem, DROVER_SYNTAX, "version", "'%s' is no semantic version: %s",
                           text_excerpt(excerpt, sizeof excerpt, text, length), what);
    (void)text_copy_n(ret, VERSION_SIZE, at, (size_t)(end - at));
    return DROVER_OK;
}

/* Numbers without leading zeros: the longer one is the larger one. */
static int number_compare(const char *left, size_t left_length, const char *right, size_t right_length)
{
    if (left_length != right_length)
        return left_length < right_length ? -1 : 1;
    return memcmp(left, right, left_length);
}

/* Section 11.4: numbers below words, words by their bytes. */
static int identifier_compare(const char *left, size_t left_length, bool left_numeric, const char *right,
                              size_t right_length, bool right_numeric)
{
    int order;

    if (left_numeric != right_numeric)
        return left_numeric ? -1 : 1;
    if (left_numeric)
        return number_compare(left, left_length, right, right_length);
    order = memcmp(left, right, left_length < right_length ? left_length : right_length);
    return order ? order : (left_length > right_length) - (left_length < right_length);
}

/* Compares dotted identifiers until one side differs or ends. The three numbers are such identifiers too. */
static int identifiers_compare(const char **left, const char *left_end, const char **right, const char *right_end)
{
    for (;;) {
        bool left_numeric, right_numeric;
        size_t left_length = identifier_length(*left, left_end, &left_numeric);
        size_t right_length = identifier_length(*right, right_end, &right_numeric);
        int order = identifier_compare(*left, left_length, left_numeric, *right, right_length, right_numeric);
        bool left_more, right_more;

        *left += left_length;
        *right += right_length;
        left_more = *left < left_end && **left == '.';
        right_more = *right < right_end && **right == '.';
        if (order || !left_more || !right_more)
            return order ? order : left_more - right_more;
        ++*left;
        ++*right;
    }
}

/* The three numbers end at the first '-' or '+'; the pre-release at '+'. */
static const char *core_end(const char *version)
{
    return version + strcspn(version, "-+");
}

static const char *prerelease_end(const char *version)
{
    return version + strcspn(version, "+");
}

int semver_compare(const char *left, const char *right)
{
    const char *left_rest = core_end(left), *right_rest = core_end(right);
    int order = identifiers_compare(&left, left_rest, &right, right_rest);
    bool left_pre = *left_rest == '-', right_pre = *right_rest == '-';

    if (order)
        return order;
    if (!left_pre || !right_pre)
        return right_pre - left_pre; /* a release is above its pre-releases */
    left = left_rest + 1;
    right = right_rest + 1;
    return identifiers_compare(&left, prerelease_end(left), &right, prerelease_end(right));
}
