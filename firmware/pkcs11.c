/* The pkcs11 engine of libp11, loaded once a process. OpenSSL 3.0 calls the ENGINE interface deprecated, but Debian 12 has no PKCS#11
 * provider: this file alone asks for the declarations of 1.1.1. Engine and module stay loaded until the process ends, because keys point into them. */
#define OPENSSL_API_COMPAT 0x10101000L
#define OPENSSL_SUPPRESS_DEPRECATED

#include "firmware/pkcs11.h"

#include <openssl/crypto.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "firmware/key_internal.h"

#define URI_SIZE 1024
#define PIN_SIZE 256

/* A URI taken apart: what the engine is to see, and what is for us. The engine knows no module-path, and must not look for a PIN by itself. */
struct uri {
    char object[URI_SIZE];        /* without module-path and PIN */
    char module[URI_SIZE];        /* "": not named */
    char pin[PIN_SIZE];           /* of pin-value */
    char pin_file[URI_SIZE];      /* of pin-source */
    char token[64];
};

static pthread_mutex_t engine_lock = PTHREAD_MUTEX_INITIALIZER;
static ENGINE *engine;
static char engine_module[URI_SIZE];

static bool percent_decode(const char *text, size_t length, char *ret, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (c == '%') {
            const char digits[3] = {i + 1 < length ? text[i + 1] : '\0', i + 2 < length ? text[i + 2] : '\0', '\0'};

            if (!text_unhex(&c, 1, digits))
                return false;
            i += 2;
        }
        if (c == '\0' || used + 1 >= size)
            return false;
        ret[used++] = c;
    }
    ret[used] = '\0';
    return true;
}

static bool attribute_is(const char *attribute, size_t length, const char *name)
{
    return length > strlen(name) && memcmp(attribute, name, strlen(name)) == 0 && attribute[strlen(name)] == '=';
}

