#include "config.h"

#include "daemon/information.h"

#include "daemon/settings.h"

#include <event2/event.h>
#include <stdio.h>

#define HEAD_WIDTH 34
#define LINE_WIDTH 96

static const char license_text[] =
#include "daemon/license.def"
    ;

static const char *argument_of(const struct setting *setting)
{
    switch (setting->kind) {
    case SETTING_DECIMAL:
        return "ratio";
    case SETTING_OCTAL:
        return "mode";
    case SETTING_SIZE:
        return "size";
    case SETTING_CHOICE:
    case SETTING_TEXT:
    case SETTING_LIST:
        return setting->limits;
    default:
        return "num";
    }
}

/* "<num>", or the words of a choice without what stats print for them. */
static void print_argument(const struct setting *setting, char *to, size_t size)
{
    bool skipping = false;
    size_t at = 0;
    to[at++] = '<';
    for (const char *from = argument_of(setting); *from != '\0' && at + 2 < size; from++) {
        skipping = *from == '=' || (skipping && *from != '|');
        if (!skipping)
            to[at++] = *from;
    }
    to[at++] = '>';
    to[at] = '\0';
}

/* Prints `text` behind the head, broken between words. */
static void print_wrapped(const char *head, const char *text)
{
    int column = printf("%-*s", HEAD_WIDTH - 1, head);
    if (column >= HEAD_WIDTH)
        column = printf("\n%*s", HEAD_WIDTH - 1, "") - 1;
    while (*text != '\0') {
        int size = (int)strcspn(text, " ");
        if (column + 1 + size > LINE_WIDTH)
            column = printf("\n%*s", HEAD_WIDTH - 1, "") - 1;
        column += printf(" %.*s", size, text);
        text += size;
        text += strspn(text, " ");
    }
    printf("\n");
}

static void print_row(const struct setting *setting, const char *head)
{
    char text[512];
    if (setting_takes_value(setting) && setting->start[0] != '\0')
        snprintf(text, sizeof(text), "%s (default: %.*s)", setting->help,
                 (int)strcspn(setting->start, "="), setting->start);
    else
        snprintf(text, sizeof(text), "%s", setting->help);
    print_wrapped(head, text);
}

static void print_option(const struct setting *setting)
{
    char argument[64] = "";
    char head[128];
    if (setting_takes_value(setting))
        print_argument(setting, argument, sizeof(argument));
    if (setting->letter == 0)
        snprintf(head, sizeof(head), "    --%s%s%s", setting->long_name, argument[0] ? "=" : "",
                 argument);
    else if (setting->long_name[0] == '\0')
        snprintf(head, sizeof(head), "-%c %s", setting->letter, argument);
    else
        snprintf(head, sizeof(head), "-%c, --%s%s%s", setting->letter, setting->long_name,
                 argument[0] ? "=" : "", argument);
    print_row(setting, head);
}

static void print_extended(const struct setting *setting)
{
    char argument[64] = "";
    char head[128];
    bool deniable = setting->kind == SETTING_FLAG || setting->kind == SETTING_LEVEL;
    if (setting_takes_value(setting))
        print_argument(setting, argument, sizeof(argument));
    const char *format = setting->kind == SETTING_LEVEL ? "   %s%s[%s%s]" : "   %s%s%s%s";
    snprintf(head, sizeof(head), format, deniable ? "[no_]" : "", setting->extended_name,
             argument[0] ? "=" : "", argument);
    print_row(setting, head);
}

static bool setting_works(const struct setting *setting)
{
    return setting->effect != SETTING_ACCEPTED;
}

static void print_all(bool works)
{
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *setting = &settings_table[i];
        bool has_option = setting->letter != 0 || setting->long_name[0] != '\0';
        if (setting_is_stored(setting) && setting_works(setting) == works && has_option)
            print_option(setting);
    }
    if (works)
        print_wrapped("-o, --extended=<name[=value],...>", "more settings by name:");
    else
        printf("-o names:\n");
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *setting = &settings_table[i];
        if (setting_is_stored(setting) && setting_works(setting) == works &&
            setting->extended_name[0] != '\0')
            print_extended(setting);
    }
}

void information_print_help(void)
{
    printf("larderd " PACKAGE_VERSION ": a cache daemon that speaks memcached's text protocol\n"
           "usage: larderd [options]\n"
           "It listens on the loopback only, unless -l or -s say otherwise.\n\n");
    print_all(true);
    printf("\nAccepted without effect, so that command lines made for memcached work:\n");
    print_all(false);
}

void information_print_version(void)
{
    printf("larderd " PACKAGE_VERSION " (memcached 1.6.45 protocol)\n");
    printf("libevent %s, compiler %s", event_get_version(), __VERSION__);
#ifdef HAVE_TLS
    printf(", TLS");
#endif
#ifdef HAVE_SECCOMP
    printf(", seccomp");
#endif
#ifdef LARDER_DEBUG
    printf(", debug checks");
#endif
    printf("\n");
}

void information_print_license(void)
{
    printf("larderd " PACKAGE_VERSION "\n\n%s\nlibevent and xxHash, which it is linked with, are "
           "under licenses of the same kind.\n",
           license_text);
}
