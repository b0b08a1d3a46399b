/* Options are settings (common/settings.h) under their own names, plus --profile and --share, which may be given many times.
 * --name=value, --name value, and --name alone for yes. */
#include "sim/options.h"

#include <string.h>

#define SETTINGS_OF struct options
#include "common/settings_rows.h"
#include "common/text.h"

#define DAY_MS (24 * 3600 * 1000)
#define DEVICES_MAX 1000000
#define COUNT_MAX INT64_C(1000000000000)

#define FLAG(name, member, help) SWITCH(name, member, "no", help)

static const struct setting rows[] = {
    TEXT("mqtt", mqtt, "tcp://127.0.0.1:1883", "the broker: tcp://host:port, ssl://host:port or unix:///path"),
    TEXT("ca", ca, "", "with TLS: file of the authorities of broker and depot; empty: the system's"),
    TEXT("certificates", certificates, "", "with TLS: folder with <id>.pem and <id>.key of each device, for both; empty: none"),
    CHOICE("mqtt-version", mqtt_version, "5|3.1.1", "5", "what the devices speak"),
    TEXT("username", username, "", "of all devices; empty: none"),
    TEXT("password-file", password_file, "", "file with the password"),
    NUMBER("keepalive-s", keepalive_s, 5, 65535, "60", "s", "MQTT keep alive"),
    NUMBER("session-expiry-s", session_expiry_s, 0, 4294967294, "3600", "s", "how long the broker keeps a device's session"),
    NUMBER("connections", connections, 0, 20000, "0", "", "0: one connection per device; K: all devices share K"),
    NUMBER("connect-rate", connect_rate, 1, 100000, "500", "per s", "devices switched on a second, at the start"),
    NUMBER("window", window, 1, 30000, "500", "", "most unacknowledged QoS 1 messages on a connection"),
    NUMBER("devices", devices, 0, DEVICES_MAX, "100", "", "managed devices: they obey commands and report each step"),
    NUMBER("simple", simple, 0, DEVICES_MAX, "0", "", "simple devices: notice, HTTP, heartbeats; nothing else"),
    FLAG("simple-says-kind", simple_says_kind, "simple devices send \"managed\":false, which those of the field do not"),
    TEXT("models", models, "esp32", "name[=version][:weight], with commas between them; weight 1 when left out"),
    TEXT("prefix", prefix, "sim-", "device ids begin with it; seven digits follow"),
    TEXT("firmware", firmware, "1.0.0", "the firmware of models that name no version"),
    TEXT("faulty-version", faulty_version, "", "shares count on the way to this version only, to others everybody is honest; empty: to every one"),
    TEXT("time-zones", time_zones, "", "IANA names with commas between them, shared out among the devices; empty: they name none"),
    NUMBER("seed", seed, 0, INT64_MAX, "1", "", "the same seed gives the same fleet"),
    NUMBER("heartbeat-ms", heartbeat_ms, 10, DAY_MS, "30000", "ms", "between two heartbeats, give or take a tenth"),
    NUMBER("heartbeat-qos", heartbeat_qos, 0, 1, "1", "", "of heartbeats"),
    NUMBER("step-ms", step_ms, 0, DAY_MS, "2000", "ms", "an installation, a health check after the boot; half to one and a half of it"),
    NUMBER("reboot-ms", reboot_ms, 0, DAY_MS, "3000", "ms", "off the network during a reboot; half to one and a half of it"),
    NUMBER("poll-ms", poll_ms, 0, DAY_MS, "0", "ms", "a simple device that got nothing asks again after about this; 0: as heartbeats"),
    TEXT("trust", trust, "", "trust store of the managed devices: they verify each package, and its command, before they install; empty: they do not"),
    NUMBER("downloads", downloads, 1, 4096, "200", "", "most HTTP transfers open at a time"),
    NUMBER("chunk-bytes", chunk_bytes, 0, INT64_C(1) << 30, "0", "bytes", "of one Range; 0: an eighth of the package, 16 KiB to 1 MiB"),
    NUMBER("duration-s", duration_s, 0, 30 * 24 * 3600, "0", "s", "end after this; 0: run until told"),
    NUMBER("until-quiet-s", until_quiet_s, 0, 24 * 3600, "0", "s", "end when nothing but heartbeats happened for this long; 0: do not"),
    TEXT("truth", truth, "", "file for what every device really runs: one JSON object a line, at the end and on SIGUSR1"),
    NUMBER("stats", stats_s, 0, 3600, "0", "s", "a line of counters on stderr this often; 0: never"),
    FLAG("json", json, "counters and results as JSON"),
    FLAG("vanish", vanish, "end without DISCONNECT, as in a power cut"),
    FLAG("load", load, "no behaviour: publish heartbeats and count acknowledgements"),
    FLAG("obey", obey, "load: no heartbeats, but answers to update commands, as of devices that succeed, a step each --step-ms, until told to end"),
    NUMBER("rate", rate, 0, 10000000, "0", "per s", "load: heartbeats a second; 0: as fast as the broker acknowledges"),
    NUMBER("count", count, 1, COUNT_MAX, "100000", "", "load: heartbeats in all"),
    NUMBER("sent-before", sent_before, 0, 1000000000, "0", "", "load: heartbeats that each device sent in an earlier load"),
};
static const struct settings_table table = {rows, sizeof rows / sizeof rows[0], "DROVER_SIM_"};

