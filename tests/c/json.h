/* A JSON reader for the C programs: one text becomes a tree of values, to be freed as a whole. C11 and C++17.
 * It is strict: what it takes is JSON, save that it does not look into the UTF-8. Names and texts end at a NUL in C, so
 * an escaped one is refused rather than cut there. */
#ifndef JSON_H
#define JSON_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_kind kind;
    char *name;         /* as a member of an object, else null */
    char *text;         /* of JSON_TEXT */
    double number;      /* of JSON_NUMBER */
    struct json *first; /* of JSON_ARRAY and JSON_OBJECT */
    struct json *next;  /* in the same array or object */
};

/* Deeper than any text of ours; a bound, because reading and freeing recurse. */
#define JSON_DEEPEST 64

static inline void json_free(struct json *value)
{
    while (value != NULL) {
        struct json *next = value->next;
        json_free(value->first);
        free(value->name);
        free(value->text);
        free(value);
        value = next;
    }
}

static inline void json_skip_space(const char **at)
{
    *at += strspn(*at, " \t\r\n");
}

/* Four hexadecimal digits, or -1. */
static inline long json_read_hex(const char **at)
{
    char digits[5] = {0};
    memcpy(digits, *at, strnlen(*at, 4));
    if (strspn(digits, "0123456789abcdefABCDEF") != 4)
        return -1;
    *at += 4;
    return strtol(digits, NULL, 16);
}

/* What follows `\u`, as UTF-8; null when it is none. */
static inline char *json_read_code(const char **at, char *to)
{
    long code = json_read_hex(at);
    if (code >= 0xd800 && code < 0xdc00) {
        long low;
        if (strncmp(*at, "\\u", 2) != 0)
            return NULL;
        *at += 2;
        low = json_read_hex(at);
        if (low < 0xdc00 || low > 0xdfff)
            return NULL;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code <= 0 || (code >= 0xdc00 && code <= 0xdfff)) {
        return NULL;
    }
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (char)(0xc0 | (code >> 6));
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xe0 | (code >> 12));
        } else {
            *to++ = (char)(0xf0 | (code >> 18));
            *to++ = (char)(0x80 | ((code >> 12) & 0x3f));
        }
        *to++ = (char)(0x80 | ((code >> 6) & 0x3f));
    }
    *to++ = (char)(0x80 | (code & 0x3f));
    return to;
}

/* A text in quotes, to be freed; null when it is none. */
static inline char *json_read_text(const char **at)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const char *from = *at + 1;
    size_t length = 0;
    char *text, *to;
    if (**at != '"')
        return NULL;
    while (from[length] != '"') {
        if (from[length] == '\\')
            length++;
        if ((unsigned char)from[length] < 0x20)
            return NULL;
        length++;
    }
    /* Escapes are never shorter than what they stand for. */
    text = to = (char *)malloc(length + 1);
    if (text == NULL)
        abort();
    while (to != NULL && *from != '"') {
        const char *escape;
        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        from += 2;
        escape = strchr(escapes, from[-1]);
        if (escape != NULL)
            *to++ = meanings[escape - escapes];
        else
            to = from[-1] == 'u' ? json_read_code(&from, to) : NULL;
    }
    if (to == NULL) {
        free(text);
        return NULL;
    }
    *to = '\0';
    *at = from + 1;
    return text;
}

static inline int json_read_word(const char **at, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0)
        return 0;
    *at += length;
    return 1;
}

static inline int json_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline int json_read_number(const char **at, double *number)
{
    const char *digits = *at + (**at == '-');
    size_t length = strspn(*at, "-+.eE0123456789");
    const char *point = (const char *)memchr(*at, '.', length);
    char *end;
    if (!json_digit(digits[0]) || (digits[0] == '0' && json_digit(digits[1])))
        return 0;
    if (point != NULL && !json_digit(point[1]))
        return 0;
    *number = strtod(*at, &end);
    if (end != *at + length)
        return 0;
    *at = end;
    return 1;
}

