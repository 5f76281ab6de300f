#ifndef LARDER_LOAD_THREAD_H
#define LARDER_LOAD_THREAD_H

/* One thread of a load, and its connections. */

#include "tools/bench_wire.h"
#include "tools/load.h"

#include "base/counter.h"

#include <pthread.h>

struct bench_stream;
struct event;
struct event_base;
struct load_thread;

enum load_phase { LOAD_WARMING, LOAD_MEASURING, LOAD_ENDING };

/* What all threads of a load have in common. */
struct load {
    /* set once at creation */
    const struct bench_options *options;
    const struct bench_server *server;
    struct wire wire;
    struct key_pattern pattern;
    struct value_pool pool;
    double batch_nanoseconds; /* between two batches of one connection; 0: no fixed rate */
    uint64_t started_at;      /* nanoseconds; when the first batch is due */

    struct counter phase; /* written by the one who measures */

    /* any thread, under `lock` */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned threads_running;
    char problem[LOAD_PROBLEM_SIZE];
    bool broken;
};

struct load_connection {
    struct load_thread *thread;
    uint64_t number; /* among all connections of the load */
    int fd;
    struct bench_stream *stream; /* owned; NULL: no TLS */
    struct event *readable;      /* owned */
    struct event *writable;      /* owned */
    struct key_walk walk;

    /* the batch that is under way */
    struct wire_asked *asked; /* owned */
    uint32_t *keys;           /* owned */
    uint32_t asked_count;
    uint32_t asked_next;
    uint64_t begun_at;         /* nanoseconds: when it was sent, or was due */
    struct wire_output unsent; /* what the socket did not take */
    size_t unsent_at;

    struct wire_reader reader;
    uint32_t *missed; /* owned; keys to be set (--read-through), or NULL */
    uint64_t requests_left;
    uint64_t batch_number; /* the next one's, with a fixed rate */
};

struct load_thread {
    struct load *load;
    pthread_t handle;
    struct event_base *base;
    struct event *tick;  /* looks at the phase, and for a server that has fallen silent */
    struct event *timer; /* the next batch that is due, with a fixed rate */
    struct load_connection *connections; /* owned */
    uint64_t connection_count;
    uint64_t busy_count;     /* with a batch under way */
    uint64_t finished_count; /* that have nothing left to ask */
    uint64_t due_connection; /* with a fixed rate: whose batch is due next, */
    uint64_t due_batch;      /* and its number */
    bool stopped;
    uint64_t random;
    uint64_t last_reply_at; /* nanoseconds */
    char *input;            /* owned */
    struct wire_output output;
    struct load_tally tally;
    struct counter answered; /* written here, read anywhere: requests */
};

/* Connects; false: load->problem says why. */
MUST_USE bool load_thread_init(struct load_thread *thread, struct load *load, unsigned number);
void load_thread_end(struct load_thread *thread);

/* The thread's main function: returns when there is nothing left to do. */
void *load_thread_main(void *thread);

uint64_t load_nanoseconds(void);

/* Keeps the first problem. `broken`: the load can't go on. */
void load_note_problem(struct load *load, bool broken, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
