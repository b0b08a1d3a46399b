/* See order.h. */
#include "cli/order.h"

#include <stdarg.h>

#include "common/buffer.h"
#include "common/json.h"

static void body_write(const struct cli *cli, const struct order *order, struct buffer *out)
{
    struct json_writer writer;

    json_begin(&writer, out);
    json_put_text(&writer, "device", order->device);
    json_put_text(&writer, "version", order->version);
    if (order->for_s > 0)
        json_put_i64(&writer, "for_s", order->for_s);
    json_put_text(&writer, "why", cli_text(cli, OPT_WHY));
    json_end(&writer);
}

enum cli_exit order_send(struct cli *cli, const struct order *order, struct api_answer *answer, const char *format, ...)
{
    struct buffer path, body;
    enum cli_exit code;
    va_list arguments;

    buffer_init(&path, 0);
    buffer_init(&body, 0);
    va_start(arguments, format);
    buffer_add_format_list(&path, format, arguments);
    va_end(arguments);
    body_write(cli, order, &body);
    const struct api_call call = {
        .method = "POST", .path = path.bytes, .body = body.bytes, .length = body.length, .if_match = order->if_match[0] ? order->if_match : NULL};
    code = api_call(&cli->api, &call, answer) ? cli_refused(cli, answer) : CLI_OK;
    buffer_done(&body);
    buffer_done(&path);
    return code;
}
