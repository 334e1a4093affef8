/* The whole chain through the C ABI, against a tenant and a directory: connect, enable, plan, sync, cancel, disable.
 * Where they are and the credentials come in environment variables GWB_TEST_*; a missing one is a failure. */
#include "harness.h"

struct outcome {
    char type[64];      /* of the result */
    char *result;       /* the last event's line, to be freed */
    int failed;         /* the last event was `failed` */
    long items;
    long progress;
    long problems;      /* `error` events */
    long secrets;       /* asked for and given */
    long approvals;     /* asked for and given */
};

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL || *value == '\0') {
        fprintf(stderr, "cycle_test: %s is not set\n", name);
        exit(2);
    }
    return value;
}

/* The text after `"name":`, or NULL. Enough for the flat lines of events: names in values are escaped. */
static const char *member(const char *line, const char *name)
{
    char wanted[64];
    const char *found;
    snprintf(wanted, sizeof wanted, "\"%s\":", name);
    found = strstr(line, wanted);
    return found == NULL ? NULL : found + strlen(wanted);
}

static int member_is(const char *line, const char *name, const char *value)
{
    const char *text = member(line, name);
    return text != NULL && strncmp(text, value, strlen(value)) == 0;
}

static long member_number(const char *line, const char *name)
{
    const char *text = member(line, name);
    CHECK(text != NULL);
    return text == NULL ? -1 : strtol(text, NULL, 10);
}

static void reply(uint64_t operation, const char *line, struct outcome *outcome)
{
    char text[1024];
    long ask = member_number(line, "ask");
    if (member_is(line, "kind", "\"secret\"")) {
        const char *secret = "";
        if (member_is(line, "name", "\"clientSecret\""))
            secret = setting("GWB_TEST_CLIENT_SECRET");
        else if (member_is(line, "name", "\"directoryPassword\""))
            secret = setting("GWB_TEST_BIND_PASSWORD");
        CHECK(*secret != '\0');
        snprintf(text, sizeof text, "{\"ask\":%ld}\n%s", ask, secret);
        outcome->secrets++;
    } else {
        CHECK(member_is(line, "kind", "\"approve\""));
        CHECK(member_number(line, "groups") > 0);
        snprintf(text, sizeof text, "{\"ask\":%ld,\"approve\":true,\"refused\":[]}\n", ask);
        outcome->approvals++;
    }
    EXPECT(gwb_answer(operation, bytes_of(text), strlen(text), &error), GWB_OK, NULL);
    EXPECT(gwb_answer(operation, bytes_of(text), strlen(text), &error), GWB_INVALID_ARGUMENT, "InvalidArgument");
}

static void take_line(uint64_t operation, const char *line, struct outcome *outcome)
{
    CHECK(outcome->result == NULL); /* nothing comes after the last event */
    CHECK(line[0] == '{' && line[strlen(line) - 1] == '}');
    if (member_is(line, "event", "\"progress\"")) {
        outcome->progress++;
        CHECK(member(line, "phase") != NULL && member(line, "rate") != NULL && member(line, "secondsLeft") != NULL);
    } else if (member_is(line, "event", "\"item\"")) {
        outcome->items++;
    } else if (member_is(line, "event", "\"error\"")) {
        outcome->problems++;
        fprintf(stderr, "%s\n", line);
    } else if (member_is(line, "event", "\"ask\"")) {
        reply(operation, line, outcome);
    } else if (member_is(line, "event", "\"result\"") || member_is(line, "event", "\"failed\"")) {
        outcome->failed = member_is(line, "event", "\"failed\"");
        outcome->result = (char *)malloc(strlen(line) + 1);
        if (outcome->result == NULL)
            abort();
        strcpy(outcome->result, line);
        if (!outcome->failed)
            sscanf(member(line, "type"), "\"%63[A-Za-z]", outcome->type);
    } else {
        CHECK(member_is(line, "event", "\"message\"") || member_is(line, "event", "\"warning\""));
    }
}

