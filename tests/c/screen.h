/* How the story looks: headings, checks, tables and one line of progress, within 100 columns; colours on a terminal. */
#ifndef SCREEN_H
#define SCREEN_H

#include "json.h"

#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#define SCREEN_WIDTH 100

#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define CYAN "\033[36m"
#define GREY "\033[90m"

static int screen_lively; /* a terminal: colours, and a line that changes */
static int screen_wrong;  /* checks that did not hold */

static inline void screen_begin(void)
{
    const char *terminal = getenv("TERM");
    screen_lively = isatty(STDOUT_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
    /* A log that is read while it grows, or after a crash, must hold whole lines. */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
}

/* The start of a colour, or with null its end. */
static inline void paint(const char *colour)
{
    if (screen_lively)
        fputs(colour == NULL ? "\033[0m" : colour, stdout);
}

/* The next character of a UTF-8 text; what is none counts as one byte of U+FFFD. */
static inline const char *next_character(const char *at, uint32_t *code)
{
    unsigned char first = (unsigned char)*at++;
    int more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    const char *from = at;
    *code = more == 0 ? first : first & (0x3fu >> more);
    for (; more > 0; more--, at++) {
        if (((unsigned char)*at & 0xc0) != 0x80) {
            *code = 0xfffd;
            return from;
        }
        *code = *code << 6 | ((unsigned char)*at & 0x3f);
    }
    return at;
}

/* Columns that a character takes: names are in every script. Near enough for a table. */
static inline int character_width(uint32_t code)
{
    static const struct {
        uint32_t first, last;
        int width;
    } ranges[] = {
        {0x0300, 0x036f, 0}, {0x0591, 0x05c7, 0}, {0x0610, 0x061a, 0}, {0x064b, 0x065f, 0}, {0x0900, 0x0902, 0},
        {0x093c, 0x093c, 0}, {0x0941, 0x0948, 0}, {0x094d, 0x094d, 0}, {0x0e31, 0x0e31, 0}, {0x0e34, 0x0e3a, 0},
        {0x0e47, 0x0e4e, 0}, {0x1100, 0x115f, 2}, {0x200b, 0x200d, 0}, {0x2e80, 0xa4cf, 2}, {0xac00, 0xd7a3, 2},
        {0xf900, 0xfaff, 2}, {0xfe00, 0xfe0f, 0}, {0xfe30, 0xfe6f, 2}, {0xff00, 0xff60, 2}, {0xffe0, 0xffe6, 2},
        {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
    };
    size_t i;
    for (i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return ranges[i].width;
    return 1;
}

/* Characters that are none, or would steer the terminal or turn the line round: a name may hold anything. */
static inline int steers(uint32_t code)
{
    return code == 0xfffd || code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* Prints at most so many bytes of a text in at most so many columns; gives the columns taken. */
static inline int print_within(const char *text, size_t bytes, int columns)
{
    const char *end = text + bytes;
    int taken = 0;
    while (text < end && *text != '\0') {
        uint32_t code;
        const char *next = next_character(text, &code);
        int width = character_width(code);
        /* The last column is for the mark, unless nothing comes after. */
        if (taken + width > columns - (next < end && *next != '\0')) {
            fputs("…", stdout);
            return taken + 1;
        }
        if (steers(code))
            putchar('?');
        else
            fwrite(text, 1, (size_t)(next - text), stdout);
        taken += width;
        text = next;
    }
    return taken;
}

/* A text of any length, broken at spaces. */
static inline void print_wrapped(const char *colour, const char *text)
{
    while (*text != '\0') {
        size_t length = strlen(text);
        size_t line = length;
        if (line > SCREEN_WIDTH - 2) {
            line = SCREEN_WIDTH - 2;
            while (line > 0 && text[line] != ' ')
                line--;
            if (line == 0)
                line = length;
        }
        paint(colour);
        fputs("  ", stdout);
        print_within(text, line, SCREEN_WIDTH - 2);
        paint(NULL);
        putchar('\n');
        text += line;
        text += strspn(text, " ");
    }
}

static inline void heading(int number, const char *title)
{
    char rule[SCREEN_WIDTH + 1];
    memset(rule, '-', SCREEN_WIDTH);
    rule[SCREEN_WIDTH] = '\0';
    putchar('\n');
    paint(CYAN);
    printf("%d  %s", number, title);
    paint(NULL);
    putchar('\n');
    paint(GREY);
    fputs(rule, stdout);
    paint(NULL);
    putchar('\n');
}

/* The call that comes next. */
static inline void show_call(const char *function, const char *request)
{
    paint(YELLOW);
    printf("C> %s%s", function, *request == '\0' ? "" : " ");
    print_within(request, strlen(request), SCREEN_WIDTH - 4 - (int)strlen(function));
    paint(NULL);
    putchar('\n');
}

/* Says whether something is as it should be, and remembers when it is not. */
static inline void confirm(int holds, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    screen_wrong += !holds;
    paint(holds ? GREEN : RED);
    fputs(holds ? "  ok    " : "  WRONG ", stdout);
    print_within(text, strlen(text), SCREEN_WIDTH - 8);
    paint(NULL);
    putchar('\n');
}

/* A member as a person reads it. */
static inline void value_text(const struct json *object, const char *name, char *text, size_t size)
{
    const struct json *value = json_get(object, name);
    const struct json *element;
    long count = 0;
    switch (value == NULL ? JSON_NULL : value->kind) {
    case JSON_TEXT:
        snprintf(text, size, "%s", value->text);
        break;
    case JSON_NUMBER:
        snprintf(text, size, value->number == (double)(long)value->number ? "%.0f" : "%.2f", value->number);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        snprintf(text, size, value->kind == JSON_TRUE ? "yes" : "no");
        break;
    case JSON_ARRAY:
        for (element = value->first; element != NULL; element = element->next)
            count++;
        snprintf(text, size, "(%ld)", count);
        break;
    default:
        snprintf(text, size, "-");
    }
}

/* A column of a table; a negative width aligns to the right, which is for numbers and their titles. The widths, with
 * two spaces before each column, stay within the screen. */
struct column {
    const char *title;
    const char *name;
    int width;
};

static inline void print_cell(const char *text, int width, int last)
{
    int room = width < 0 ? -width : width;
    int taken;
    fputs("  ", stdout);
    if (width < 0)
        printf("%*s", room > (int)strlen(text) ? room - (int)strlen(text) : 0, "");
    taken = print_within(text, strlen(text), room);
    if (width > 0 && !last)
        printf("%*s", room - taken, "");
}

static inline void table_head(const struct column *columns, size_t count)
{
    size_t i;
    paint(GREEN);
    for (i = 0; i < count; i++)
        print_cell(columns[i].title, columns[i].width, i + 1 == count);
    paint(NULL);
    putchar('\n');
}

static inline void table_row(const struct column *columns, size_t count, const struct json *row)
{
    char text[1024];
    size_t i;
    for (i = 0; i < count; i++) {
        value_text(row, columns[i].name, text, sizeof text);
        print_cell(text, columns[i].width, i + 1 == count);
    }
    putchar('\n');
}

/* One object, a line for each of these members. */
static inline void list(const struct json *object, const char *const *names, size_t count)
{
    char text[1024];
    size_t i;
    for (i = 0; i < count; i++) {
        value_text(object, names[i], text, sizeof text);
        printf("  %-20s ", names[i]);
        print_within(text, strlen(text), SCREEN_WIDTH - 23);
        putchar('\n');
    }
}

/* Shows a `progress` event in place of the one before; in a log only the last one, by end_progress(). */
struct progress {
    char line[512];
};

static inline void take_progress(struct progress *progress, const struct json *event)
{
    char total[48] = "";
    char pace[96] = "";
    if (json_has(event, "total", JSON_NUMBER))
        snprintf(total, sizeof total, " of %ld", json_number(event, "total"));
    if (json_has(event, "rate", JSON_NUMBER) && json_has(event, "secondsLeft", JSON_NUMBER))
        snprintf(pace, sizeof pace, ", %ld a second, %ld s left", json_number(event, "rate"),
                 json_number(event, "secondsLeft"));
    snprintf(progress->line, sizeof progress->line, "%-8s %ld%s%s  %.120s", json_text(event, "phase"),
             json_number(event, "done"), total, pace, json_text(event, "text"));
    if (screen_lively) {
        fputs("\r\033[K  ", stdout);
        print_within(progress->line, strlen(progress->line), SCREEN_WIDTH - 2);
        fflush(stdout);
    }
}

static inline void end_progress(struct progress *progress)
{
    size_t length = strlen(progress->line);
    if (length == 0)
        return;
    while (progress->line[length - 1] == ' ')
        progress->line[--length] = '\0';
    if (screen_lively)
        putchar('\n');
    else
        print_wrapped(NULL, progress->line);
    progress->line[0] = '\0';
}

#endif
