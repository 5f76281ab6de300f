#include "config.h"

#include "net/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool mailbox_init(struct mailbox *mailbox) NO_THREAD_CHECK
{
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
        return false;
    *mailbox = (struct mailbox){.read_end = ends[0], .write_end = ends[1]};
    mutex_init(&mailbox->lock, LOCK_MAILBOX);
    return true;
}

void mailbox_end(struct mailbox *mailbox) NO_THREAD_CHECK
{
    CHECK(mailbox->first == NULL);
    close(mailbox->read_end);
    close(mailbox->write_end);
    mutex_end(&mailbox->lock);
}

/* A full pipe needs no further byte: its reader will look anyway. */
void mailbox_ring(struct mailbox *mailbox)
{
    while (write(mailbox->write_end, "", 1) < 0 && errno == EINTR)
        continue;
}

void mailbox_post(struct mailbox *mailbox, struct letter *letter)
{
    letter->next = NULL;
    mutex_lock(&mailbox->lock);
    bool was_empty = mailbox->first == NULL && !mailbox->order_is_news;
    if (mailbox->first == NULL)
        mailbox->first = letter;
    else
        mailbox->last->next = letter;
    mailbox->last = letter;
    mutex_unlock(&mailbox->lock);
    if (was_empty)
        mailbox_ring(mailbox);
}

void mailbox_give_order(struct mailbox *mailbox, enum mailbox_order order)
{
    mutex_lock(&mailbox->lock);
    bool was_empty = mailbox->first == NULL && !mailbox->order_is_news;
    if (order > mailbox->order)
        mailbox->order = order;
    mailbox->order_is_news = true;
    mutex_unlock(&mailbox->lock);
    if (was_empty)
        mailbox_ring(mailbox);
}

/* Before the queue is looked at: a byte written later stands for a letter that may not be in it. */
static void empty_pipe(struct mailbox *mailbox)
{
    char bytes[64];
    ssize_t size;
    do
        size = read(mailbox->read_end, bytes, sizeof(bytes));
    while (size == (ssize_t)sizeof(bytes) || (size < 0 && errno == EINTR));
}

struct letter *mailbox_take(struct mailbox *mailbox, enum mailbox_order *order)
{
    empty_pipe(mailbox);
    mutex_lock(&mailbox->lock);
    struct letter *letters = mailbox->first;
    mailbox->first = NULL;
    *order = mailbox->order;
    mailbox->order_is_news = false;
    mutex_unlock(&mailbox->lock);
    return letters;
}
