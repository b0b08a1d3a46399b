/* Back end `rauc`: RAUC (rauc.io) writes the slots and keeps the boot counter; Drover brings the bundle and decides when to switch. Command lines as
 * in rauc(1) and RAUC's manual, "Using RAUC": install, status mark-{good,active} [booted|other].
 *
 * `rauc install` makes the new slot the next one unless system.conf says activate-installed=false; here switching is a step of its own, so what
 * runs is made the next one again. The line with the reason is not RAUC's last one, so it is said once more. RAUC itself marks the slot bad before it writes, so a torn slot is never booted. */
#include "agent/slots_backend.h"

static const struct slots_preset preset = {
    .suffix = ".raucb",
    .install = "said=$(rauc install \"$DROVER_IMAGE\" 2>&1) && failed=0 || failed=$?\n"
               "printf '%s\\n' \"$said\"\n"
               "if [ $failed != 0 ]; then printf '%s\\n' \"$said\" | sed -n 's/^LastError: *//p'; fi\n"
               "case $failed,$said in 0,*) ;; *'Compatible mismatch'*) exit 65;; *) exit 1;; esac\n"
               "rauc status mark-active booted",
    .switch_to = "rauc status mark-active other",
    .confirm = "rauc status mark-good booted",
    .back = "if [ \"$DROVER_SLOT\" = \"$DROVER_RUNNING\" ]; then rauc status mark-active booted; else rauc status mark-active other; fi",
};

const struct slots_backend slots_rauc = {
    .name = "rauc",
    .exact_size = true,
    .preset = &preset,
    .calls = &script_calls,
};
