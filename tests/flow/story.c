/* Runs one story: `story FILE` plays its input lines on the virtual clock and compares everything that happens with the file,
 * line by line; what differs is shown as a diff. `story --print FILE` prints the story as it happens instead: write the input
 * lines, print, and read with care whether that is what should happen.
 *
 *   # words for the reader
 *   rollout r1 esp32 1.1.0 soak_ms=20000
 *   [     0] device  > d1 heartbeat 1.0.0 boot=b1
 *   [     7] store   > d1 none -> pending   open: runs 1.0.0, behind 1.1.0
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/flow/story.h"

#define LINES_MAX 600
#define LINE_SIZE 512

struct lines {
    char *line[LINES_MAX];
    size_t count;
};

static void lines_add(struct lines *lines, const char *text)
{
    if (lines->count == LINES_MAX)
        abort();
    lines->line[lines->count++] = strdup(text);
}

static void lines_done(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->line[i]);
    lines->count = 0;
}

/* Runs of blanks count as one, so that stories may be aligned by hand. */
static void squeeze(const char *src, char *dst, size_t size)
{
    size_t length = 0;
    for (; *src && length + 1 < size; src++) {
        bool blank = isspace((unsigned char)*src);
        if (blank && (length == 0 || dst[length - 1] == ' '))
            continue;
        dst[length++] = blank ? ' ' : *src;
    }
    while (length && dst[length - 1] == ' ')
        length--;
    dst[length] = 0;
}

static bool same(const char *left, const char *right)
{
    char a[LINE_SIZE], b[LINE_SIZE];
    squeeze(left, a, sizeof a);
    squeeze(right, b, sizeof b);
    return !strcmp(a, b);
}

/* Longest common subsequence, from the end; small stories, so the square is fine. */
static int show_diff(const struct lines *told, const struct lines *seen)
{
    static unsigned common[LINES_MAX + 1][LINES_MAX + 1];
    memset(common, 0, sizeof common);
    for (size_t i = told->count; i-- > 0;)
        for (size_t j = seen->count; j-- > 0;)
            common[i][j] = same(told->line[i], seen->line[j]) ? common[i + 1][j + 1] + 1
                           : common[i + 1][j] > common[i][j + 1] ? common[i + 1][j] : common[i][j + 1];
    int differences = 0;
    size_t i = 0, j = 0;
    while (i < told->count || j < seen->count) {
        if (i < told->count && j < seen->count && same(told->line[i], seen->line[j])) {
            printf("  %s\n", seen->line[j]);
            i++, j++;
        } else if (j >= seen->count || (i < told->count && common[i + 1][j] >= common[i][j + 1])) {
            printf("- %s\n", told->line[i++]);
            differences++;
        } else {
            printf("+ %s\n", seen->line[j++]);
            differences++;
        }
    }
    return differences;
}

static bool all_same(const struct lines *told, const struct lines *seen)
{
    if (told->count != seen->count)
        return false;
    for (size_t i = 0; i < told->count; i++)
        if (!same(told->line[i], seen->line[i]))
            return false;
    return true;
}

static void happened(void *arg, int64_t now_ms, const char *text)
{
    char line[LINE_SIZE];
    snprintf(line, sizeof line, "[%7lld] %s", (long long)now_ms, text);
    lines_add(arg, line);
}

struct play {
    struct world world;
    struct lines told, seen;
    struct lines words;     /* for the reader, and settings: kept for --print */
    bool begun;
    bool print;
};

static bool complain(const char *path, unsigned number, const char *what)
{
    fprintf(stderr, "%s:%u: %s\n", path, number, what);
    return false;
}

static void print_words(struct play *play)
{
    for (size_t i = 0; play->print && i < play->words.count; i++)
        lines_add(&play->seen, play->words.line[i]);
    lines_done(&play->words);
}

static void begin(struct play *play)
{
    play->begun = true;
    print_words(play);
    for (size_t i = 0; i < play->world.orchestrator_count; i++)
        world_start(&play->world, i);
}

/* A line with a moment: played when it goes in, kept for the comparison either way. */
static bool play_moment(struct play *play, const char *path, unsigned number, char *line)
{
    char *end;
    long long at_ms = strtoll(line + 1, &end, 10);
    if (*end != ']')
        return complain(path, number, "a moment looks like [  1000]");
    char *text = end + 1 + strspn(end + 1, " ");
    if (!play->begun)
        begin(play);
    lines_add(&play->told, line);
    if (!story_is_input(text))
        return true;
    if (play->world.begin_ms + at_ms < play->world.store.now_ms)
        return complain(path, number, "time goes back");
    world_run(&play->world, play->world.begin_ms + at_ms);
    world_tell_rollouts(&play->world);
    print_words(play);
    happened(&play->seen, at_ms, text);
    return story_act(&play->world, text) || complain(path, number, "not understood");
}

static bool play_line(struct play *play, const char *path, unsigned number, char *line)
{
    line[strcspn(line, "\n")] = 0;
    if (line[0] == '[')
        return play_moment(play, path, number, line);
    lines_add(&play->words, line);
    if (line[0] == '#' || !line[strspn(line, " ")])
        return true;
    return (!play->begun && story_set(&play->world, line)) || complain(path, number, "not understood");
}

static bool play_file(struct play *play, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[LINE_SIZE];
    unsigned number = 0;
    bool fine = file != NULL;
    if (!file)
        perror(path);
    while (fine && fgets(line, sizeof line, file))
        fine = play_line(play, path, ++number, line);
    if (file)
        fclose(file);
    return fine && (play->begun || complain(path, number, "nothing happens in it"));
}

#define LAST_WORDS_MS 100 /* what was begun by the last line comes to its end */

static bool judge(struct play *play, const char *path)
{
    world_run(&play->world, play->world.store.now_ms + LAST_WORDS_MS);
    bool fine = !play->world.broken && memory_store_check(&play->world.store);
    if (play->print) {
        for (size_t i = 0; i < play->seen.count; i++)
            puts(play->seen.line[i]);
        return fine;
    }
    if (all_same(&play->told, &play->seen))
        return fine;
    printf("%s: the story went another way (- told, + happened):\n", path);
    show_diff(&play->told, &play->seen);
    return false;
}

int main(int argc, char **argv)
{
    static struct play play;
    play.print = argc == 3 && !strcmp(argv[1], "--print");
    if (argc != 2 + play.print) {
        fprintf(stderr, "usage: story [--print] FILE\n");
        return 2;
    }
    const char *path = argv[argc - 1];
    world_init(&play.world, happened, &play.seen);
    bool fine = play_file(&play, path) && judge(&play, path);
    world_done(&play.world);
    lines_done(&play.words);
    lines_done(&play.told);
    lines_done(&play.seen);
    return fine ? 0 : 1;
}
