/* Writes captured values behind the topmost entry of a thread.  No Python code runs meanwhile, so what is
   read is borrowed.  Where Python has to say something, the writer stops and says what: see captures.c. */

#ifndef CODETRACER_WRITER_H
#define CODETRACER_WRITER_H

#include "memos.h"
#include "values.h"

/* What became of a value; an exception is -1. */
enum {
    CT_WRITTEN,
    CT_UNKNOWN_CLASS,           /* `wanted` is a class that Python has not described */
    CT_UNNAMED_CLASS,           /* `wanted` is a class that Python has not named */
    CT_UNKNOWN_NAME,            /* `wanted` is a key that Python has not judged, by `verdicts` */
    CT_FOR_PYTHON               /* Python has to capture it */
};

/* What Python says about the name of a key or field. */
enum { CT_SHOWN = 1, CT_HOLDS = 2, CT_NAMES = 4, CT_HIDDEN = 8 };

typedef struct {
    ct_core *core;
    ct_thread *thread;
    const ct_site *site;
    char *at, *end;             /* of the room that is left in the thread's memory */
    char *begin;
    Py_ssize_t left;            /* nodes that may still be written */
    Py_ssize_t fields;          /* of objects that may still be written */
    Py_ssize_t short_text;      /* longest text that is simple inside another value */
    int is_inside;              /* of an object with fields */
    int holds_objects;          /* a value is a reference, counted or shared */
    int tells_result;           /* an argument says that the call's result is a secret */
    int may_share;              /* it is a whole argument or result that is written */
    size_t shared_bytes;        /* of values that are references to what is shared */
    int depth;
    ct_notes *notes;            /* of what is read; NULL: none are taken */
    const void *above[CT_MOST_NESTED];
    PyObject *wanted;           /* borrowed of a value */
    PyObject *verdicts;         /* borrowed of the site: who judges `wanted` */
} ct_writer;

/* values.c */
void ct_put_value(ct_writer *writer, PyObject *value);

/* writer.c */
int ct_begin_writing(ct_writer *writer, ct_core *core, ct_thread *thread, const ct_site *site,
                     size_t from);
int ct_grow(ct_writer *writer, size_t size);
void ct_put_head(ct_writer *writer, char tag, uint32_t name, uint32_t size, uint64_t full);
int ct_write_text(ct_writer *writer, PyObject *text);
int ct_write_told(ct_writer *writer, const ct_form *known, PyObject *value);
int ct_write_datetime(ct_writer *writer, const ct_form *known, PyObject *moment);
int ct_write_slice(ct_writer *writer, const ct_form *known, PyObject *slice);
int ct_write_uuid(ct_writer *writer, const ct_form *known, PyObject *uuid);
int ct_write_short_form(ct_writer *writer, const ct_form *known, const char *prefix, PyObject *text,
                        const char *suffix);
int ct_write_path(ct_writer *writer, const ct_form *known, PyObject *path);
int ct_write_bytes(ct_writer *writer, const ct_form *known, const char *bytes, Py_ssize_t size);

char *ct_put_utf8(char *at, PyObject *text, Py_ssize_t length);

/* Have room for some bytes. */
static inline int
ct_need(ct_writer *writer, size_t size)
{
    return CT_LIKELY((size_t)(writer->end - writer->at) >= size) ? 0 : ct_grow(writer, size);
}

#define CT_SIMPLE_ROOM (3 + CT_SHORT_TEXT)  /* of any value that is simple */

/* Write what is the same bytes on every road: a text of ASCII, a number of one digit, None, a truth value.  Where the
   next one goes; NULL for anything else. */
static inline char *
ct_put_simple(char *at, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    int64_t integer;
    double real;

    if (type == &PyUnicode_Type) {
        uint16_t size = (uint16_t)PyUnicode_GET_LENGTH(value);
        if (!PyUnicode_IS_COMPACT_ASCII(value) || PyUnicode_GET_LENGTH(value) > CT_SHORT_TEXT) {
            return NULL;
        }
        *at = ASCII;
        memcpy(at + 1, &size, 2);
        memcpy(at + 3, PyUnicode_1BYTE_DATA(value), size);
        return at + 3 + size;
    }
    if (type == &PyLong_Type) {
        if (!PyUnstable_Long_IsCompact((PyLongObject *)value)) {
            return NULL;
        }
        integer = PyUnstable_Long_CompactValue((PyLongObject *)value);
        *at = INTEGER;
        memcpy(at + 1, &integer, 8);
        return at + 9;
    }
    if (type == &PyFloat_Type) {
        real = PyFloat_AS_DOUBLE(value);
        *at = FLOAT;
        memcpy(at + 1, &real, 8);
        return at + 9;
    }
    *at = value == Py_None ? NONE : value == Py_True ? TRUE_ : FALSE_;
    return value == Py_None || type == &PyBool_Type ? at + 1 : NULL;
}

/* The same for an argument or result, if it is taken as it is and there is room for any. */
static inline char *
ct_put_plain(const ct_site *site, char *at, const char *end, PyObject *value)
{
    int is_taken = PyUnicode_CheckExact(value)
        ? PyUnicode_GET_LENGTH(value) <= site->short_text : site->takes_plain;
    return is_taken && end - at >= CT_SIMPLE_ROOM ? ct_put_simple(at, value) : NULL;
}

