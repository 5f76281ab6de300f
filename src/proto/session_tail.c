#include "config.h"

#include "proto/session_work.h"

#include <stdlib.h>

void session_work_end(struct session *session, struct proto_thread *thread)
{
    struct session_work *work = session->work;
    if (work == NULL)
        return;
    switch (work->kind) {
    case WORK_FILL:
        if (work->in.fill != NULL)
            store_fill_abandon(thread->store, work->in.fill);
        break;
    case WORK_WALK:
        free(work->walk.counts);
        break;
    case WORK_PIN:
        store_unpin(&work->pin.pin);
        break;
    case WORK_TEXT:
    case WORK_DUMP:
        text_end(&work->text.text);
        break;
    }
    free(work);
    session->work = NULL;
}

static bool is_tail(const struct session_work *work)
{
    return work != NULL &&
           (work->kind == WORK_PIN || work->kind == WORK_TEXT || work->kind == WORK_DUMP);
}

void session_tail_end(struct session *session, struct proto_thread *thread)
{
    if (UNLIKELY(is_tail(session->work)) && session->work->kind != WORK_DUMP)
        session_work_end(session, thread);
}

bool session_tail_pin(struct exchange *x, const struct store_item *item)
{
    struct session_work *work = calloc(1, sizeof(*work));
    if (work == NULL)
        return false;
    work->kind = WORK_PIN;
    if (!store_pin(x->thread->store, item, &work->pin.pin)) {
        free(work);
        return false;
    }
    work->pin.line_end = SLICE_LITERAL("\r\n");
    x->session->work = work;
    return true;
}

bool exchange_reply_text(struct exchange *x, struct text *text)
{
    struct session_work *work;
    if (text->failed) {
        text_end(text);
        return exchange_reply(x, REPLY_NO_MEMORY_STATS);
    }
    if (text->size <= output_room(x->buffers)) {
        struct slice bytes = {text->at, text->size};
        output_extend_to(x->buffers, put_slice(output_end(x->buffers), bytes));
        text_end(text);
        return true;
    }
    work = calloc(1, sizeof(*work));
    if (work == NULL) {
        text_end(text);
        return exchange_reply(x, REPLY_NO_MEMORY_STATS);
    }
    work->kind = WORK_TEXT;
    work->text.text = *text;
    x->session->work = work;
    return exchange_sleep(x, SESSION_SENDING);
}

/* Looks ahead with a copy of the pin's place, which stays where the sending is. */
static int pin_vectors(const struct session_work *work, struct iovec *vectors, int count_max)
{
    struct store_pin ahead = work->pin.pin;
    struct slice piece = work->pin.piece;
    int count = 0;
    do {
        if (piece.size > 0 && count < count_max)
            vectors[count++] = (struct iovec){(void *)(uintptr_t)piece.at, piece.size};
    } while (count < count_max && store_pin_next(&ahead, &piece));
    if (count < count_max && work->pin.line_end.size > 0)
        vectors[count++] =
            (struct iovec){(void *)(uintptr_t)work->pin.line_end.at, work->pin.line_end.size};
    return count;
}

int session_tail(struct session *session, struct iovec *vectors, int count_max)
{
    struct session_work *work = session->work;
    if (LIKELY(!is_tail(work)))
        return 0;
    if (work->kind == WORK_PIN)
        return pin_vectors(work, vectors, count_max);
    size_t size = work->text.text.size - work->text.sent;
    if (size == 0 || count_max == 0)
        return 0;
    vectors[0] = (struct iovec){work->text.text.at + work->text.sent, size};
    return 1;
}

size_t session_text_bytes(const struct session *session)
{
    const struct session_work *work = session->work;
    bool has_text = work != NULL && (work->kind == WORK_TEXT || work->kind == WORK_DUMP);
    return UNLIKELY(has_text) ? sizeof(*work) + work->text.text.capacity : 0;
}

static void slice_drop(struct slice *slice, size_t *size)
{
    if (slice->size == 0)
        return;
    size_t dropped = *size < slice->size ? *size : slice->size;
    slice->at += dropped;
    slice->size -= dropped;
    *size -= dropped;
}

void session_tail_sent(struct session *session, size_t size)
{
    struct session_work *work = session->work;
    if (work->kind != WORK_PIN) {
        work->text.sent += size;
        return;
    }
    slice_drop(&work->pin.piece, &size);
    while (size > 0 && store_pin_next(&work->pin.pin, &work->pin.piece))
        slice_drop(&work->pin.piece, &size);
    slice_drop(&work->pin.line_end, &size);
}