/* Drives an operation to its end and releases it. */
static struct outcome drive(uint64_t operation)
{
    struct outcome outcome;
    double begin = now_seconds();
    memset(&outcome, 0, sizeof outcome);
    for (;;) {
        gwb_buffer events = no_buffer();
        int32_t status;
        double before = now_seconds();
        status = gwb_next(operation, 250, &events, NULL);
        CHECK(now_seconds() - before < 2.0);
        if (status == GWB_OK) {
            char *text = take(&events);
            char *line = text;
            while (line != NULL) {
                char *end = strchr(line, '\n');
                if (end != NULL)
                    *end++ = '\0';
                take_line(operation, line, &outcome);
                line = end;
            }
            free(text);
        } else if (status == GWB_END) {
            break;
        } else {
            CHECK(status == GWB_PENDING);
        }
        if (status >= GWB_INVALID_HANDLE || now_seconds() - begin > 120) {
            CHECK(!"an end within two minutes");
            break;
        }
    }
    CHECK(outcome.result != NULL);
    EXPECT(gwb_release(operation, &error), GWB_OK, NULL);
    return outcome;
}

/* Runs an operation that must end with a result of that type. */
static struct outcome run(start_function function, uint64_t session, const char *request, const char *type)
{
    struct outcome outcome = drive(start(function, session, request));
    if (outcome.failed || strcmp(outcome.type, type) != 0)
        fprintf(stderr, "%s\n -> %s\n", request, outcome.result == NULL ? "nothing" : outcome.result);
    CHECK(!outcome.failed);
    CHECK(strcmp(outcome.type, type) == 0);
    return outcome;
}

int main(void)
{
    char text[4096];
    uint64_t session = 0;
    uint64_t operation;
    struct outcome outcome;
    long planned;

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
    free(outcome.result);

    snprintf(text, sizeof text, "{\"organizationalUnit\":\"%s\",\"version\":\"V1\",\"createContainer\":true}",
             setting("GWB_TEST_OU"));
    outcome = run(gwb_enable, session, text, "Feature");
    CHECK(outcome.result != NULL && member_is(outcome.result, "Enabled", "true"));
    free(outcome.result);

    /* What would be done; and nothing is. */
    outcome = run(gwb_sync, session, "{\"action\":\"cycle\",\"policyType\":\"Initial\",\"whatIf\":true}", "Plan");
    planned = member_number(outcome.result, "Creates");
    CHECK(planned > 0);
    CHECK(outcome.items == planned);
    free(outcome.result);

    /* Cancelled before it could write. */
    operation = start(gwb_sync, session, "{\"action\":\"cycle\",\"policyType\":\"Initial\"}");
    EXPECT(gwb_cancel(operation, &error), GWB_OK, NULL);
    outcome = drive(operation);
    CHECK(outcome.failed);
    CHECK(outcome.result != NULL && strstr(outcome.result, "\"id\":\"OperationCancelled\"") != NULL);
    free(outcome.result);

    /* Done, after approval. */
    outcome = run(gwb_sync, session, "{\"action\":\"cycle\",\"policyType\":\"Initial\",\"approve\":\"all\"}", "RunResult");
    CHECK(outcome.approvals >= 1);
    CHECK(outcome.progress > 0);
    CHECK(outcome.problems == 0);
    CHECK(member_is(outcome.result, "Result", "\"Success\""));
    CHECK(member_number(outcome.result, "Created") == planned);
    CHECK(member_number(outcome.result, "MembersAdded") > 0);
    free(outcome.result);

    /* Again: nothing to do. */
    outcome = run(gwb_sync, session, "{\"action\":\"cycle\",\"policyType\":\"Delta\"}", "RunResult");
    CHECK(member_number(outcome.result, "Created") == 0);
    CHECK(member_number(outcome.result, "MembersAdded") == 0);
    free(outcome.result);

    outcome = drive(start(gwb_query, session, "{\"op\":\"groups\",\"state\":[\"InSync\"]}"));
    CHECK(!outcome.failed);
    CHECK(outcome.items >= planned);
    free(outcome.result);

    outcome = run(gwb_disable, session, "{\"groupAction\":\"Keep\"}", "Feature");
    CHECK(member_is(outcome.result, "Enabled", "false"));
    free(outcome.result);

    EXPECT(gwb_close(session, &error), GWB_OK, NULL);
    EXPECT(gwb_close(session, &error), GWB_INVALID_HANDLE, "NativeHandleInvalid");
    return harness_end("cycle_test");
}
