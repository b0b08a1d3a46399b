/* Any bytes on a connection of a real HTTP thread: evhttp, framing, routes, query, Authorization (tokens and signed requests), ranges, conditions, the
 * depot, uploads, JSON bodies. The first byte chooses the listener (even: devices, odd: operators); the rest is what the peer sends.
 *
 * No thread runs: the target turns the event base itself, over a unix socket, and plays the loop behind it, which reads the body and says yes.
 * Every answer is HTTP with a status that we give and none is 500; afterwards nothing is left open or waiting. */
#include "fuzz.h"

#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/depot_hasher.h"
#include "orchestrator/edges/depot_places.h"
#include "orchestrator/edges/http_body.h"
#include "orchestrator/edges/http_clients.h"
#include "orchestrator/edges/http_thread.h"

#define SECRET_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ARTIFACT_BYTES 140000   /* byte i is i % 251; three chunks */
#define QUIET_TURNS 4
#define FOREVER_MS (1ll << 50)  /* so that signed requests among the seeds never are too old */

static struct http_shared shared;
static struct http_thread thread;
static int listening[HTTP_LISTENER_COUNT];
static char folder[] = "/tmp/drover-fuzz-http-XXXXXX";

/* --- the world, made once --- */

static void file_write(const char *name, const void *bytes, size_t length)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    MUST(file != NULL && fwrite(bytes, 1, length, file) == length && fclose(file) == 0);
}

static int path_remove(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void folder_remove(void)
{
    (void)nftw(folder, path_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static void keys_make(void)
{
    static const char keys[] = "{\"schema\":1,\"keys\":["
        "{\"kid\":\"d\",\"algorithm\":\"HS256\",\"role\":\"device\",\"audience\":\"drover\",\"secret_file\":\"k\"},"
        "{\"kid\":\"h\",\"algorithm\":\"HMAC-SHA256\",\"role\":\"device\",\"subject\":\"d1\",\"secret_file\":\"k\"},"
        "{\"kid\":\"s\",\"algorithm\":\"HMAC-SHA256\",\"role\":\"operator\",\"subject\":\"nightly\",\"secret_file\":\"k\"}]}";
    char path[128];
    file_write("k", SECRET_HEX "\n", sizeof SECRET_HEX);
    file_write("keys.json", keys, sizeof keys - 1);
    snprintf(path, sizeof path, "%s/keys.json", folder);
    MUST(auth_ring_new(path, &shared.keys, NULL) == DROVER_OK);
}

static void artifact_make(void)
{
    static uint8_t bytes[ARTIFACT_BYTES];
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_SIZE], path[DEPOT_PATH_SIZE];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i % 251);
    MUST(sha256_of(bytes, sizeof bytes, digest));
    text_hex(hex, digest, sizeof digest);
    depot_artifact_path(&shared.depot, hex, path);
    *strrchr(path, '/') = '\0';
    MUST(mkdir(path, 0755) == 0);
    depot_artifact_path(&shared.depot, hex, path);
    file_write(path + strlen(folder) + 1, bytes, sizeof bytes);
}

static int listen_on(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", folder, name);
    MUST(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 8) == 0);
    return fd;
}

static bool bytes_served(void *arg, const struct served *served)
{
    (void)arg;
    MUST(text_is_id(served->device_id, strlen(served->device_id)) && served->progress_pct >= 0 && served->progress_pct <= 100);
    return true;
}

static void world_make(void)
{
    log_configure(LOG_ERROR, LOG_LOGFMT, "");
    MUST(mkdtemp(folder) != NULL && atexit(folder_remove) == 0);
    shared.threads = 1;
    shared.limits = (struct http_limits){.device_connections = 8, .operator_connections = 8, .handshake_ms = FOREVER_MS, .request_ms = FOREVER_MS,
                                         .idle_ms = 60000, .reply_ms = FOREVER_MS, .call_ms = FOREVER_MS, .calls = 8, .header_bytes = 8192,
                                         .package_bytes = 1 << 16, .downloads = 8, .device_downloads = 8, .clients = 64};
    shared.auth = (struct auth_settings){.tokens = {.leeway_ms = 1000, .cache_entries = 8}, .requests = {.window_ms = FOREVER_MS, .nonces_max = 8}};
    shared.devices = HTTP_DEVICES_OPTIONAL;
    shared.served = bytes_served;
    shared.token = strdup("secret-token");
    MUST(shared.token != NULL && pthread_mutex_init(&shared.token_lock, NULL) == 0);
    MUST(depot_open(&shared.depot, folder, NULL) == DROVER_OK && http_queue_init(&shared.to_loop, 16) == DROVER_OK);
    MUST(http_clients_new(&shared.limits, &shared.clients, NULL) == DROVER_OK && depot_hasher_new(&shared.depot, &shared.metrics, &shared.hasher) == DROVER_OK);
    shared.places = depot_places_new(shared.limits.downloads, shared.limits.device_downloads);
    shared.uploads = depot_uploads_new(&shared.depot, shared.limits.package_bytes);
    MUST(shared.places != NULL && shared.uploads != NULL);
    keys_make();
    artifact_make();
    listening[HTTP_DEVICES] = listen_on("devices");
    listening[HTTP_OPERATORS] = listen_on("operators");
    MUST(http_thread_init(&thread, &shared, listening) == DROVER_OK);
}

