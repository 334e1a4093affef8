/* The host's side of an operation, for the C programs: takes its events, answers what it asks. C11 and C++17. */
#ifndef HOST_H
#define HOST_H

#include "harness.h"
#include "json.h"

/* Takes an event; it is freed afterwards unless the taker sets the pointer to null. Gives 1 to hear no more. */
typedef int (*event_taker)(void *context, struct json **event);

/* Hands out the events of an operation until it ends, the taker has enough, or so many seconds are over. */
static inline void each_event(uint64_t operation, double seconds, event_taker taker, void *context)
{
    double begin = now_seconds();
    int enough = 0;
    while (!enough) {
        gwb_buffer events = no_buffer();
        double before = now_seconds();
        int32_t status = gwb_next(operation, 250, &events, NULL);
        CHECK(now_seconds() - before < 10.0); /* much more than is promised: the machine may be busy */
        if (status == GWB_OK) {
            char *text = take(&events);
            char *line = text;
            while (line != NULL) {
                char *end = strchr(line, '\n');
                struct json *event;
                if (end != NULL)
                    *end++ = '\0';
                event = json_parse(line);
                CHECK(event != NULL && event->kind == JSON_OBJECT);
                if (event != NULL && taker(context, &event))
                    enough = 1;
                json_free(event);
                line = end;
            }
            free(text);
        } else if (status != GWB_PENDING) {
            CHECK(status == GWB_END);
            CHECK(events.ptr == NULL);
            return;
        }
        if (now_seconds() - begin > seconds) {
            CHECK(!"an end in time");
            return;
        }
    }
}

struct host {
    const char *client_secret;
    const char *directory_password;
    /* Sees every event once the host has dealt with it; may be null. */
    void (*watch)(struct host *host, uint64_t operation, const struct json *event);
    void *context; /* the watcher's own */
};

/* How an operation went; outcome_free() frees it. */
struct outcome {
    struct json *last;        /* the last event; null when none came in time */
    const struct json *value; /* of a result, else null */
    const struct json *error; /* of a failure, else null */
    struct json *items;       /* the `item` events, as a list */
    long item_count;
    long progress;
    long problems;  /* `error` events */
    long secrets;   /* asked for and given */
    long approvals; /* asked for and given */
};

static inline void outcome_free(struct outcome *outcome)
{
    json_free(outcome->last);
    json_free(outcome->items);
    memset(outcome, 0, sizeof *outcome);
}

/* Overwrites a secret; `volatile`, or the compiler would leave out writes that nobody reads. */
static inline void forget(char *secret, size_t length)
{
    volatile char *at = secret;
    while (length-- != 0)
        *at++ = 0;
}

/* Answers a question: with the secret of that name, or with yes. */
static inline void reply(struct host *host, uint64_t operation, const struct json *ask, struct outcome *outcome)
{
    char text[1024];
    long number = json_number(ask, "ask");
    if (json_is(ask, "kind", "secret")) {
        const char *secret = json_is(ask, "name", "clientSecret")        ? host->client_secret
                             : json_is(ask, "name", "directoryPassword") ? host->directory_password
                                                                         : "";
        CHECK(*secret != '\0');
        snprintf(text, sizeof text, "{\"ask\":%ld}\n%s", number, secret);
        outcome->secrets++;
    } else {
        CHECK(json_is(ask, "kind", "approve"));
        CHECK(json_number(ask, "groups") > 0);
        snprintf(text, sizeof text, "{\"ask\":%ld,\"approve\":true,\"refused\":[]}\n", number);
        outcome->approvals++;
    }
    EXPECT(gwb_answer(operation, bytes_of(text), strlen(text), &error), GWB_OK, NULL);
    forget(text, sizeof text);
}

struct host_drive {
    struct host *host;
    struct outcome *outcome;
    struct json **last_item;
    uint64_t operation;
};

static inline int host_take(void *context, struct json **event)
{
    struct host_drive *drive = (struct host_drive *)context;
    struct outcome *outcome = drive->outcome;
    struct json *seen = *event;
    const char *kind = json_text(seen, "event");
    CHECK(outcome->last == NULL); /* nothing comes after the last event */
    if (strcmp(kind, "progress") == 0) {
        outcome->progress++;
        CHECK(json_has(seen, "phase", JSON_TEXT) && json_get(seen, "rate") != NULL &&
              json_get(seen, "secondsLeft") != NULL);
    } else if (strcmp(kind, "item") == 0) {
        outcome->item_count++;
        *drive->last_item = seen;
        drive->last_item = &seen->next;
        *event = NULL;
    } else if (strcmp(kind, "error") == 0) {
        outcome->problems++;
    } else if (strcmp(kind, "ask") == 0) {
        reply(drive->host, drive->operation, seen, outcome);
    } else if (strcmp(kind, "result") == 0 || strcmp(kind, "failed") == 0) {
        json_free(outcome->last);
        outcome->last = seen;
        outcome->value = json_get(seen, "value");
        outcome->error = json_get(seen, "error");
        *event = NULL;
    } else {
        CHECK(strcmp(kind, "message") == 0 || strcmp(kind, "warning") == 0);
    }
    if (drive->host->watch != NULL)
        drive->host->watch(drive->host, drive->operation, seen);
    return 0;
}

/* Drives an operation to its end and releases it. */
static inline struct outcome drive(struct host *host, uint64_t operation)
{
    struct outcome outcome;
    struct host_drive context;
    memset(&outcome, 0, sizeof outcome);
    context.host = host;
    context.outcome = &outcome;
    context.last_item = &outcome.items;
    context.operation = operation;
    each_event(operation, 120, host_take, &context);
    CHECK(outcome.last != NULL);
    EXPECT(gwb_release(operation, &error), GWB_OK, NULL);
    return outcome;
}

#endif
