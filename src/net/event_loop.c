#include "config.h"

#include "net/event_loop.h"

#include "base/log.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <limits.h>
#include <string.h>
#include <sys/select.h>

/* libevent can only be told what to avoid. false: it does not know `method` at all. */
static bool avoid_all_but(struct event_config *config, const char *method)
{
    bool known = false;
    for (const char **name = event_get_supported_methods(); *name != NULL; name++) {
        if (strcmp(*name, method) == 0)
            known = true;
        else if (event_config_avoid_method(config, *name) != 0)
            return false;
    }
    return known;
}

static void on_nothing(evutil_socket_t descriptor, short what, void *context)
{
    (void)descriptor;
    (void)what;
    (void)context;
}

/* The first timer makes room for several, which libevent keeps; so that timers that are needed just
 * because memory is short don't fail for want of it. */
static bool reserve_timers(struct event_base *base)
{
    static const struct timeval soon = {1, 0};
    struct event timer;
    event_assign(&timer, base, -1, 0, on_nothing, NULL);
    return event_add(&timer, &soon) == 0 && event_del(&timer) == 0;
}

/* What it complains of its callers are told as well, and they have the better words. */
static void on_complaint(int severity, const char *message)
{
    (void)severity;
    log_write(LOG_INFO, "libevent: %s", message);
}

struct event_base *event_loop_create(const char *method, const char **why)
{
    struct event_base *base = NULL;
    event_set_log_callback(on_complaint);
    struct event_config *config = event_config_new();
    *why = "no memory for an event loop";
    if (config == NULL)
        return NULL;
    /* The environment must not choose the method (EVENT_NOEPOLL and the like) unseen. */
    int flags = EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV;
    if (event_config_set_flag(config, flags) != 0)
        goto end;
    if (method != NULL && !avoid_all_but(config, method)) {
        *why = "libevent has no such event method here (epoll, poll and select are the usual ones)";
        goto end;
    }
    base = event_base_new_with_config(config);
    if (base != NULL && !reserve_timers(base)) {
        event_base_free(base);
        base = NULL;
    }
    if (base == NULL)
        *why = "libevent could not create an event loop (are descriptors or memory short?)";
end:
    event_config_free(config);
    return base;
}

int event_loop_descriptor_end(const struct event_base *base)
{
    return strcmp(event_base_get_method(base), "select") == 0 ? FD_SETSIZE : INT_MAX;
}