/* --- the loop behind the thread --- */

static void call_answer(struct http_call *call)
{
    struct problem problem = {.what = ""};
    cJSON *object = NULL;
    struct json_writer writer;
    if (http_body_read(call, &object, &problem) != DROVER_OK) {
        MUST(problem.what[0] != '\0');
        http_call_problem(call, 400, problem.where, "%s", problem.what);
        return;
    }
    cJSON_Delete(object);
    json_begin(&writer, &call->answer);
    json_put_text(&writer, "route", call->route->path);
    for (size_t i = 0; i < HTTP_QUERY_MAX; i++)
        json_put_text(&writer, NULL, call->query[i]);
    json_end(&writer);
    http_call_send(call, 200);
}

/* What http_server.c and the API do; every nonce is new. True: there was something. */
static bool calls_answer(void)
{
    struct http_call *next, *first = http_queue_take(&shared.to_loop);
    for (struct http_call *call = first; call != NULL; call = next) {
        next = call->next;
        MUST(call->route->served_by == HTTP_LOOP || call->who.has_nonce);
        call->nonce_taken = call->who.has_nonce;
        if (call->route->served_by == HTTP_LOOP)
            call_answer(call);
        else if (call->route->served_by == HTTP_THREAD)
            http_call_return(call);
        else
            MUST(depot_hasher_push(shared.hasher, call));
    }
    depot_hasher_serve(shared.hasher);
    return first != NULL;
}

/* --- the peer --- */

static int peer_connect(enum http_listener listener)
{
    struct sockaddr_un address;
    socklen_t length = sizeof address;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    MUST(fd >= 0 && getsockname(listening[listener], (struct sockaddr *)&address, &length) == 0);
    MUST(connect(fd, (struct sockaddr *)&address, length) == 0);
    return fd;
}

/* What the peer has heard: the first answer's head is looked at, the rest only taken. */
struct heard {
    char head[32];
    size_t length;
};

static bool peer_read(int fd, struct heard *heard)
{
    char bytes[65536];
    ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got <= 0)
        return false;
    size_t room = sizeof heard->head - 1 - heard->length, taken = (size_t)got < room ? (size_t)got : room;
    memcpy(heard->head + heard->length, bytes, taken);
    heard->length += taken;
    return true;
}

static void heard_check(const struct heard *heard)
{
    int major = 0, minor = 0, status = 0;
    if (heard->length == 0)
        return;
    MUST(sscanf(heard->head, "HTTP/%9d.%9d %3d ", &major, &minor, &status) == 3);
    MUST(status == 100 || (status >= 200 && status < 600 && status != 500));
    /* What evhttp refuses before anybody is asked, it answers in the version that it read, even HTTP/1.-1. */
    MUST((major == 1 && minor >= 0 && minor <= 1) || status == 400 || status == 413 || status == 417 || status == 501);
}

/* Sends all of it and takes all that comes, until nothing moves any more. */
static void talk(int fd, const uint8_t *bytes, size_t length, struct heard *heard)
{
    for (unsigned quiet = 0; quiet < QUIET_TURNS; quiet++) {
        ssize_t sent = length > 0 ? send(fd, bytes, length, MSG_NOSIGNAL) : 0;
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        }
        event_base_loop(thread.base, EVLOOP_NONBLOCK);
        bool moved = sent > 0;
        moved |= calls_answer();
        moved |= peer_read(fd, heard);
        if (moved)
            quiet = 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct heard heard = {.length = 0};
    if (length == 0)
        return 0;
    if (thread.base == NULL)
        world_make();
    enum http_listener listener = bytes[0] % 2 == 0 ? HTTP_DEVICES : HTTP_OPERATORS;
    int fd = peer_connect(listener);
    talk(fd, bytes + 1, length - 1, &heard);
    heard_check(&heard);
    close(fd);
    for (unsigned turns = 0; thread.guard.open[listener] > 0; turns++) {
        MUST(turns < 100);
        event_base_loop(thread.base, EVLOOP_NONBLOCK);
        http_guard_sweep(&thread.guard, clock_mono_ms());
    }
    MUST(atomic_load(&shared.open_calls) == 0 && atomic_load(&shared.replies) == 0);
    return 0;
}
