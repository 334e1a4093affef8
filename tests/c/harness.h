/* What the C programs share: checks that count, calls that are checked, threads. C11 and C++17. */
#ifndef HARNESS_H
#define HARNESS_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include "group_writeback.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t harness_lock = PTHREAD_MUTEX_INITIALIZER;
static long harness_checks;
static long harness_failures;

static inline void harness_check(int holds, const char *text, const char *file, int line)
{
    pthread_mutex_lock(&harness_lock);
    harness_checks++;
    if (!holds) {
        harness_failures++;
        if (harness_failures <= 20)
            fprintf(stderr, "%s:%d: %s\n", file, line, text);
    }
    pthread_mutex_unlock(&harness_lock);
}

#define CHECK(condition) harness_check(!!(condition), #condition, __FILE__, __LINE__)

/* The only output of a program that passes. */
static inline int harness_end(const char *name)
{
    if (harness_failures != 0) {
        fprintf(stderr, "%s: %ld of %ld checks failed\n", name, harness_failures, harness_checks);
        return 1;
    }
    printf("%s: %ld checks passed\n", name, harness_checks);
    return 0;
}

static inline double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline const uint8_t *bytes_of(const char *text)
{
    return (const uint8_t *)(const void *)text;
}

static inline gwb_buffer no_buffer(void)
{
    gwb_buffer buffer;
    buffer.ptr = NULL;
    buffer.len = 0;
    return buffer;
}

/* The bytes as a C string, for the caller to free(); the buffer is freed and must be empty then. */
static inline char *take(gwb_buffer *buffer)
{
    char *text = (char *)malloc(buffer->len + 1);
    if (text == NULL)
        abort();
    if (buffer->len != 0)
        memcpy(text, buffer->ptr, buffer->len);
    text[buffer->len] = '\0';
    gwb_buffer_free(buffer);
    CHECK(buffer->ptr == NULL && buffer->len == 0);
    return text;
}

/* Checks a status and the id of the error object that comes with it (NULL: none may come). */
static inline void check_status(int32_t status, int32_t expected, gwb_buffer *error, const char *id, const char *file,
                         int line)
{
    char wanted[96];
    char *text;
    if (status != expected) {
        fprintf(stderr, "%s:%d: status %d, not %d: %.*s\n", file, line, (int)status, (int)expected,
                (int)error->len, (const char *)error->ptr);
    }
    harness_check(status == expected, "the status", file, line);
    if (id == NULL) {
        harness_check(error->ptr == NULL && error->len == 0, "no error object", file, line);
        return;
    }
    text = take(error);
    snprintf(wanted, sizeof wanted, "\"id\":\"%s\"", id);
    if (strstr(text, wanted) == NULL)
        fprintf(stderr, "%s:%d: no %s in %s\n", file, line, wanted, text);
    harness_check(strstr(text, wanted) != NULL, "the error's id", file, line);
    harness_check(strstr(text, "\"category\":\"") != NULL, "a category", file, line);
    harness_check(strstr(text, "\"recommendedAction\":\"") != NULL, "an action", file, line);
    harness_check(strstr(text, "\"causes\":[") != NULL, "causes", file, line);
    free(text);
}

#define EXPECT(call, expected, id)                                             \
    do {                                                                       \
        gwb_buffer error = no_buffer();                                        \
        int32_t status = (call);                                               \
        check_status(status, (expected), &error, (id), __FILE__, __LINE__);    \
    } while (0)

typedef int32_t (*start_function)(uint64_t, const uint8_t *, size_t, uint64_t *, gwb_buffer *);

/* Starts an operation that must be accepted. */
static inline uint64_t start(start_function function, uint64_t session, const char *request)
{
    uint64_t operation = 0;
    EXPECT(function(session, bytes_of(request), strlen(request), &operation, &error), GWB_OK, NULL);
    CHECK(operation != 0);
    return operation;
}

#endif
