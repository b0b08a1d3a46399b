/* The usual rows of a table of settings. A file with such a table says first of which struct: #define SETTINGS_OF struct daemon_settings */
#pragma once

#include <stddef.h>

#include "common/settings.h"

#define AT(member) offsetof(SETTINGS_OF, member), sizeof(((SETTINGS_OF *)0)->member)
#define TEXT(name, member, fallback, help) {name, SETTING_TEXT, AT(member), 0, 0, NULL, fallback, false, false, "", help}
/* A text that may not be empty. */
#define NEEDED(name, member, fallback, help) {name, SETTING_TEXT, AT(member), 1, (int64_t)sizeof(((SETTINGS_OF *)0)->member) - 1, NULL, fallback, false, false, "", help}
#define NUMBER(name, member, min, max, fallback, unit, help) {name, SETTING_INTEGER, AT(member), min, max, NULL, fallback, false, false, unit, help}
/* A number that SIGHUP changes. */
#define RELOAD(name, member, min, max, fallback, unit, help) {name, SETTING_INTEGER, AT(member), min, max, NULL, fallback, true, false, unit, help}
#define CHOICE(name, member, choices, fallback, help) {name, SETTING_CHOICE, AT(member), 0, 0, choices, fallback, false, false, "", help}
#define SWITCH(name, member, fallback, help) {name, SETTING_BOOL, AT(member), 0, 0, NULL, fallback, false, false, "", help}
