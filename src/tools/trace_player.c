#include "config.h"

#include "tools/trace_player.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 1024        /* requests that are known at a time */
#define SEATS (4 * BATCH) /* of the table of their keys; a power of two */
#define VALUE_SIZE_MAX (1u << 20)
#define NOBODY UINT32_MAX

enum play_step {
    PLAY_REQUEST, /* as the trace has it */
    PLAY_FILL,    /* it missed: set */
    PLAY_CAS,     /* it was read with its cas unique: store it anew */
};

/* One request of the batch. */
struct play {
    struct trace_request request;
    enum play_step step;
    uint32_t next;    /* the key's next one in the batch, or NOBODY ... */
    bool next_is_out; /* ... which was sent already, behind this one */
    uint64_t cas;
};

/* The last play of a key, in this batch. */
struct seat {
    uint64_t key;
    uint32_t batch; /* that it belongs to */
    uint32_t last;
};

/* Plays that are sent together. */
struct wave {
    uint32_t plays[BATCH];
    uint32_t count;
};

struct trace_player {
    struct trace_link link;
    bool timed;
    struct trace_score score;
    struct play plays[BATCH];
    uint32_t play_count;
    uint32_t batch;
    struct seat seats[SEATS];
    struct wave waves[2]; /* the one that is out, and the one to come after */
    struct wave *out, *coming;
    uint32_t replied; /* of those that are out */
    char *filler;     /* [VALUE_SIZE_MAX] */
};

struct trace_player *trace_player_create(const struct bench_server *server, bool timed)
{
    struct trace_player *player = calloc(1, sizeof(*player));
    CHECK(player != NULL);
    player->filler = malloc(VALUE_SIZE_MAX);
    CHECK(player->filler != NULL);
    memset(player->filler, 'v', VALUE_SIZE_MAX);
    player->timed = timed;
    player->batch = 1;
    player->out = &player->waves[0];
    player->coming = &player->waves[1];
    trace_link_open(&player->link, server);
    return player;
}

void trace_player_destroy(struct trace_player *player)
{
    trace_link_close(&player->link);
    free(player->filler);
    free(player);
}

struct trace_score trace_player_score(const struct trace_player *player)
{
    return player->score;
}

struct trace_link *trace_player_link(struct trace_player *player)
{
    return &player->link;
}

/* --- writing ------------------------------------------------------------------------------- */

static void write_read(struct trace_player *player, const struct play *play, const char *key)
{
    char line[300];
    int size = snprintf(line, sizeof(line), "%s %.*s\r\n",
                        play->request.operation == TRACE_CAS ? "gets" : "get",
                        (int)play->request.key_size, key);
    trace_link_write(&player->link, (struct slice){line, (size_t)size});
}

static void write_store(struct trace_player *player, const struct play *play, const char *key)
{
    char line[400], unique[24] = "";
    const struct trace_request *request = &play->request;
    const char *verb =
        play->step == PLAY_REQUEST && request->operation == TRACE_ADD ? "add" : "set";
    if (play->step == PLAY_CAS) {
        verb = "cas";
        snprintf(unique, sizeof(unique), " %" PRIu64, play->cas);
    }
    int size = snprintf(line, sizeof(line), "%s %.*s 0 %" PRIu32 " %" PRIu32 "%s\r\n", verb,
                        (int)request->key_size, key, player->timed ? request->exptime : 0,
                        request->value_size, unique);
    CHECK(request->value_size <= VALUE_SIZE_MAX);
    trace_link_write(&player->link, (struct slice){line, (size_t)size});
    trace_link_write(&player->link, (struct slice){player->filler, request->value_size});
    trace_link_write(&player->link, SLICE_LITERAL("\r\n"));
}

static bool reads(const struct play *play)
{
    enum trace_operation operation = play->request.operation;
    return play->step == PLAY_REQUEST && (operation == TRACE_READ || operation == TRACE_CAS);
}

static void write_play(struct trace_player *player, const struct play *play)
{
    char key[256];
    trace_key_write(key, &play->request);
    if (reads(play))
        write_read(player, play, key);
    else
        write_store(player, play, key);
}

/* --- the order of a key's requests --------------------------------------------------------- */

static void send_next(struct trace_player *player, uint32_t number)
{
    player->coming->plays[player->coming->count++] = number;
}

/* The key is there now: all its reads that come next may go out together, and what comes after. */
static void release_next(struct trace_player *player, struct play *done)
{
    while (done->next != NOBODY && !done->next_is_out) {
        struct play *next = &player->plays[done->next];
        send_next(player, done->next);
        done->next_is_out = true;
        if (next->request.operation != TRACE_READ)
            break;
        done = next;
    }
}

static void take_read(struct trace_player *player, struct play *play,
                      const struct trace_reply *reply)
{
    player->score.reads++;
    player->score.misses += !reply->value;
    player->score.errors += !reply->value && !slice_is(reply->line, "END");
    play->cas = reply->cas;
    if (!reply->value)
        play->step = PLAY_FILL;
    else if (play->request.operation == TRACE_CAS)
        play->step = PLAY_CAS;
}

/* An add may find an item, and what a cas was to replace may have been evicted meanwhile. */
static bool is_store_error(const struct trace_reply *reply)
{
    return reply->value ||
           !(slice_is(reply->line, "STORED") || slice_is(reply->line, "NOT_STORED") ||
             slice_is(reply->line, "NOT_FOUND"));
}

static void on_reply(void *context, const struct trace_reply *reply)
{
    struct trace_player *player = context;
    uint32_t number = player->out->plays[player->replied++];
    struct play *play = &player->plays[number];
    if (!reads(play)) {
        player->score.errors += is_store_error(reply);
        release_next(player, play);
        return;
    }
    take_read(player, play, reply);
    if (play->step == PLAY_REQUEST)
        release_next(player, play);
    else
        send_next(player, number);
}

static struct seat *seat_of(struct trace_player *player, uint64_t key)
{
    uint32_t at = (uint32_t)trace_mix(key) % SEATS;
    while (player->seats[at].batch == player->batch && player->seats[at].key != key)
        at = (at + 1) % SEATS;
    return &player->seats[at];
}

void trace_player_add(struct trace_player *player, const struct trace_request *request)
{
    if (player->play_count == BATCH)
        trace_player_finish(player);
    uint32_t number = player->play_count++;
    struct seat *seat = seat_of(player, request->key);
    player->plays[number] = (struct play){.request = *request, .next = NOBODY};
    if (seat->batch == player->batch)
        player->plays[seat->last].next = number;
    else
        send_next(player, number);
    *seat = (struct seat){.key = request->key, .batch = player->batch, .last = number};
}

void trace_player_finish(struct trace_player *player)
{
    while (player->coming->count > 0) {
        struct wave *wave = player->coming;
        player->coming = player->out;
        player->out = wave;
        player->coming->count = 0;
        player->replied = 0;
        for (uint32_t i = 0; i < wave->count; i++)
            write_play(player, &player->plays[wave->plays[i]]);
        trace_link_exchange(&player->link, wave->count, on_reply, player);
    }
    player->play_count = 0;
    player->batch++;
}
