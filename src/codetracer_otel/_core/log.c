/* The log of finished calls: the record buffer of a session, as bytes.

   To Python it is a list that only grows at its end and is taken from its beginning, in blocks: the
   recorder's own callbacks append whole records to it, which keep their place among the native ones.
   All of it happens under the GIL; the order of entries is the order of the calls' ends. */

#include "block.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "structmember.h"

#define CHUNK_BYTES (256 * 1024)    /* a fresh page costs 150-350 ns for each entry: chunks are kept */
#define MOST_SPARES 16

CT_RARE static int
add_chunk(ct_log *log, size_t size)
{
    ct_chunk *chunk = log->spares;
    size_t capacity = size > CHUNK_BYTES ? size : CHUNK_BYTES;

    if (chunk != NULL && size <= CHUNK_BYTES) {
        log->spares = chunk->next;
        log->spare_count--;
    }
    else {
        chunk = PyMem_RawMalloc(sizeof(ct_chunk) + capacity);
        if (chunk == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    chunk->next = NULL;
    chunk->references = 1;
    chunk->used = chunk->taken = 0;
    if (log->last != NULL) {
        log->last->next = chunk;
    }
    else {
        log->first = chunk;
    }
    log->last = chunk;
    return 0;
}

static inline int
append(ct_log *log, const ct_entry *entry, size_t rounded)
{
    ct_chunk *chunk = log->last;
    ct_entry *copy = (ct_entry *)(chunk->bytes + chunk->used);
    *copy = *entry;
    if (entry->value_bytes != 0) {
        memcpy(ct_values_of(copy), ct_values_of(entry), entry->value_bytes);
    }
    copy->size = (uint32_t)rounded;
    copy->context = NULL;
    chunk->used += rounded;
    log->count++;
    return 0;
}

/* Append a copy of an entry, which takes over what the entry holds. */
int
ct_log_put(ct_log *log, const ct_entry *entry)
{
    size_t rounded = (sizeof *entry + entry->value_bytes + 7) & ~(size_t)7;
    const ct_chunk *chunk = log->last;

    if (CT_UNLIKELY(chunk == NULL || chunk->used + rounded > CHUNK_BYTES)) {
        /* A chunk of its own holds what is larger than a chunk. */
        return add_chunk(log, rounded) < 0 ? -1 : append(log, entry, rounded);
    }
    return append(log, entry, rounded);
}

/* Count bytes of large values that are about to enter. */
void
ct_log_charge(ct_log *log, size_t size)
{
    log->charged += (int64_t)size;
    if (log->charged > log->most_charged) {
        log->watermark = 0;
    }
}

/* Let go of a chunk, which is used again once nobody has entries in it. */
void
ct_log_give_back(ct_log *log, ct_chunk *chunk)
{
    if (--chunk->references != 0) {
        return;
    }
    if (log->spare_count < MOST_SPARES && chunk->used <= CHUNK_BYTES) {
        chunk->next = log->spares;
        log->spares = chunk;
        log->spare_count++;
    }
    else {
        PyMem_RawFree(chunk);
    }
}

/* The oldest entry, taken off, and the chunk that it is in; NULL if there is none.  It is valid until
   the log is asked again, or for as long as the chunk is held. */
ct_entry *
ct_log_take(ct_log *log, ct_chunk **holder)
{
    ct_chunk *chunk;

    while ((chunk = log->first) != NULL && chunk->taken == chunk->used) {
        if (chunk == log->last) {
            if (chunk->references == 1) {
                chunk->taken = chunk->used = 0;
            }
            return NULL;
        }
        log->first = chunk->next;
        ct_log_give_back(log, chunk);
    }
    if (chunk == NULL) {
        return NULL;
    }
    ct_entry *entry = (ct_entry *)(chunk->bytes + chunk->taken);
    chunk->taken += entry->size;
    log->count--;
    log->record_count -= entry->site == NULL;
    *holder = chunk;
    return entry;
}

static PyObject *
log_append(ct_log *log, PyObject *record)
{
    ct_entry entry = {.code = record};
    if (ct_log_put(log, &entry) < 0) {
        return NULL;
    }
    Py_INCREF(record);
    log->record_count++;
    Py_RETURN_NONE;
}

static PyObject *
log_take(ct_log *log, PyObject *argument)
{
    Py_ssize_t limit = PyNumber_AsSsize_t(argument, NULL);
    if (limit == -1 && PyErr_Occurred()) {
        return NULL;
    }
    return ct_take_block(log, limit < 0 ? 0 : limit);
}

static PyObject *
log_clear(ct_log *log, PyObject *Py_UNUSED(ignored))
{
    ct_entry *entry;
    ct_chunk *chunk;
    while ((entry = ct_log_take(log, &chunk)) != NULL) {
        ct_release_entry(entry);
    }
    Py_RETURN_NONE;
}

static Py_ssize_t
log_length(ct_log *log)
{
    return log->count;
}

static PyObject *
log_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"not_captured", "hidden", "node", "kinds", "details", "told", "endings", NULL};
    PyObject *not_captured, *hidden, *node, *kinds, *details, *told, *endings;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "$OOO!O!O!O!O!:Log", names, &not_captured, &hidden,
                                     &PyType_Type, &node, &PyTuple_Type, &kinds, &PyType_Type, &details,
                                     &PyType_Type, &told, &PyTuple_Type, &endings)) {
        return NULL;
    }
    ct_log *log = (ct_log *)type->tp_alloc(type, 0);
    if (log != NULL
        && ct_read_model(&log->model, not_captured, hidden, node, kinds, details, told, endings) < 0) {
        Py_CLEAR(log);
    }
    return (PyObject *)log;
}