/* The row of an option (--version prints our own version, hence --firmware for that of the devices). */
static const struct setting *find(const char *name, size_t length, char *ret_name, size_t size)
{
    if (!text_copy_n(ret_name, size, name, length))
        return NULL;
    return settings_find(&table, ret_name);
}

static enum drover_error take(struct options *options, const char *name, const char *value, struct problem *ret_problem)
{
    if (strcmp(name, "profile") == 0)
        return profile_read(&options->profile, value, ret_problem);
    if (strcmp(name, "share") == 0)
        return profile_add(&options->profile, value, ret_problem);
    return settings_set(&table, name, value, options, ret_problem);
}

/* One option and, if it needs one and has none after '=', the argument behind it. */
static enum drover_error take_option(struct options *options, int argc, char **argv, int *at, struct problem *ret_problem)
{
    const char *text = argv[*at] + 2, *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    char name[48] = "";
    const struct setting *row = find(text, length, name, sizeof name);
    bool listed = strcmp(name, "profile") == 0 || strcmp(name, "share") == 0;

    if (!row && !listed)
        return problem_set(ret_problem, DROVER_UNKNOWN, argv[*at], "no such option; see --help");
    if (equals)
        return take(options, name, equals + 1, ret_problem);
    if (row && row->kind == SETTING_BOOL)
        return take(options, name, "yes", ret_problem);
    if (*at + 1 >= argc)
        return problem_set(ret_problem, DROVER_MISSING, argv[*at], "needs a value");
    return take(options, name, argv[++*at], ret_problem);
}

static enum drover_error check(const struct options *options, struct problem *ret_problem)
{
    int64_t devices = options->devices + options->simple;
    char version[VERSION_SIZE];

    if (!text_is_id(options->prefix, strlen(options->prefix)))
        return problem_set(ret_problem, DROVER_SYNTAX, "--prefix", "device ids begin with a letter or digit and use A-Z a-z 0-9 . _ -");
    if (devices < 1 || devices > DEVICES_MAX)
        return problem_set(ret_problem, DROVER_RANGE, "--devices", "1 to %d devices in all", DEVICES_MAX);
    for (const char *at = options->time_zones, *next; at[0]; at = next) {
        char zone[TIME_ZONE_SIZE] = "";
        size_t length = strcspn(at, ",");

        if (!text_copy_n(zone, sizeof zone, at, length) || !time_zone_name_fits(zone))
            return problem_set(ret_problem, DROVER_SYNTAX, "--time-zones", "'%.*s' is not the name of a time zone", (int)(length < 40 ? length : 40), at);
        next = at + length + (at[length] == ',');
    }
    if (options->faulty_version[0] && semver_read(options->faulty_version, strlen(options->faulty_version), version, NULL) != DROVER_OK)
        return problem_set(ret_problem, DROVER_SYNTAX, "--faulty-version", "'%s' is not a version", options->faulty_version);
    if (!options->load && options->connections == 0 && devices > 20000)
        return problem_set(ret_problem, DROVER_RANGE, "--devices", "over 20000 devices need --connections or --load");
    if (options->obey && !options->load)
        return problem_set(ret_problem, DROVER_MISMATCH, "--obey", "goes with --load");
    if (options->certificates[0] && options->connections > 0)
        return problem_set(ret_problem, DROVER_MISMATCH, "--certificates", "each device shows its own: not with --connections");
    if (options->load && (strncmp(options->mqtt, "ssl:", 4) == 0 || strncmp(options->mqtt, "mqtts:", 6) == 0))
        return problem_set(ret_problem, DROVER_MISMATCH, "--mqtt", "--load speaks no TLS");
    return DROVER_OK;
}

