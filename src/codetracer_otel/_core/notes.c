/* Notes of what a capture has read, and whether all of it is still the same.

   Notes are compared in the order in which they were taken, and a capture reads what holds an object before it reads
   the object: so what is looked at next is alive while everything before it is the same.  An object that was freed
   may leave its place to another one.  Therefore containers and instances are compared by their class and contents,
   and texts and numbers, which are compared by their place alone, are held. */

#include "frames.h"     /* first: it says which of CPython's headers may be read */
#include "writer.h"

#include <assert.h>
#include <stddef.h>

enum { HEADER_BYTES = 48 };     /* of a text; of a number it is about what the whole takes */
enum { FEW_WORDS = 12 };        /* are noted each with its place; of more the place of the first one is */
/* A note is its kind and size, and then: of words a place and what stood there, for each; of bytes and names the place
   of the first one, and what stood there; of what is hidden its place. */
enum { OF_WORDS, OF_BYTES, OF_NAMES, OF_HIDDEN };

void
ct_begin_notes(ct_notes *notes)
{
    notes->count = notes->held_count = notes->held_bytes = 0;
    notes->is_useless = 0;
    memset(notes->classes, 0, sizeof notes->classes);
}

static uint64_t *
take_room(ct_notes *notes, size_t words)
{
    if (notes->count + words > CT_MOST_WORDS) {
        notes->is_useless = 1;
        return NULL;
    }
    uint64_t *at = &notes->words[notes->count];
    notes->count += words;
    return at;
}

static uint64_t *
take_note(ct_notes *notes, int kind, size_t size, const void *of, size_t more)
{
    size_t latest = notes->count;
    uint64_t *at = take_room(notes, 2 + more);
    if (at != NULL) {
        notes->latest = latest;
        at[0] = (uint64_t)kind | size << 8;
        at[1] = (uintptr_t)of;
    }
    return at;
}

/* Behind each other, whatever they are of, as far as no other note is in between: to compare those takes a load and a
   branch each, none of which goes another way while nothing has changed. */
static void
note_words(ct_notes *notes, const char *of, size_t count)
{
    int is_first = notes->count == 0 || (notes->words[notes->latest] & 0xFF) != OF_WORDS;
    size_t latest = is_first ? notes->count : notes->latest;
    uint64_t *at = take_room(notes, 2 * count + (size_t)is_first);
    if (at == NULL) {
        return;
    }
    if (is_first) {
        *at++ = OF_WORDS;
        notes->latest = latest;
    }
    notes->words[latest] += (uint64_t)count << 8;
    for (size_t i = 0; i < count; i++, at += 2, of += sizeof(uint64_t)) {
        at[0] = (uintptr_t)of;
        memcpy(at + 1, of, sizeof(uint64_t));
    }
}

static inline void
note_memory(ct_notes *notes, const void *of, size_t size)
{
    if (size % sizeof(uint64_t) == 0 && size <= FEW_WORDS * sizeof(uint64_t)) {
        if (size != 0) {
            note_words(notes, of, size / sizeof(uint64_t));
        }
        return;
    }
    uint64_t *at = take_note(notes, OF_BYTES, size, of, (size + 7) / 8);
    if (at != NULL) {
        memcpy(at + 2, of, size);
    }
}

/* That a class is the one that it was, which a class at the same place need not be: it is alive, and has its
   instances' attributes where it had them.  What was noted of one need not be noted again. */
static void
note_class_itself(ct_notes *notes, const ct_form *known)
{
    const ct_form **place = &notes->classes[(uintptr_t)known / 64 % CT_NOTED_CLASSES];
    if (*place == known || known->is_static) {
        return;
    }
    *place = known;
    note_memory(notes, &((const PyWeakReference *)known->reference)->wr_object, sizeof(PyObject *));
    note_memory(notes, &known->type->tp_flags, sizeof known->type->tp_flags);
}

/* An object, not NULL, of a class; or NULL, and the class itself was met. */
void
ct_note_class(ct_notes *notes, PyObject *object, const ct_form *known)
{
    if (object != NULL) {
        note_memory(notes, &object->ob_type, sizeof object->ob_type);
    }
    note_class_itself(notes, known);
}

/* A text or number: nothing of a class of the program, whose end could be noticed. */
void
ct_note_held(ct_notes *notes, PyObject *value)
{
    if (_Py_IsImmortal(value)) {
        return;                 /* as most names are */
    }
    if (notes->held_count == CT_MOST_HELD) {
        notes->is_useless = 1;
        return;
    }
    notes->held[notes->held_count++] = value;
    notes->held_bytes += HEADER_BYTES;
    if (PyUnicode_CheckExact(value)) {
        notes->held_bytes += (size_t)PyUnicode_GET_LENGTH(value) * PyUnicode_KIND(value);
    }
    else if (PyBytes_CheckExact(value)) {
        notes->held_bytes += (size_t)PyBytes_GET_SIZE(value);
    }
    else if (!PyFloat_CheckExact(value) && !PyLong_CheckExact(value)) {
        notes->is_useless = 1;
    }
}

