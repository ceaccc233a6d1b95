/* The parts of values: texts, bytes, heads of nodes. */

#include "writer.h"

/* Let a writer begin at a place of the thread's memory, counted from its beginning. */
int
ct_begin_writing(ct_writer *writer, ct_core *core, ct_thread *thread, const ct_site *site, size_t from)
{
    /* One by one: to clear what is above a value costs more than to write most values. */
    writer->core = core;
    writer->thread = thread;
    writer->site = site;
    writer->depth = writer->holds_objects = writer->tells_result = 0;
    writer->may_share = 1;
    writer->shared_bytes = 0;
    writer->wanted = writer->verdicts = NULL;
    writer->notes = NULL;
    writer->short_text = Py_MIN(core->limits.max_string, CT_SHORT_TEXT);
    if (ct_make_room(thread, from) < 0) {
        return -1;
    }
    writer->begin = writer->at = thread->bytes + from;
    writer->end = thread->bytes + thread->capacity;
    return 0;
}

/* Have room for more bytes than there is. */
int
ct_grow(ct_writer *writer, size_t size)
{
    ct_thread *thread = writer->thread;
    size_t begin = (size_t)(writer->begin - thread->bytes), at = (size_t)(writer->at - thread->bytes);
    if (ct_make_room(thread, at + size) < 0) {
        return -1;
    }
    writer->begin = thread->bytes + begin;
    writer->at = thread->bytes + at;
    writer->end = thread->bytes + thread->capacity;
    return 0;
}

/* The tag of a node that has a size; there must be room. */
void
ct_put_head(ct_writer *writer, char tag, uint32_t name, uint32_t size, uint64_t full)
{
    char *at = writer->at;
    *at = tag;
    memcpy(at + 1, &name, 4);
    memcpy(at + 5, &size, 4);
    memcpy(at + 9, &full, 8);
    writer->at = at + CT_NODE_HEAD;
}

/* The UTF-8 of the first `length` characters, for which there is room; NULL for a lone surrogate. */
char *
ct_put_utf8(char *at, PyObject *text, Py_ssize_t length)
{
    int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    unsigned char *to = (unsigned char *)at;

    if (PyUnicode_IS_ASCII(text)) {
        memcpy(at, data, (size_t)length);
        return at + length;
    }
    for (Py_ssize_t i = 0; i < length; i++) {
        Py_UCS4 point = PyUnicode_READ(kind, data, i);
        if (point < 0x80) {
            *to++ = (unsigned char)point;
            continue;
        }
        if (point < 0x800) {
            *to++ = (unsigned char)(0xC0 | point >> 6);
        }
        else {
            if (point < 0x10000) {
                if (point >= 0xD800 && point < 0xE000) {
                    return NULL;
                }
                *to++ = (unsigned char)(0xE0 | point >> 12);
            }
            else {
                *to++ = (unsigned char)(0xF0 | point >> 18);
                *to++ = (unsigned char)(0x80 | (point >> 12 & 0x3F));
            }
            *to++ = (unsigned char)(0x80 | (point >> 6 & 0x3F));
        }
        *to++ = (unsigned char)(0x80 | (point & 0x3F));
    }
    return (char *)to;
}

static size_t
room_of(PyObject *text, Py_ssize_t length)
{
    return (PyUnicode_IS_ASCII(text) ? 1 : 4) * (size_t)length;
}

/* How much of a text stands before the mark that it was cut, "... [1025 in all]"; as the Python function of
   that name. */
static Py_ssize_t
kept_length(Py_ssize_t full, Py_ssize_t longest)
{
    Py_ssize_t room = longest - 13;
    for (Py_ssize_t rest = full; rest != 0; rest /= 10) {
        room--;
    }
    return 2 * room >= longest ? room : longest;
}

#define MOST_CHARACTERS (UINT16_MAX / 4)

static int write_any_text(ct_writer *writer, PyObject *text);

/* An exact text, cut at the limit. */
int
ct_write_text(ct_writer *writer, PyObject *text)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    /* Nine of ten values in a real program are such: names of fields, and what they hold. */
    if (!PyUnicode_IS_COMPACT_ASCII(text) || length > MOST_CHARACTERS
        || length > writer->core->limits.max_string) {
        return write_any_text(writer, text);
    }
    if (ct_need(writer, 3 + (size_t)length) < 0) {
        return -1;
    }
    char *at = writer->at;
    uint16_t size = (uint16_t)length;
    *at = ASCII;
    memcpy(at + 1, &size, 2);
    memcpy(at + 3, PyUnicode_1BYTE_DATA(text), (size_t)length);
    writer->at = at + 3 + length;
    return CT_WRITTEN;
}

