/* Back end `rauc`: RAUC (rauc.io) writes the slots and keeps the boot counter; Drover brings the bundle and decides when to switch. Command lines as
 * in rauc(1) and RAUC's manual, "Using RAUC": install, status mark-{good,active} [booted|other].
 *
 * `rauc install` makes the new slot the next one unless system.conf says activate-installed=false; here switching is a step of its own, so what
 * runs is made the next one again. RAUC itself marks the slot bad before it writes, so a torn slot is never booted. */
#include "agent/slots_backend.h"

static const struct slots_preset preset = {
    .suffix = ".raucb",
    .install = "rauc install \"$DROVER_IMAGE\" && rauc status mark-active booted",
    .switch_to = "rauc status mark-active other",
    .confirm = "rauc status mark-good booted",
    .back = "if [ \"$DROVER_SLOT\" = \"$DROVER_RUNNING\" ]; then rauc status mark-active booted; else rauc status mark-active other; fi",
};

const struct slots_backend slots_rauc = {
    .name = "rauc",
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
