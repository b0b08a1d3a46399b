/* Recipients as bytes of a package, and the methods there are. */
#include <endian.h>
#include <string.h>

#include "firmware/key_agree.h"
#include "firmware/key_wrap.h"
#include "firmware/recipient.h"

/* The lengths of a method are fixed, but for RSA-OAEP's, which is the key's (256, 384 or 512). */
static const struct method {
    uint16_t number;
    uint16_t ephemeral_bytes;
    uint16_t wrapped_bytes;
    const char *name;
} methods[] = {
    {RECIPIENT_AES_KW,    0,                  WRAPPED_KEY_BYTES, "aes-kw"},
    {RECIPIENT_ECDH_P256, P256_POINT_BYTES,   WRAPPED_KEY_BYTES, "ecdh-p256"},
    {RECIPIENT_X25519,    X25519_POINT_BYTES, WRAPPED_KEY_BYTES, "x25519"},
    {RECIPIENT_RSA_OAEP,  0,                  0,                 "rsa-oaep"},
};

static const struct method *method_find(uint16_t number)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (methods[i].number == number)
            return &methods[i];
    return NULL;
}

const char *recipient_method_name(uint16_t method)
{
    const struct method *found = method_find(method);

    return found ? found->name : "unknown";
}

bool recipient_lengths_fit(const struct recipient *recipient)
{
    const struct method *method = method_find(recipient->method);

    if (!method)
        return recipient->ephemeral_bytes <= RECIPIENT_EPHEMERAL_MAX && recipient->wrapped_bytes <= RECIPIENT_WRAPPED_MAX;
    if (recipient->ephemeral_bytes != method->ephemeral_bytes)
        return false;
    if (method->wrapped_bytes)
        return recipient->wrapped_bytes == method->wrapped_bytes;
    return recipient->wrapped_bytes == 256 || recipient->wrapped_bytes == 384 || recipient->wrapped_bytes == 512;
}

static uint8_t *put16(uint8_t *at, uint16_t value)
{
    value = htole16(value);
    return mempcpy(at, &value, sizeof value);
}

size_t recipient_section_write(const struct recipient *recipient, uint8_t ret_bytes[RECIPIENT_SECTION_MAX])
{
    uint8_t *at = put16(ret_bytes, recipient->method);

    at = put16(at, 0);
    at = mempcpy(at, recipient->key_id, KEY_ID_BYTES);
    at = put16(at, recipient->ephemeral_bytes);
    at = mempcpy(at, recipient->ephemeral, recipient->ephemeral_bytes);
    at = put16(at, recipient->wrapped_bytes);
    at = mempcpy(at, recipient->wrapped, recipient->wrapped_bytes);
    return (size_t)(at - ret_bytes);
}

/* What is left of the section; every take is checked against it. */
struct rest {
    const uint8_t *at;
    size_t left;
};

static bool take(struct rest *rest, void *ret_bytes, size_t length)
{
    if (length > rest->left)
        return false;
    memcpy(ret_bytes, rest->at, length);
    rest->at += length;
    rest->left -= length;
    return true;
}

static bool take16(struct rest *rest, uint16_t *ret_value)
{
    uint16_t value;

    if (!take(rest, &value, sizeof value))
        return false;
    *ret_value = le16toh(value);
    return true;
}

static bool take_field(struct rest *rest, uint8_t *ret_bytes, size_t room, uint16_t *ret_length)
{
    return take16(rest, ret_length) && *ret_length <= room && take(rest, ret_bytes, *ret_length);
}

enum error_code recipient_section_read(const uint8_t *bytes, size_t length, struct recipient *ret, struct problem *ret_problem)
{
    struct recipient recipient = {0};
    struct rest rest = {bytes, length};
    uint16_t zero = 0;
    bool adds_up = take16(&rest, &recipient.method) && take16(&rest, &zero) && take(&rest, recipient.key_id, KEY_ID_BYTES)
                   && take_field(&rest, recipient.ephemeral, sizeof recipient.ephemeral, &recipient.ephemeral_bytes)
                   && take_field(&rest, recipient.wrapped, sizeof recipient.wrapped, &recipient.wrapped_bytes) && rest.left == 0;

    if (!adds_up)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "recipient", "the lengths inside its %zu bytes do not add up", length);
    if (zero != 0)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "recipient", "its reserved field is %u, not 0", zero);
    if (!recipient_lengths_fit(&recipient))
        return package_refuse(ret_problem, E_INCOMPATIBLE, "recipient", "%u and %u bytes do not fit the method %s", recipient.ephemeral_bytes,
                              recipient.wrapped_bytes, recipient_method_name(recipient.method));
    *ret = recipient;
    return E_NONE;
}
