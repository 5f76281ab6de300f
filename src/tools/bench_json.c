/* The result as JSON: numbers only where they are known, else null. */

#include "config.h"

#include "tools/bench_report.h"

static void write_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++)
        if (*text == '"' || *text == '\\')
            fprintf(file, "\\%c", *text);
        else if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
            fprintf(file, "\\u%04x", (unsigned char)*text);
        else
            fputc(*text, file);
    fputc('"', file);
}

static void write_number(FILE *file, const char *name, uint64_t number)
{
    fprintf(file, "\"%s\": %llu, ", name, (unsigned long long)number);
}

static void write_decimal(FILE *file, const char *name, double number)
{
    if (number < 0)
        fprintf(file, "\"%s\": null, ", name);
    else
        fprintf(file, "\"%s\": %.6f, ", name, number);
}

static void write_mix(FILE *file, const char *name, const struct number_mix *mix)
{
    fprintf(file, "\"%s\": [%llu, %llu], ", name, (unsigned long long)mix->low,
            (unsigned long long)mix->high);
}

static void write_flag(FILE *file, const char *name, bool flag)
{
    fprintf(file, "\"%s\": %s, ", name, flag ? "true" : "false");
}

static void write_options(FILE *file, const struct bench_options *options)
{
    static const char *const patterns[] = {"uniform", "zipf", "sequential"};
    fputs("\"options\": {", file);
    write_number(file, "connections", options->connections);
    write_number(file, "threads", options->threads);
    write_number(file, "pipeline", options->pipeline);
    write_number(file, "keys", options->keys);
    write_number(file, "key_size", options->key_size);
    write_number(file, "sets", options->sets);
    write_number(file, "gets", options->gets);
    write_mix(file, "value_size", &options->value_size);
    write_mix(file, "multiget", &options->multiget);
    write_mix(file, "expiry", &options->expiry);
    write_flag(file, "meta", options->meta);
    write_flag(file, "read_through", options->read_through);
    write_flag(file, "verify", options->verify);
    write_flag(file, "prefill", options->prefill);
    write_number(file, "requests", options->requests);
    write_number(file, "rate", options->rate);
    write_number(file, "rounds", options->rounds);
    write_decimal(file, "seconds", options->seconds);
    write_decimal(file, "warmup", options->warmup);
    if (options->key_pattern == KEYS_ZIPF)
        write_decimal(file, "zipf_exponent", options->zipf_exponent);
    fprintf(file, "\"key_pattern\": \"%s\"}", patterns[options->key_pattern]);
}

static void write_spread(FILE *file, const char *name, struct bench_spread spread)
{
    fprintf(file, "\"%s\": {", name);
    write_decimal(file, "min", spread.low);
    write_decimal(file, "median", spread.middle);
    if (spread.high < 0)
        fputs("\"max\": null}, ", file);
    else
        fprintf(file, "\"max\": %.6f}, ", spread.high);
}

static void write_times(FILE *file, const char *name, const struct histogram *times)
{
    fprintf(file, "\"%s\": {", name);
    write_number(file, "count", times->total);
    write_decimal(file, "mean", histogram_mean(times) / 1e3);
    for (unsigned i = 0; bench_report_shares[i] > 0; i++)
        write_decimal(file, bench_report_share_names[i],
                      (double)histogram_at(times, bench_report_shares[i]) / 1e3);
    fprintf(file, "\"max\": %.3f}, ", (double)times->max / 1e3);
}

static void write_rounds(FILE *file, const struct bench_record *record)
{
    fputs("\"rounds\": [", file);
    for (unsigned i = 0; i < record->round_count; i++) {
        const struct load_result *round = &record->rounds[i];
        fputs(i > 0 ? ", {" : "{", file);
        write_number(file, "requests", round->tally.gets + round->tally.sets);
        write_decimal(file, "server_cpu_seconds", round->server_cpu_seconds);
        write_decimal(file, "generator_cpu_seconds", round->generator_cpu_seconds);
        fprintf(file, "\"seconds\": %.6f}", round->seconds);
    }
    fputs("]", file);
}

static void write_record(FILE *file, const struct bench_record *record)
{
    const struct load_tally *sum = &record->sum;
    fputs("{\"server\": ", file);
    write_text(file, record->server->name);
    fputs(", ", file);
    write_number(file, "pid", (uint64_t)record->server->pid);
    write_spread(file, "requests_per_second", bench_requests_per_second(record));
    write_spread(file, "server_cpu_us_per_request", bench_server_cpu_per_request(record));
    write_spread(file, "generator_cores", bench_generator_cores(record));
    write_number(file, "gets", sum->gets);
    write_number(file, "sets", sum->sets);
    write_number(file, "hits", sum->hits);
    write_number(file, "misses", sum->keys - sum->hits);
    write_number(file, "errors", sum->errors);
    write_number(file, "wrong_values", sum->wrong);
    write_number(file, "bytes_sent", sum->bytes_sent);
    write_number(file, "bytes_received", sum->bytes_received);
    write_times(file, "get_us", &sum->get_times);
    write_times(file, "set_us", &sum->set_times);
    if (record->problem[0] != '\0') {
        fputs("\"problem\": ", file);
        write_text(file, record->problem);
        fputs(", ", file);
    }
    write_rounds(file, record);
    fputs("}", file);
}

void bench_report_write_json(FILE *file, const struct bench_options *options,
                             const struct bench_record *records, unsigned count)
{
    fputs("{\"larder_bench\": \"" PACKAGE_VERSION "\", ", file);
    write_options(file, options);
    fputs(", \"servers\": [", file);
    for (unsigned i = 0; i < count; i++) {
        fputs(i > 0 ? ", " : "", file);
        write_record(file, &records[i]);
    }
    fputs("]", file);
    if (count == 2) {
        double first = bench_server_cpu_per_request(&records[0]).middle;
        double second = bench_server_cpu_per_request(&records[1]).middle;
        double first_rate = bench_requests_per_second(&records[0]).middle;
        double second_rate = bench_requests_per_second(&records[1]).middle;
        fputs(", \"ratio\": {", file);
        write_decimal(file, "server_cpu", first > 0 && second >= 0 ? second / first : -1);
        fprintf(file, "\"requests_per_second\": %.6f}",
                first_rate > 0 ? second_rate / first_rate : 0);
    }
    fputs("}\n", file);
}