static inline struct json *json_read(const char **at, int depth);

/* What is between the brackets of an array or an object. */
static inline int json_read_members(const char **at, struct json *into, int depth)
{
    struct json **last = &into->first;
    char close = **at == '{' ? '}' : ']';
    ++*at;
    json_skip_space(at);
    if (**at == close) {
        ++*at;
        return 1;
    }
    for (;;) {
        char *name = NULL;
        json_skip_space(at);
        if (into->kind == JSON_OBJECT) {
            name = json_read_text(at);
            json_skip_space(at);
            if (name == NULL || *(*at)++ != ':') {
                free(name);
                return 0;
            }
        }
        *last = json_read(at, depth + 1);
        if (*last == NULL) {
            free(name);
            return 0;
        }
        (*last)->name = name;
        last = &(*last)->next;
        if (**at == ',') {
            ++*at;
        } else {
            return *(*at)++ == close;
        }
    }
}

static inline struct json *json_read(const char **at, int depth)
{
    struct json *value = (struct json *)calloc(1, sizeof *value);
    int good = 0;
    if (value == NULL)
        abort();
    json_skip_space(at);
    if (**at == '{' || **at == '[') {
        value->kind = **at == '{' ? JSON_OBJECT : JSON_ARRAY;
        good = depth < JSON_DEEPEST && json_read_members(at, value, depth);
    } else if (**at == '"') {
        value->kind = JSON_TEXT;
        value->text = json_read_text(at);
        good = value->text != NULL;
    } else if (json_read_number(at, &value->number)) {
        value->kind = JSON_NUMBER;
        good = 1;
    } else {
        value->kind = **at == 't' ? JSON_TRUE : **at == 'f' ? JSON_FALSE : JSON_NULL;
        good = json_read_word(at, "true") || json_read_word(at, "false") || json_read_word(at, "null");
    }
    if (!good) {
        json_free(value);
        return NULL;
    }
    json_skip_space(at);
    return value;
}

/* The whole text as one value, to be freed; null when it is not JSON. */
static inline struct json *json_parse(const char *text)
{
    struct json *value = json_read(&text, 0);
    if (value != NULL && *text != '\0') {
        json_free(value);
        return NULL;
    }
    return value;
}

/* The first member or element; null for anything that has none, also for no value at all. */
static inline const struct json *json_first(const struct json *value)
{
    return value == NULL ? NULL : value->first;
}

/* A member by its name, or null. */
static inline const struct json *json_get(const struct json *object, const char *name)
{
    const struct json *member;
    for (member = json_first(object); member != NULL; member = member->next)
        if (member->name != NULL && strcmp(member->name, name) == 0)
            return member;
    return NULL;
}

/* A member that is a text; "" when it is not there or no text. */
static inline const char *json_text(const struct json *object, const char *name)
{
    const struct json *member = json_get(object, name);
    return member == NULL || member->kind != JSON_TEXT ? "" : member->text;
}

static inline int json_is(const struct json *object, const char *name, const char *text)
{
    return strcmp(json_text(object, name), text) == 0;
}

/* A member that is a whole number; -1 when it is not there or no number. */
static inline long json_number(const struct json *object, const char *name)
{
    const struct json *member = json_get(object, name);
    return member == NULL || member->kind != JSON_NUMBER ? -1 : (long)member->number;
}

/* Whether a member is there and of this kind: json_has(feature, "Enabled", JSON_TRUE). */
static inline int json_has(const struct json *object, const char *name, enum json_kind kind)
{
    const struct json *member = json_get(object, name);
    return member != NULL && member->kind == kind;
}

/* A stream that makes a text: to be freed once the stream is closed. */
static inline FILE *write_text(char **text, size_t *size)
{
    FILE *out = open_memstream(text, size);
    if (out == NULL)
        abort();
    return out;
}

/* Writes a text in quotes, with what JSON wants escaped. */
static inline void json_write(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20)
            fprintf(out, "\\u%04x", (unsigned)*text);
        else
            fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    putc('"', out);
}

#endif
