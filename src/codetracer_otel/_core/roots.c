/* How a trace begins here: the object that all its calls on one thread share, made without running Python code.

   What the traces of a session have in common is the model, which Python makes; without one it begins every
   trace itself, as it does where nobody knows the thread yet. */

#include "core.h"
#include "structmember.h"
#include <string.h>
#ifdef HAVE_FORK
#  include <pthread.h>
#endif

#define RATIO_BITS 56           /* of a trace id decide about a ratio, as in the Python module on probability */
#define LOW_56 ((UINT64_C(1) << RATIO_BITS) - 1)

/* In the order of `ct_segment_slot`. */
static const char *const SLOTS[CT_SEGMENT_SLOTS] = {
    "trace_id", "ratio_key", "wall_offset_ns", "thread_id", "thread_name", "trace_flags", "trace_state",
    "redacted_state", "remote_parent_id", "root_attributes",
};

#ifdef HAVE_FORK
/* Of this process since its first ancestor that had a core.  To ask for the process's id is a system call,
   which costs more than the rest of a root. */
static unsigned forks;

static void
count_fork(void)
{
    forks++;
}
#endif

static unsigned
forks_so_far(void)
{
#ifdef HAVE_FORK
    return forks;
#else
    return 0;
#endif
}

/* Once for each process. */
int
ct_watch_forks(void)
{
#ifdef HAVE_FORK
    static int is_watched;
    if (!is_watched && pthread_atfork(NULL, NULL, count_fork) != 0) {
        PyErr_NoMemory();
        return -1;
    }
    is_watched = 1;
#endif
    return 0;
}

/* Python knows of the fork, if there was one. */
void
ct_note_process(ct_roots *roots)
{
    roots->forks = forks_so_far();
}

/* (class of segments, what stands for "no context" in a record, key of a span in a context, what takes note
   of a trace that a sampler refuses). */
int
ct_read_roots(ct_roots *roots, PyObject *told)
{
    PyObject *type, *never, *span_key, *refuse;

    if (!PyArg_ParseTuple(told, "O!OOO:roots", &PyType_Type, &type, &never, &span_key, &refuse)) {
        return -1;
    }
    roots->type = (PyTypeObject *)Py_NewRef(type);
    roots->never = Py_NewRef(never);
    roots->span_key = Py_NewRef(span_key);
    roots->refuse = Py_NewRef(refuse);
    for (int i = 0; i < CT_SEGMENT_SLOTS; i++) {
        PyObject *slot = PyObject_GetAttrString(type, SLOTS[i]);
        roots->slots[i] = slot == NULL ? -1 : ct_offset_of(roots->type, slot);
        Py_XDECREF(slot);
        if (roots->slots[i] < 0) {
            if (!PyErr_Occurred()) {
                PyErr_Format(PyExc_TypeError, "a segment has no slot %s", SLOTS[i]);
            }
            return -1;
        }
    }
    ct_note_process(roots);
    return 0;
}

/* set_roots(model, parent id, bound): None for no model; the parent is in another process, or 0; trace ids
   whose low half reaches the bound are refused, None for none. */
int
ct_set_roots(ct_roots *roots, PyObject *arguments)
{
    PyObject *model, *bound;
    unsigned long long parent_id, read = 0;

    if (!PyArg_ParseTuple(arguments, "OKO:set_roots", &model, &parent_id, &bound)) {
        return -1;
    }
    if (model != Py_None && !Py_IS_TYPE(model, roots->type)) {
        PyErr_SetString(PyExc_TypeError, "the model is a segment or None");
        return -1;
    }
    if (bound != Py_None) {
        read = PyLong_AsUnsignedLongLong(bound);
        if (read == (unsigned long long)-1 && PyErr_Occurred()) {
            return -1;
        }
    }
    roots->parent_id = parent_id;
    roots->has_bound = bound != Py_None;
    roots->bound = read;
    Py_XSETREF(roots->model, model == Py_None ? NULL : Py_NewRef(model));
    return 0;
}

int
ct_visit_roots(ct_roots *roots, visitproc visit, void *arg)
{
    Py_VISIT(roots->type);
    Py_VISIT(roots->model);
    Py_VISIT(roots->never);
    Py_VISIT(roots->span_key);
    Py_VISIT(roots->refuse);
    return 0;
}

void
ct_clear_roots(ct_roots *roots)
{
    Py_CLEAR(roots->model);
    Py_CLEAR(roots->never);
    Py_CLEAR(roots->span_key);
    Py_CLEAR(roots->refuse);
    Py_CLEAR(roots->type);
}

static PyObject **
field_of(const ct_roots *roots, PyObject *segment, ct_segment_slot slot)
{
    return (PyObject **)((char *)segment + roots->slots[slot]);
}

static PyObject *
new_trace_id(const uint64_t halves[2])
{
#if PY_VERSION_HEX >= 0x030D0000
    int flags = Py_ASNATIVEBYTES_LITTLE_ENDIAN | Py_ASNATIVEBYTES_UNSIGNED_BUFFER;
#endif
    unsigned char bytes[16];
    for (int i = 0; i < 16; i++) {
        bytes[i] = (unsigned char)(halves[i / 8] >> 8 * (i % 8));
    }
#if PY_VERSION_HEX >= 0x030D0000
    return PyLong_FromUnsignedNativeBytes(bytes, sizeof bytes, flags);
#else
    return _PyLong_FromByteArray(bytes, sizeof bytes, 1, 0);
#endif
}

static int
has_span(const ct_roots *roots, PyObject *context)
{
    if (!PyDict_Check(context)) {
        return 1;
    }
    return PyDict_GET_SIZE(context) == 0 ? 0 : PyDict_Contains(context, roots->span_key);
}

