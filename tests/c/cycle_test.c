/* The whole chain through the C ABI, against a tenant and a directory: connect, enable, plan, sync, cancel, disable.
 * Where they are and the credentials come in environment variables GWB_TEST_*; a missing one is a failure. */
#include "host.h"

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL || *value == '\0') {
        fprintf(stderr, "cycle_test: %s is not set\n", name);
        exit(2);
    }
    return value;
}

/* A question that was answered takes no second answer. Problems are shown: none is expected. */
static void watch(struct host *self, uint64_t operation, const struct json *event)
{
    (void)self;
    if (json_is(event, "event", "ask")) {
        char text[64];
        const char *rest = json_is(event, "kind", "secret") ? "}\nx" : ",\"approve\":true,\"refused\":[]}\n";
        snprintf(text, sizeof text, "{\"ask\":%ld%s", json_number(event, "ask"), rest);
        EXPECT(gwb_answer(operation, bytes_of(text), strlen(text), &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
    } else if (json_is(event, "event", "error")) {
        fprintf(stderr, "%s\n", json_text(json_get(event, "error"), "message"));
    }
}

static struct host host;

/* Runs an operation that must end with a result of that type. */
static struct outcome run(start_function function, uint64_t session, const char *request, const char *type)
{
    struct outcome outcome = drive(&host, start(function, session, request));
    if (!json_is(outcome.last, "type", type))
        fprintf(stderr, "%s\n -> %s\n", request, json_text(outcome.error, "message"));
    CHECK(outcome.error == NULL);
    CHECK(json_is(outcome.last, "type", type));
    return outcome;
}

int main(void)
{
    char text[4096];
    uint64_t session = 0;
    uint64_t operation;
    struct outcome outcome;
    long planned;

    host.client_secret = setting("GWB_TEST_CLIENT_SECRET");
    host.directory_password = setting("GWB_TEST_BIND_PASSWORD");
    host.watch = watch;
    snprintf(text, sizeof text,
             "{\"configurationName\":\"C\",\"storeDirectory\":\"%s\",\"clientTimeoutSec\":30,\"connection\":{"
             "\"environment\":\"Custom\",\"loginEndpoint\":\"%s\",\"graphEndpoint\":\"%s\",\"tenantId\":\"%s\","
             "\"clientId\":\"%s\",\"signIn\":{\"kind\":\"clientSecret\"},\"server\":\"%s\",\"authType\":\"Basic\","
             "\"userName\":\"%s\",\"certificateAuthorityPath\":\"%s\"}}",
             setting("GWB_TEST_STORE"), setting("GWB_TEST_LOGIN"), setting("GWB_TEST_GRAPH"),
             setting("GWB_TEST_TENANT_ID"), setting("GWB_TEST_CLIENT_ID"), setting("GWB_TEST_SERVER"),
             setting("GWB_TEST_BIND_USER"), setting("GWB_TEST_CA_FILE"));
    EXPECT(gwb_open(bytes_of(text), strlen(text), &session, &error), GWB_OK, NULL);

    outcome = run(gwb_query, session, "{\"op\":\"connect\"}", "Context");
    CHECK(outcome.secrets == 2);
    outcome_free(&outcome);

    snprintf(text, sizeof text, "{\"organizationalUnit\":\"%s\",\"version\":\"V1\",\"createContainer\":true}",
             setting("GWB_TEST_OU"));
    outcome = run(gwb_enable, session, text, "Feature");
    CHECK(json_has(outcome.value, "Enabled", JSON_TRUE));
    outcome_free(&outcome);

    /* What would be done; and nothing is. */
    outcome = run(gwb_sync, session, "{\"action\":\"cycle\",\"policyType\":\"Initial\",\"whatIf\":true}", "Plan");
    planned = json_number(outcome.value, "Creates");
    CHECK(planned > 0);
    CHECK(outcome.item_count == planned);
    outcome_free(&outcome);

    /* Cancelled before it could write. */
    operation = start(gwb_sync, session, "{\"action\":\"cycle\",\"policyType\":\"Initial\"}");
    EXPECT(gwb_cancel(operation, &error), GWB_OK, NULL);
    outcome = drive(&host, operation);
    CHECK(json_is(outcome.error, "id", "OperationCancelled"));
    outcome_free(&outcome);

    /* Done, after approval. */
    outcome = run(gwb_sync, session, "{\"action\":\"cycle\",\"policyType\":\"Initial\",\"approve\":\"all\"}",
                  "RunResult");
    CHECK(outcome.approvals >= 1);
    CHECK(outcome.progress > 0);
    CHECK(outcome.problems == 0);
    CHECK(json_is(outcome.value, "Result", "Success"));
    CHECK(json_number(outcome.value, "Created") == planned);
    CHECK(json_number(outcome.value, "MembersAdded") > 0);
    outcome_free(&outcome);

    /* Again: nothing to do. */
    outcome = run(gwb_sync, session, "{\"action\":\"cycle\",\"policyType\":\"Delta\"}", "RunResult");
    CHECK(json_number(outcome.value, "Created") == 0);
    CHECK(json_number(outcome.value, "MembersAdded") == 0);
    outcome_free(&outcome);

    outcome = drive(&host, start(gwb_query, session, "{\"op\":\"groups\",\"state\":[\"InSync\"]}"));
    CHECK(outcome.error == NULL);
    CHECK(outcome.item_count >= planned);
    outcome_free(&outcome);

    outcome = run(gwb_disable, session, "{\"groupAction\":\"Keep\"}", "Feature");
    CHECK(json_has(outcome.value, "Enabled", JSON_FALSE));
    outcome_free(&outcome);

    EXPECT(gwb_close(session, &error), GWB_OK, NULL);
    EXPECT(gwb_close(session, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");
    return harness_end("cycle_test");
}