/* True when the attribute was ours and is taken out of the URI. *ret_good: its value could be used. */
static bool attribute_take(const char *attribute, size_t length, struct uri *uri, bool *ret_good)
{
    const struct {
        const char *name;
        char *value;
        size_t size;
        bool stays;
    } known[] = {{"module-path", uri->module, sizeof uri->module, false},
                 {"pin-value", uri->pin, sizeof uri->pin, false},
                 {"pin-source", uri->pin_file, sizeof uri->pin_file, false},
                 {"token", uri->token, sizeof uri->token, true}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (attribute_is(attribute, length, known[i].name)) {
            size_t skip = strlen(known[i].name) + 1;

            *ret_good = percent_decode(attribute + skip, length - skip, known[i].value, known[i].size);
            return !known[i].stays;
        }
    return false;
}

static bool uri_read(const char *text, struct uri *ret_uri)
{
    size_t used = strlen(PKCS11_SCHEME);
    const char *at = text + used;
    char value[URI_SIZE];
    bool good = true;

    *ret_uri = (struct uri){0};
    memcpy(ret_uri->object, PKCS11_SCHEME, used);
    while (good && *at) {
        size_t length = strcspn(at, ";?&");

        good = percent_decode(at, length, value, sizeof value);
        if (good && !attribute_take(at, length, ret_uri, &good) && length > 0) {
            int added = snprintf(ret_uri->object + used, sizeof ret_uri->object - used, "%s%.*s", used > strlen(PKCS11_SCHEME) ? ";" : "", (int)length, at);

            good = good && added > 0 && (size_t)added < sizeof ret_uri->object - used;
            used += good ? (size_t)added : 0;
        }
        at += length + (at[length] != '\0');
    }
    OPENSSL_cleanse(value, sizeof value); /* it may have been a PIN */
    return good && used > strlen(PKCS11_SCHEME);
}

/* pin-source is a path or file:PATH; the PIN is the file's first line. */
static bool pin_from_file(const char *source, char *ret, size_t size)
{
    FILE *file = fopen(strncmp(source, "file:", 5) == 0 ? source + (strncmp(source, "file://", 7) == 0 ? 7 : 5) : source, "re");
    bool good;

    if (!file)
        return false;
    (void)setvbuf(file, NULL, _IONBF, 0); /* no copy of the PIN in a buffer of stdio's */
    good = fgets(ret, (int)size, file) != NULL;
    (void)fclose(file);
    ret[good ? strcspn(ret, "\r\n") : 0] = '\0';
    return good && ret[0] != '\0';
}

static bool pin_find(struct uri *uri, const struct key_secret *secret)
{
    char what[96];

    if (uri->pin[0])
        return true;
    if (uri->pin_file[0])
        return pin_from_file(uri->pin_file, uri->pin, sizeof uri->pin);
    (void)snprintf(what, sizeof what, "PIN of token %s", uri->token[0] ? uri->token : "(any)");
    return secret && secret->ask && secret->ask(secret->arg, what, uri->pin, sizeof uri->pin);
}

static bool engine_start(ENGINE *new_engine, const char *module)
{
    (void)ENGINE_ctrl_cmd_string(new_engine, "QUIET", NULL, 1);
    return (module[0] == '\0' || ENGINE_ctrl_cmd_string(new_engine, "MODULE_PATH", module, 0) == 1) && ENGINE_init(new_engine) == 1;
}

/* With the lock held. */
static enum drover_error engine_need(const char *module, const char *where, struct problem *ret_problem)
{
    ENGINE *new_engine;

    if (engine && strcmp(module, engine_module) != 0)
        return problem_set(ret_problem, DROVER_CONFLICT, where, "another PKCS#11 module is in use: %s", engine_module[0] ? engine_module : "p11-kit's");
    if (engine)
        return DROVER_OK;
    if (module[0] && access(module, R_OK) != 0)
        return problem_set(ret_problem, DROVER_UNAVAILABLE, where, "no PKCS#11 module %s", module);
    new_engine = ENGINE_by_id("pkcs11");
    if (!new_engine)
        return problem_set(ret_problem, DROVER_UNAVAILABLE, where, "OpenSSL has no pkcs11 engine (Debian: libengine-pkcs11-openssl)");
    if (!engine_start(new_engine, module)) {
        ENGINE_free(new_engine);
        return problem_set(ret_problem, DROVER_UNAVAILABLE, where, "the PKCS#11 module %s cannot be used", module);
    }
    engine = new_engine;
    (void)text_copy(engine_module, sizeof engine_module, module);
    return DROVER_OK;
}

/* Instead of OpenSSL's own method, which would ask on the terminal. */
static int ui_refuse(UI *ui, UI_STRING *string)
{
    (void)ui;
    (void)string;
    return 0;
}

/* A module that could not be loaded must not stand in the way of the right one. */
static void engine_drop(void)
{
    (void)ENGINE_finish(engine);
    (void)ENGINE_free(engine);
    engine = NULL;
}

static EVP_PKEY *load(const struct uri *uri, bool have_pin)
{
    UI_METHOD *method = UI_create_method("drover: no terminal");
    EVP_PKEY *evp = NULL;

    if (method && UI_method_set_reader(method, ui_refuse) == 0 && (!have_pin || ENGINE_ctrl_cmd_string(engine, "PIN", uri->pin, 0) == 1))
        evp = ENGINE_load_private_key(engine, uri->object, method, NULL);
    UI_destroy_method(method);
    return evp;
}

/* What the libraries' queue of errors means, its oldest entry first; the engine's own last word is always the same. */
static const struct {
    const char *library;
    const char *reason;
    enum drover_error error;
    const char *what;
} reasons[] = {
    {"PKCS#11 module", "PIN incorrect", DROVER_REFUSED, "wrong PIN"},
    {"PKCS#11 module", "PIN invalid", DROVER_REFUSED, "wrong PIN"},
    {"PKCS#11 module", "Invalid PIN length", DROVER_REFUSED, "wrong PIN"},
    {"PKCS#11 module", "PIN expired", DROVER_REFUSED, "the PIN has expired"},
    {"PKCS#11 module", "PIN locked", DROVER_REFUSED, "the PIN is locked"},
    {"PKCS#11 module", "User pin not initialized", DROVER_REFUSED, "the token has no user PIN yet"},
    {"UI routines", "processing error", DROVER_REFUSED, "the token needs a PIN, and there is none"},
    {"libp11", "Unable to load PKCS#11 module", DROVER_UNAVAILABLE, "the PKCS#11 module cannot be loaded"},
    {"pkcs11 engine", "object not found", DROVER_NOT_FOUND, "no such private key (libp11 0.4.12 sees none in a token that holds an Ed25519 key)"},
};

static enum drover_error load_failed(const char *where, struct problem *ret_problem)
{
    unsigned long code;

    while ((code = ERR_get_error()) != 0) {
        const char *library = ERR_lib_error_string(code), *reason = ERR_reason_error_string(code);

        for (size_t i = 0; library && reason && i < sizeof reasons / sizeof reasons[0]; i++)
            if (strcmp(library, reasons[i].library) == 0 && strcmp(reason, reasons[i].reason) == 0)
                return problem_set(ret_problem, reasons[i].error, where, "%s", reasons[i].what);
    }
    return problem_set(ret_problem, DROVER_UNAVAILABLE, where, "the token gave no key");
}

enum drover_error pkcs11_key_open(const char *text, const struct key_secret *secret, struct private_key **ret_key, struct problem *ret_problem)
{
    static const char where[] = "pkcs11";
    const char *module;
    struct uri uri;
    enum drover_error error;
    EVP_PKEY *evp = NULL;
    bool have_pin;

    if (!uri_read(text, &uri)) {
        OPENSSL_cleanse(&uri, sizeof uri);
        return problem_set(ret_problem, DROVER_SYNTAX, where, "not a PKCS#11 URI that can be used (RFC 7512)");
    }
    module = uri.module[0] ? uri.module : getenv("PKCS11_MODULE_PATH");
    have_pin = pin_find(&uri, secret);
    (void)pthread_mutex_lock(&engine_lock);
    error = engine_need(module ? module : "", where, ret_problem);
    if (!error)
        evp = load(&uri, have_pin);
    if (!error && !evp) {
        error = load_failed(where, ret_problem);
        if (error == DROVER_UNAVAILABLE)
            engine_drop();
    }
    (void)pthread_mutex_unlock(&engine_lock);
    OPENSSL_cleanse(&uri, sizeof uri);
    ERR_clear_error();
    return error ? error : private_key_take(evp, true, where, ret_key, ret_problem);
}
