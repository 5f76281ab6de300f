#include "config.h"

#include "admin/census.h"

#include "admin/json.h"
#include "base/clock.h"

#include <inttypes.h>

#define ITEMS_PER_STEP 256  /* then what the walk was lent is given back */
#define STEPS_PER_ADVANCE 2 /* of the census */
#define KEYS_PER_STEP 32    /* of a list of keys, which may be longer than asked by as many */
#define STEPS_PER_QUERY 2048
#define LIST_SIZE_MAX (256u << 10) /* bytes */
#define COUNTED_ITEMS 8192         /* then every count is halved */
#define ITEM_HEADER_SIZE 4         /* at least */

bool census_init(struct census *census, struct store *store)
{
    *census = (struct census){.thread = store_thread_create(store)};
    return census->thread != NULL;
}

void census_end(struct census *census)
{
    if (census->thread != NULL)
        store_thread_destroy(census->thread);
}

/* ---- sizes */

static void count_item(void *context, struct slice key, const struct store_item *item)
{
    struct census *census = context;
    uint64_t size = ITEM_HEADER_SIZE + key.size + item->value_size;
    unsigned step = 0;
    while (step < CENSUS_SIZES - 1 && size >> step != 0)
        step++;
    census->counts[step]++;
    census->total++;
}

static void fade(struct census *census)
{
    census->total = 0;
    for (size_t i = 0; i < CENSUS_SIZES; i++) {
        census->counts[i] /= 2;
        census->total += census->counts[i];
    }
}

void census_advance(struct census *census)
{
    for (unsigned step = 0; step < STEPS_PER_ADVANCE; step++) {
        store_turn_start(census->thread, clock_seconds());
        if (!store_walk(census->thread, &census->cursor, ITEMS_PER_STEP, count_item, census))
            census->cursor = 0;
        store_turn_stop(census->thread);
    }
    if (census->total > COUNTED_ITEMS)
        fade(census);
}

void census_write(const struct census *census, struct text *text)
{
    for (size_t i = 0; i < CENSUS_SIZES; i++)
        text_format(text, "%s%" PRIu64, i == 0 ? "[" : ",", census->counts[i]);
    text_format(text, "]");
}

/* ---- keys */

struct key_list {
    const struct census_query *query;
    struct text *text;
    size_t count;
};

static void list_item(void *context, struct slice key, const struct store_item *item)
{
    struct key_list *list = context;
    struct slice prefix = list->query->prefix;
    if (key.size < prefix.size || memcmp(key.at, prefix.at, prefix.size) != 0)
        return;
    text_format(list->text, "%s{\"key\":", list->count == 0 ? "" : ",");
    json_add_string(list->text, key);
    text_format(list->text, ",\"bytes\":%zu,\"exptime\":%" PRIu32 ",\"idle\":%" PRIu32 "}",
                item->value_size, item->exptime, item->idle_seconds);
    list->count++;
}

static bool is_full(const struct key_list *list)
{
    return list->count >= list->query->limit || list->text->size >= LIST_SIZE_MAX;
}

void census_write_keys(struct census *census, const struct census_query *query, struct text *text)
{
    struct key_list list = {query, text, 0};
    size_t cursor = query->cursor;
    bool more = true;
    text_format(text, "{\"keys\":[");
    for (unsigned step = 0; more && step < STEPS_PER_QUERY && !is_full(&list); step++) {
        store_turn_start(census->thread, clock_seconds());
        more = store_walk(census->thread, &cursor, KEYS_PER_STEP, list_item, &list);
        store_turn_stop(census->thread);
    }
    if (more)
        text_format(text, "],\"cursor\":%zu}\n", cursor);
    else
        text_format(text, "],\"cursor\":null}\n");
}