/* Copy a few bytes: most names and texts are shorter than what it costs to ask how. */
CT_INLINE void
ct_copy_short(char *to, const char *from, size_t size)
{
    if (size > 16) {
        memcpy(to, from, size);
    }
    else if (size >= 8) {       /* the two halves may overlap */
        uint64_t first, last;
        memcpy(&first, from, 8);
        memcpy(&last, from + size - 8, 8);
        memcpy(to, &first, 8);
        memcpy(to + size - 8, &last, 8);
    }
    else if (size >= 4) {
        uint32_t first, last;
        memcpy(&first, from, 4);
        memcpy(&last, from + size - 4, 4);
        memcpy(to, &first, 4);
        memcpy(to + size - 4, &last, 4);
    }
    else if (size != 0) {
        to[0] = from[0];
        to[size / 2] = from[size / 2];
        to[size - 1] = from[size - 1];
    }
}

/* Write a short text of ASCII inside another value; NULL for any other one, or where there is no room. */
CT_INLINE char *
ct_put_text(const ct_writer *writer, PyObject *text)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    char *at = writer->at;
    if (length > writer->short_text || !PyUnicode_IS_COMPACT_ASCII(text)
        || writer->end - at < CT_SIMPLE_ROOM) {
        return NULL;
    }
    uint16_t size = (uint16_t)length;
    *at = ASCII;
    memcpy(at + 1, &size, 2);
    ct_copy_short(at + 3, (const char *)((PyASCIIObject *)text + 1), size);
    if (CT_UNLIKELY(writer->notes != NULL)) {
        ct_note_held(writer->notes, text);
    }
    return at + 3 + size;
}

/* What is seen of the keys of one value. */
typedef struct {
    PyObject *verdicts;         /* NULL: everything is shown */
    long seen;
    int is_hidden;              /* the value of the last one */
} ct_keys;

#define CT_FEW_FIELDS 8         /* an object with so many may have a name and a value */
#define CT_CLOSED -2            /* a node that was written without its items */

/* instances.c */
int ct_write_struct(ct_writer *writer, const ct_form *known, PyObject *value);
int ct_write_fields(ct_writer *writer, const ct_form *known, PyObject *value);
int ct_write_named_tuple(ct_writer *writer, const ct_form *known, PyObject *value);
int ct_write_exception(ct_writer *writer, const ct_form *known, PyObject *error);
int ct_write_enum(ct_writer *writer, const ct_form *known, PyObject *member);
int ct_write_class(ct_writer *writer, const ct_form *known, PyObject *value);
int ct_write_function(ct_writer *writer, const ct_form *known, PyObject *function);

/* containers.c */
int ct_write_scalar(ct_writer *writer, char tag, const void *bytes, size_t size);
int ct_write_instance(ct_writer *writer, const ct_form *known);
int ct_begin_node(ct_writer *writer, const ct_form *known, const void *value);
Py_ssize_t ct_take_share(ct_writer *writer, Py_ssize_t count);
int ct_write_field(ct_writer *writer, ct_keys *judged, PyObject *name, PyObject *held);
int ct_may_name(const ct_keys *judged, Py_ssize_t count, Py_ssize_t most);
int ct_write_value(ct_writer *writer, PyObject *value);
int ct_write_receiver(ct_writer *writer, PyObject *value);
int ct_write_inside(ct_writer *writer, PyObject *value);
int ct_write_keywords(ct_writer *writer, PyObject *keywords);

/* A value inside another one: half of all are short texts or None. */
CT_INLINE int
ct_write_nested(ct_writer *writer, PyObject *value)
{
    if (Py_IS_TYPE(value, &PyUnicode_Type)) {
        char *behind = ct_put_text(writer, value);
        if (CT_LIKELY(behind != NULL)) {
            writer->at = behind;
            return CT_WRITTEN;
        }
    }
    else if (value == Py_None && writer->at < writer->end) {
        *writer->at++ = NONE;
        return CT_WRITTEN;
    }
    return ct_write_inside(writer, value);
}

/* memos.c */
typedef int ct_write_by(ct_writer *writer, const ct_form *known, PyObject *value);
int ct_write_remembered(ct_writer *writer, const ct_form *known, PyObject *value, ct_write_by *write);

/* verdicts.c */
int ct_ask_verdict(ct_writer *writer, PyObject *verdicts, PyObject *name, long *verdict);

static inline ct_verdict *
ct_verdict_place(ct_core *core, const PyObject *verdicts, const PyObject *name)
{
    uintptr_t key = ((uintptr_t)name >> 4) ^ ((uintptr_t)name >> 13) ^ ((uintptr_t)verdicts >> 5);
    return &core->verdicts[key % CT_RECENT_VERDICTS];
}

/* CT_WRITTEN if Python has said it. */
CT_INLINE int
ct_verdict_on(ct_writer *writer, PyObject *verdicts, PyObject *name, long *verdict)
{
    const ct_verdict *recent = ct_verdict_place(writer->core, verdicts, name);
    if (CT_LIKELY(recent->name == name && recent->verdicts == verdicts)) {
        *verdict = recent->verdict;
        return CT_WRITTEN;
    }
    return ct_ask_verdict(writer, verdicts, name, verdict);
}

/* neighbours.c */
int ct_check_neighbours(ct_writer *writer, PyObject *const *items, Py_ssize_t total, int *hides_second);

/* learned.c */
int ct_write_hidden(ct_writer *writer, PyObject *held);

/* captures.c */
int ct_write_values(ct_writer *writer, PyObject *const *values, int count, int *done);
void ct_drop_written(ct_writer *writer, uint32_t count);
int ct_write_with_python(ct_writer *writer, PyObject **values, int count);
int ct_write_result(ct_writer *writer, ct_core *core, ct_thread *thread, PyObject *result);

#endif
