/* The host that `cargo xtask bench` measures: it keeps one session on the shipped library open, takes one request a
 * line ("sync {...}") from its standard input and answers each with one line of JSON: how it ended, how long it took by
 * this process's clock, how many events came. C11; built by xtask against the header and the library. */
#include "../../../tests/c/harness.h"
#include "../../../tests/c/lab.h"

static const struct json *ready;

struct ending {
    char *result; /* the last event, as it came */
    char *problem; /* the first `error` event */
    long events, problems, warnings;
};

static void keep(char **into, const char *text)
{
    if (*into == NULL) {
        *into = (char *)malloc(strlen(text) + 1);
        if (*into == NULL)
            abort();
        strcpy(*into, text);
    }
}

/* Answers a question: with the secret of that name, or with yes. */
static void reply(uint64_t operation, const struct json *ask)
{
    char text[1024];
    const char *name = json_text(ask, "name");
    if (json_is(ask, "kind", "secret"))
        snprintf(text, sizeof text, "{\"ask\":%ld}\n%s", json_number(ask, "ask"),
                 json_text(ready, strcmp(name, "directoryPassword") == 0 ? "bindPassword" : name));
    else
        snprintf(text, sizeof text, "{\"ask\":%ld,\"approve\":true,\"refused\":[]}\n", json_number(ask, "ask"));
    EXPECT(gwb_answer(operation, bytes_of(text), strlen(text), &error), GWB_OK, NULL);
}

static void take_event(uint64_t operation, const char *line, struct ending *ending)
{
    struct json *event = json_parse(line);
    const char *kind = json_text(event, "event");
    CHECK(event != NULL);
    ending->events++;
    if (strcmp(kind, "ask") == 0) {
        reply(operation, event);
    } else if (strcmp(kind, "result") == 0 || strcmp(kind, "failed") == 0) {
        keep(&ending->result, line);
    } else if (strcmp(kind, "error") == 0) {
        ending->problems++;
        keep(&ending->problem, line);
    } else if (strcmp(kind, "warning") == 0) {
        ending->warnings++;
    }
    json_free(event);
}

/* Drives an operation to its end. */
static void drive(uint64_t operation, struct ending *ending)
{
    int32_t status;
    do {
        gwb_buffer events = no_buffer();
        status = gwb_next(operation, 250, &events, NULL);
        if (status == GWB_OK) {
            char *text = take(&events);
            char *line = text;
            while (line != NULL) {
                char *end = strchr(line, '\n');
                if (end != NULL)
                    *end++ = '\0';
                take_event(operation, line, ending);
                line = end;
            }
            free(text);
        }
    } while (status == GWB_OK || status == GWB_PENDING);
    CHECK(status == GWB_END);
    EXPECT(gwb_release(operation, &error), GWB_OK, NULL);
}

static void run(uint64_t session, const char *call, const char *request)
{
    start_function function = strcmp(call, "sync") == 0     ? gwb_sync
                              : strcmp(call, "enable") == 0 ? gwb_enable
                                                            : gwb_query;
    struct ending ending;
    double begin = now_seconds();
    memset(&ending, 0, sizeof ending);
    drive(start(function, session, request), &ending);
    printf("{\"seconds\":%.6f,\"events\":%ld,\"problems\":%ld,\"warnings\":%ld,\"problem\":%s,\"end\":%s}\n",
           now_seconds() - begin, ending.events, ending.problems, ending.warnings,
           ending.problem == NULL ? "null" : ending.problem, ending.result == NULL ? "null" : ending.result);
    fflush(stdout);
    free(ending.result);
    free(ending.problem);
}

/* host READY.json CONFIG.json: both files as docs/lab.md and docs/abi.md tell. */
int main(int count, char **arguments)
{
    static char line[1 << 16];
    char *config = NULL;
    size_t size = 0;
    uint64_t session = 0;
    FILE *file = count == 3 ? fopen(arguments[2], "r") : NULL;
    if (file == NULL || getdelim(&config, &size, '\0', file) < 0) {
        fprintf(stderr, "host READY.json CONFIG.json\n");
        return 2;
    }
    fclose(file);
    ready = read_json_file(arguments[1]);
    CHECK(ready != NULL);
    EXPECT(gwb_open(bytes_of(config), strlen(config), &session, &error), GWB_OK, NULL);
    free(config);
    while (harness_failures == 0 && fgets(line, sizeof line, stdin) != NULL) {
        char *request = strchr(line, ' ');
        line[strcspn(line, "\n")] = '\0';
        if (request == NULL)
            break;
        *request++ = '\0';
        run(session, line, request);
    }
    EXPECT(gwb_close(session, &error), GWB_OK, NULL);
    return harness_failures != 0;
}