/* The first names of a dictionary, and which of them have a value. */
static void
note_names(ct_notes *notes, const ct_attributes *own)
{
    uint64_t *at = take_note(notes, OF_NAMES, (size_t)own->position, own->names, 1 + (size_t)own->position);
    for (Py_ssize_t i = 0; at != NULL && i < own->position; i++) {
        PyObject *name = own->names[i * CT_NAME_STEP];
        at[2 + i] = own->values[i * CT_NAME_STEP] == NULL ? 0 : (uintptr_t)name;
        if (at[2 + i] != 0) {
            ct_note_held(notes, name);
        }
    }
}

/* What comes first says whether the rest may be looked at; 0 where that is not known. */
static int
memories_of(const ct_attributes *own, PyObject *value, ct_memory *found)
{
    if (own->dictionary == NULL) {
        return ct_memory_of_instance(value, found);
    }
    PyObject **place = ct_dictionary_place(value);
    if (place == NULL || *place != own->dictionary) {
        return 0;
    }
    found[0] = (ct_memory){place, sizeof *place};
    return 1 + ct_memory_of_dictionary(own->dictionary, own->count, found + 1);
}

/* With the other instances of a class, whose names do not change. */
static int
shares_names(const ct_attributes *own)
{
    return own->dictionary == NULL || ((const PyDictObject *)own->dictionary)->ma_values != NULL;
}

/* The slots and other attributes of an instance; or what says how many and which ones those are that were read. */
void
ct_note_fields(ct_notes *notes, PyObject *value, const ct_form *known, const ct_attributes *own,
               int are_values_read)
{
    ct_memory found[CT_MOST_MEMORIES];
    for (Py_ssize_t i = 0; i < known->field_count; i++) {
        if (known->fields[i].offset >= 0) {
            note_memory(notes, (char *)value + known->fields[i].offset, sizeof(PyObject *));
        }
    }
    if (own == NULL) {
        return;
    }
    int count = memories_of(own, value, found), has_names = own->entry_count != 0;
    if (count == 0 || !(has_names || own->count == 0 || shares_names(own))) {
        notes->is_useless = 1;
        return;
    }
    for (int i = 0; i < count - !are_values_read; i++) {
        note_memory(notes, found[i].at, found[i].size);
    }
    if (!are_values_read && has_names) {
        note_names(notes, own);
    }
    for (Py_ssize_t i = 0; are_values_read && i < own->entry_count; i++) {
        if (own->values[i * CT_NAME_STEP] != NULL) {
            ct_note_held(notes, own->names[i * CT_NAME_STEP]);
        }
    }
}

/* How many items there are, in what says nothing else. */
void
ct_note_count(ct_notes *notes, const Py_ssize_t *count)
{
    note_memory(notes, count, sizeof *count);
}

void
ct_note_dictionary(ct_notes *notes, PyObject *dictionary, Py_ssize_t written)
{
    ct_memory found[CT_MOST_MEMORIES];
    int count = ct_memory_of_dictionary(dictionary, written, found);
    for (int i = 0; i < count; i++) {
        note_memory(notes, found[i].at, found[i].size);
    }
}

static_assert(offsetof(PyListObject, ob_item) == offsetof(PyVarObject, ob_size) + sizeof(Py_ssize_t),
              "the size of a list stands before the place of its items");

/* The items of a list or tuple.  Those that are not written may be looked at as well: a text may name the next one as
   a secret. */
void
ct_note_sequence(ct_notes *notes, PyObject *value, PyObject *const *items, Py_ssize_t seen, Py_ssize_t written)
{
    Py_ssize_t *total = &((PyVarObject *)value)->ob_size;
    int is_elsewhere = PyList_Check(value) && *total != 0;      /* behind the size a list says where */
    note_memory(notes, total, sizeof *total + (is_elsewhere ? sizeof items : 0));
    note_memory(notes, items, (size_t)seen * sizeof *items);
    for (Py_ssize_t i = written; i < seen; i++) {
        if (PyUnicode_CheckExact(items[i])) {
            ct_note_held(notes, items[i]);
        }
        else {
            note_memory(notes, &items[i]->ob_type, sizeof(PyTypeObject *));
        }
    }
}

/* A text of a subclass, which may have an end of its own: its characters are compared. */
static void
note_text(ct_notes *notes, PyObject *text)
{
    const PyASCIIObject *head = (const PyASCIIObject *)text;
    note_memory(notes, &head->length, sizeof head->length);
    note_memory(notes, &head->state, sizeof head->state);
    if (!PyUnicode_IS_COMPACT(text)) {
        note_memory(notes, &((const PyUnicodeObject *)text)->data, sizeof(void *));
    }
    note_memory(notes, PyUnicode_DATA(text), (size_t)PyUnicode_GET_LENGTH(text) * PyUnicode_KIND(text));
}

