/* Back end `swupdate`: SWUpdate (swupdate.org) writes the other slot; the switch is made with U-Boot's boot counter. Command lines as in
 * swupdate(1); software sets stable,copy-1 and stable,copy-2 stand for slots a and b. bootcount, bootlimit and upgrade_available as in U-Boot's
 * manual, "Boot Count Limit"; bootcmd boots drover_slot, and altbootcmd makes drover_good the drover_slot again.
 *
 * As measured with 2022.12: one run in four of those that succeed ends with exit code 1 all the same, so its word counts (-l 3: it is said). Its last lines
 * speak of success after a failure, too; the first error is the reason, and is said once more. It syncs nothing of what it wrote.
 *
 * SWUpdate's own marks in the environment (-M, -m) are left out: the slot it writes is not booted before the switch. */
#include "agent/slots_backend.h"

/* One variable at a time, because scripts for fw_setenv -s are read differently by U-Boot's tool and by libubootenv's. What stands there already is
 * not written again: a confirmation comes after every boot, and flash wears. */
#define SET "set_to() { [ \"$(fw_printenv -n \"$1\" 2>/dev/null)\" = \"$2\" ] || fw_setenv \"$1\" \"$2\"; }\n"

/* After each line the device boots a whole slot: first where to fall back to, then where to go, then no more counting. */
#define STAY_WITH \
    SET "set_to drover_good \"$DROVER_SLOT\" && set_to drover_slot \"$DROVER_SLOT\" && set_to upgrade_available 0 && set_to bootcount 0"

static const struct slots_preset preset = {
    .suffix = ".swu",
    .install = "case $DROVER_SLOT in a) copy=copy-1;; *) copy=copy-2;; esac\n"
               "if [ -e /etc/swupdate.cfg ]; then set -- -f /etc/swupdate.cfg; fi\n"
               "said=$(swupdate \"$@\" -l 3 -M -m -e \"stable,$copy\" -i \"$DROVER_IMAGE\" 2>&1) && failed=0 || failed=$?\n"
               "printf '%s\\n' \"$said\"\n"
               "case $said in *'[ERROR]'*) ;; *'SWUPDATE successful !'*) failed=0;; esac\n"
               "if [ $failed = 0 ]; then exec sync; fi\n"
               "printf '%s\\n' \"$said\" | sed -n 's/^\\[ERROR\\].* ERROR *: *//p' | head -n 1\n"
               "case $said in *'not compatible with hardware'*) exit 65;; *) exit 1;; esac",
    .switch_to = SET "set_to drover_good \"$DROVER_RUNNING\" && set_to bootlimit \"$DROVER_TRIES\" && set_to bootcount 0 &&\n"
                     "set_to upgrade_available 1 && set_to drover_slot \"$DROVER_SLOT\"",
    .confirm = STAY_WITH,
    .back = STAY_WITH,
};

const struct slots_backend slots_swupdate = {
    .name = "swupdate",
    .exact_size = true,
    .preset = &preset,
    .calls = &script_calls,
};
