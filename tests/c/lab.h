/* The lab as a C program sees it: the ready line in a file, and `control` of the lab's program (docs/lab.md). C11. */
#ifndef LAB_H
#define LAB_H

#include "json.h"

/* All that a stream gives, as JSON, to be freed; null when it is none. */
static inline struct json *read_json(FILE *from)
{
    char *text = NULL;
    size_t size = 0;
    FILE *into = write_text(&text, &size);
    struct json *value;
    int c;
    while ((c = getc(from)) != EOF)
        putc(c, into);
    fclose(into);
    value = json_parse(text);
    free(text);
    return value;
}

static inline struct json *read_json_file(const char *path)
{
    FILE *file = fopen(path, "r");
    struct json *value = file == NULL ? NULL : read_json(file);
    if (file != NULL)
        fclose(file);
    return value;
}

/* A word that the shell takes as it is. */
static inline void write_word(FILE *out, const char *text)
{
    putc('\'', out);
    for (; *text != '\0'; text++)
        fprintf(out, *text == '\'' ? "'\\%c'" : "%c", *text); /* closed, the quote, opened again */
    fputs("' ", out);
}

/* Sends a verb to the lab, with a body or (null) without; the answer, or null when the lab refused it. */
static inline struct json *lab_control(const struct json *ready, const char *verb, const char *body)
{
    char *command = NULL;
    size_t size = 0;
    FILE *out = write_text(&command, &size);
    struct json *answer = NULL;
    write_word(out, getenv("GROUPWRITEBACK_LAB"));
    fputs("control --control ", out);
    write_word(out, json_text(ready, "control"));
    write_word(out, verb);
    if (body != NULL)
        write_word(out, body);
    fclose(out);
    fflush(stdout);
    out = popen(command, "r");
    free(command);
    if (out != NULL) {
        answer = read_json(out);
        if (pclose(out) != 0) {
            json_free(answer);
            answer = NULL;
        }
    }
    return answer;
}

/* How often Active Directory was written since the counters were reset; -1 when the lab does not say. */
static inline long lab_writes(const struct json *ready)
{
    struct json *counters = lab_control(ready, "counters", NULL);
    long writes = json_number(json_get(counters, "ldap"), "writes");
    json_free(counters);
    return writes;
}

static inline void lab_reset(const struct json *ready)
{
    json_free(lab_control(ready, "counters/reset", NULL));
}

#endif
