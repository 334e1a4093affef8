/* The C ABI as a C program sees it: every rule of docs/abi.md that needs neither a tenant nor a directory.
 * Arguments: a folder for the store. */
#include "host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char options[1024];
static char options_connection[2048];

static uint64_t open_session(const char *json)
{
    uint64_t session = 0;
    EXPECT(gwb_open(bytes_of(json), strlen(json), &session, &error), GWB_OK, NULL);
    CHECK(session != 0);
    return session;
}

/* A host that takes connections and never says a word: what goes there runs until it is cancelled. */
static int silent_host(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 64) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    return ntohs(address.sin_port);
}

static void test_versions(void)
{
    gwb_buffer out = no_buffer();
    char *text;
    CHECK(gwb_abi_version() == GWB_ABI_VERSION);
    EXPECT(gwb_version(&out, &error), GWB_OK, NULL);
    text = take(&out);
    CHECK(strstr(text, "\"version\":\"") != NULL);
    CHECK(strstr(text, "\"abi\":1") != NULL);
    free(text);
    EXPECT(gwb_version(NULL, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    CHECK(gwb_version(NULL, NULL) == GWB_INVALID_ARGUMENT);
    CHECK(gwb_version(&out, NULL) == GWB_OK);
    gwb_buffer_free(&out);
}

static void test_buffers(void)
{
    gwb_buffer out = no_buffer();
    gwb_buffer copy;
    uint8_t own[16] = {0};
    gwb_buffer_free(NULL);
    gwb_buffer_free(&out);
    CHECK(gwb_version(&out, NULL) == GWB_OK);
    copy = out;
    gwb_buffer_free(&out);
    CHECK(out.ptr == NULL && out.len == 0);
    gwb_buffer_free(&out);
    /* A copy of what was freed, and memory that was never the library's: both are left alone. */
    gwb_buffer_free(&copy);
    CHECK(copy.ptr == NULL && copy.len == 0);
    copy.ptr = own;
    copy.len = sizeof own;
    gwb_buffer_free(&copy);
    CHECK(copy.ptr == NULL && copy.len == 0);
    CHECK(gwb_version(&out, NULL) == GWB_OK);
    gwb_buffer_free(&out);
}

static void test_open(void)
{
    static const char *const not_json[] = {"", "{", "{}}", "[]", "null", "\"x\"", "{\"a\":1,}", "{'a':1}"};
    static const uint8_t not_utf8[] = {'{', '"', 0xff, 0xfe, '"', ':', '1', '}'};
    static const char faults[] = "{\"configurationname\":\"x\",\"clientTimeoutSec\":0,"
                                 "\"connection\":{\"environment\":\"Mars\",\"password\":\"p\"}}";
    static const uint64_t sentinel = 0x1234567890abcdef;
    uint64_t session = sentinel;
    gwb_buffer error = no_buffer();
    char space[sizeof(uint64_t) * 2];
    uint64_t *unaligned = (uint64_t *)(void *)(space + 8 - (uintptr_t)space % 8 + 1);
    char *text;
    size_t i;

    for (i = 0; i < COUNT(not_json); i++)
        EXPECT(gwb_open(bytes_of(not_json[i]), strlen(not_json[i]), &session, &error), GWB_INVALID_ARGUMENT,
               "InvalidArgument");
    EXPECT(gwb_open(not_utf8, sizeof not_utf8, &session, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    EXPECT(gwb_open(NULL, 0, &session, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    EXPECT(gwb_open(NULL, 2, &session, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    EXPECT(gwb_open(bytes_of("{}"), SIZE_MAX, &session, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    EXPECT(gwb_open(bytes_of(options), strlen(options), NULL, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    EXPECT(gwb_open(bytes_of(options), strlen(options), unaligned, &error), GWB_INVALID_ARGUMENT,
           "InvalidArgument");
    CHECK(gwb_open(NULL, 2, &session, NULL) == GWB_INVALID_ARGUMENT);

    /* Every fault is named at once. */
    CHECK(gwb_open(bytes_of(faults), strlen(faults), &session, &error) == GWB_ERROR);
    text = take(&error);
    CHECK(strstr(text, "\"id\":\"ConfigurationInvalid\"") != NULL);
    CHECK(strstr(text, "configurationname") != NULL);
    CHECK(strstr(text, "clientTimeoutSec") != NULL);
    CHECK(strstr(text, "connection.environment") != NULL);
    CHECK(strstr(text, "connection.password") != NULL);
    free(text);
    CHECK(session == sentinel);

    session = open_session(options);
    CHECK(session != sentinel);
    EXPECT(gwb_close(session, &error), GWB_OK, NULL);
    EXPECT(gwb_close(session, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");
    CHECK(gwb_close(session, NULL) == GWB_INVALID_HANDLE);
}

/* No function takes the handle for a session, and none for an operation. */
static void check_dead(uint64_t handle)
{
    static const start_function starts[] = {gwb_enable, gwb_disable, gwb_sync, gwb_query};
    uint64_t operation = 77;
    gwb_buffer events = no_buffer();
    size_t i;
    for (i = 0; i < COUNT(starts); i++)
        EXPECT(starts[i](handle, bytes_of("{}"), 2, &operation, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");
    EXPECT(gwb_next(handle, 0, &events, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");
    EXPECT(gwb_answer(handle, bytes_of("{}"), 2, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");
    EXPECT(gwb_cancel(handle, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");
    EXPECT(gwb_release(handle, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");
    EXPECT(gwb_close(handle, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");
    CHECK(operation == 77 && events.ptr == NULL);
}

static void test_handles(void)
{
    uint64_t session = open_session(options);
    int bit;
    check_dead(0);
    check_dead(1);
    check_dead(UINT64_MAX);
    for (bit = 0; bit < 64; bit++)
        check_dead(session ^ ((uint64_t)1 << bit));
    EXPECT(gwb_close(session, &error), GWB_OK, NULL);
    check_dead(session);
}

static void test_requests(void)
{
    static const start_function starts[] = {gwb_enable, gwb_disable, gwb_sync, gwb_query};
    static const char unknown[] = "{\"op\":\"selfTest\",\"action\":\"x\",\"unknownMember\":1}";
    static const uint8_t not_utf8[] = {0xc3, 0x28};
    uint64_t session = open_session(options);
    uint64_t operation = 77;
    size_t i;
    for (i = 0; i < COUNT(starts); i++) {
        start_function function = starts[i];
        EXPECT(function(session, NULL, 5, &operation, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
        EXPECT(function(session, NULL, 0, &operation, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
        EXPECT(function(session, bytes_of("[1]"), 3, &operation, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
        EXPECT(function(session, not_utf8, 2, &operation, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
        EXPECT(function(session, bytes_of("{}"), 2, NULL, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
        EXPECT(function(session, bytes_of(unknown), strlen(unknown), &operation, &error), GWB_INVALID_ARGUMENT,
               "InvalidArgument");
    }
    CHECK(operation == 77);
    EXPECT(gwb_close(session, &error), GWB_OK, NULL);
}

struct wanted {
    const char *event;
    const char *error_id; /* of `failed`; null for any */
    int found;
};

static int count_wanted(void *context, struct json **event)
{
    struct wanted *wanted = (struct wanted *)context;
    wanted->found += json_is(*event, "event", wanted->event) &&
                     (wanted->error_id == NULL || json_is(json_get(*event, "error"), "id", wanted->error_id));
    return 0;
}

/* Takes events until the end; how many were of that kind, with that error. */
static int drain(uint64_t operation, const char *event, const char *error_id)
{
    struct wanted wanted;
    wanted.event = event;
    wanted.error_id = error_id;
    wanted.found = 0;
    each_event(operation, 30, count_wanted, &wanted);
    return wanted.found;
}

static void test_not_connected(void)
{
    static const char *const queries[] = {"{\"op\":\"groups\"}", "{\"op\":\"plan\"}", "{\"op\":\"initializeContainer\",\"organizationalUnit\":\"OU=A,DC=b\"}"};
    uint64_t session = open_session(options);
    gwb_buffer events = no_buffer();
    size_t i;
    for (i = 0; i < COUNT(queries); i++) {
        uint64_t operation = 0;
        gwb_buffer error = no_buffer();
        int32_t status = gwb_query(session, bytes_of(queries[i]), strlen(queries[i]), &operation, &error);
        if (status == GWB_OK) {
            /* The refusal may also be the operation's last event. */
            CHECK(drain(operation, "failed", "NotConnected") == 1);
            CHECK(gwb_next(operation, 0, &events, NULL) == GWB_END);
            EXPECT(gwb_release(operation, &error), GWB_OK, NULL);
            EXPECT(gwb_release(operation, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");
        } else {
            check_status(status, GWB_ERROR, &error, "NotConnected", __FILE__, __LINE__);
        }
    }
    /* What one is connected to can be asked without being so. */
    {
        struct host host;
        struct outcome outcome;
        memset(&host, 0, sizeof host);
        outcome = drive(&host, start(gwb_query, session, "{\"op\":\"context\"}"));
        CHECK(json_is(outcome.last, "event", "result"));
        CHECK(json_has(outcome.last, "type", JSON_NULL) && json_has(outcome.last, "value", JSON_NULL));
        outcome_free(&outcome);
    }
    EXPECT(gwb_close(session, &error), GWB_OK, NULL);
}

static int take_ask(void *context, struct json **event)
{
    if (!json_is(*event, "event", "ask"))
        return 0;
    CHECK(json_is(*event, "kind", "secret"));
    CHECK(json_is(*event, "name", "clientSecret"));
    *(long *)context = json_number(*event, "ask");
    return 1;
}

/* Starts `connect` and waits until it asks for the client secret; the number of the ask. */
static long asking(uint64_t session, uint64_t *operation)
{
    long ask = 0;
    *operation = start(gwb_query, session, "{\"op\":\"connect\"}");
    each_event(*operation, 30, take_ask, &ask);
    CHECK(ask > 0);
    return ask;
}

static int32_t answer(uint64_t operation, const char *format, long ask, gwb_buffer *error)
{
    char text[128];
    snprintf(text, sizeof text, format, ask);
    return gwb_answer(operation, bytes_of(text), strlen(text), error);
}

static void test_operations(void)
{
    uint64_t session = open_session(options_connection);
    uint64_t operation = 0;
    uint64_t other = 0;
    long ask = asking(session, &operation);
    double begin;

    /* Wrong kinds of handles do no harm. */
    EXPECT(gwb_release(session, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");
    EXPECT(gwb_cancel(session, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");
    EXPECT(gwb_close(operation, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");
    EXPECT(gwb_query(operation, bytes_of("{}"), 2, &other, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");

    /* Pointers, times. */
    EXPECT(gwb_next(operation, 0, NULL, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    begin = now_seconds();
    {
        gwb_buffer events = no_buffer();
        CHECK(gwb_next(operation, UINT32_MAX, &events, NULL) == GWB_PENDING);
        CHECK(events.ptr == NULL);
    }
    CHECK(now_seconds() - begin < 1.0);

    /* Wrong answers leave the question open. */
    EXPECT(gwb_answer(operation, NULL, 3, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    EXPECT(gwb_answer(operation, NULL, 0, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    EXPECT(answer(operation, "{\"ask\":%ld", ask, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    EXPECT(answer(operation, "{\"ask\":%ld}", ask, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    EXPECT(answer(operation, "{\"ask\":%ld}\nx", ask + 1, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    EXPECT(answer(operation, "{\"ask\":%ld,\"approve\":true}", ask, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");

    /* The host has no such secret: the operation fails and says so. */
    EXPECT(answer(operation, "{\"ask\":%ld,\"unavailable\":true}", ask, &error), GWB_OK, NULL);
    EXPECT(answer(operation, "{\"ask\":%ld}\nx", ask, &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    CHECK(drain(operation, "failed", "SecretUnavailable") == 1);
    EXPECT(gwb_cancel(operation, &error), GWB_OK, NULL);
    EXPECT(gwb_release(operation, &error), GWB_OK, NULL);
    check_dead(operation);

    /* Cancelled, more than once. */
    ask = asking(session, &operation);
    EXPECT(gwb_cancel(operation, &error), GWB_OK, NULL);
    EXPECT(gwb_cancel(operation, &error), GWB_OK, NULL);
    CHECK(drain(operation, "failed", "OperationCancelled") == 1);
    EXPECT(gwb_release(operation, &error), GWB_OK, NULL);
    EXPECT(gwb_release(operation, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");

    /* Released while it runs. */
    asking(session, &operation);
    begin = now_seconds();
    EXPECT(gwb_release(operation, &error), GWB_OK, NULL);
    CHECK(now_seconds() - begin < 1.0);
    check_dead(operation);

    /* Closed while several run; one of them talks to a host that never answers. */
    ask = asking(session, &operation);
    EXPECT(answer(operation, "{\"ask\":%ld}\nnot-a-real-secret", ask, &error), GWB_OK, NULL);
    asking(session, &other);
    begin = now_seconds();
    EXPECT(gwb_close(session, &error), GWB_OK, NULL);
    CHECK(now_seconds() - begin < 10.0);
    check_dead(operation);
    check_dead(other);
    check_dead(session);
}

struct taker {
    uint64_t operation;
    int failed;
};

static void *take_events(void *argument)
{
    struct taker *taker = (struct taker *)argument;
    taker->failed = drain(taker->operation, "failed", NULL);
    return NULL;
}

/* Two threads on one operation: both see the end, one the last event. */
static void test_two_threads(void)
{
    uint64_t session = open_session(options_connection);
    struct taker takers[2];
    pthread_t threads[2];
    uint64_t operation;
    int i;
    asking(session, &operation);
    for (i = 0; i < 2; i++) {
        takers[i].operation = operation;
        takers[i].failed = 0;
        CHECK(pthread_create(&threads[i], NULL, take_events, &takers[i]) == 0);
    }
    EXPECT(gwb_cancel(operation, &error), GWB_OK, NULL);
    for (i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(takers[0].failed + takers[1].failed == 1);
    EXPECT(gwb_close(session, &error), GWB_OK, NULL);
}

static void test_many_sessions(void)
{
    uint64_t sessions[200];
    size_t i, j;
    for (i = 0; i < COUNT(sessions); i++)
        sessions[i] = open_session(options);
    for (i = 0; i < COUNT(sessions); i++)
        for (j = 0; j < i; j++)
            CHECK(sessions[i] != sessions[j]);
    for (i = 0; i < COUNT(sessions); i++)
        EXPECT(gwb_close(sessions[i], &error), GWB_OK, NULL);
    for (i = 0; i < COUNT(sessions); i++)
        CHECK(gwb_close(sessions[i], NULL) == GWB_INVALID_HANDLE);
}

static void *open_and_close(void *argument)
{
    int i;
    (void)argument;
    for (i = 0; i < 25; i++) {
        uint64_t session = open_session(options_connection);
        uint64_t operation = start(gwb_query, session, "{\"op\":\"connect\"}");
        gwb_buffer events = no_buffer();
        int32_t status = gwb_next(operation, (uint32_t)i, &events, NULL);
        CHECK(status == GWB_OK || status == GWB_PENDING || status == GWB_END);
        gwb_buffer_free(&events);
        if (i % 2 == 0)
            EXPECT(gwb_release(operation, &error), GWB_OK, NULL);
        EXPECT(gwb_close(session, &error), GWB_OK, NULL);
        CHECK(gwb_cancel(operation, NULL) == GWB_INVALID_HANDLE);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[4];
    size_t i;
    for (i = 0; i < COUNT(threads); i++)
        CHECK(pthread_create(&threads[i], NULL, open_and_close, NULL) == 0);
    for (i = 0; i < COUNT(threads); i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(int count, char **arguments)
{
    int port;
    if (count != 2) {
        fprintf(stderr, "usage: abi_test STORE_FOLDER\n");
        return 2;
    }
    port = silent_host();
    snprintf(options, sizeof options, "{\"storeDirectory\":\"%s\"}", arguments[1]);
    snprintf(options_connection, sizeof options_connection,
             "{\"storeDirectory\":\"%s\",\"clientTimeoutSec\":20,\"connection\":{\"environment\":\"Custom\","
             "\"loginEndpoint\":\"http://127.0.0.1:%d\",\"graphEndpoint\":\"http://127.0.0.1:%d\","
             "\"tenantId\":\"contoso.test\",\"clientId\":\"6f9619ff-8b86-d011-b42d-00c04fc964ff\","
             "\"signIn\":{\"kind\":\"clientSecret\"},\"server\":\"127.0.0.1:%d\",\"userName\":\"svc@contoso.test\"}}",
             arguments[1], port, port, port);
    test_versions();
    test_buffers();
    test_open();
    test_handles();
    test_requests();
    test_not_connected();
    test_operations();
    test_two_threads();
    test_many_sessions();
    test_threads();
    return harness_end("abi_test");
}