/* Only Python's records may lead back to the log.  Native entries hold nothing of the program, and to visit a
   hundred thousand of them takes longer than whatever else a collection looks at. */
static int
log_traverse(ct_log *log, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(log));
    for (ct_chunk *chunk = log->record_count == 0 ? NULL : log->first; chunk != NULL; chunk = chunk->next) {
        for (size_t at = chunk->taken; at < chunk->used;) {
            ct_entry *entry = (ct_entry *)(chunk->bytes + at);
            if (entry->site == NULL) {
                Py_VISIT(entry->code);
            }
            at += entry->size;
        }
    }
    return ct_visit_model(&log->model, visit, arg);
}

static int
log_tp_clear(ct_log *log)
{
    Py_DECREF(log_clear(log, NULL));
    return 0;
}

static void
log_dealloc(ct_log *log)
{
    PyTypeObject *type = Py_TYPE(log);
    PyObject_GC_UnTrack(log);
    (void)log_tp_clear(log);
    ct_clear_model(&log->model);
    ct_clear_names(&log->names);
    for (int i = 0; i < 3; i++) {
        Py_CLEAR(log->scanned_with[i]);
    }
    PyMem_RawFree(log->clean_texts);
    PyMem_RawFree(log->first);      /* empty, and the only one: each block holds the log */
    while (log->spares != NULL) {
        ct_chunk *spare = log->spares;
        log->spares = spare->next;
        PyMem_RawFree(spare);
    }
    type->tp_free(log);
    Py_DECREF(type);
}

static PyMethodDef log_methods[] = {
    {"append", (PyCFunction)log_append, METH_O,
     PyDoc_STR("append(record)\n--\n\nAdd a finished record.")},
    {"take", (PyCFunction)log_take, METH_O,
     PyDoc_STR("take(limit)\n--\n\nRemove and return up to limit records, oldest first, as a Block.")},
    {"clear", (PyCFunction)log_clear, METH_NOARGS,
     PyDoc_STR("clear()\n--\n\nForget everything.")},
    {0}
};

static PyMemberDef log_members[] = {
    {"watermark", T_PYSSIZET, offsetof(ct_log, watermark), 0,
     PyDoc_STR("Number of records from which on the record buffer decides about each.")},
    {"charged", T_LONGLONG, offsetof(ct_log, charged), 0,
     PyDoc_STR("Bytes of large values that wait.")},
    {"most_charged", T_LONGLONG, offsetof(ct_log, most_charged), 0,
     PyDoc_STR("Bytes from which on the record buffer decides about each record.")},
    {0}
};

static PyType_Slot log_slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("Finished calls in order of their ends.")},
    {Py_tp_new, log_new},
    {Py_tp_traverse, log_traverse},
    {Py_tp_clear, log_tp_clear},
    {Py_tp_dealloc, log_dealloc},
    {Py_tp_methods, log_methods},
    {Py_tp_members, log_members},
    {Py_sq_length, log_length},
    {0, NULL}
};

PyType_Spec ct_log_spec = {
    .name = "codetracer_otel._core.native.Log",
    .basicsize = sizeof(ct_log),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = log_slots,
};
