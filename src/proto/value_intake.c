#include "config.h"

#include "proto/value_intake.h"

#include "proto/session_work.h"
#include "proto/watch.h"

#include <stdlib.h>

#define LINE_END_SIZE 2

static bool ends_line(const char *at)
{
    return at[0] == '\r' && at[1] == '\n';
}

/* memcached shows errors of meta commands always, of classic ones unless noreply was asked. */
static enum reply shown(struct exchange *x, const struct intake *intake, enum reply error)
{
    if (!intake->request->quiet)
        return error;
    x->unsaid = (uint8_t)error;
    return REPLY_NONE;
}

/* memcached counts no meta commands there. */
static void note_prefix(struct exchange *x, const struct intake *intake)
{
    if (intake->meta == NULL)
        exchange_note_prefix(x, &intake->key, PREFIX_SET);
}

static bool refuse(struct exchange *x, const struct intake *intake, enum reply error)
{
    note_prefix(x, intake);
    enum store_outcome outcome = error == REPLY_TOO_LARGE ? STORE_TOO_LARGE : STORE_NO_MEMORY;
    watch_stored(x, &intake->key, &(struct watch_store){&intake->put, outcome, intake->value_size});
    if (intake->drop_old)
        (void)store_delete(x->thread->store, &intake->key, NULL);
    return exchange_swallow(x, intake->value_size + LINE_END_SIZE, shown(x, intake, error));
}

static void count_outcome(struct exchange *x, const struct intake *intake,
                          enum store_outcome outcome)
{
    if (outcome == STORE_NO_MEMORY) {
        COUNT(x, store_no_memory);
        if (intake->drop_old)
            (void)store_delete(x->thread->store, &intake->key, NULL);
    }
    if (!intake->put.compare_cas)
        return;
    if (outcome == STORE_STORED)
        COUNT(x, cas_hits);
    else if (outcome == STORE_EXISTS)
        COUNT(x, cas_badval);
    else if (outcome == STORE_NOT_FOUND)
        COUNT(x, cas_misses);
}

static void answer(struct exchange *x, const struct intake *intake, enum store_outcome outcome,
                   const struct store_result *result)
{
    count_outcome(x, intake, outcome);
    if (exptime_is_forgotten(intake->put.exptime, x->thread->now))
        COUNT(x, set_already_expired);
    exchange_note_key(x, &intake->key);
    note_prefix(x, intake);
    uint64_t size = outcome == STORE_STORED ? result->value_size : intake->value_size;
    watch_stored(x, &intake->key, &(struct watch_store){&intake->put, outcome, size});
    exchange_forget_shown(x, &intake->key);
    if (intake->meta != NULL)
        intake_answer_meta(x, intake, outcome, result);
    else
        intake_answer_classic(x, intake, outcome);
}

void intake_take(struct exchange *x, const struct intake *intake)
{
    struct slice value = {x->buffers->in.at, intake->value_size};
    struct store_result result = {0};
    exchange_consume(x, value.size + LINE_END_SIZE);
    COUNT(x, cmd_set);
    if (UNLIKELY(!ends_line(value.at + value.size))) {
        reply_add(x->buffers, shown(x, intake, REPLY_BAD_CHUNK));
        return;
    }
    (void)watch_look(x, &intake->key);
    enum store_outcome outcome =
        store_put(x->thread->store, &intake->key, &intake->put, value, &result);
    answer(x, intake, outcome, &result);
}

/* The line is given back when its value is not here yet, and read again then. */
static bool take_small(struct exchange *x, const struct intake *intake)
{
    if (x->buffers->in.size >= intake->value_size + LINE_END_SIZE) {
        intake_take(x, intake);
        return true;
    }
    const struct line *line = &intake->request->line;
    x->requests_left++;
    exchange_continue_at(x, line->text.at);
    return exchange_read(x, line->size + intake->value_size + LINE_END_SIZE);
}

/* --- large values --------------------------------------------------------------------------- */

/* Makes room for the next bytes, so that session_fill_room never fails. */
static void fill_prepare(struct session_work *work)
{
    struct proto_thread *thread = work->in.thread;
    size_t missing = store_fill_missing(work->in.fill);
    work->in.room = (struct store_room){NULL, 0};
    if (missing == 0)
        return;
    work->in.room = store_fill_room(thread->store, work->in.fill);
    if (work->in.room.at != NULL)
        return;
    store_fill_abandon(thread->store, work->in.fill);
    work->in.fill = NULL;
    work->in.unwanted = missing;
}

struct store_room session_fill_room(struct session *session)
{
    struct session_work *work = session->work;
    if (work->in.fill != NULL)
        return work->in.room;
    size_t size = sizeof(work->in.thread->bin);
    if (size > work->in.unwanted)
        size = work->in.unwanted;
    return (struct store_room){work->in.thread->bin, size};
}

