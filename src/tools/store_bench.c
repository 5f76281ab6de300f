/* The storage benchmark: command line, and the store that it measures. */

#include "config.h"

#include "tools/store_bench.h"

#include "base/hash.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define NOW 1000000 /* any second will do: nothing here expires */
#define STALL_ITEMS 8000000
#define STALL_ROUNDS 3

static const char usage_text[] =
    "usage: store-bench [-8] [-m MEGABYTES] [-n ITEMS] [-r ROUNDS] [-v BYTES]\n"
    "The store alone, one thread, no network.\n"
    "  -8   the longest calls too, while 8 million items are filled in: at -m 2048,\n"
    "       and where 15 of 16 must make room for others\n"
    "  -m   memory for the speed part (default: enough for all items twice)\n"
    "  -n   items (default 1000000)\n"
    "  -r   rounds (default 5)\n"
    "  -v   bytes of a value, 8 to 1024 (default 32)\n";

static _Noreturn void complain(const char *text)
{
    fprintf(stderr, "store-bench: %s\n", text);
    exit(EX_USAGE);
}

void bench_store_open(struct bench_store *bench, size_t memory_size)
{
    const char *why = NULL;
    const struct store_config config = {
        .memory_size = memory_size,
        .item_size_max = MIB,
        .writer_count = 1,
        .evict = true,
        .cas = true,
    };
    bench->store = store_create(&config, &why);
    if (bench->store == NULL) {
        fprintf(stderr, "store-bench: %s\n", why);
        exit(EX_OSERR);
    }
    bench->thread = store_thread_create(bench->store);
    CHECK(bench->thread != NULL);
    bench->operations = 0;
    store_turn_start(bench->thread, NOW);
}

void bench_store_close(struct bench_store *bench)
{
    store_turn_stop(bench->thread);
    store_thread_destroy(bench->thread);
    store_destroy(bench->store);
}

void bench_store_new_turn(struct bench_store *bench)
{
    bench->operations = 0;
    store_turn_stop(bench->thread);
    store_turn_start(bench->thread, NOW);
}

static uint64_t number_within(const char *text, uint64_t low, uint64_t high)
{
    uint64_t number;
    if (!number_parse_u64(slice_of(text), &number) || number < low || number > high) {
        fprintf(stderr, "store-bench: %s: wants a number from %llu to %llu\n", text,
                (unsigned long long)low, (unsigned long long)high);
        exit(EX_USAGE);
    }
    return number;
}

static void measure_stalls(const struct store_bench_config *speed)
{
    struct store_bench_config config = {
        .items = STALL_ITEMS,
        .value_size = speed->value_size,
        .memory_size = 2048 * MIB,
        .rounds = STALL_ROUNDS,
    };
    store_bench_measure_stalls(&config, "all fit");
    size_t item_size = BENCH_KEY_SIZE + config.value_size + 16;
    config.memory_size = (config.items * item_size / 16 / MIB + 1) * MIB;
    store_bench_measure_stalls(&config, "most make room for others");
}

int main(int argument_count, char *arguments[])
{
    struct store_bench_config config = {.items = 1000000, .value_size = 32, .rounds = 5};
    bool stalls = false;
    for (int option; (option = getopt(argument_count, arguments, "8hm:n:r:v:")) != -1;) {
        switch (option) {
        case '8':
            stalls = true;
            break;
        case 'm':
            config.memory_size = number_within(optarg, 2, 1 << 20) * MIB;
            break;
        case 'n':
            config.items = number_within(optarg, 1, UINT32_MAX);
            break;
        case 'r':
            config.rounds = (unsigned)number_within(optarg, 1, 100);
            break;
        case 'v':
            config.value_size = number_within(optarg, 8, BENCH_VALUE_SIZE_MAX);
            break;
        case 'h':
            fputs(usage_text, stdout);
            return EX_OK;
        default:
            fputs(usage_text, stderr);
            return EX_USAGE;
        }
    }
    if (optind < argument_count)
        complain("takes options only; -h lists them");
    if (config.memory_size == 0)
        config.memory_size =
            (config.items * (BENCH_KEY_SIZE + config.value_size + 16) * 2 / MIB + 16) * MIB;
    hash_start(1);
    setvbuf(stdout, NULL, _IOLBF, 0);
    store_bench_measure_speed(&config);
    if (stalls)
        measure_stalls(&config);
    return EX_OK;
}
