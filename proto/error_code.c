/* Names, texts and retry classes of error codes, all from error_code.def. */
#include "proto/error_code.h"

#include <string.h>

static const struct {
    const char *name, *text;
    enum error_class class;
} codes[ERROR_CODE_COUNT] = {
    [E_NONE] = {"", "no error", CLASS_NONE},
#define CODE(name, class, text) [name] = {#name, (text), CLASS_##class},
#include "proto/error_code.def"
#undef CODE
};

/* A number from outside the enum is a mistake of this program, and read as such. */
static enum error_code known(enum error_code code)
{
    return (unsigned)code < ERROR_CODE_COUNT ? code : E_INTERNAL;
}

const char *error_code_name(enum error_code code)
{
    return codes[known(code)].name;
}

const char *error_code_text(enum error_code code)
{
    return codes[known(code)].text;
}

enum error_class error_code_class(enum error_code code)
{
    return codes[known(code)].class;
}

bool error_code_read(const char *name, enum error_code *ret)
{
    for (unsigned i = 0; i < ERROR_CODE_COUNT; i++)
        if (strcmp(codes[i].name, name) == 0) {
            *ret = (enum error_code)i;
            return true;
        }
    return false;
}