/* The segment of a thread that was started below a call: the call's own on the same thread, else the one that
   Python made for the first call here.  NULL where it has to make it. */
static PyObject *
inherited_segment(const ct_roots *roots, PyObject *below, PyObject *base)
{
    PyObject *inherited = PyList_GET_ITEM(below, CT_SEGMENT), *moved = PyList_GET_ITEM(base, CT_RESULT);
    PyObject *of_thread = PyList_GET_ITEM(base, CT_START);
    if (!Py_IS_TYPE(inherited, roots->type)) {
        return NULL;
    }
    if (PyTuple_CheckExact(of_thread)
        && PyTuple_GET_ITEM(of_thread, 0) == *field_of(roots, inherited, CT_THREAD_ID_SLOT)) {
        return inherited;
    }
    if (!Py_IS_TYPE(moved, roots->type)
        || *field_of(roots, inherited, CT_TRACE_ID_SLOT) != *field_of(roots, moved, CT_TRACE_ID_SLOT)) {
        return NULL;
    }
    return moved;
}

/* A segment of the model's kind for the thread, whose (ident, name) are given. */
static PyObject *
new_segment(const ct_roots *roots, PyObject *thread, PyObject *trace_id, PyObject *ratio_key)
{
    int64_t offset;
    PyObject *segment = ct_read_wall_offset(&offset) ? roots->type->tp_alloc(roots->type, 0) : NULL;
    PyObject *wall_offset = segment == NULL ? NULL : PyLong_FromLongLong(offset);
    if (wall_offset == NULL) {
        Py_XDECREF(segment);
        return NULL;
    }
    PyObject *own[] = {trace_id, ratio_key, wall_offset, PyTuple_GET_ITEM(thread, 0),
                       PyTuple_GET_ITEM(thread, 1)};
    for (int i = 0; i < CT_SEGMENT_SLOTS; i++) {
        PyObject *value = i < (int)Py_ARRAY_LENGTH(own) ? own[i] : NULL;
        *field_of(roots, segment, i) = Py_XNewRef(value != NULL ? value : *field_of(roots, roots->model, i));
    }
    Py_DECREF(wall_offset);
    /* It is never part of a cycle, and a flight recorder keeps hundreds of thousands. */
    if (PyObject_IS_GC(segment)) {
        PyObject_GC_UnTrack(segment);
    }
    return segment;
}

/* A trace with an id of its own. */
static int
begin_new_trace(ct_core *core, ct_thread *thread, PyObject *of_thread, PyObject *code, PyObject *context,
                ct_parent *found)
{
    const ct_roots *roots = &core->roots;
    uint64_t halves[2] = {ct_random_id(thread), ct_random_id(thread)};

    if (roots->has_bound && halves[0] >= roots->bound) {
        PyObject *refused = PyObject_CallFunctionObjArgs(roots->refuse, code, context, NULL);
        Py_XDECREF(refused);
        return refused == NULL ? -1 : CT_REFUSED;
    }
    found->ratio_key = ~halves[0] & LOW_56;
    found->knows_ratio = 1;
    PyObject *trace_id = new_trace_id(halves), *key = PyLong_FromUnsignedLongLong(found->ratio_key);
    if (trace_id != NULL && key != NULL) {
        found->segment = new_segment(roots, of_thread, trace_id, key);
    }
    Py_XDECREF(trace_id);
    Py_XDECREF(key);
    return found->segment == NULL ? -1 : CT_FOUND;
}

/* Begin a trace for a call that stands on no other one of its thread; `stack` is the thread's, with entries that
   are no calls.  As `ct_find_parent`; the segment that is found is the caller's to release.  The rules are those of
   `Parents.adopt`. */
int
ct_begin_trace(ct_core *core, ct_thread *thread, PyObject *stack, PyObject *code, PyObject *context,
               ct_parent *found)
{
    const ct_roots *roots = &core->roots;
    PyObject *base = PyList_GET_ITEM(stack, 0);
    PyObject *below = PyList_GET_ITEM(stack, PyList_GET_SIZE(stack) - 1);
    int is_attached = !PyDict_Check(context) || PyDict_GET_SIZE(context) != 0;

    if (roots->model == NULL || roots->forks != forks_so_far()) {
        return CT_NOT_FOUND;
    }
    int is_below_span = has_span(roots, context);
    if (is_below_span != 0) {
        return is_below_span < 0 ? -1 : CT_NOT_FOUND;
    }
    /* Somebody who attaches a context above a hook wants a root of this process. */
    int is_begun_here = is_attached && below != base;
    if (PyList_GET_ITEM(below, CT_SEGMENT) != Py_None) {
        PyObject *segment = is_begun_here ? NULL : inherited_segment(roots, below, base);
        uint64_t id = segment == NULL ? 0 : PyLong_AsUnsignedLongLong(PyList_GET_ITEM(below, CT_SPAN_ID));
        if (id == (uint64_t)-1 && PyErr_Occurred()) {
            return -1;
        }
        found->segment = Py_XNewRef(segment);
        found->span_id = id;
        return segment == NULL ? CT_NOT_FOUND : CT_FOUND;
    }
    PyObject *of_thread = PyList_GET_ITEM(base, CT_START);
    if (!PyTuple_CheckExact(of_thread) || PyTuple_GET_SIZE(of_thread) != 2) {
        return CT_NOT_FOUND;
    }
    if (roots->parent_id == 0) {
        return begin_new_trace(core, thread, of_thread, code, context, found);
    }
    if (is_begun_here) {
        return CT_NOT_FOUND;
    }
    found->segment = new_segment(roots, of_thread, NULL, NULL);
    found->span_id = roots->parent_id;
    return found->segment == NULL ? -1 : CT_FOUND;
}
