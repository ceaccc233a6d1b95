/* Captured values that are no scalars, as the text of an attribute: the JSON that Python makes of them.

   What is left to Python: floats where there is no GIL, objects, and mappings whose keys might become the
   same text. */

#include "texts.h"
#include "values.h"

typedef struct {
    ct_output *output;
    const ct_names *names;
    int has_gil;
} node_writer;

#define LITERAL(text) (text), sizeof(text) - 1

/* A part of a text, inside of JSON with escapes. */
static int
put_part(const node_writer *writer, const char *utf8, size_t size, int is_inside)
{
    int failed = is_inside ? ct_put_escaped(writer->output, utf8, size) < 0
        : ct_put_bytes(writer->output, utf8, size) < 0;
    return failed ? -1 : 1;
}

static int
put_number_between(const node_writer *writer, const char *before, uint64_t number, const char *behind)
{
    char digits[CT_LONGEST_NUMBER], *end = digits + sizeof digits;
    char *begin = ct_digits_before(end, number, 1);
    int failed = ct_put_bytes(writer->output, before, strlen(before)) < 0
        || ct_put_bytes(writer->output, begin, (size_t)(end - begin)) < 0
        || ct_put_bytes(writer->output, behind, strlen(behind)) < 0;
    return failed ? -1 : 1;
}

/* Behind what is left of something longer. */
static int
put_cut_marker(const node_writer *writer, uint64_t full)
{
    return put_number_between(writer, "... [", full, " in all]");
}

static uint64_t
count_characters(const char *utf8, size_t size)
{
    uint64_t count = 0;
    for (size_t i = 0; i < size; i++) {
        count += (utf8[i] & 0xC0) != 0x80;
    }
    return count;
}

/* As `repr` writes bytes. */
static int
put_bytes_literal(const node_writer *writer, const char *bytes, size_t size, int is_inside)
{
    static const char hex[] = "0123456789abcdef";
    int has_double = memchr(bytes, '"', size) != NULL;
    char quote = memchr(bytes, '\'', size) != NULL && !has_double ? '"' : '\'';
    char text[4] = {'b', quote};

    if (put_part(writer, text, 2, is_inside) < 0) {
        return -1;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        size_t length = 2;
        text[0] = '\\';
        if (byte == quote || byte == '\\') {
            text[1] = (char)byte;
        }
        else if (byte == '\t' || byte == '\n' || byte == '\r') {
            text[1] = byte == '\t' ? 't' : byte == '\n' ? 'n' : 'r';
        }
        else if (byte < ' ' || byte >= 0x7F) {
            text[1] = 'x';
            text[2] = hex[byte >> 4];
            text[3] = hex[byte & 15];
            length = 4;
        }
        else {
            text[0] = (char)byte;
            length = 1;
        }
        if (put_part(writer, text, length, is_inside) < 0) {
            return -1;
        }
    }
    return put_part(writer, &quote, 1, is_inside);
}

static int
put_named(const node_writer *writer, const char *before, size_t size, const char *at, const char *behind,
          int is_inside)
{
    const ct_name *name = ct_name_of(writer->names, ct_class(at));
    int failed = put_part(writer, before, size, is_inside) < 0
        || put_part(writer, name->utf8, (size_t)name->size, is_inside) < 0
        || put_part(writer, behind, strlen(behind), is_inside) < 0;
    return failed ? -1 : 1;
}

/* What a node that is one text says; 0 for another one. */
static int
put_text_node(const node_writer *writer, const char *at, int is_inside)
{
    const char *text = at + CT_NODE_HEAD;
    uint64_t shown;
    int done;

    switch (*at) {
    case HIDDEN:
        return put_part(writer, LITERAL("<redacted>"), is_inside);
    case INSTANCE:
        return put_named(writer, LITERAL("<"), at, ">", is_inside);
    case CYCLE:
        return put_named(writer, LITERAL("<cycle "), at, ">", is_inside);
    case DEEPER:
        return put_named(writer, LITERAL("<"), at, " ...>", is_inside);
    case SHORT_FORM:
        return put_part(writer, at + 9, ct_size(at), is_inside);
    case CUT_TEXT:
        done = put_part(writer, text, ct_size(at), is_inside);
        shown = count_characters(text, ct_size(at));
        break;
    case BYTES:
        done = put_bytes_literal(writer, text, ct_size(at), is_inside);
        shown = ct_size(at);
        break;
    default:
        return 0;
    }
    return done == 1 && ct_full(at) > shown ? put_cut_marker(writer, ct_full(at)) : done;
}

static int
put_quote(const node_writer *writer)
{
    return ct_put_bytes(writer->output, "\"", 1) < 0 ? -1 : 1;
}

static int put_plain(const node_writer *writer, const char **at);

static int
put_separator(const node_writer *writer, uint32_t index)
{
    return index == 0 || ct_put_bytes(writer->output, ",", 1) == 0 ? 1 : -1;
}