enum drover_error options_read(struct options *options, int argc, char **argv, struct problem *ret_problem)
{
    enum drover_error error = DROVER_OK;

    memset(options, 0, sizeof *options);
    settings_defaults(&table, options);
    for (int at = 1; at < argc && !error; at++) {
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0 || strcmp(argv[at], "--version") == 0) {
            options->help = true;
            if (strcmp(argv[at], "--version") == 0)
                (void)printf("drover-sim " DROVER_VERSION "\n");
            else
                options_help(stdout);
            return DROVER_OK;
        }
        if (strncmp(argv[at], "--", 2) != 0)
            return problem_set(ret_problem, DROVER_SYNTAX, argv[at], "options begin with --; see --help");
        error = take_option(options, argc, argv, &at, ret_problem);
    }
    if (!error)
        error = check(options, ret_problem);
    if (options->poll_ms == 0)
        options->poll_ms = options->heartbeat_ms;
    return error;
}

static void help_row(const struct setting *row, FILE *out)
{
    const char *value = row->kind == SETTING_BOOL ? "" : row->kind == SETTING_TEXT ? "=TEXT" : row->kind == SETTING_CHOICE ? "=WORD" : "=N";
    char name[48];

    (void)snprintf(name, sizeof name, "--%s%s", row->name, value);
    (void)fprintf(out, "  %-24s %s", name, row->help);
    if (row->kind == SETTING_CHOICE)
        (void)fprintf(out, " (%s)", row->choices);
    if (row->kind != SETTING_BOOL && row->fallback[0])
        (void)fprintf(out, " [%s%s%s]", row->fallback, row->unit[0] ? " " : "", row->unit);
    (void)fputc('\n', out);
}

static void help_behaviour(enum behaviour_kind kind, FILE *out)
{
    const struct behaviour behaviour = {.kind = kind};
    const char *number = behaviour_number_name(kind), *simple = behaviour_fits_simple(kind) ? behaviour_expect(&behaviour, KIND_SIMPLE) : "honest instead";

    (void)fprintf(out, "  %-10s %s\n", behaviour_name(kind), behaviour_text(kind));
    (void)fprintf(out, "  %-10s   ends %s; a simple device: %s", "", behaviour_expect(&behaviour, KIND_MANAGED), simple);
    if (number[0])
        (void)fprintf(out, "; N is %s [%lld]", number, (long long)behaviour_number_default(kind));
    (void)fputc('\n', out);
}

void options_help(FILE *out)
{
    (void)fputs("NAME\n  drover-sim - a fleet of simulated devices that really speak MQTT and HTTP\n\n"
                "SYNOPSIS\n  drover-sim --mqtt tcp://127.0.0.1:1883 --devices 200 --simple 50 --profile mixed --truth truth.jsonl\n"
                "  drover-sim --load --devices 1000000 --connections 8 --rate 33400 --count 1000000\n\nOPTIONS\n", out);
    for (size_t i = 0; i < table.count; i++)
        help_row(&table.rows[i], out);
    (void)fputs("  --profile=NAME|FILE      who misbehaves: a name from below, or an ini file with one section per share\n"
                "  --share=B[:STEP[:N]]=P   P percent behave as B, at this step, with this number; may be given often\n"
                "  --help, --version\n\nBEHAVIOURS\n", out);
    for (unsigned i = 0; i < BEHAVIOUR_COUNT; i++)
        help_behaviour((enum behaviour_kind)i, out);
    (void)fputs("  Steps: acknowledge, download, sha, install, reboot, verify; any or left out: drawn for each device.\n\nPROFILES\n", out);
    profile_print_built_in(out);
    (void)fputs("\nSIGNALS\n  SIGTERM, SIGINT   write the truth, say goodbye, end\n  SIGUSR1           write the truth, go on\n\n"
                "EXIT STATUS\n  0 done   1 the broker or a file failed, or not all was acknowledged   2 bad options\n", out);
}
