/* What `drover` can do, in one table, and the few ways to look something up in it. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"

/* The names of the contract (docs of the upgrade's states); a test compares them with the state machine. */
#define UPGRADE_STATES                                                                                     \
    "none|pending|dispatched|acknowledged|downloading|installing|verifying|retry_wait|held|rolling_back|lost|succeeded|" \
    "rolled_back|failed|rejected|cancelled|superseded"

static const struct option_row option_rows[OPTION_COUNT] = {
#define OPTION(id, letter, name, placeholder, kind, most, min, max, choices, help) \
    [OPT_##id] = {letter, name, placeholder, OPTION_##kind, most, min, max, choices, help},
#include "cli/options.def"
#undef OPTION
};

#define O(id) OPT_##id

static const struct command command_rows[] = {
    {"release", "add", "PACKAGE", {O(DELTA)}, false, cmd_release_add,
     "upload a package and make it a release of its model",
     "Model and version are the package's own. It goes up in parts of 4 MiB; when the connection breaks, or the command is run "
     "again, the upload goes on where the server has stopped reading. The server verifies the package against its trust "
     "document and refuses what does not prove itself (exit code 9); that is waited for, up to --timeout or 30 minutes. A release "
     "that exists with the same content is no error. Of a ZIP bundle the package inside is uploaded.",
     "drover release add esp32-1.1.0.dfw --delta esp32-1.0.0-to-1.1.0.dfw"},
    {"release", "list", "", {O(MODEL)}, false, cmd_release_list, "list the releases", "", "drover release list --model esp32"},
    {"release", "show", "MODEL VERSION", {0}, false, cmd_release_show, "show one release with its deltas", "",
     "drover release show esp32 1.1.0"},

    {"package", "create", "OUT",
     {O(MODEL), O(VERSION), O(COMPONENT), O(HW_REV), O(MIN_VERSION), O(RELEASE_COUNTER), O(BUILD_TIME), O(EXPIRES_IN), O(EXPIRES_AT),
         O(CHUNK_SIZE), O(ZSTD_LEVEL), O(KEY), O(ALGORITHM), O(TRUST_UPDATE), O(PASSPHRASE_FILE), O(FORCE)},
     true, cmd_package_create, "make a package of images, and sign it when keys are given",
     "Images are compressed with zstd, cut into chunks, and every digest goes into the manifest that is signed. A component that "
     "zstd does not make smaller is stored as it is. The same images, options and build time give the same bytes.",
     "drover package create esp32-1.1.0.dfw --model esp32 --version 1.1.0 --component rootfs=rootfs.squashfs,compression=none --component kernel=vmlinuz --key release.pem\n"
     "drover package create gw.dfw --model gateway --version 2.0.0 --component app=app.bin --hw-rev b1 --min-version 1.4.0 --expires-in 365d"},
    {"package", "sign", "PACKAGE [OUT]", {O(KEY), O(ALGORITHM), O(TRUST_UPDATE), O(DELTA_ONLY), O(PASSPHRASE_FILE), O(FORCE)}, true, cmd_package_sign,
     "add signatures to a package, in place or as OUT",
     "The private keys are used here and go nowhere; a key that has signed already replaces its signature. In a delta package the manifest and "
     "the description are signed. With --trust-update the package carries a newer trust document to the devices, which adopt it when their "
     "present root keys have signed it.",
     "drover package sign esp32-1.1.0.dfw --key release.pem --algorithm rsa-pkcs1-sha256\n"
     "drover package sign esp32-1.1.0.dfw --key 'pkcs11:token=releases;object=release-2026'"},
    {"package", "verify", "PACKAGE",
     {O(TRUST), O(PUBLIC_KEY), O(MODEL), O(HW_REV), O(CURRENT_VERSION), O(CURRENT_COUNTER), O(MANIFEST_SHA256), O(DEVICE), O(ROLLOUT), O(PERMIT),
         O(NOW), O(DECRYPT_KEY), O(PASSPHRASE_FILE)},
     true, cmd_package_verify, "check a package as a device would, and show each check",
     "PACKAGE may be - for standard input: it is checked as it comes, in bounded memory. What a device would know is given by options; what is not "
     "given is not looked at. A package that is refused ends in exit code 9.",
     "drover package verify esp32-1.1.0.dfw --trust trust.json --model esp32 --current-version 1.0.0\n"
     "curl -s https://depot/esp32.dfw | drover package verify - --public-key release.pub"},
    {"package", "inspect", "PACKAGE", {0}, true, cmd_package_inspect, "show what a package says of itself, and its layout to scale",
     "Nothing is proved by that. With -o json everything is printed, the documents too.", "drover package inspect esp32-1.1.0.dfw"},
    {"package", "extract", "PACKAGE DIR", {O(TRUST), O(PUBLIC_KEY), O(ONLY), O(DOCUMENTS), O(DECRYPT_KEY), O(PASSPHRASE_FILE), O(FORCE)}, true, cmd_package_extract,
     "write a package's images, or its documents and signatures, as plain files",
     "Images are NAME.img; patches of a delta package NAME.bsdiff and NAME.zst. With --documents: meta.json, delta.json, trust.jws, and each signature "
     "as DOCUMENT.KEY.sig, where KEY is the first 16 digits of the key's id, so that openssl can check them. Digests are checked, signatures with "
     "--trust or --public-key. PACKAGE may be - for standard input.",
     "drover package extract esp32-1.1.0.dfw images --trust trust.json\ndrover package extract esp32-1.1.0.dfw signed --documents"},
    {"package", "delta", "OLD NEW OUT",
     {O(KEY), O(ALGORITHM), O(MIN_SAVING), O(THREADS), O(MEMORY_MAX), O(DECRYPT_KEY), O(FORMAT), O(PASSPHRASE_FILE), O(FORCE)}, true, cmd_package_delta,
     "make the delta package from OLD to NEW, or a bare patch between two files",
     "Each component is compared with bsdiff and with zstd, and the smaller result is kept. The manifest and its signatures are those of NEW; --key signs the "
     "description of the delta. When it saves less than --min-saving nothing is written (exit code 10). With --format OLD and NEW are plain files and OUT "
     "is what bspatch (bsdiff40) or zstd --patch-from (zstd) reads.",
     "drover package delta esp32-1.0.0.dfw esp32-1.1.0.dfw esp32-1.0.0-to-1.1.0.dfw --key delta.pem\ndrover package delta --format bsdiff40 old.img new.img patch"},
    {"package", "apply", "PACKAGE OUT", {O(BASE), O(TRUST), O(PUBLIC_KEY), O(JOURNAL), O(DECRYPT_KEY), O(PASSPHRASE_FILE), O(FORCE)}, true, cmd_package_apply,
     "write the images that a device would flash, from a package and what it has",
     "For a delta package --base says what the device has. The base's digest is checked first, the image's last. OUT is a folder and gets NAME.img files; for a "
     "bare patch it is the new file. With --journal an interrupted apply of a package goes on where it stopped. PACKAGE may be - for standard input.",
     "drover package apply esp32-1.0.0-to-1.1.0.dfw new --base old --trust trust.json\ndrover package apply patch new.img --base old.img"},
    {"package", "encrypt", "PACKAGE OUT", {O(RECIPIENT), O(MODEL_KEY), O(DECRYPT_KEY), O(PASSPHRASE_FILE), O(FORCE)}, true, cmd_package_encrypt,
     "encrypt a package for devices or for a model",
     "Manifest and signatures stay as they are: they are about the images, not about how these travel. A package that is encrypted already gets further "
     "recipients; --decrypt-key must open it then.",
     "drover package encrypt esp32-1.1.0.dfw secret.dfw --model-key esp32.key --recipient device-17.pub"},
    {"package", "decrypt", "PACKAGE OUT", {O(DECRYPT_KEY), O(PASSPHRASE_FILE), O(FORCE)}, true, cmd_package_decrypt, "take the encryption off a package",
     "The result is, byte for byte, the package that was encrypted.", "drover package decrypt secret.dfw esp32-1.1.0.dfw --decrypt-key esp32.key"},
    {"package", "bundle", "PACKAGE OUT", {O(FORCE)}, true, cmd_package_bundle, "put a package and its meta.json into a plain ZIP",
     "Every command that takes a package takes the ZIP too.", "drover package bundle esp32-1.1.0.dfw esp32-1.1.0.zip"},

    {"key", "generate", "OUT", {O(TYPE), O(PUBLIC), O(PASSPHRASE), O(PASSPHRASE_FILE), O(FORCE)}, true, cmd_key_generate,
     "make a key pair, or a model key",
     "The private key is written as PEM (PKCS#8), readable by its owner alone.",
     "drover key generate --type rsa-2048 --passphrase release.pem --public release.pub\ndrover key generate --type model esp32.key"},
    {"key", "list", "", {O(TRUST)}, true, cmd_key_list, "show a trust document", "", "drover key list --trust trust.json"},
    {"key", "trust", "[PUBKEY]",
     {O(TRUST), O(ROLE), O(NAME), O(NOT_BEFORE), O(NOT_AFTER), O(THRESHOLD), O(EXPIRES_IN), O(EXPIRES_AT), O(SIGN_WITH), O(PASSPHRASE_FILE), O(FORCE)}, true, cmd_key_trust,
     "add a public key to a trust document, or change its thresholds",
     "The document is made when it is not there, and its version rises with each change. Once it has root keys, a change is taken only when enough of the "
     "present ones have signed it (--sign-with), as devices and servers demand. --expires-in and --expires-at are the document's, --not-after is the key's. "
     "A key that is there already gets a new entry only with --force, which ends a revocation too.",
     "drover key trust --trust trust.json release.pub --role package --name release-2026\n"
     "drover key trust --trust trust.json new.pub --role package --threshold package=2 --sign-with root.pem"},
    {"key", "revoke", "KEYID", {O(TRUST), O(WHY), O(SIGN_WITH), O(PASSPHRASE_FILE)}, true, cmd_key_revoke, "let nothing that a key has signed count any more",
     "KEYID is a key's id or its first digits (at least 8), as `drover key list` shows it. It counts from the beginning: packages that are to stay "
     "installable must be signed again by another key.", "drover key revoke --trust trust.json 3fa9c1d2 --why 'laptop lost' --sign-with root.pem"},

    {"permit", "downgrade", "OUT",
     {O(MODEL), O(TO_VERSION), O(FROM_VERSION), O(DEVICE), O(ROLLOUT), O(EXPIRES_IN), O(EXPIRES_AT), O(NOT_BEFORE), O(ID), O(KEY), O(PASSPHRASE_FILE), O(FORCE)}, true,
     cmd_permit_downgrade, "sign a permit to go back to an older version",
     "It is bound to a device or to a rollout, and expires. The key needs the role permit.",
     "drover permit downgrade back.jws --model esp32 --to-version 1.0.0 --device d-000017 --expires-in 2d --key permit.pem"},

    {"rollout", "start", "PLAN|MODEL [VERSION]",
     {O(ID), O(SHARE), O(MAX_IN_FLIGHT), O(MAX_ATTEMPTS), O(ERROR_BUDGET), O(CONFIRMATIONS), O(SOAK), O(SPREAD), O(SUPERSEDE), O(DRY_RUN), O(UPGRADE_TIME)},
     false, cmd_rollout_start, "bring a release to the devices of its model",
     "One word is a file with a plan (JSON or YAML): stages, gates, limits, windows; two are model and version of a rollout without stages, whose numbers are options. "
     "A model has at most one running or paused rollout: another one is refused (exit code 4) unless --supersede, or the plan, says so. "
     "What is not given is chosen by the server.",
     "drover rollout start plan.yaml --dry-run\ndrover rollout start esp32 1.1.0 --share 10 --error-budget 5 --soak 10m"},
    {"rollout", "check", "PLAN", {0}, true, cmd_rollout_check, "check a plan in a file, without a server",
     "Every error is shown with its place in the file. With -o json the plan is printed as it is understood, with every default.", "drover rollout check plan.yaml"},
    {"rollout", "plan", "ROLLOUT", {0}, false, cmd_rollout_plan, "print the plan of a rollout", "", "drover rollout plan esp32-1.1.0 >plan.json"},
    {"rollout", "edit", "ROLLOUT PLAN", {O(REVISION)}, false, cmd_rollout_edit, "give a rollout another plan while it goes on",
     "Limits, gates, windows and later stages may change; model, version, id and whom the passed stages take may not. Where the plan asks for approvals, the edit waits for "
     "another person (rollout approve).",
     "drover rollout plan esp32-1.1.0 >plan.json\ndrover rollout edit esp32-1.1.0 plan.json"},
    {"rollout", "list", "", {0}, false, cmd_rollout_list, "list the rollouts", "", "drover rollout list -o name"},
    {"rollout", "show", "ROLLOUT", {0}, false, cmd_rollout_show, "show one rollout: its plan, where it stands and what went wrong", "",
     "drover rollout show esp32-1.1.0"},
    {"rollout", "watch", "ROLLOUT", {O(INTERVAL), O(UNTIL_SETTLED)}, false, cmd_rollout_watch, "follow a rollout to its end",
     "On a terminal it draws each stage as a bar (# updated, x not, - under way), how fast devices are taken and done, the gates with "
     "what they measured and between which bounds, what it waits for, and what failed. Otherwise it prints a line when something happened. Both go to standard "
     "error; the rollout at its end goes to standard output (with -o jsonl also after each change). It ends when all stages are passed and nobody is under way, "
     "or, without stages, when every device had its turn; or when the rollout was rolled back, cancelled or superseded. A server that is away is waited for, up "
     "to a minute.\nExit code 0 says that no device of the rollout was left behind, 7 that some were or that it was broken off, 12 that it was rolled back.",
     "drover rollout watch esp32-1.1.0 --timeout 2h"},
    {"rollout", "why", "ROLLOUT", {0}, false, cmd_rollout_why, "say why a rollout does not move: what stops it, or what its stage waits for",
     "Shows its state, this server's connections, the release, the gates with their readings, places, the depot and the stage.",
     "drover rollout why esp32-1.1.0"},
    {"rollout", "wait", "ROLLOUT", {O(UNTIL), O(INTERVAL)}, false, cmd_rollout_wait, "wait until a rollout has come so far; for scripts",
     "completed: all stages are passed (without stages: every device had its turn). settled: and nobody is under way, and no device was left behind. stage:N: "
     "stage N has begun, so the one before it is passed. passed:N: stage N is passed, though the next one may wait for an operator.\n"
     "Exit code 0 says that it was reached; 7 that devices were left behind (settled, or without stages), or that it was cancelled or superseded; 8 that the time of "
     "--timeout is over; 11 that it is paused, by a gate or an operator; 12 that it is rolled back, or is being.\n"
     "It hears of stages and states by the server's events (server-sent events) where there are some, and looks each --interval otherwise.",
     "drover rollout wait esp32-1.1.0 --until stage:2 --timeout 30m\ndrover rollout wait esp32-1.1.0 --timeout 2h -q -o name"},
    {"rollout", "pause", "ROLLOUT", {O(WHY)}, false, cmd_rollout_pause, "tell no further devices; what is under way goes on",
     "From that moment nobody is taken or told any more, whichever server would do it. One that goes back is paused, too.",
     "drover rollout pause esp32-1.1.0 --why 'support sees errors'"},
    {"rollout", "resume", "ROLLOUT", {O(WHY)}, false, cmd_rollout_resume, "let a paused rollout go on", "", "drover rollout resume esp32-1.1.0"},
    {"rollout", "promote", "ROLLOUT", {O(WHY)}, false, cmd_rollout_promote, "begin the next stage now",
     "Out of a pause, too. Gates and soak time of the present stage are passed over.", "drover rollout promote esp32-1.1.0"},
    {"rollout", "approve", "ROLLOUT", {O(PROPOSAL), O(WHY)}, false, cmd_rollout_approve, "approve a rollout that waits for it, or what is proposed for one",
     "By somebody with a name of his own (a token of auth.keys_file), who neither made the plan, or the proposal, nor has approved it. With the last approval the rollout "
     "begins, or waits for its time. Of a rollout that was approved, an edit, promote, resume or retry is a proposal first: rollout show says what waits, and with the last "
     "approval it is carried out, if the rollout is still as it was.", "drover rollout approve esp32-1.1.0\ndrover rollout approve esp32-1.1.0 --proposal 3"},
    {"rollout", "reject", "ROLLOUT", {O(PROPOSAL), O(WHY)}, false, cmd_rollout_reject, "reject what is proposed for a rollout",
     "By any operator, also by whoever proposed it.", "drover rollout reject esp32-1.1.0 --why 'too many at a time'"},
    {"rollout", "rollback", "ROLLOUT", {O(WHY)}, false, cmd_rollout_rollback, "take the devices of a rollout back to their old version",
     "The offer is withdrawn first. Devices that have not begun to install are told to stop, those that succeeded go back within the rollout's limits, and those "
     "that are offline when they return. It ends by itself when all are back; meanwhile it can be paused.", "drover rollout rollback esp32-1.1.0 --why 'batteries drain'"},
    {"rollout", "retry", "ROLLOUT", {O(WHY)}, false, cmd_rollout_retry, "give devices that did not get the version another turn",
     "Those that failed, were rolled back, refused or were cancelled, with their attempts counted anew, within the rollout's limits. A completed rollout runs again.",
     "drover rollout retry esp32-1.1.0"},
    {"rollout", "exclude", "ROLLOUT DEVICE", {O(WHY)}, false, cmd_rollout_exclude, "leave a device out of a rollout",
     "What it has not begun to install is called back.", "drover rollout exclude esp32-1.1.0 d-000017 --why 'on a test bench'"},
    {"rollout", "excluded", "ROLLOUT", {O(LIMIT)}, false, cmd_rollout_excluded, "list the devices that are left out of a rollout",
     "The first that was excluded first. Prints at most 1000 unless --limit says otherwise.", "drover rollout excluded esp32-1.1.0\ndrover rollout excluded esp32-1.1.0 -o name --limit 0"},
    {"rollout", "include", "ROLLOUT DEVICE", {O(WHY)}, false, cmd_rollout_include, "take an excluded device into the rollout after all", "",
     "drover rollout include esp32-1.1.0 d-000017"},
    {"rollout", "cancel", "ROLLOUT", {O(WHY)}, false, cmd_rollout_cancel, "end a rollout",
     "Devices that have not begun to install are told to stop; those that install or verify finish by themselves.",
     "drover rollout cancel esp32-1.1.0"},
    {"rollout", "stop-all", "", {O(WHY)}, false, cmd_rollout_stop_all, "stop all rollouts at once",
     "Nobody is taken, told, or sent back because of a rollout, until drover rollout start-all. What is under way goes on; rollouts keep their states.",
     "drover rollout stop-all --why 'the update server of the region is down'"},
    {"rollout", "start-all", "", {O(WHY)}, false, cmd_rollout_start_all, "let all rollouts go on", "", "drover rollout start-all"},

    {"device", "list", "", {O(MODEL), O(STATE), O(VERSION), O(ONLINE), O(OFFLINE), O(LIMIT)}, false, cmd_device_list, "list devices",
     "Prints at most 1000 devices unless --limit says otherwise.", "drover device list --model esp32 --state failed\ndrover device list --offline -o name --limit 0"},
    {"device", "show", "DEVICE", {0}, false, cmd_device_show,
     "say where a device stands and why, and what happens next and when", "", "drover device show d-000017"},
    {"device", "history", "DEVICE", {O(LIMIT)}, false, cmd_device_history, "list what happened to a device, the newest first",
     "Prints at most 50 events unless --limit says otherwise, and never more than the newest 1000.", "drover device history d-000017"},
    {"device", "why", "DEVICE", {0}, false, cmd_device_why, "say why a device is not updated: all that must hold, and what holds it back",
     "What must hold stands in the order in which the server asks; the first that does not is marked. With -o json each has its name, answer, "
     "words, value and when it is looked at next.",
     "drover device why d-000017"},
    {"device", "rollback", "DEVICE", {0}, false, cmd_device_rollback, "tell a device to go back to its old version",
     "Refused (exit code 4) when the device's upgrade is in a state that has no way back.", "drover device rollback d-000017"},
    {"device", "quarantine", "DEVICE VERSION", {O(FOR), O(WHY)}, false, cmd_device_quarantine, "keep a device from a version",
     "Until drover device readmit, or for a time. A device that came back from a version by itself is kept from it for flow.quarantine_ms.",
     "drover device quarantine d-000017 1.1.0 --for 7d --why 'camera fails'"},
    {"device", "readmit", "DEVICE", {O(WHY)}, false, cmd_device_readmit, "lift a device's quarantine", "", "drover device readmit d-000017"},

    {"events", "verify", "[FILE]", {O(EXPECT)}, false, cmd_events_verify, "check that nobody has changed the event log or the audit",
     "Every kept event, and for an admin every kept entry of the audit, is held against its seals, which the leading server adds block by block, each going on from the one before. Exit code 13 says that an entry "
     "was changed, removed, inserted or swapped, or a seal was, and names the first block that does not fit. That the oldest events are trimmed is no "
     "fault, nor that the newest ones are not sealed yet. FILE is one that `drover events export` wrote; it is checked without the server. "
     "With -o name it prints the newest seals, which --expect takes later: the events', and the audit's behind a +.",
     "drover events verify\ndrover events verify events.jsonl --expect 1044:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    {"events", "export", "FILE", {O(FORCE)}, false, cmd_events_export, "write the event log and the audit with their seals to a file",
     "One JSON object a line, every value a string just as it stands in the stream; a line that begins with \"seal\" is a seal, and the events that it covers follow it; "
     "\"audit\" and \"audit_seal\" are the same of the audit, which is there for an admin. "
     "`drover events verify FILE` checks it, and `droverd --rebuild-from FILE` reads it. FILE may be - for standard output.", "drover events export events.jsonl"},
    {"events", NULL, "", {O(FOLLOW), O(ROLLOUT), O(DEVICE), O(LIMIT), O(AFTER), O(SINCE)}, false, cmd_events,
     "print what happened, the oldest first",
     "With --follow it goes on printing as things happen, until it is stopped, --limit is reached or --timeout is over.",
     "drover events --since 1h --rollout esp32-1.1.0\ndrover events -f -o jsonl"},
    {"audit", NULL, "", {O(WHO), O(ACTION), O(TARGET), O(LIMIT)}, false, cmd_audit,
     "print what operators did, the newest first",
     "Needs the role admin. Prints at most 50 entries unless --limit says otherwise; with -o json all that is known of each, as how a plan was before an edit and after it.",
     "drover audit --target esp32-1.1.0\ndrover audit --who alice --limit 0 -o jsonl"},
    {"status", NULL, "", {0}, false, cmd_status, "show how the server and the fleet are",
     "Ends with exit code 6 when the server answers but is not ready.", "drover status"},
    {"version", NULL, "", {0}, true, cmd_version, "print the version of this program", "", "drover version"},
    {"help", NULL, "[NOUN] [VERB]", {O(ALL), O(MAN)}, true, cmd_help, "show help for a command", "",
     "drover help rollout start"},
    {"completion", NULL, "SHELL", {0}, true, cmd_completion, "print the completion script of a shell (bash)", "",
     "drover completion bash > ~/.local/share/bash-completion/completions/drover"},
};

const struct command *commands(unsigned *ret_count)
{
    *ret_count = sizeof command_rows / sizeof command_rows[0];
    return command_rows;
}

const struct command *command_find(const char *noun, const char *verb)
{
    for (unsigned i = 0; i < sizeof command_rows / sizeof command_rows[0]; i++) {
        const struct command *command = &command_rows[i];

        if (strcmp(command->noun, noun) != 0)
            continue;
        if (!command->verb || (verb && strcmp(command->verb, verb) == 0))
            return command;
    }
    return NULL;
}

bool command_noun_known(const char *noun)
{
    for (unsigned i = 0; i < sizeof command_rows / sizeof command_rows[0]; i++)
        if (strcmp(command_rows[i].noun, noun) == 0)
            return true;
    return false;
}

const struct option_row *option_row(enum option_id id)
{
    return &option_rows[id];
}

bool option_is_of(const struct command *command, enum option_id id)
{
    if (!command)
        return id <= OPTION_LAST_GLOBAL;
    for (const uint8_t *own = command->options; *own; own++)
        if (*own == id)
            return true;
    return false;
}

bool command_takes(const struct command *command, enum option_id id)
{
    return option_is_of(NULL, id) || (command && option_is_of(command, id));
}

const char *list_next(const char **list, const char *separators, unsigned *ret_length)
{
    const char *word = *list + strspn(*list, separators);

    *ret_length = (unsigned)strcspn(word, separators);
    *list = word + *ret_length;
    return word;
}

void command_name(const struct command *command, char *ret)
{
    (void)snprintf(ret, COMMAND_NAME_SIZE, "%s%s%s", command->noun, command->verb ? " " : "", command->verb ? command->verb : "");
}