static int
write_any_text(ct_writer *writer, PyObject *text)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(text), longest = writer->core->limits.max_string;
    int is_cut = length > longest;
    Py_ssize_t kept = is_cut ? kept_length(length, longest) : length;
    size_t head = is_cut ? CT_NODE_HEAD : 3;

    if (kept > MOST_CHARACTERS) {
        return CT_FOR_PYTHON;
    }
    if (ct_need(writer, head + room_of(text, kept)) < 0) {
        return -1;
    }
    char *from = writer->at, *behind = ct_put_utf8(from + head, text, kept);
    if (behind == NULL) {
        return CT_FOR_PYTHON;
    }
    size_t size = (size_t)(behind - from) - head;
    if (is_cut) {
        const ct_form *known = ct_form_of(&writer->core->classes, &PyUnicode_Type);
        if (known == NULL) {
            writer->wanted = (PyObject *)&PyUnicode_Type;
            return CT_UNKNOWN_CLASS;
        }
        if (known->name == CT_NO_NAME) {
            return CT_FOR_PYTHON;
        }
        ct_put_head(writer, CUT_TEXT, known->name, (uint32_t)size, (uint64_t)length);
    }
    else {
        uint16_t narrow = (uint16_t)size;
        *from = PyUnicode_IS_ASCII(text) ? ASCII : UTF8;
        memcpy(from + 1, &narrow, 2);
    }
    writer->at = behind;
    return CT_WRITTEN;
}

static void
finish_short_form(ct_writer *writer, char *from, const ct_form *known, char *behind)
{
    uint32_t size = (uint32_t)(behind - from - 9);
    *from = SHORT_FORM;
    memcpy(from + 1, &known->name, 4);
    memcpy(from + 5, &size, 4);
    writer->at = behind;
}

/* The text that stands for an object: `text` between two others of ASCII. */
int
ct_write_short_form(ct_writer *writer, const ct_form *known, const char *prefix, PyObject *text,
                    const char *suffix)
{
    size_t before = strlen(prefix), after = strlen(suffix);
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);

    if ((Py_ssize_t)(before + after) + length > writer->core->limits.max_string) {
        return CT_FOR_PYTHON;
    }
    if (ct_need(writer, 9 + before + room_of(text, length) + after) < 0) {
        return -1;
    }
    char *from = writer->at;
    memcpy(from + 9, prefix, before);
    char *at = ct_put_utf8(from + 9 + before, text, length);
    if (at == NULL) {
        return CT_FOR_PYTHON;
    }
    memcpy(at, suffix, after);
    finish_short_form(writer, from, known, at + after);
    return CT_WRITTEN;
}

/* Join what a path was made from, as Python does. */
static int
write_parts(ct_writer *writer, const ct_form *known, PyObject *parts)
{
    size_t room = 10;
    Py_ssize_t length = 0;

    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); i++) {
        PyObject *part = PyList_GET_ITEM(parts, i);
        if (!PyUnicode_CheckExact(part)) {
            return CT_FOR_PYTHON;
        }
        length += PyUnicode_GET_LENGTH(part) + 1;
        room += 1 + room_of(part, PyUnicode_GET_LENGTH(part));
    }
    if (length > writer->core->limits.max_string) {
        return CT_FOR_PYTHON;
    }
    if (ct_need(writer, room) < 0) {
        return -1;
    }
    char *from = writer->at, *begin = from + 9, *at = begin;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(parts); i++) {
        PyObject *part = PyList_GET_ITEM(parts, i);
        Py_ssize_t size = PyUnicode_GET_LENGTH(part);
        if (at == begin || (size != 0 && PyUnicode_READ_CHAR(part, 0) == '/')) {
            at = begin;
        }
        else {
            while (at != begin && at[-1] == '/') {
                at--;
            }
            *at++ = '/';
        }
        at = ct_put_utf8(at, part, size);
        if (at == NULL) {
            return CT_FOR_PYTHON;
        }
    }
    if (at == begin) {
        *at++ = '.';
    }
    finish_short_form(writer, from, known, at);
    return CT_WRITTEN;
}

/* The text that a path keeps once it was asked for, or what it was made from. */
int
ct_write_path(ct_writer *writer, const ct_form *known, PyObject *path)
{
    PyObject *text = *(PyObject **)((char *)path + known->fields[0].offset);
    if (text != NULL) {
        return PyUnicode_CheckExact(text)
            ? ct_write_short_form(writer, known, "", text, "") : CT_FOR_PYTHON;
    }
    PyObject *parts = *(PyObject **)((char *)path + known->fields[1].offset);
    return parts != NULL && PyList_CheckExact(parts)
        ? write_parts(writer, known, parts) : CT_FOR_PYTHON;
}

int
ct_write_bytes(ct_writer *writer, const ct_form *known, const char *bytes, Py_ssize_t size)
{
    Py_ssize_t kept = Py_MIN(size, writer->core->limits.max_string);
    if (ct_need(writer, CT_NODE_HEAD + (size_t)kept) < 0) {
        return -1;
    }
    ct_put_head(writer, BYTES, known->name, (uint32_t)kept, (uint64_t)size);
    memcpy(writer->at, bytes, (size_t)kept);
    writer->at += kept;
    return CT_WRITTEN;
}
