#include "config.h"

#include "net/connection_list.h"

#include "base/clock.h"
#include "net/address.h"
#include "net/connection.h"

#include <stdlib.h>

void connection_list_init(struct connection_list *list)
{
    *list = (struct connection_list){.now = clock_seconds()};
    text_init(&list->lines);
}

void connection_list_end(struct connection_list *list)
{
    text_end(&list->lines);
    free(list->rows);
}

/* NULL: no memory. */
static struct connection_row *add_row(struct connection_list *list, int descriptor)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        struct connection_row *rows = realloc(list->rows, capacity * sizeof(*rows));
        if (rows == NULL) {
            list->lines.failed = true;
            return NULL;
        }
        list->rows = rows;
        list->capacity = capacity;
    }
    struct connection_row *row = &list->rows[list->count++];
    *row = (struct connection_row){.descriptor = descriptor, .at = list->lines.size};
    return row;
}

static void add_listener(struct connection_list *list, const struct listener *listener)
{
    char address[ADDRESS_TEXT_SIZE];
    int descriptor = listener->descriptor;
    struct connection_row *row = add_row(list, descriptor);
    if (row == NULL)
        return;
    address_format_local(address, descriptor);
    text_format(&list->lines,
                "STAT %d:addr %s\r\n"
                "STAT %d:state conn_listening\r\n"
                "STAT %d:secs_since_last_cmd %u\r\n",
                descriptor, address, descriptor, descriptor, list->now - clock_started_at());
    row->size = (uint32_t)(list->lines.size - row->at);
}

void connection_list_add_listeners(struct connection_list *list, struct dispatcher *dispatcher)
{
    mutex_lock(&dispatcher->listeners_lock);
    for (struct listener *listener = dispatcher->listeners; listener; listener = listener->next)
        add_listener(list, listener);
    mutex_unlock(&dispatcher->listeners_lock);
}

static void add_client(struct connection_list *list, int descriptor, const char *state,
                       uint32_t idle_seconds)
{
    char peer[ADDRESS_TEXT_SIZE];
    char local[ADDRESS_TEXT_SIZE];
    struct connection_row *row = add_row(list, descriptor);
    if (row == NULL)
        return;
    address_format_peer(peer, descriptor);
    address_format_local(local, descriptor);
    text_format(&list->lines,
                "STAT %d:addr %s\r\n"
                "STAT %d:listen_addr %s\r\n"
                "STAT %d:state %s\r\n"
                "STAT %d:secs_since_last_cmd %u\r\n",
                descriptor, peer, descriptor, local, descriptor, state, descriptor, idle_seconds);
    row->size = (uint32_t)(list->lines.size - row->at);
}

/* Under the lock nothing closes, so that a descriptor means the connection that it is read from. */
void connection_list_add_worker(struct connection_list *list, struct worker *worker)
{
    struct roster_entry *entry = NULL;
    mutex_lock(&worker->roster.lock);
    while ((entry = roster_next(&worker->roster, entry)) != NULL) {
        const struct connection *connection = CONTAINER_OF(entry, struct connection, entry);
        add_client(list, connection->descriptor, connection_state_name(connection),
                   connection_idle_seconds(connection, list->now));
    }
    mutex_unlock(&worker->roster.lock);
}

void connection_list_add_watchers(struct connection_list *list, struct logger *logger)
{
    struct roster_entry *entry = NULL;
    mutex_lock(&logger->watchers.lock);
    while ((entry = roster_next(&logger->watchers, entry)) != NULL) {
        const struct watcher *watcher = CONTAINER_OF(entry, struct watcher, entry);
        uint32_t idle_seconds = list->now > watcher->since ? list->now - watcher->since : 0;
        add_client(list, watcher->descriptor, "conn_watch", idle_seconds);
    }
    mutex_unlock(&logger->watchers.lock);
}

static int compare_rows(const void *a, const void *b)
{
    int left = ((const struct connection_row *)a)->descriptor;
    int right = ((const struct connection_row *)b)->descriptor;
    return (left > right) - (left < right);
}

void connection_list_write(struct connection_list *list, struct text *text)
{
    if (list->lines.failed) {
        text->failed = true;
        return;
    }
    if (list->count > 0)
        qsort(list->rows, list->count, sizeof(list->rows[0]), compare_rows);
    for (size_t i = 0; i < list->count; i++)
        text_add(text, (struct slice){list->lines.at + list->rows[i].at, list->rows[i].size});
}