void session_fill_advance(struct session *session, size_t size)
{
    struct session_work *work = session->work;
    if (work->in.fill == NULL) {
        work->in.unwanted -= size;
        return;
    }
    store_fill_advance(work->in.fill, size);
    work->in.room.at += size;
    work->in.room.size -= size;
    if (work->in.room.size == 0)
        fill_prepare(work);
}

static struct session_work *fill_work_create(struct exchange *x, const struct intake *intake)
{
    struct slice line = intake->request->line.text;
    struct session_work *work = calloc(1, sizeof(*work) + line.size);
    if (work == NULL)
        return NULL;
    work->kind = WORK_FILL;
    work->in.thread = x->thread;
    work->line_size = line.size;
    memcpy(work->line, line.at, line.size);
    work->in.fill =
        store_fill_start(x->thread->store, &intake->key, &intake->put, intake->value_size);
    if (work->in.fill != NULL)
        return work;
    free(work);
    return NULL;
}

static bool take_large(struct exchange *x, const struct intake *intake)
{
    struct session_work *work = fill_work_create(x, intake);
    if (work == NULL) {
        COUNT(x, store_no_memory);
        return refuse(x, intake, REPLY_NO_MEMORY_STORING);
    }
    x->session->work = work;
    fill_prepare(work);
    session_enter(x->session, PHASE_FILL);
    return true;
}

static void fill_copy_input(struct exchange *x)
{
    struct session *session = x->session;
    struct session_work *work = session->work;
    while (work->in.fill != NULL && x->buffers->in.size > 0 && work->in.room.size > 0) {
        size_t size = x->buffers->in.size;
        if (size > work->in.room.size)
            size = work->in.room.size;
        memcpy(work->in.room.at, x->buffers->in.at, size);
        exchange_consume(x, size);
        session_fill_advance(session, size);
    }
}

/* The intake of the request whose line the work has kept. It was well-formed when the fill began.
 */
static void fill_reread(struct exchange *x, struct session_work *work, struct request *request,
                        struct intake *intake, struct meta_request *meta)
{
    request->line = (struct line){{work->line, work->line_size}, work->line_size};
    CHECK(request_find_command(request));
    request->quiet =
        command_of(request->command)->noreply && slice_is(word_last(request->line.text), "noreply");
    enum reply error = request->command == COMMAND_MS
                           ? intake_parse_meta(intake, request, meta, x->thread->now)
                           : intake_parse_classic(intake, request, x->thread->now);
    CHECK(error == REPLY_NONE);
}

static bool fill_failed(struct exchange *x, struct session_work *work)
{
    struct request request;
    struct intake intake;
    struct meta_request meta;
    fill_reread(x, work, &request, &intake, &meta);
    COUNT(x, store_no_memory);
    intake.value_size = work->in.unwanted;
    x->session->work = NULL;
    refuse(x, &intake, REPLY_NO_MEMORY_STORING);
    free(work);
    return true;
}

static bool fill_finish(struct exchange *x, struct session_work *work)
{
    struct request request;
    struct intake intake;
    struct meta_request meta;
    struct store_result result = {0};
    const char *end = x->buffers->in.at;
    fill_reread(x, work, &request, &intake, &meta);
    COUNT(x, cmd_set);
    exchange_consume(x, LINE_END_SIZE);
    x->session->work = NULL;
    session_enter(x->session, PHASE_LINE);
    if (ends_line(end)) {
        (void)watch_look(x, &intake.key);
        enum store_outcome outcome = store_fill_commit(x->thread->store, work->in.fill, &result);
        answer(x, &intake, outcome, &result);
    } else {
        store_fill_abandon(x->thread->store, work->in.fill);
        reply_add(x->buffers, shown(x, &intake, REPLY_BAD_CHUNK));
    }
    free(work);
    return true;
}

bool phase_fill(struct exchange *x)
{
    struct session_work *work = x->session->work;
    fill_copy_input(x);
    if (work->in.fill == NULL)
        return fill_failed(x, work);
    if (store_fill_missing(work->in.fill) > 0)
        return exchange_sleep(x, SESSION_FILLING);
    if (x->buffers->in.size < LINE_END_SIZE)
        return exchange_read(x, LINE_END_SIZE);
    if (output_room(x->buffers) < REPLY_ROOM)
        return exchange_sleep(x, SESSION_SENDING);
    return fill_finish(x, work);
}

bool intake_run(struct exchange *x, const struct intake *intake, enum reply error)
{
    struct proto_thread *thread = x->thread;
    if (error != REPLY_NONE && !intake->size_known)
        return exchange_reply(x, error);
    if (error != REPLY_NONE)
        return exchange_swallow(x, intake->value_size + LINE_END_SIZE, shown(x, intake, error));
    if (!store_size_allowed(thread->protocol->config.store, intake->key.size, intake->value_size)) {
        COUNT(x, store_too_large);
        return refuse(x, intake, REPLY_TOO_LARGE);
    }
    if (intake->value_size <= thread->protocol->inline_size_max)
        return take_small(x, intake);
    return take_large(x, intake);
}
