/* Letters from several threads arrive once each and in their senders' order, and the pipe says when
 * to look. */

#include "config.h"

#include "net/mailbox.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#define SENDER_COUNT 4
#define LETTERS_EACH 20000

struct numbered {
    struct letter letter;
    int sender;
    int number;
};

struct sender {
    struct mailbox *mailbox;
    pthread_t thread;
    int index;
};

static int bytes_waiting(const struct mailbox *mailbox)
{
    int count = -1;
    assert_int_equal(ioctl(mailbox->read_end, FIONREAD, &count), 0);
    return count;
}

static void *send_all(void *context)
{
    struct sender *sender = context;
    for (int i = 0; i < LETTERS_EACH; i++) {
        struct numbered *numbered = malloc(sizeof(*numbered));
        CHECK(numbered != NULL);
        *numbered = (struct numbered){.sender = sender->index, .number = i};
        mailbox_post(sender->mailbox, &numbered->letter);
    }
    return NULL;
}

/* As an event loop does: sleeps in poll, and only then takes. */
static void receive_all(struct mailbox *mailbox)
{
    int next[SENDER_COUNT] = {0};
    int left = SENDER_COUNT * LETTERS_EACH;
    while (left > 0) {
        struct pollfd pollfd = {.fd = mailbox->read_end, .events = POLLIN};
        enum mailbox_order order;
        assert_int_equal(poll(&pollfd, 1, 60000), 1);
        struct letter *letter = mailbox_take(mailbox, &order);
        while (letter != NULL) {
            struct numbered *numbered = CONTAINER_OF(letter, struct numbered, letter);
            letter = letter->next;
            assert_int_equal(numbered->number, next[numbered->sender]++);
            free(numbered);
            left--;
        }
    }
}

static void test_letters_of_many_senders_arrive_in_order(void **state)
{
    struct mailbox mailbox;
    struct sender senders[SENDER_COUNT];
    (void)state;
    assert_true(mailbox_init(&mailbox));
    for (int i = 0; i < SENDER_COUNT; i++) {
        senders[i] = (struct sender){.mailbox = &mailbox, .index = i};
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
    }
    receive_all(&mailbox);
    for (int i = 0; i < SENDER_COUNT; i++)
        assert_int_equal(pthread_join(senders[i].thread, NULL), 0);
    mailbox_end(&mailbox);
}

static void test_a_burst_costs_one_byte(void **state)
{
    struct mailbox mailbox;
    struct letter letters[3];
    enum mailbox_order order;
    (void)state;
    assert_true(mailbox_init(&mailbox));
    assert_int_equal(bytes_waiting(&mailbox), 0);
    for (size_t i = 0; i < ARRAY_COUNT(letters); i++)
        mailbox_post(&mailbox, &letters[i]);
    assert_int_equal(bytes_waiting(&mailbox), 1);
    assert_ptr_equal(mailbox_take(&mailbox, &order), &letters[0]);
    assert_ptr_equal(letters[0].next, &letters[1]);
    assert_ptr_equal(letters[1].next, &letters[2]);
    assert_null(letters[2].next);
    assert_int_equal(bytes_waiting(&mailbox), 0);
    assert_null(mailbox_take(&mailbox, &order));
    mailbox_post(&mailbox, &letters[0]);
    assert_int_equal(bytes_waiting(&mailbox), 1);
    assert_ptr_equal(mailbox_take(&mailbox, &order), &letters[0]);
    mailbox_end(&mailbox);
}

static void test_the_strongest_order_stays(void **state)
{
    struct mailbox mailbox;
    enum mailbox_order order;
    (void)state;
    assert_true(mailbox_init(&mailbox));
    assert_null(mailbox_take(&mailbox, &order));
    assert_int_equal(order, MAILBOX_CARRY_ON);
    mailbox_give_order(&mailbox, MAILBOX_DRAIN);
    assert_int_equal(bytes_waiting(&mailbox), 1);
    assert_null(mailbox_take(&mailbox, &order));
    assert_int_equal(order, MAILBOX_DRAIN);
    mailbox_give_order(&mailbox, MAILBOX_HALT);
    mailbox_give_order(&mailbox, MAILBOX_DRAIN);
    assert_int_equal(bytes_waiting(&mailbox), 1);
    assert_null(mailbox_take(&mailbox, &order));
    assert_int_equal(order, MAILBOX_HALT);
    mailbox_end(&mailbox);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_of_many_senders_arrive_in_order),
        cmocka_unit_test(test_a_burst_costs_one_byte),
        cmocka_unit_test(test_the_strongest_order_stays),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
