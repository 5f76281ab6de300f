/*
 * What an administrator writes: the command line (arguments are parted by line ends), a list behind
 * -o, one behind -l, the file of -Y and that of --config. The first byte says which. Whatever is
 * refused is refused with one line in the log; what is taken is within its limits and reads the
 * same when it is written out and read again.
 */

#include "config.h"

#include "fuzz.h"

#include "base/number.h"
#include "daemon/command_line.h"
#include "daemon/config_file.h"
#include "daemon/listen_addresses.h"
#include "daemon/settings.h"
#include "proto/passwords.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARGUMENTS_MAX 64
#define PORT 11211
#define PAIRS_CHECKED_MAX 8 /* finding one takes long, and on purpose */

struct arguments {
    char *at[ARGUMENTS_MAX + 1]; /* owned, each in a block of its size */
    int count;
};

static void add_argument(struct arguments *arguments, struct slice text)
{
    char *copy = strndup(text.at, text.size);
    CHECK(copy != NULL);
    arguments->at[arguments->count++] = copy;
}

static void free_arguments(struct arguments *arguments)
{
    for (int i = 0; i < arguments->count; i++)
        free(arguments->at[i]);
}

static struct slice next_line(struct slice *rest)
{
    const char *end = memchr(rest->at, '\n', rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->at);
    size_t taken = size + (end != NULL);
    struct slice line = {rest->at, size};
    *rest = (struct slice){rest->at + taken, rest->size - taken};
    return line;
}

/* --- the command line ------------------------------------------------------------------------- */

static bool is_written_in_bytes(const struct setting *setting)
{
    return setting->kind == SETTING_SIZE || setting->kind == SETTING_KILOBYTES ||
           setting->kind == SETTING_MEGABYTES;
}

/* A setting that was taken is written so that it would be taken again, and then says the same. */
static void check_setting(const struct setting *setting, const struct settings *settings,
                          struct settings *again)
{
    struct text written;
    struct text rewritten;
    if (setting->kind == SETTING_FLAG || is_written_in_bytes(setting))
        return;
    text_init(&written);
    text_init(&rewritten);
    setting_write_value(setting, settings, &written);
    text_add(&written, (struct slice){"", 1});
    if (strcmp(written.at, "NULL") != 0) {
        CHECK(setting_parse(setting, written.at, again));
        setting_write_value(setting, again, &rewritten);
        text_add(&rewritten, (struct slice){"", 1});
        CHECK(strcmp(written.at, rewritten.at) == 0);
    }
    text_end(&rewritten);
    text_end(&written);
}

static void check_settings(const struct settings *settings)
{
    struct settings again;
    struct text text;
    text_init(&text);
    settings_write(settings, &text);
    CHECK(text.size > 2 && memcmp(text.at, "STAT ", 5) == 0);
    CHECK(memcmp(text.at + text.size - 2, "\r\n", 2) == 0);
    text_end(&text);
    settings_init(&again);
    for (size_t i = 0; i < settings_count; i++)
        if (setting_is_stored(&settings_table[i]))
            check_setting(&settings_table[i], settings, &again);
    settings_end(&again);
    CHECK(settings->memory_size >= 1 << 20 && settings->item_size_max >= 1 << 10);
    CHECK(settings->port >= -1 && settings->port <= UINT16_MAX);
    CHECK(settings->threads >= 1 && settings->connections_max >= 1);
    bool fine = settings_check(settings);
    CHECK(quiet_log_take_errors() == !fine);
}

static void parse_arguments(struct arguments *arguments)
{
    struct settings settings;
    arguments->at[arguments->count] = NULL;
    settings_init(&settings);
    struct option_reader reader = {.settings = &settings};
    bool fine = command_line_parse(&reader, arguments->count, arguments->at);
    CHECK(quiet_log_take_errors() == !fine);
    if (fine)
        check_settings(&settings);
    settings_end(&settings);
    free_arguments(arguments);
}

