/* The table for people: a column for each server, and the second's share of the first. */

#include "config.h"

#include "tools/bench_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const double bench_report_shares[] = {0.5, 0.9, 0.99, 0.999, 0.9999, 0};
const char *const bench_report_share_names[] = {"p50", "p90", "p99", "p99.9", "p99.99", NULL};

static int compare_numbers(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static uint64_t requests_of(const struct load_result *result)
{
    return result->tally.gets + result->tally.sets;
}

static struct bench_spread spread_of(const struct bench_record *record,
                                     double (*measure)(const struct load_result *result))
{
    struct bench_spread spread = {0, 0, 0};
    double *numbers = calloc(record->round_count + 1, sizeof(*numbers));
    unsigned count = record->round_count;
    if (numbers == NULL || count == 0) {
        free(numbers);
        return spread;
    }
    for (unsigned i = 0; i < count; i++)
        numbers[i] = measure(&record->rounds[i]);
    qsort(numbers, count, sizeof(*numbers), compare_numbers);
    spread.low = numbers[0];
    spread.middle = (numbers[(count - 1) / 2] + numbers[count / 2]) / 2;
    spread.high = numbers[count - 1];
    free(numbers);
    return spread;
}

static double measure_rate(const struct load_result *result)
{
    return result->seconds > 0 ? (double)requests_of(result) / result->seconds : 0;
}

static double measure_server_cpu(const struct load_result *result)
{
    if (result->server_cpu_seconds < 0 || requests_of(result) == 0)
        return -1;
    return result->server_cpu_seconds * 1e6 / (double)requests_of(result);
}

static double measure_generator(const struct load_result *result)
{
    return result->seconds > 0 ? result->generator_cpu_seconds / result->seconds : 0;
}

struct bench_spread bench_requests_per_second(const struct bench_record *record)
{
    return spread_of(record, measure_rate);
}

struct bench_spread bench_server_cpu_per_request(const struct bench_record *record)
{
    return spread_of(record, measure_server_cpu);
}

struct bench_spread bench_generator_cores(const struct bench_record *record)
{
    return spread_of(record, measure_generator);
}

/* --- the table ------------------------------------------------------------------------------- */

/* One number for each server; below 0 is unknown. */
static void write_row(FILE *file, const char *name, int decimals, const double numbers[],
                      unsigned count)
{
    fprintf(file, "%-26s", name);
    for (unsigned i = 0; i < count; i++)
        if (numbers[i] < 0)
            fprintf(file, " %20s", "-");
        else
            fprintf(file, " %20.*f", decimals, numbers[i]);
    if (count == 2 && numbers[0] > 0 && numbers[1] >= 0)
        fprintf(file, " %10.3f", numbers[1] / numbers[0]);
    fputc('\n', file);
}

static void write_spread(FILE *file, const char *name, int decimals,
                         struct bench_spread (*measure)(const struct bench_record *record),
                         const struct bench_record *records, unsigned count)
{
    double low[BENCH_SERVERS_MAX], middle[BENCH_SERVERS_MAX], high[BENCH_SERVERS_MAX];
    for (unsigned i = 0; i < count; i++) {
        struct bench_spread spread = measure(&records[i]);
        low[i] = spread.low;
        middle[i] = spread.middle;
        high[i] = spread.high;
    }
    write_row(file, name, decimals, middle, count);
    if (records[0].round_count > 1) {
        write_row(file, "  lowest round", decimals, low, count);
        write_row(file, "  highest round", decimals, high, count);
    }
}

static void write_times(FILE *file, const char *title, const struct bench_record *records,
                        unsigned count, bool sets)
{
    double numbers[BENCH_SERVERS_MAX];
    const struct histogram *times[BENCH_SERVERS_MAX] = {NULL};
    for (unsigned i = 0; i < count; i++)
        times[i] = sets ? &records[i].sum.set_times : &records[i].sum.get_times;
    if (times[0]->total == 0)
        return;
    fprintf(file, "%s\n", title);
    for (unsigned i = 0; i < count; i++)
        numbers[i] = histogram_mean(times[i]) / 1e3;
    write_row(file, "  mean", 1, numbers, count);
    for (unsigned j = 0; bench_report_shares[j] > 0; j++) {
        char name[16];
        snprintf(name, sizeof(name), "  %s", bench_report_share_names[j]);
        for (unsigned i = 0; i < count; i++)
            numbers[i] = (double)histogram_at(times[i], bench_report_shares[j]) / 1e3;
        write_row(file, name, 1, numbers, count);
    }
    for (unsigned i = 0; i < count; i++)
        numbers[i] = (double)times[i]->max / 1e3;
    write_row(file, "  longest", 1, numbers, count);
}

static void write_count(FILE *file, const char *name, const struct bench_record *records,
                        unsigned count, uint64_t (*measure)(const struct load_tally *tally))
{
    fprintf(file, "%-26s", name);
    for (unsigned i = 0; i < count; i++)
        fprintf(file, " %20llu", (unsigned long long)measure(&records[i].sum));
    fputc('\n', file);
}

#define COUNT(name, expression)                                                                    \
    static uint64_t count_##name(const struct load_tally *tally)                                   \
    {                                                                                              \
        return expression;                                                                         \
    }
COUNT(gets, tally->gets)
COUNT(sets, tally->sets)
COUNT(hits, tally->hits)
COUNT(misses, tally->keys - tally->hits)
COUNT(errors, tally->errors)
COUNT(wrong, tally->wrong)
COUNT(sent, tally->bytes_sent)
COUNT(received, tally->bytes_received)
#undef COUNT

static void write_load(FILE *file, const struct bench_options *options)
{
    fprintf(file,
            "%llu connections, %llu threads, batches of %llu, %llu keys, %llu sets : %llu gets",
            (unsigned long long)options->connections, (unsigned long long)options->threads,
            (unsigned long long)options->pipeline, (unsigned long long)options->keys,
            (unsigned long long)options->sets, (unsigned long long)options->gets);
    fprintf(file, ", values of %llu", (unsigned long long)options->value_size.low);
    if (options->value_size.high != options->value_size.low)
        fprintf(file, " to %llu", (unsigned long long)options->value_size.high);
    fprintf(file, " bytes, %llu round%s", (unsigned long long)options->rounds,
            options->rounds == 1 ? "" : "s, medians");
    if (options->rate != 0)
        fprintf(file, ", %llu requests/s", (unsigned long long)options->rate);
    fputc('\n', file);
}

void bench_report_write_table(FILE *file, const struct bench_options *options,
                              const struct bench_record *records, unsigned count)
{
    write_load(file, options);
    fprintf(file, "%-26s", "");
    for (unsigned i = 0; i < count; i++)
        fprintf(file, " %20s", records[i].server->name);
    fputs(count == 2 ? "      ratio\n" : "\n", file);
    write_spread(file, "requests/s", 0, bench_requests_per_second, records, count);
    write_spread(file, "server CPU, us/request", 3, bench_server_cpu_per_request, records, count);
    write_spread(file, "generator CPU, cores", 2, bench_generator_cores, records, count);
    write_times(file, "gets, us", records, count, false);
    write_times(file, "sets, us", records, count, true);
    write_count(file, "gets", records, count, count_gets);
    write_count(file, "sets", records, count, count_sets);
    write_count(file, "keys found", records, count, count_hits);
    write_count(file, "keys missed", records, count, count_misses);
    write_count(file, "errors", records, count, count_errors);
    if (options->verify)
        write_count(file, "wrong values", records, count, count_wrong);
    write_count(file, "bytes sent", records, count, count_sent);
    write_count(file, "bytes received", records, count, count_received);
}
