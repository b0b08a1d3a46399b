/* Back end `swupdate`: SWUpdate (swupdate.org) writes the other slot; the switch is made with U-Boot's boot counter. Command lines as in
 * swupdate(1); software sets stable,copy-1 and stable,copy-2 stand for slots a and b, as in its manual's chapter on dual copies. Variables as in
 * U-Boot's manual, "Boot Count Limit": bootcount, bootlimit, upgrade_available; drover_slot is what bootcmd boots and altbootcmd turns round.
 *
 * SWUpdate's own marks in the environment (-M, -m) are left out: the slot it writes is not booted before the switch. */
#include "agent/slots_backend.h"

/* fw_setenv writes all lines of a script at once, into the older of two redundant environments. What stands there already is not written again:
 * a confirmation comes after every boot, and flash wears. */
#define STAY_WITH                                                                                               \
    "if [ \"$(fw_printenv -n drover_slot) $(fw_printenv -n upgrade_available)\" != \"$DROVER_SLOT 0\" ]; then\n" \
    "printf 'drover_slot %s\\nupgrade_available 0\\nbootcount 0\\n' \"$DROVER_SLOT\" | fw_setenv -s -\n"         \
    "fi"

static const struct slots_preset preset = {
    .suffix = ".swu",
    .install = "case $DROVER_SLOT in a) copy=copy-1;; *) copy=copy-2;; esac\n"
               "if [ -e /etc/swupdate.cfg ]; then set -- -f /etc/swupdate.cfg; fi\n"
               "exec swupdate \"$@\" -M -m -e \"stable,$copy\" -i \"$DROVER_IMAGE\"",
    .switch_to = "printf 'drover_slot %s\\nupgrade_available 1\\nbootcount 0\\nbootlimit %s\\n' \"$DROVER_SLOT\" \"$DROVER_TRIES\" | fw_setenv -s -",
    .confirm = STAY_WITH,
    .back = STAY_WITH,
};

const struct slots_backend slots_swupdate = {
    .name = "swupdate",
    .exact_size = true,
    .preset = &preset,
    .open = script_open,
    .open_part = script_open_part,
    .open_base = script_open_base,
    .settle = script_settle,
    .switch_to = script_switch,
    .confirm = script_confirm,
    .back = script_back,
    .discard = script_discard,
};
