/* What the steps of the story share: the library's host that tells what it sees, and the tenant that changes. */
#ifndef TELLING_H
#define TELLING_H

#include "host.h"
#include "lab.h"
#include "screen.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SHOWN_WARNINGS 3

struct story {
    struct host host;
    struct progress progress;
    long warnings; /* of the running operation, and the first of them */
    char warned[SHOWN_WARNINGS][256];
    uint64_t session;
    struct json *lab;
    struct json *truth; /* the tenant before it is changed */
    char container[256];
    long cloud; /* Microsoft 365 groups in `truth` */
    long skipped; /* memberships that the first synchronization left out */
    char one[64]; /* the group that is looked at and renamed */
    char one_name[1024];
    char new_one[64]; /* the group that comes and goes */
};

static inline void watch(struct host *host, uint64_t operation, const struct json *event)
{
    struct story *story = (struct story *)host->context;
    const char *kind = json_text(event, "event");
    (void)operation;
    if (strcmp(kind, "progress") == 0) {
        take_progress(&story->progress, event);
        return;
    }
    if (strcmp(kind, "warning") == 0) {
        /* Shown afterwards: now they would break the line of the progress. */
        if (story->warnings < SHOWN_WARNINGS)
            snprintf(story->warned[story->warnings], sizeof story->warned[0], "%s", json_text(event, "message"));
        story->warnings++;
        return;
    }
    if (strcmp(kind, "error") != 0 && strcmp(kind, "ask") != 0)
        return;
    end_progress(&story->progress);
    if (strcmp(kind, "error") == 0)
        print_wrapped(RED, json_text(json_get(event, "error"), "message"));
    else if (json_is(event, "kind", "secret"))
        printf("  asked: %s -- given\n", json_text(event, "prompt"));
    else if (json_is(event, "kind", "approve"))
        printf("  asked: %ld group(s) to be deleted -- approved\n", json_number(event, "groups"));
}

/* Calls a function of the library and follows the operation to its end. Gives what came, to be freed. */
static inline struct outcome call(struct story *story, start_function function, const char *name, const char *request)
{
    struct outcome outcome;
    long i;
    show_call(name, request);
    story->warnings = 0;
    outcome = drive(&story->host, start(function, story->session, request));
    end_progress(&story->progress);
    for (i = 0; i < story->warnings && i < SHOWN_WARNINGS; i++)
        print_wrapped(YELLOW, story->warned[i]);
    if (story->warnings > SHOWN_WARNINGS) {
        paint(GREY);
        printf("  (%ld more warnings of that kind)", story->warnings - SHOWN_WARNINGS);
        paint(NULL);
        putchar('\n');
    }
    if (outcome.error != NULL) {
        print_wrapped(RED, json_text(outcome.error, "message"));
        print_wrapped(GREY, json_text(outcome.error, "recommendedAction"));
    }
    return outcome;
}

#define CALL(function, request) call(story, function, #function, request)

/* The value of an item event, or null. */
static inline const struct json *value_of(const struct json *item)
{
    return json_get(item, "value");
}

static inline int is_cloud_group(const struct json *group)
{
    const struct json *type = json_first(json_get(group, "groupTypes"));
    while (type != NULL && (type->text == NULL || strcmp(type->text, "Unified") != 0))
        type = type->next;
    return type != NULL && json_is(group, "state", "active");
}

/* Changes the tenant; gives the id of the first object that was created, if any. */
static inline int change(struct story *story, char *changes, char *id, size_t size)
{
    struct json *answer = lab_control(story->lab, "change", changes);
    const struct json *created = json_first(json_get(answer, "ids"));
    int done = answer != NULL;
    if (id != NULL)
        snprintf(id, size, "%s", created != NULL && created->text != NULL ? created->text : "");
    json_free(answer);
    free(changes);
    return done;
}

#endif
