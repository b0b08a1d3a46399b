/* Any bytes as a list of networks: what is taken holds its own addresses, and no more of them than the limit. */
#include "fuzz.h"

#include "orchestrator/edges/networks.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char text[256];
    struct networks networks;
    struct problem problem = {0};

    if (length >= sizeof text)
        length = sizeof text - 1;
    if (length)
        memcpy(text, bytes, length);
    text[length] = '\0';
    if (networks_read(text, "fuzz", &networks, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
        return 0;
    }
    MUST(networks.count <= NETWORKS_MAX);
    for (unsigned i = 0; i < networks.count; i++) {
        MUST(networks.list[i].bits <= 8 * NETWORK_ADDRESS_BYTES);
        MUST(networks_have(&networks, networks.list[i].address));
    }
    return 0;
}
