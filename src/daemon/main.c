#include "config.h"

#include "daemon/command_line.h"
#include "daemon/config_file.h"
#include "daemon/daemonize.h"
#include "daemon/information.h"
#include "daemon/listen_addresses.h"
#include "daemon/process_limits.h"
#include "daemon/server.h"
#include "daemon/service_manager.h"
#include "daemon/settings.h"

#include "admin/admin.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

/* Descriptors beside those of clients. */
#define DESCRIPTORS_OF_WORKER 4 /* its pipe, its event loop and what that needs */
#define DESCRIPTORS_BESIDE                                                                         \
    32 /* standard ones, the dispatcher's and the logger's, files read in passing, a reserve */

static uint64_t descriptors_wanted(const struct settings *settings,
                                   const struct listen_addresses *addresses)
{
    return (uint64_t)settings->connections_max +
           (settings->admin_address == NULL ? 0 : ADMIN_DESCRIPTORS) +
           DESCRIPTORS_OF_WORKER * (uint64_t)settings->threads + 2 * addresses->count +
           DESCRIPTORS_BESIDE;
}

/* Another working directory must not change what the command line named. */
static bool make_absolute(const char **path)
{
    char *directory;
    char *absolute;
    if (*path == NULL || (*path)[0] == '/')
        return true;
    directory = getcwd(NULL, 0);
    if (directory == NULL || asprintf(&absolute, "%s/%s", directory, *path) < 0) {
        log_write(LOG_ERROR, "-d: %s: the working directory can't be told; give a path from /",
                  *path);
        free(directory);
        return false;
    }
    free(directory);
    *path = absolute; /* kept until the process ends, as the arguments are */
    return true;
}

static int enter_background(struct settings *settings)
{
    /* Debian's memcached.conf says -d, which is not meant for a service manager. */
    if (!settings->daemon || service_manager_waits())
        return EX_OK;
    if (!make_absolute(&settings->pid_path) || !make_absolute(&settings->unix_path) ||
        !make_absolute(&settings->auth_path) || !make_absolute(&settings->tls_chain_path) ||
        !make_absolute(&settings->tls_key_path) || !make_absolute(&settings->tls_authorities_path))
        return EX_OSERR;
    return daemonize_start(settings->core_files) ? EX_OK : EX_OSERR;
}

static int prepare_process(const struct settings *settings,
                           const struct listen_addresses *addresses)
{
    int status = process_allow_descriptors(descriptors_wanted(settings, addresses));
    if (status == EX_OK && settings->core_files)
        status = process_allow_core_files();
    if (settings->lock_memory)
        process_allow_locked_memory();
    if (status == EX_OK)
        status = process_become(settings->user, settings->core_files);
    if (status == EX_OK && settings->lock_memory)
        process_lock_memory((uint64_t)settings->memory_size);
    return status;
}

/* Starts and serves; the exit status. */
static int run(struct settings *settings, const struct listen_addresses *addresses)
{
    int status = enter_background(settings);
    if (status == EX_OK)
        status = prepare_process(settings, addresses);
    if (status == EX_OK)
        status = server_run(settings, addresses);
    daemonize_fail(status);
    return status;
}

/* Answers -h, -V and -i; false if none of them was given. */
static bool inform(const struct settings *settings)
{
    if (settings->show_help)
        information_print_help();
    else if (settings->show_version)
        information_print_version();
    else if (settings->show_license)
        information_print_license();
    return settings->show_help || settings->show_version || settings->show_license;
}

static int obey(struct settings *settings)
{
    struct listen_addresses addresses;
    uint16_t port = settings->port < 0 ? 0 : (uint16_t)settings->port;
    log_set_format((enum log_format)settings->log_format);
    if (!settings_check(settings) || !listen_addresses_parse(&addresses, settings->listen, port))
        return EX_USAGE;
    int status = listen_addresses_suit(&addresses, settings) ? EX_OK : EX_USAGE;
    if (status == EX_OK && settings->check_only) {
        printf("larderd: ok\n");
    } else if (status == EX_OK) {
        log_set_verbosity((unsigned)settings->verbosity);
        status = run(settings, &addresses);
    }
    listen_addresses_end(&addresses);
    return status;
}

static int read_file_and_obey(struct settings *settings)
{
    struct config_file file = {NULL};
    int status = EX_CONFIG;
    if (settings->config_path == NULL || config_file_load(&file, settings->config_path, settings))
        status = obey(settings);
    settings_end(settings);
    config_file_end(&file);
    return status;
}

int main(int argument_count, char *arguments[])
{
    struct settings settings;
    struct option_reader reader = {.settings = &settings};
    log_set_format(LOG_FORMAT_AUTO);
    settings_init(&settings);
    if (!command_line_parse(&reader, argument_count, arguments)) {
        settings_end(&settings);
        return EX_USAGE;
    }
    if (inform(&settings)) {
        settings_end(&settings);
        return EX_OK;
    }
    return read_file_and_obey(&settings);
}
