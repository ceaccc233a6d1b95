/* The log of finished calls: the record buffer of a session, as bytes.

   To Python it is a list that only grows at its end and is taken from its beginning: the recorder's
   own callbacks append whole records to it, which keep their place among the native ones.  All of it
   happens under the GIL; the order of entries is the order of the calls' ends. */

#include "values.h"
#include <stddef.h>
#include "structmember.h"

#define CHUNK_BYTES (256 * 1024)    /* a fresh page costs 150-350 ns for each entry: chunks are kept */

static int
add_chunk(ct_log *log, size_t size)
{
    ct_chunk *chunk = log->spare;
    size_t capacity = size > CHUNK_BYTES ? size : CHUNK_BYTES;

    if (chunk != NULL && size <= CHUNK_BYTES) {
        log->spare = NULL;
    }
    else {
        chunk = PyMem_RawMalloc(sizeof(ct_chunk) + capacity);
        if (chunk == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    chunk->next = NULL;
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

/* Append a copy of an entry, which takes over what the entry holds. */
int
ct_log_put(ct_log *log, const ct_entry *entry, size_t size)
{
    size_t rounded = (size + 7) & ~(size_t)7;
    ct_chunk *chunk = log->last;

    if (CT_UNLIKELY(chunk == NULL || chunk->used + rounded > CHUNK_BYTES)) {
        if (add_chunk(log, rounded) < 0) {
            return -1;
        }
        chunk = log->last;
    }
    ct_entry *copy = (ct_entry *)(chunk->bytes + chunk->used);
    memcpy(copy, entry, size);
    copy->size = (uint32_t)rounded;
    copy->context = NULL;
    chunk->used += rounded;
    log->count++;
    return 0;
}

static void
drop_first_chunk(ct_log *log)
{
    ct_chunk *chunk = log->first;
    log->first = chunk->next;
    if (log->first == NULL) {
        log->last = NULL;
    }
    if (log->spare == NULL && chunk->used <= CHUNK_BYTES) {
        log->spare = chunk;
    }
    else {
        PyMem_RawFree(chunk);
    }
}

/* The oldest entry, taken off; NULL if there is none.  It is valid until the log is asked again. */
static ct_entry *
take_first(ct_log *log)
{
    while (log->first != NULL && log->first->taken == log->first->used) {
        if (log->first == log->last) {
            log->first->taken = log->first->used = 0;
            return NULL;
        }
        drop_first_chunk(log);
    }
    if (log->first == NULL) {
        return NULL;
    }
    ct_entry *entry = (ct_entry *)(log->first->bytes + log->first->taken);
    log->first->taken += entry->size;
    log->count--;
    return entry;
}

/* The values of an entry as a tuple, and where the next one begins; NULL with an exception. */
static PyObject *
read_values(const char **at, uint16_t count)
{
    PyObject *values = PyTuple_New(count);
    for (uint16_t i = 0; values != NULL && i < count; i++) {
        PyObject *value = ct_read_value(*at);
        if (value == NULL) {
            Py_CLEAR(values);
            break;
        }
        PyTuple_SET_ITEM(values, i, value);
        *at = ct_behind(*at);
    }
    return values;
}

/* The record of an entry, which keeps what it holds. */
PyObject *
ct_record_of(const ct_entry *entry, PyObject *not_captured, int is_finished)
{
    const char *at = (const char *)(entry + 1);
    const ct_site *site = entry->site;
    PyObject *arguments = read_values(&at, entry->argument_count);
    PyObject *plan = site->plan, *result = not_captured, *began = NULL;
    PyObject *record = PyList_New(CT_RECORD_LENGTH);

    if (record == NULL || arguments == NULL) {
        Py_XDECREF(record);
        Py_XDECREF(arguments);
        return NULL;
    }
    if (entry->is_unrecorded) {
        plan = result = began = Py_None;
    }
    else if (entry->is_sampled_out) {   /* its plan waits where an error would look for it */
        plan = Py_None;
        result = site->plan;
    }
    else if (is_finished && site->fixed_result != NULL) {
        result = site->fixed_result;
    }
    PyObject *items[CT_RECORD_LENGTH] = {
        Py_NewRef(entry->code), Py_NewRef(plan), PyLong_FromUnsignedLongLong(entry->span_id),
        Py_NewRef(entry->segment), Py_NewRef(entry->context == NULL ? Py_None : entry->context),
        PyLong_FromUnsignedLongLong(entry->parent_id), arguments,
        began != NULL ? Py_NewRef(began) : PyLong_FromLongLong(entry->start),
        PyLong_FromLongLong(is_finished ? entry->end : 0),
        entry->has_result ? ct_read_value(at) : Py_NewRef(result), Py_NewRef(Py_None),
    };
    int is_whole = 1;
    for (int i = 0; i < CT_RECORD_LENGTH; i++) {
        is_whole &= items[i] != NULL;
        PyList_SET_ITEM(record, i, items[i]);
    }
    if (!is_whole) {
        Py_CLEAR(record);
    }
    return record;
}

/* Give up what an entry holds. */
void
ct_release_entry(ct_entry *entry)
{
    const char *at = (const char *)(entry + 1);
    int count = entry->site == NULL ? 0 : entry->argument_count + entry->has_result;

    /* All of it is read first: the last of a context may run code of the program, which pushes entries
       over this one.  What captures made is nobody else's. */
    PyObject *context = entry->context, *segment = entry->segment, *code = entry->code;
    ct_site *site = entry->site;
    for (int i = 0; i < count; i++) {
        if (*at == OBJECT) {
            Py_DECREF(ct_object(at));
        }
        at = ct_behind(at);
    }
    if (site != NULL) {
        ct_release_site(site);
    }
    Py_XDECREF(context);
    Py_XDECREF(segment);
    Py_DECREF(code);
}

static PyObject *
log_append(ct_log *log, PyObject *record)
{
    ct_entry entry = {.code = record};
    if (ct_log_put(log, &entry, sizeof entry) < 0) {
        return NULL;
    }
    Py_INCREF(record);
    Py_RETURN_NONE;
}

static PyObject *
log_take(ct_log *log, PyObject *argument)
{
    Py_ssize_t limit = PyNumber_AsSsize_t(argument, NULL);
    if (limit == -1 && PyErr_Occurred()) {
        return NULL;
    }
    PyObject *taken = PyList_New(0);
    if (taken == NULL) {
        return NULL;
    }
    while (limit-- > 0) {
        ct_entry *entry = take_first(log);
        if (entry == NULL) {
            break;
        }
        PyObject *record = entry->site == NULL
            ? Py_NewRef(entry->code) : ct_record_of(entry, log->not_captured, 1);
        ct_release_entry(entry);
        if (record == NULL || PyList_Append(taken, record) < 0) {
            Py_XDECREF(record);
            Py_DECREF(taken);
            return NULL;
        }
        Py_DECREF(record);
    }
    return taken;
}

static PyObject *
log_clear(ct_log *log, PyObject *Py_UNUSED(ignored))
{
    ct_entry *entry;
    while ((entry = take_first(log)) != NULL) {
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
    static char *names[] = {"not_captured", NULL};
    PyObject *not_captured;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O:Log", names, &not_captured)) {
        return NULL;
    }
    ct_log *log = (ct_log *)type->tp_alloc(type, 0);
    if (log != NULL) {
        log->not_captured = Py_NewRef(not_captured);
    }
    return (PyObject *)log;
}

static int
log_traverse(ct_log *log, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(log));
    Py_VISIT(log->not_captured);
    return 0;
}

static int
log_tp_clear(ct_log *log)
{
    Py_DECREF(log_clear(log, NULL));
    Py_CLEAR(log->not_captured);
    return 0;
}

static void
log_dealloc(ct_log *log)
{
    PyTypeObject *type = Py_TYPE(log);
    PyObject_GC_UnTrack(log);
    (void)log_tp_clear(log);
    PyMem_RawFree(log->first);      /* empty, and the only one */
    PyMem_RawFree(log->spare);
    type->tp_free(log);
    Py_DECREF(type);
}

static PyMethodDef log_methods[] = {
    {"append", (PyCFunction)log_append, METH_O,
     PyDoc_STR("append(record)\n--\n\nAdd a finished record.")},
    {"take", (PyCFunction)log_take, METH_O,
     PyDoc_STR("take(limit)\n--\n\nRemove and return up to limit records, oldest first.")},
    {"clear", (PyCFunction)log_clear, METH_NOARGS,
     PyDoc_STR("clear()\n--\n\nForget everything.")},
    {NULL}
};

static PyMemberDef log_members[] = {
    {"watermark", T_PYSSIZET, offsetof(ct_log, watermark), 0,
     PyDoc_STR("Number of records from which on the record buffer decides about each.")},
    {NULL}
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
