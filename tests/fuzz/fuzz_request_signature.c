/* Any bytes as Authorization of a signed request, and as a request to sign (path ? query, newline, body): refused with a reason, or with a
 * canonical text that has exactly its nine lines and is the same for the query it holds. */
#include "fuzz.h"

#include "orchestrator/edges/request_signature.h"

static void header_check(const char *bytes, size_t length)
{
    struct request_signature signature;
    struct problem problem = {0};
    if (request_signature_read(bytes, length, &signature, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] != '\0' && problem.what[0] != '\0');
        return;
    }
    MUST(length <= REQUEST_SIGNATURE_BYTES_MAX && signature.timestamp_ms >= 0);
    MUST(text_is_id(signature.key_id, strlen(signature.key_id)) && text_is_id(signature.subject, strlen(signature.subject)));
    MUST(strlen(signature.nonce) >= REQUEST_NONCE_BYTES_MIN);
}

/* The n-th line of the text (from 0), terminated; the caller's to free. */
static char *line_copy(const struct buffer *text, unsigned number)
{
    const char *at = text->bytes;
    for (unsigned i = 0; i < number; i++)
        at = strchr(at, '\n') + 1;
    char *line = strndup(at, strcspn(at, "\n"));
    MUST(line != NULL);
    return line;
}

static void canonical_check(const struct request_to_sign *request)
{
    static const struct request_signature signature = {.key_id = "k", .subject = "s", .timestamp_ms = 1, .nonce = "0123456789abcdef"};
    struct problem problem = {0};
    struct buffer text, again;
    buffer_init(&text, 0);
    buffer_init(&again, 0);
    if (request_canonical_add(request, &signature, &text, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] != '\0');
    } else {
        unsigned lines = 1;
        for (size_t i = 0; i < text.length; i++)
            lines += text.bytes[i] == '\n';
        MUST(lines == 9 && strlen(text.bytes) == text.length);
        char *query = line_copy(&text, 7);
        struct request_to_sign same = *request;
        same.query = query;
        if (strlen(query) <= REQUEST_QUERY_BYTES_MAX) {
            MUST(request_canonical_add(&same, &signature, &again, NULL) == DROVER_OK);
            MUST(again.length == text.length && memcmp(again.bytes, text.bytes, text.length) == 0);
        }
        free(query);
    }
    buffer_done(&text);
    buffer_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *text = malloc(length + 1);
    MUST(text != NULL);
    if (length > 0)
        memcpy(text, bytes, length);
    text[length] = '\0';
    header_check((const char *)bytes, length);
    char *body = strchr(text, '\n');
    if (body != NULL)
        *body++ = '\0';
    char *query = strchr(text, '?');
    if (query != NULL)
        *query++ = '\0';
    canonical_check(&(struct request_to_sign){"GET", text, query, body, body != NULL ? strlen(body) : 0});
    free(text);
    return 0;
}
