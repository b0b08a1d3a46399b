/* Error codes of an upgrade and their retry classes, from error_code.def. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum error_class { CLASS_NONE, CLASS_TRANSIENT, CLASS_PERMANENT, CLASS_BUSY };

enum error_code {
    E_NONE,
#define CODE(name, class, text) name,
#include "proto/error_code.def"
#undef CODE
    ERROR_CODE_COUNT
};

const char *error_code_name(enum error_code code);    /* "E_SHA256"; "" for E_NONE */
const char *error_code_text(enum error_code code);
enum error_class error_code_class(enum error_code code);
/* False, with *ret untouched, when name is no code. "" is E_NONE. */
bool error_code_read(const char *name, enum error_code *ret);
