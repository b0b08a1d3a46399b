/* The zones of a folder, each read once. What is not there is remembered too, so that a device that makes up names costs one look each. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/text.h"
#include "common/time_zone.h"

#define ZONES_MAX 1024      /* tzdata has about 600 names; further ones are as if they were not there */
#define BUCKETS 2048
#define STRANGERS 1024      /* hashes of names that lead nowhere; one place a hash */
#define FOLDER_SIZE 256

struct entry {
    char name[TIME_ZONE_SIZE];   /* "": free */
    struct time_zone *zone;
};

struct time_zones {
    char folder[FOLDER_SIZE];
    size_t count;
    struct entry entries[BUCKETS];
    uint64_t strangers[STRANGERS];
};

struct time_zones *time_zones_new(const char *folder)
{
    struct time_zones *zones = calloc(1, sizeof *zones);
    if (zones && !text_copy(zones->folder, sizeof zones->folder, folder)) {
        free(zones);
        return NULL;
    }
    return zones;
}

void time_zones_free(struct time_zones *zones)
{
    for (size_t i = 0; zones && i < BUCKETS; i++)
        time_zone_free(zones->entries[i].zone);
    free(zones);
}

static bool whole_read(int fd, uint8_t *bytes, size_t length)
{
    size_t got = 0;
    while (got < length) {
        ssize_t step = read(fd, bytes + got, length - got);
        if (step <= 0 && !(step < 0 && errno == EINTR))
            return false;
        got += step > 0 ? (size_t)step : 0;
    }
    return true;
}

static struct time_zone *file_load(int fd)
{
    struct stat facts;
    struct time_zone *zone = NULL;
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size <= 0 || facts.st_size > TIME_ZONE_FILE_MAX)
        return NULL;
    size_t length = (size_t)facts.st_size;
    uint8_t *bytes = malloc(length);
    if (bytes && whole_read(fd, bytes, length) && time_zone_read(bytes, length, &zone, NULL) != DROVER_OK)
        zone = NULL;
    free(bytes);
    return zone;
}

static struct time_zone *zone_load(const struct time_zones *zones, const char *name)
{
    struct time_zone *zone = NULL;
    int folder = open(zones->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = folder >= 0 ? openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
    if (fd >= 0) {
        zone = file_load(fd);
        close(fd);
    }
    if (folder >= 0)
        close(folder);
    return zone;
}

/* Its entry, or the free one where it belongs; there always is one: half of them stay free. */
static struct entry *entry_of(struct time_zones *zones, const char *name, uint64_t hash)
{
    size_t at = hash % BUCKETS;
    while (zones->entries[at].name[0] && strcmp(zones->entries[at].name, name) != 0)
        at = (at + 1) % BUCKETS;
    return &zones->entries[at];
}

bool time_zones_find(struct time_zones *zones, const char *name, const struct time_zone **ret)
{
    uint64_t hash = hash_text(name, 0), *stranger = &zones->strangers[hash % STRANGERS];
    struct entry *entry;
    if (!time_zone_name_fits(name) || *stranger == hash)
        return false;
    entry = entry_of(zones, name, hash);
    if (!entry->name[0]) {
        struct time_zone *zone = zones->count < ZONES_MAX ? zone_load(zones, name) : NULL;
        if (!zone) {
            *stranger = hash;
            return false;
        }
        (void)text_copy(entry->name, sizeof entry->name, name);
        entry->zone = zone;
        zones->count++;
    }
    *ret = entry->zone;
    return true;
}
