#include "config.h"

#include "daemon/settings.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>

/* clang-format off */
const struct setting settings_table[] = {
#define SETTING(kind, field, start, limits, stat, letter, long_name, extended, effect, help) \
    {SETTING_##kind, offsetof(struct settings, field), sizeof(((struct settings *)0)->field), \
     start, limits, stat, letter, long_name, extended, SETTING_##effect, help},
#define REFUSED(stat, value, letter, long_name, extended, why) \
    {SETTING_REFUSED, 0, 0, value, "", stat, letter, long_name, extended, SETTING_WORKS, why},
#define CONSTANT(stat, value) \
    {SETTING_CONSTANT, 0, 0, value, "", stat, 0, "", "", SETTING_WORKS, ""},
#define SAME(stat, field) \
    {SETTING_SAME, offsetof(struct settings, field), 0, "", "", stat, 0, "", "", SETTING_WORKS, ""},
#include "daemon/settings.def"
#undef SETTING
#undef REFUSED
#undef CONSTANT
#undef SAME
};
/* clang-format on */

const size_t settings_count = ARRAY_COUNT(settings_table);

void settings_init(struct settings *settings)
{
    *settings = (struct settings){0};
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *setting = &settings_table[i];
        if (setting_is_stored(setting) && setting->start[0] != '\0')
            CHECK(setting_parse(setting, setting->start, settings));
    }
    memset(settings->named, 0, sizeof(settings->named));
}

void settings_take_over(struct settings *settings, struct settings *other)
{
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *setting = &settings_table[i];
        if (!other->named[i] || settings->named[i])
            continue;
        void *from = (char *)other + setting->offset;
        memcpy((char *)settings + setting->offset, from, setting->size);
        memset(from, 0, setting->size); /* a list has one owner */
        settings->named[i] = true;
    }
}

void settings_end(struct settings *settings)
{
    free(settings->listen);
    settings->listen = NULL;
}

#ifdef HAVE_TLS
#define TLS_IS_BUILT_IN true
#else
#define TLS_IS_BUILT_IN false
#endif
#ifdef HAVE_SECCOMP
#define SECCOMP_IS_BUILT_IN true
#else
#define SECCOMP_IS_BUILT_IN false
#endif

static bool complain(const char *why)
{
    log_write(LOG_ERROR, "%s", why);
    return false;
}

static bool check_tls(const struct settings *settings)
{
    if (!TLS_IS_BUILT_IN)
        return complain("-Z: this larderd was built without TLS; install OpenSSL 3 and its headers "
                        "(Debian: libssl-dev), then configure and build it again");
    if (settings->tls_chain_path == NULL)
        return complain("-Z wants the server's certificate: -o ssl_chain_cert=FILE,ssl_key=FILE");
    if (settings->tls_verify >= 1 && settings->tls_authorities_path == NULL)
        return complain("-o ssl_verify_mode wants to know whose certificates clients may have: "
                        "-o ssl_ca_cert=FILE");
    return true;
}

bool settings_check(const struct settings *settings)
{
    if (settings->tls && !check_tls(settings))
        return false;
    if (settings->drop_privileges && !SECCOMP_IS_BUILT_IN)
        return complain("-o drop_privileges: this larderd was built without seccomp; install "
                        "libseccomp and its headers (Debian: libseccomp-dev), then configure and "
                        "build it again");
    if (settings->item_size_max > settings->memory_size / 2) {
        int64_t megabytes = (2 * settings->item_size_max + (1 << 20) - 1) >> 20;
        log_write(LOG_ERROR,
                  "-I %" PRId64 "k is more than half of -m %" PRId64 ": lower -I to %" PRId64
                  "k or raise -m to %" PRId64,
                  settings->item_size_max >> 10, settings->memory_size >> 20,
                  settings->memory_size >> 11, megabytes);
        return false;
    }
    return true;
}

static const struct setting *find_stored(size_t offset)
{
    const struct setting *setting = settings_table;
    while (!setting_is_stored(setting) || setting->offset != offset)
        setting++;
    return setting;
}

bool settings_name_delimiter(const struct settings *settings)
{
    const struct setting *setting = find_stored(offsetof(struct settings, prefix_delimiter));
    return settings->named[setting - settings_table];
}

void settings_write(const struct settings *settings, struct text *text)
{
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *setting = &settings_table[i];
        if (setting->stat[0] == '\0')
            continue;
        text_format(text, "STAT %s ", setting->stat);
        if (setting->kind == SETTING_SAME)
            setting = find_stored(setting->offset);
        setting_write_value(setting, settings, text);
        text_add(text, SLICE_LITERAL("\r\n"));
    }
}
