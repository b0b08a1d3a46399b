/* See networks.h. */
#include "orchestrator/edges/networks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "common/text.h"

#define SEPARATORS " ,\t"
#define FOUR_BITS 96   /* what stands before an IPv4 address */
#define ENTRY_SIZE 64

static void four_put(const void *four, uint8_t ret_address[NETWORK_ADDRESS_BYTES])
{
    memset(ret_address, 0, 10);
    memset(ret_address + 10, 0xff, 2);
    memcpy(ret_address + 12, four, 4);
}

bool network_address(const struct sockaddr *peer, uint8_t ret_address[NETWORK_ADDRESS_BYTES])
{
    if (peer->sa_family == AF_INET)
        four_put(&((const struct sockaddr_in *)(const void *)peer)->sin_addr, ret_address);
    else if (peer->sa_family == AF_INET6)
        memcpy(ret_address, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, NETWORK_ADDRESS_BYTES);
    else
        return false;
    return true;
}

static bool address_read(const char *text, uint8_t ret_address[NETWORK_ADDRESS_BYTES], unsigned *ret_before)
{
    struct in_addr four;
    *ret_before = 0;
    if (inet_pton(AF_INET6, text, ret_address) == 1)
        return true;
    if (inet_pton(AF_INET, text, &four) != 1)
        return false;
    four_put(&four, ret_address);
    *ret_before = FOUR_BITS;
    return true;
}

static bool equal(const uint8_t *left, const uint8_t *right, unsigned bits)
{
    uint8_t mask = (uint8_t)(0xff00u >> (bits % 8));
    return memcmp(left, right, bits / 8) == 0 && (mask == 0 || ((left[bits / 8] ^ right[bits / 8]) & mask) == 0);
}

static bool rest_is_zero(const uint8_t address[NETWORK_ADDRESS_BYTES], unsigned bits)
{
    for (unsigned i = bits; i < NETWORK_ADDRESS_BYTES * 8; i++)
        if (address[i / 8] & 0x80u >> (i % 8))
            return false;
    return true;
}

static bool entry_read(char *entry, struct networks *networks)
{
    uint8_t *address = networks->list[networks->count].address;
    unsigned before;
    int64_t bits;
    char *slash = strchr(entry, '/');
    if (slash != NULL)
        *slash++ = '\0';
    if (!address_read(entry, address, &before))
        return false;
    bits = NETWORK_ADDRESS_BYTES * 8 - before;
    if (slash != NULL && !text_to_i64(slash, strlen(slash), 0, bits, &bits))
        return false;
    networks->list[networks->count++].bits = before + (unsigned)bits;
    return rest_is_zero(address, before + (unsigned)bits);
}

enum drover_error networks_read(const char *text, const char *where, struct networks *ret_networks, struct problem *ret_problem)
{
    struct networks networks = {.count = 0};
    for (text += strspn(text, SEPARATORS); *text != '\0'; text += strspn(text, SEPARATORS)) {
        size_t length = strcspn(text, SEPARATORS);
        char entry[ENTRY_SIZE], shown[ENTRY_SIZE];
        if (networks.count == NETWORKS_MAX)
            return problem_set(ret_problem, DROVER_TOO_LONG, where, "more than %d networks", NETWORKS_MAX);
        if (!text_copy_n(entry, sizeof entry, text, length) || !entry_read(entry, &networks))
            return problem_set(ret_problem, DROVER_SYNTAX, where, "\"%s\" is no network like 10.0.0.0/8 or 2001:db8::/32",
                               text_excerpt(shown, sizeof shown, text, length));
        text += length;
    }
    *ret_networks = networks;
    return DROVER_OK;
}

bool networks_have(const struct networks *networks, const uint8_t address[NETWORK_ADDRESS_BYTES])
{
    for (unsigned i = 0; i < networks->count; i++)
        if (equal(networks->list[i].address, address, networks->list[i].bits))
            return true;
    return false;
}