static void try_command_line(struct slice text)
{
    struct arguments arguments = {.count = 0};
    add_argument(&arguments, SLICE_LITERAL("larderd"));
    while (text.size > 0 && arguments.count < ARGUMENTS_MAX)
        add_argument(&arguments, next_line(&text));
    parse_arguments(&arguments);
}

static void try_extended(struct slice text)
{
    struct arguments arguments = {.count = 0};
    add_argument(&arguments, SLICE_LITERAL("larderd"));
    add_argument(&arguments, SLICE_LITERAL("-o"));
    add_argument(&arguments, text);
    parse_arguments(&arguments);
}

/* --- --config --------------------------------------------------------------------------------- */

static void try_config(struct slice text)
{
    char path[64];
    struct settings settings;
    struct config_file config;
    int descriptor = memfd_create("config", 0);
    CHECK(descriptor >= 0 && write(descriptor, text.at, text.size) == (ssize_t)text.size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
    settings_init(&settings);
    bool fine = config_file_load(&config, path, &settings);
    CHECK((quiet_log_take_errors() > 0) == !fine);
    if (fine)
        check_settings(&settings);
    settings_end(&settings);
    config_file_end(&config);
    close(descriptor);
}

/* --- -l --------------------------------------------------------------------------------------- */

static void try_addresses(struct slice text)
{
    struct listen_addresses addresses;
    char *list = strndup(text.at, text.size);
    CHECK(list != NULL);
    size_t size = strlen(list);
    bool fine = listen_addresses_parse(&addresses, list, PORT);
    CHECK(quiet_log_take_errors() == !fine);
    if (!fine) {
        CHECK(addresses.at == NULL && addresses.texts == NULL);
        free(list);
        return;
    }
    bool all_loopback = true;
    CHECK(addresses.count > 0 && addresses.count <= size);
    for (size_t i = 0; i < addresses.count; i++) {
        const struct listen_address *address = &addresses.at[i];
        CHECK(address->host >= addresses.texts && address->host < addresses.texts + size);
        CHECK(address->host[0] != '\0' && !address->optional);
        all_loopback = all_loopback && address->loopback;
    }
    CHECK(listen_addresses_all_loopback(&addresses) == all_loopback);
    listen_addresses_end(&addresses);
    free(list);
}

/* --- -Y --------------------------------------------------------------------------------------- */

/* Each line lets in whom it names, and not with another password. */
static void check_pair(const struct passwords *passwords, struct slice line)
{
    if (line.size > 0 && line.at[line.size - 1] == '\r')
        line.size--;
    if (line.size == 0)
        return;
    const char *colon = memchr(line.at, ':', line.size);
    CHECK(colon != NULL);
    struct slice user = {line.at, (size_t)(colon - line.at)};
    struct slice password = {colon + 1, line.size - user.size - 1};
    CHECK(password.size > 0);
    CHECK(passwords_have(passwords, user, password));
    CHECK(!passwords_have(passwords, user, (struct slice){password.at, 0}));
    char *longer = calloc(password.size + 300, 1);
    CHECK(longer != NULL);
    memcpy(longer, password.at, password.size);
    CHECK(!passwords_have(passwords, user, (struct slice){longer, password.size + 299}));
    free(longer);
}

static void try_passwords(struct slice text)
{
    const char *why = NULL;
    struct passwords *passwords = passwords_create(text, &why);
    CHECK((passwords == NULL) == (why != NULL));
    for (unsigned i = 0; passwords != NULL && text.size > 0 && i < PAIRS_CHECKED_MAX; i++)
        check_pair(passwords, next_line(&text));
    passwords_destroy(passwords);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct slice) = {try_command_line, try_extended, try_addresses,
                                                  try_passwords, try_config};
    if (size == 0)
        return 0;
    (void)quiet_log_take_errors();
    tries[data[0] % ARRAY_COUNT(tries)]((struct slice){(const char *)data + 1, size - 1});
    return 0;
}