static int
put_items(const node_writer *writer, const char **at, uint32_t count, uint64_t left_out)
{
    int done = ct_put_bytes(writer->output, "[", 1) < 0 ? -1 : 1;
    for (uint32_t i = 0; done == 1 && i < count; i++) {
        done = put_separator(writer, i) < 0 ? -1 : put_plain(writer, at);
    }
    if (done == 1 && left_out != 0) {
        done = put_separator(writer, count) < 0
            ? -1 : put_number_between(writer, "\"... ", left_out, " more\"");
    }
    return done == 1 && ct_put_bytes(writer->output, "]", 1) < 0 ? -1 : done;
}

static int
is_text(char tag)
{
    return tag == ASCII || tag == UTF8;
}

/* A key as JSON has it; all of a mapping are texts, or all are integers. */
static int
put_json_key(const node_writer *writer, const char **at, char first, int has_more)
{
    int64_t number;
    int done;

    if (is_text(**at) ? !is_text(first) : **at != INTEGER || first != INTEGER) {
        return 0;
    }
    if (has_more && is_text(first) && ct_text_size(*at) == 3 && memcmp(ct_text(*at), "...", 3) == 0) {
        return 0;
    }
    if (put_quote(writer) < 0) {
        return -1;
    }
    if (is_text(first)) {
        done = put_part(writer, ct_text(*at), ct_text_size(*at), 1);
    }
    else {
        memcpy(&number, *at + 1, sizeof number);
        done = ct_put_integer(writer->output, number);
    }
    *at = ct_behind(*at);
    return done < 0 || ct_put_bytes(writer->output, "\":", 2) < 0 ? -1 : 1;
}

static int
put_pairs(const node_writer *writer, const char **at, uint32_t count, uint64_t left_out)
{
    char first = count == 0 ? NONE : **at;      /* nothing may stand behind the last value */
    int done = ct_put_bytes(writer->output, "{", 1) < 0 ? -1 : 1;
    for (uint32_t i = 0; done == 1 && i < count; i++) {
        done = put_separator(writer, i) < 0 ? -1 : put_json_key(writer, at, first, left_out != 0);
        if (done == 1) {
            done = put_plain(writer, at);
        }
    }
    if (done == 1 && left_out != 0) {
        done = put_separator(writer, count) < 0
            ? -1 : put_number_between(writer, "\"...\":\"", left_out, " more\"");
    }
    return done == 1 && ct_put_bytes(writer->output, "}", 1) < 0 ? -1 : done;
}

/* A value inside of JSON, and `*at` behind it. */
static int
put_plain(const node_writer *writer, const char **at)
{
    const char *from = *at;
    uint32_t inside = 0;
    int64_t integer;
    double real;

    if (*from == LIST || *from == TUPLE || *from == SET) {
        *at = ct_step(from, &inside);
        return put_items(writer, at, ct_size(from), ct_full(from));
    }
    if (*from == MAPPING || *from == STRUCT) {
        *at = ct_step(from, &inside);
        return put_pairs(writer, at, ct_size(from), ct_full(from));
    }
    *at = ct_behind(from);
    switch (*from) {
    case NONE:
        return ct_put_bytes(writer->output, "null", 4) < 0 ? -1 : 1;
    case TRUE_:
        return ct_put_bytes(writer->output, "true", 4) < 0 ? -1 : 1;
    case FALSE_:
        return ct_put_bytes(writer->output, "false", 5) < 0 ? -1 : 1;
    case INTEGER:
        memcpy(&integer, from + 1, sizeof integer);
        return ct_put_integer(writer->output, integer) < 0 ? -1 : 1;
    case FLOAT:
        memcpy(&real, from + 1, sizeof real);
        return !writer->has_gil ? 0 : ct_put_double(writer->output, real) < 0 ? -1 : 1;
    case OBJECT:
        return 0;
    }
    if (put_quote(writer) < 0) {
        return -1;
    }
    int done = is_text(*from) ? put_part(writer, ct_text(from), ct_text_size(from), 1)
        : put_text_node(writer, from, 1);
    return done == 1 ? put_quote(writer) : done;
}

/* Whether OpenTelemetry has an array for a sequence: scalars of one kind, all of them there. */
int
ct_is_flat(const char *at)
{
    uint32_t count, ignored = 0;
    if ((*at != LIST && *at != TUPLE && *at != SET) || ct_full(at) != 0 || ct_size(at) == 0) {
        return 0;
    }
    count = ct_size(at);
    at = ct_step(at, &ignored);
    char first = *at == UTF8 ? ASCII : *at == FALSE_ ? TRUE_ : *at;
    for (; count != 0; count--) {
        char tag = *at == UTF8 ? ASCII : *at == FALSE_ ? TRUE_ : *at;
        if (tag != first || (tag != ASCII && tag != TRUE_ && tag != INTEGER && tag != FLOAT)) {
            return 0;
        }
        at = ct_step(at, &ignored);
    }
    return 1;
}

/* The text of a node as an attribute has it: its own, or JSON. */
int
ct_put_node(ct_output *output, const ct_names *names, const char *at, int has_gil)
{
    node_writer writer = {output, names, has_gil};
    switch (*at) {
    case LIST: case TUPLE: case SET: case MAPPING: case STRUCT:
        return put_plain(&writer, &at);
    default:
        return put_text_node(&writer, at, 0);
    }
}