void
ct_note_set(ct_notes *notes, PyObject *value, Py_ssize_t written)
{
    const PySetObject *set = (const PySetObject *)value;
    const char *head = (const char *)&set->fill;
    note_memory(notes, head, (size_t)((const char *)(&set->table + 1) - head));
    const setentry *end = set->table;
    for (; written > 0 && end <= set->table + set->mask; end++) {
        written -= end->key != NULL && end->hash != -1;     /* what was taken out has left something */
    }
    note_memory(notes, set->table, (size_t)(end - set->table) * sizeof(setentry));
}

/* What an object keeps somewhere: a text, or a list of texts. */
static void
note_kept(ct_notes *notes, PyObject *const *place)
{
    PyObject *kept = *place;
    note_memory(notes, place, sizeof *place);
    if (kept != NULL && PyList_CheckExact(kept)) {
        note_memory(notes, &kept->ob_type, sizeof(PyTypeObject *));
        ct_note_sequence(notes, kept, ((PyListObject *)kept)->ob_item, PyList_GET_SIZE(kept), 0);
    }
    else if (kept != NULL) {
        ct_note_held(notes, kept);
    }
}

static void
note_enum(ct_notes *notes, PyObject *member, const ct_form *known)
{
    ct_attributes own;
    PyObject *name, *held;
    Py_ssize_t position = 0;

    if (ct_open_attributes(&own, member) < 0) {
        notes->is_useless = 1;
        return;
    }
    ct_note_fields(notes, member, known, &own, 1);
    while (ct_next_attribute(&own, &position, &name, &held)) {
        if (PyUnicode_CheckExact(held)) {
            ct_note_held(notes, held);
        }
    }
    Py_XDECREF(own.dictionary);
}

/* A value of a class, and what it holds unless that is noted where it is read. */
void
ct_note_value(ct_notes *notes, PyObject *value, const ct_form *known)
{
    ct_note_class(notes, value, known);
    switch (known->form) {
    case LIST: case TUPLE: case MAPPING: case STRUCT: case CT_NAMED_TUPLE: case CT_FIELDS:
    case SET:
    case INSTANCE: case CT_OBJECT: case CT_CLASS:
        break;
    case BYTES:
        ct_note_held(notes, value);
        break;
    case CT_TEXT:
        note_text(notes, value);
        break;
    case CT_EXCEPTION:
        note_memory(notes, &((PyBaseExceptionObject *)value)->args, sizeof(PyObject *));
        break;
    case CT_PATH:
        note_kept(notes, (PyObject **)((char *)value + known->fields[0].offset));
        note_kept(notes, (PyObject **)((char *)value + known->fields[1].offset));
        break;
    case CT_FUNCTION:
        note_kept(notes, &((PyFunctionObject *)value)->func_qualname);
        break;
    case CT_ENUM:
        note_enum(notes, value, known);
        break;
    default:
        notes->is_useless = 1;      /* deques, what may change in place, numbers with a class */
    }
}

/* What is hidden must be known still, or Python has to learn it. */
void
ct_note_hidden(ct_notes *notes, PyObject *held)
{
    (void)take_note(notes, OF_HIDDEN, 0, held, 0);
}

static int
are_same_names(const uint64_t *at, size_t count)
{
    PyObject *const *names = (PyObject *const *)(uintptr_t)at[1];
    for (size_t i = 0; i < count; i++) {
        PyObject *const *entry = &names[i * CT_NAME_STEP];
        if ((entry[1] == NULL ? 0 : (uintptr_t)entry[0]) != at[2 + i]) {
            return 0;
        }
    }
    return 1;
}

/* `noted`: pairs of a place and what stood there. */
static inline int
are_same_words(const uint64_t *noted, size_t count)
{
    uint64_t word;
#ifdef __GNUC__
#  pragma GCC unroll 4
#endif
    for (const uint64_t *end = noted + 2 * count; noted != end; noted += 2) {
        memcpy(&word, (const void *)(uintptr_t)noted[0], sizeof word);
        if (word != noted[1]) {
            return 0;
        }
    }
    return 1;
}

/* Whether what was noted is as it was.  No code of anybody runs, and what is read is alive: see above. */
int
ct_is_unchanged(const ct_core *core, const uint64_t *at, size_t count)
{
    const uint64_t *end = at + count;
    int is_same = 1;

    while (is_same > 0 && at < end) {
        size_t size = at[0] >> 8;
        const void *of = (const void *)(uintptr_t)at[1];
        switch (at[0] & 0xFF) {
        case OF_WORDS:
            is_same = are_same_words(at + 1, size);
            at += 1 + 2 * size;
            break;
        case OF_BYTES:
            is_same = memcmp(at + 2, of, size) == 0;
            at += 2 + (size + 7) / 8;
            break;
        case OF_NAMES:
            is_same = are_same_names(at, size);
            at += 3 + size;
            break;
        default:
            is_same = ct_is_nothing_new(&core->learned, (PyObject *)of);
            at += 2;
        }
    }
    if (is_same < 0) {
        PyErr_Clear();
    }
    return is_same > 0;
}
