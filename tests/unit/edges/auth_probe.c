/* Lets test_authentication.py ask the library: one question a line on stdin, one answer a line on stdout, words between tabs.
 * auth_probe KEYS_FILE LEEWAY_MS CACHE_ENTRIES */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "orchestrator/edges/jwt.h"
#include "orchestrator/edges/request_signature.h"

#define WORDS_MAX 12

static struct auth_ring *ring;
static struct auth_keys *keys;
static struct jwt_checker *checker;

static void refused_print(const struct problem *problem)
{
    char challenge[JWT_CHALLENGE_SIZE];
    jwt_challenge_write(problem, challenge);
    printf("refused\t%s\t%s\t%s\t%s\n", drover_error_name(problem->error), problem->where, problem->what, challenge);
}

/* jwt NOW TOKEN */
static void jwt_asked(char **words)
{
    struct jwt_identity identity;
    struct problem problem = {0};
    if (jwt_check(checker, words[2], strlen(words[2]), atoll(words[1]), &identity, &problem) == DROVER_OK)
        printf("ok\t%s\t%s\t%s\t%lld\n", identity.subject, identity.key_id, auth_role_name(identity.role), (long long)identity.expires_ms);
    else
        refused_print(&problem);
}

/* verify KID SIGNED SIGNATURE: the signature alone, whatever was signed */
static void verify_asked(char **words)
{
    uint8_t signature[1024];
    size_t length = 0;
    const struct auth_key *key = auth_keys_find(keys, words[1]);
    bool valid = key != NULL && base64url_read(words[3], strlen(words[3]), signature, sizeof signature, &length) &&
                 jwt_signature_is_valid(key, words[2], strlen(words[2]), signature, length);
    puts(valid ? "valid" : "invalid");
}

static struct request_to_sign request_of(char **words, uint8_t *body)
{
    size_t length = strlen(words[3]) / 2;
    bool good = text_unhex(body, length, words[3]);
    return (struct request_to_sign){words[0], words[1], strcmp(words[2], "-") != 0 ? words[2] : NULL, body, good ? length : 0};
}

/* request NOW WINDOW METHOD PATH QUERY|- BODY_HEX HEADER */
static void request_asked(char **words)
{
    static uint8_t body[65536];
    struct request_to_sign request = request_of(words + 3, body);
    struct request_settings settings = {.window_ms = atoll(words[2]), .nonces_max = 100};
    struct request_identity identity;
    struct nonce_claim nonce;
    struct problem problem = {0};
    if (request_signature_check(keys, &settings, words[7], strlen(words[7]), &request, atoll(words[1]), &identity, &nonce, &problem) == DROVER_OK)
        printf("ok\t%s\t%s\t%s\t%s\t%lld\n", identity.subject, identity.key_id, auth_role_name(identity.role), nonce.name, (long long)nonce.keep_ms);
    else
        refused_print(&problem);
}

/* canonical METHOD PATH QUERY|- BODY_HEX KEY SUBJECT TIMESTAMP NONCE: the text in hex */
static void canonical_asked(char **words)
{
    static uint8_t body[65536];
    struct request_to_sign request = request_of(words + 1, body);
    struct request_signature signature = {.timestamp_ms = atoll(words[7])};
    struct problem problem = {0};
    struct buffer text;
    buffer_init(&text, 0);
    (void)text_copy(signature.key_id, sizeof signature.key_id, words[5]);
    (void)text_copy(signature.subject, sizeof signature.subject, words[6]);
    (void)text_copy(signature.nonce, sizeof signature.nonce, words[8]);
    if (request_canonical_add(&request, &signature, &text, &problem) == DROVER_OK) {
        for (size_t i = 0; i < text.length; i++)
            printf("%02x", (unsigned char)text.bytes[i]);
        putchar('\n');
    } else {
        refused_print(&problem);
    }
    buffer_done(&text);
}

static void reload_asked(char **words)
{
    struct problem problem = {0};
    (void)words;
    if (auth_ring_reload(ring, &problem) != DROVER_OK) {
        refused_print(&problem);
        return;
    }
    (void)auth_ring_renew(ring, &keys);
    printf("ok\t%u\n", auth_keys_count(keys));
}

static void counters_asked(char **words)
{
    struct jwt_counters counters = jwt_checker_counters(checker);
    (void)words;
    printf("%llu\t%llu\t%llu\n", (unsigned long long)counters.checked, (unsigned long long)counters.remembered, (unsigned long long)counters.refused);
}

static const struct { const char *name; unsigned words; void (*asked)(char **words); } commands[] = {
    {"jwt", 3, jwt_asked},             {"verify", 4, verify_asked}, {"request", 8, request_asked},
    {"canonical", 9, canonical_asked}, {"reload", 1, reload_asked}, {"counters", 1, counters_asked},
};

static void line_answer(char *line)
{
    char *words[WORDS_MAX];
    unsigned count = 0;
    for (char *word = strsep(&line, "\t"); word != NULL && count < WORDS_MAX; word = strsep(&line, "\t"))
        words[count++] = word;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(words[0], commands[i].name) == 0 && count == commands[i].words) {
            commands[i].asked(words);
            return;
        }
    puts("what?");
}

int main(int argc, char **argv)
{
    struct problem problem = {0};
    char *line = NULL;
    size_t size = 0;
    if (argc != 4)
        return 2;
    if (auth_ring_new(argv[1], &ring, &problem) != DROVER_OK) {
        refused_print(&problem);
        return 1;
    }
    (void)auth_ring_renew(ring, &keys);
    if (jwt_checker_new(ring, &(struct jwt_settings){atoll(argv[2]), (unsigned)atoi(argv[3])}, &checker) != DROVER_OK)
        return 1;
    puts("ready");
    fflush(stdout);
    for (ssize_t length = getline(&line, &size, stdin); length > 0; length = getline(&line, &size, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        line_answer(line);
        fflush(stdout);
    }
    free(line);
    jwt_checker_free(checker);
    auth_keys_free(keys);
    auth_ring_free(ring);
    return 0;
}
