/* Listeners open on the addresses asked for, say what stood in the way, and clean up only what is
 * theirs. */

#include "config.h"

#include "net/address.h"
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define BACKLOG 16

static char directory[] = "/tmp/larder-listener-XXXXXX";
static char path[sizeof(directory) + 16];

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/socket", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static bool path_exists(void)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static struct sockaddr_storage inet(const char *number, uint16_t port)
{
    struct sockaddr_storage address = {.ss_family = AF_INET};
    struct sockaddr_in *at = (struct sockaddr_in *)&address;
    at->sin_port = htons(port);
    assert_int_equal(inet_pton(AF_INET, number, &at->sin_addr), 1);
    return address;
}

static void test_addresses_are_written_as_memcached_does(void **state)
{
    char text[ADDRESS_TEXT_SIZE];
    struct sockaddr_storage address = inet("127.0.0.1", 11211);
    (void)state;
    address_format(text, &address, sizeof(struct sockaddr_in));
    assert_string_equal(text, "tcp:127.0.0.1:11211");

    struct sockaddr_in6 inet6 = {.sin6_family = AF_INET6, .sin6_port = htons(65535)};
    inet6.sin6_addr = in6addr_loopback;
    memcpy(&address, &inet6, sizeof(inet6));
    address_format(text, &address, sizeof(inet6));
    assert_string_equal(text, "tcp6:[::1]:65535");

    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/larder.sock"};
    memcpy(&address, &local, sizeof(local));
    address_format(text, &address, sizeof(local));
    assert_string_equal(text, "unix:/run/larder.sock");
    address_format(text, &address, offsetof(struct sockaddr_un, sun_path));
    assert_string_equal(text, "?:<AF 0>");
    memset(local.sun_path, 'p', sizeof(local.sun_path)); /* not terminated, as the kernel allows */
    memcpy(&address, &local, sizeof(local));
    address_format(text, &address, sizeof(local));
    assert_int_equal(strlen(text), strlen("unix:") + sizeof(local.sun_path));
}

static void test_a_tcp_listener_takes_a_free_port_and_clients(void **state)
{
    struct net_tcp_listener where = {.host = "127.0.0.1"};
    struct listen_failure failure;
    char text[ADDRESS_TEXT_SIZE];
    char expected[ADDRESS_TEXT_SIZE];
    (void)state;
    struct listener *listener = listener_open_tcp(&where, BACKLOG, &failure);
    assert_non_null(listener);
    assert_null(listener->next);
    assert_int_equal(listener->family, AF_INET);
    assert_true(listener->port > 0);
    struct sockaddr_storage address = inet("127.0.0.1", listener->port);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(struct sockaddr_in)), 0);
    address_format_peer(text, client);
    snprintf(expected, sizeof(expected), "tcp:127.0.0.1:%u", (unsigned)listener->port);
    assert_string_equal(text, expected);
    close(client);
    listener_close(listener);
}

static void test_a_taken_port_is_named(void **state)
{
    struct net_tcp_listener where = {.host = "127.0.0.1"};
    struct listen_failure failure;
    char expected[64];
    (void)state;
    struct listener *first = listener_open_tcp(&where, BACKLOG, &failure);
    assert_non_null(first);
    where.port = first->port;
    where.optional = true; /* which excuses only a missing address */
    assert_null(listener_open_tcp(&where, BACKLOG, &failure));
    snprintf(expected, sizeof(expected), "127.0.0.1 port %u", (unsigned)first->port);
    assert_non_null(strstr(failure.text, expected));
    assert_non_null(strstr(failure.text, strerror(EADDRINUSE)));
    listener_close(first);
}

/* 192.0.2.0/24 is set aside for documents: no machine has it. */
static void test_a_missing_address_may_be_optional(void **state)
{
    struct net_tcp_listener where = {.host = "192.0.2.1"};
    struct listen_failure failure;
    (void)state;
    assert_null(listener_open_tcp(&where, BACKLOG, &failure));
    assert_non_null(strstr(failure.text, "192.0.2.1"));
    where.optional = true;
    assert_null(listener_open_tcp(&where, BACKLOG, &failure));
    assert_string_equal(failure.text, "");
}

static void test_every_address_gets_the_same_port(void **state)
{
    struct net_tcp_listener where = {.host = "localhost"};
    struct listen_failure failure;
    (void)state;
    struct listener *list = listener_open_tcp(&where, BACKLOG, &failure);
    assert_non_null(list);
    while (list != NULL) {
        struct listener *next = list->next;
        assert_true(list->port > 0);
        listener_close(list);
        list = next;
    }
}

static void test_a_unix_socket_has_its_mode_and_goes_away(void **state)
{
    struct listen_failure failure;
    struct stat status;
    (void)state;
    mode_t before = umask(0);
    umask(before);
    struct listener *listener = listener_open_unix(path, 0640, BACKLOG, &failure);
    assert_non_null(listener);
    assert_int_equal(lstat(path, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_equal(umask(before), before);
    listener_close(listener);
    assert_false(path_exists());
}

static void test_a_stale_socket_is_replaced_and_a_live_one_is_not(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct listen_failure failure;
    (void)state;
    strcpy(address.sun_path, path);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof(address)), 0);
    close(stale);
    assert_true(path_exists());
    struct listener *listener = listener_open_unix(path, 0600, BACKLOG, &failure);
    assert_non_null(listener);
    assert_null(listener_open_unix(path, 0600, BACKLOG, &failure));
    assert_non_null(strstr(failure.text, "another server listens there"));
    assert_true(path_exists());
    listener_close(listener);
    assert_false(path_exists());
}

static void test_a_file_that_is_no_socket_is_left_alone(void **state)
{
    struct listen_failure failure;
    (void)state;
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_null(listener_open_unix(path, 0600, BACKLOG, &failure));
    assert_non_null(strstr(failure.text, "not a socket"));
    assert_true(path_exists());
    unlink(path);
}

static void test_another_servers_file_is_not_removed(void **state)
{
    struct listen_failure failure;
    (void)state;
    struct listener *old = listener_open_unix(path, 0600, BACKLOG, &failure);
    assert_non_null(old);
    unlink(path);
    struct listener *young = listener_open_unix(path, 0600, BACKLOG, &failure);
    assert_non_null(young);
    listener_close(old);
    assert_true(path_exists());
    listener_close(young);
    assert_false(path_exists());
}

static void test_a_path_that_is_too_long_is_refused(void **state)
{
    struct listen_failure failure;
    char too_long[200];
    (void)state;
    memset(too_long, 'x', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    assert_null(listener_open_unix(too_long, 0600, BACKLOG, &failure));
    assert_non_null(strstr(failure.text, "107"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_are_written_as_memcached_does),
        cmocka_unit_test(test_a_tcp_listener_takes_a_free_port_and_clients),
        cmocka_unit_test(test_a_taken_port_is_named),
        cmocka_unit_test(test_a_missing_address_may_be_optional),
        cmocka_unit_test(test_every_address_gets_the_same_port),
        cmocka_unit_test(test_a_unix_socket_has_its_mode_and_goes_away),
        cmocka_unit_test(test_a_stale_socket_is_replaced_and_a_live_one_is_not),
        cmocka_unit_test(test_a_file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(test_another_servers_file_is_not_removed),
        cmocka_unit_test(test_a_path_that_is_too_long_is_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
