/* What the depot may carry by the settings, what it carries now, and telling the flow of it. */
#include "common/clock.h"
#include "orchestrator/edges/daemon_inside.h"

static int64_t places_of(const struct daemon_settings *settings)
{
    int64_t places = settings->depot_bytes_s / settings->depot_download_bytes_s;

    if (!settings->depot_bytes_s || places > settings->depot_downloads)
        return settings->depot_downloads;
    return places > 0 ? places : 1;
}

void daemon_limits(const struct daemon_settings *settings, struct http_limits *ret_limits)
{
    *ret_limits = (struct http_limits){
        .device_connections = (unsigned)settings->http_connections,
        .downloads = (unsigned)places_of(settings),
        .device_downloads = (unsigned)settings->depot_device_downloads,
        .clients = (unsigned)settings->http_clients,
        .requests_s = settings->http_requests_s,
        .address_requests_s = settings->http_address_requests_s,
        .device_requests_s = settings->http_device_requests_s,
        .address_connections = (unsigned)settings->http_address_connections,
        .shared_addresses = settings->http_shared_addresses,
        .reader_bytes_s = settings->http_reader_bytes_s,
        .bytes_s = settings->depot_bytes_s,
        .connection_bytes_s = settings->depot_connection_bytes_s,
        .upload_bytes_s = settings->depot_upload_bytes_s,
    };
}

/* Promises of a share below one place would be none. */
static int64_t promised(int64_t places, int64_t pace_pct)
{
    int64_t share = places * pace_pct / 100;

    return pace_pct == 0 || share > 0 ? share : 1;
}

void daemon_depot_look(struct daemon *daemon)
{
    const struct http_depot_load load = http_server_depot_load(daemon->http);
    const struct depot_load depot = {.places = promised(load.places, daemon->settings.depot_pace_pct), .used = load.used, .ahead_ms = load.ahead_ms};

    flow_set_depot(daemon->flow, &depot);
}

int daemon_depot_later(void *arg)
{
    struct daemon *daemon = arg;

    return http_server_depot_later(daemon->http);
}

void daemon_depot_status(const struct daemon *daemon, struct json_writer *writer)
{
    const struct http_depot_load load = http_server_depot_load(daemon->http);
    const struct pace *pace = flow_pace(daemon->flow);

    json_open_object(writer, "depot");
    json_put_i64(writer, "places", load.places);
    json_put_i64(writer, "used", load.used);
    json_put_i64(writer, "replies", load.replies);
    json_put_i64(writer, "ahead_ms", load.ahead_ms);
    json_put_i64(writer, "promised", pace_taken(pace));
    json_put_bool(writer, "room", pace_has_room(pace));
    json_close_object(writer);
}
