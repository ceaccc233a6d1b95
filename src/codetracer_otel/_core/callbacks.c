/* The callbacks of sys.monitoring: what the native road cannot carry goes to the Python ones.

   On the native road nothing is called that could run code of the program, except the capture of a
   value that is not plain; all captures of a call are made before its entry is pushed, so that calls
   that happen meanwhile stand on the right entry, as in the Python recorder. */

#include "frames.h"     /* first: it says which of CPython's headers may be read */
#include "core.h"
#include <string.h>
#include <time.h>

static int
read_clock(ct_core *core, int64_t *now)
{
#ifdef CLOCK_MONOTONIC
    if (core->clock == NULL) {
        struct timespec at;
        clock_gettime(CLOCK_MONOTONIC, &at);
        *now = (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
        return 0;
    }
#endif
    PyObject *read = PyObject_CallNoArgs(core->clock);
    if (read == NULL) {
        return -1;
    }
    *now = PyLong_AsLongLong(read);
    Py_DECREF(read);
    return *now == -1 && PyErr_Occurred() ? -1 : 0;
}

static int
new_span_id(ct_core *core, ct_thread *thread, uint64_t *id)
{
    if (core->next_id == NULL) {
        *id = ct_random_id(thread);
        return 0;
    }
    PyObject *made = PyObject_CallNoArgs(core->next_id);
    if (made == NULL) {
        return -1;
    }
    *id = PyLong_AsUnsignedLongLong(made);
    Py_DECREF(made);
    return *id == (uint64_t)-1 && PyErr_Occurred() ? -1 : 0;
}

/* Hand an event to the Python callback, with every open call where that looks for it. */
static PyObject *
hand_on(ct_core *core, PyObject *callback, PyObject *const *arguments, Py_ssize_t count)
{
    ct_thread *thread = ct_this_thread(core);
    if (thread == NULL || ct_box(core, thread) < 0) {
        return NULL;
    }
    return PyObject_Vectorcall(callback, arguments, (size_t)count, NULL);
}

/* The thread's Python stack, borrowed of the thread's state; NULL without an exception if there is none
   yet, or with one. */
static PyObject *
python_stack(ct_core *core, ct_thread *thread)
{
    PyObject *stack = PyObject_GetAttr(core->threads_local, core->stack_name);
    if (stack == NULL) {
        if (PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_Clear();
        }
        return NULL;
    }
    if (!PyList_CheckExact(stack)) {
        PyErr_SetString(PyExc_TypeError, "a stack must be a list");
        Py_DECREF(stack);
        return NULL;
    }
    Py_XSETREF(thread->python_stack, stack);
    return stack;
}

/* Keep a record that Python had no room to finish until it is delivered. */
static int
defer_end(ct_core *core, PyObject *record, PyObject *kind, PyObject *value)
{
    PyObject *deferred, *time;
    int64_t now;
    int is_kept;

    if (PyList_GET_ITEM(record, CT_PLAN) == Py_None) {
        return 0;
    }
    ct_site *site = ct_site_of(core, PyList_GET_ITEM(record, CT_CODE));
    if (kind == Py_None && site != NULL) {
        PyObject *result = site->fixed_result;
        if (result == NULL && ct_is_plain(site, value)) {
            result = value;
        }
        if (result != NULL && PyList_SetItem(record, CT_RESULT, Py_NewRef(result)) < 0) {
            return -1;
        }
    }
    if (read_clock(core, &now) < 0) {
        return -1;
    }
    time = PyLong_FromLongLong(now);
    if (time == NULL || PyList_SetItem(record, CT_END, time) < 0) {
        return -1;
    }
    deferred = PyTuple_Pack(2, record, kind);
    if (deferred == NULL) {
        return -1;
    }
    is_kept = PyList_Append(core->deferred_ends, deferred);
    Py_DECREF(deferred);
    return is_kept;
}

/* As `hand_on`, for the end of a call.  The Python callbacks see to it that the road out of a call needs
   no more levels of the stack than the road in; C takes none on the way in.  So Python may not have
   begun, or may have given up before it took the record off: then it is finished when it is delivered. */
static PyObject *
hand_on_end(ct_core *core, PyObject *callback, PyObject *const *arguments, Py_ssize_t count,
            PyObject *kind)
{
    ct_thread *thread = ct_this_thread(core);
    if (thread == NULL || ct_box(core, thread) < 0) {
        return NULL;
    }
    PyObject *stack = python_stack(core, thread);
    if (stack == NULL && PyErr_Occurred()) {
        return NULL;
    }
    Py_ssize_t height = stack == NULL ? 0 : PyList_GET_SIZE(stack);
    PyObject *top = height < 2 ? NULL : PyList_GET_ITEM(stack, height - 1);
    if (top == NULL || PyList_GET_ITEM(top, CT_CODE) != arguments[0]) {
        return PyObject_Vectorcall(callback, arguments, (size_t)count, NULL);
    }
    Py_INCREF(stack);
    Py_INCREF(top);
    PyObject *result = PyObject_Vectorcall(callback, arguments, (size_t)count, NULL);
    if (result == NULL && !PyErr_ExceptionMatches(PyExc_RecursionError)) {
        goto done;
    }
    if (PyList_GET_SIZE(stack) != height || PyList_GET_ITEM(stack, height - 1) != top) {
        goto done;
    }
    PyErr_Clear();
    Py_XDECREF(result);
    result = NULL;
    if (PyList_SetSlice(stack, height - 1, height, NULL) == 0 && defer_end(core, top, kind, arguments[2]) == 0) {
        result = Py_NewRef(Py_None);
    }
done:
    Py_DECREF(top);
    Py_DECREF(stack);
    return result;
}

/* What a new call stands on. */
typedef struct {
    PyObject *segment;          /* borrowed of the entry below */
    uint64_t span_id;
    uint64_t ratio_key;
    int knows_ratio;
} parent;

/* 1: found; 0: Python has to say; -1: an exception.  Without native entries the topmost record of the
   Python stack is asked, which becomes the thread's `python_stack`. */
static int
find_parent(ct_core *core, ct_thread *thread, PyObject *context, parent *found)
{
    ct_entry *below = ct_top(thread);
    if (below != NULL) {
        if (below->context != context) {
            return 0;
        }
        *found = (parent){below->segment, below->span_id, below->ratio_key, below->knows_ratio};
        return 1;
    }
    PyObject *stack = python_stack(core, thread);
    if (stack == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    Py_ssize_t height = PyList_GET_SIZE(stack);
    PyObject *record = height == 0 ? NULL : PyList_GET_ITEM(stack, height - 1);
    if (record == NULL || PyList_GET_ITEM(record, CT_CONTEXT) != context) {
        return 0;
    }
    found->segment = PyList_GET_ITEM(record, CT_SEGMENT);
    found->knows_ratio = 0;
    found->span_id = PyLong_AsUnsignedLongLong(PyList_GET_ITEM(record, CT_SPAN_ID));
    if (found->span_id == (uint64_t)-1 && PyErr_Occurred()) {
        return -1;
    }
    return found->segment != Py_None;
}

static int
find_ratio_key(ct_core *core, parent *below)
{
    PyObject *key = PyObject_GetAttr(below->segment, core->ratio_key_name);
    if (key == NULL) {
        return -1;
    }
    below->ratio_key = PyLong_AsUnsignedLongLong(key);
    Py_DECREF(key);
    below->knows_ratio = 1;
    return below->ratio_key == (uint64_t)-1 && PyErr_Occurred() ? -1 : 0;
}

/* A plain value itself, or what the capture makes of another: a new reference. */
static PyObject *
captured(ct_core *core, ct_site *site, PyObject *value, int *is_charged)
{
    if (ct_is_plain(site, value)) {
        return Py_NewRef(value);
    }
    PyObject *node = ct_node_of(core, site, value);
    if (node == NULL && !PyErr_Occurred()) {
        *is_charged = 1;
        node = PyObject_CallOneArg(site->capture, value);
    }
    return node;
}

static int
charge(ct_core *core, PyObject *const *values, Py_ssize_t count)
{
    PyObject *tuple = PyTuple_New(count);
    if (tuple == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(values[i]));
    }
    PyObject *done = PyObject_CallOneArg(core->charge, tuple);
    Py_DECREF(tuple);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Borrowed; None for a variable without a value. */
static PyObject *
read_variable(ct_frame *frame, int slot, int is_cell)
{
    PyObject *value = ct_local(frame, slot);
    if (value != NULL && is_cell && PyCell_Check(value)) {
        value = PyCell_GET(value);
    }
    return value == NULL ? Py_None : value;
}

static int
learn(PyObject *take, PyObject *value, PyObject *place)
{
    PyObject *done = PyObject_CallFunctionObjArgs(take, value, place, NULL);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Let the arguments that are hidden because of their names be found wherever else they appear. */
static int
learn_arguments(ct_site *site, ct_frame *frame)
{
    Py_ssize_t count = site->taught == NULL ? 0 : PyTuple_GET_SIZE(site->taught);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *place, *value;
        int slot, is_cell;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(site->taught, i), "ipO", &slot, &is_cell, &place)) {
            return -1;
        }
        value = Py_NewRef(read_variable(frame, slot, is_cell));
        int is_learned = learn(site->learn, value, place);
        Py_DECREF(value);
        if (is_learned < 0) {
            return -1;
        }
    }
    return 0;
}

/* Read and capture the arguments of the call that begins: the bytes that they need, or -1. */
static Py_ssize_t
read_arguments(ct_core *core, ct_site *site, ct_frame *frame, PyObject **values)
{
    Py_ssize_t room = 0, count = 0;
    int is_charged = 0;

    if (CT_UNLIKELY(site->taught != NULL) && learn_arguments(site, frame) < 0) {
        return -1;
    }
    /* Held before anything is called: a capture may let the program change its variables. */
    for (int i = 0; i < site->argument_count; i++) {
        values[count++] = Py_NewRef(
            read_variable(frame, site->arguments[i].slot, site->arguments[i].is_cell));
    }
    for (int i = 0; i < count; i++) {
        PyObject *kept = captured(core, site, values[i], &is_charged);
        if (kept == NULL) {
            goto error;
        }
        Py_SETREF(values[i], kept);
        room += (Py_ssize_t)ct_value_room(kept);
    }
    if (is_charged && charge(core, values, count) < 0) {
        goto error;
    }
    return room;

error:
    for (int i = 0; i < count; i++) {
        Py_DECREF(values[i]);
    }
    return -1;
}

/* 1: recorded; 0: left to Python, nothing has happened; -1: an exception. */
static int
begin_call(ct_core *core, ct_thread *thread, ct_site *site, PyObject *code, PyObject *context)
{
    PyObject *values[CT_MAX_ARGUMENTS];
    Py_ssize_t room = 0;
    parent below = {0};
    int64_t now;
    uint64_t id;

    int is_found = find_parent(core, thread, context, &below);
    if (is_found <= 0) {
        return is_found;
    }
    int is_native = ct_top(thread) != NULL;
    ct_frame *frame = ct_current_frame(PyThreadState_Get());
    if (frame == NULL || ct_code_of(frame) != code) {
        return 0;       /* an event that C code reports of itself has no frame */
    }
    int is_sampled_out = 0;
    if (site->has_ratio_bound) {
        if (!below.knows_ratio && find_ratio_key(core, &below) < 0) {
            return -1;
        }
        is_sampled_out = below.ratio_key >= site->ratio_bound;
        *(is_sampled_out ? &site->sampled_out : &site->kept) += 1;
    }
    int is_unrecorded = 0;
    site->references++;     /* a capture lets other threads run, which may register the code anew */
    Py_INCREF(below.segment);
    if (!is_sampled_out && (site->argument_count != 0 || site->taught != NULL)) {
        room = read_arguments(core, site, frame, values);
        if (room < 0) {
            /* No level of the stack is left for a capture: the program may still have its call. */
            if (!PyErr_ExceptionMatches(PyExc_RecursionError)) {
                goto error;
            }
            PyErr_Clear();
            room = 0;
            is_unrecorded = 1;
        }
    }
    /* Entries that were made records meanwhile may be of another stack than this thread's is now. */
    if (is_native && ct_top(thread) == NULL && python_stack(core, thread) == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_RuntimeError, "the thread's stack is gone");
        }
        goto error_with_values;
    }
    id = below.span_id;
    if ((!is_sampled_out && !is_unrecorded && new_span_id(core, thread, &id) < 0) || read_clock(core, &now) < 0) {
        goto error_with_values;
    }
    ct_entry *entry = ct_push(thread, sizeof(ct_entry) + (size_t)room);
    if (entry == NULL) {
        goto error_with_values;
    }
    entry->site = site;
    entry->code = Py_NewRef(code);
    entry->segment = below.segment;
    entry->context = Py_NewRef(context);
    entry->span_id = id;
    entry->parent_id = below.span_id;
    entry->ratio_key = below.ratio_key;
    entry->start = now;
    entry->end = 0;
    entry->argument_count = 0;
    entry->knows_ratio = (uint8_t)below.knows_ratio;
    entry->is_sampled_out = (uint8_t)is_sampled_out;
    entry->is_unrecorded = (uint8_t)is_unrecorded;
    entry->has_result = 0;
    if (room != 0) {
        char *at = (char *)(entry + 1);
        entry->argument_count = (uint16_t)site->argument_count;
        for (int i = 0; i < site->argument_count; i++) {
            at = ct_put_value(at, values[i]);
            Py_DECREF(values[i]);
        }
        size_t size = ((size_t)(at - (char *)entry) + 7) & ~(size_t)7;
        thread->top = thread->last + size;
        entry->size = (uint32_t)size;
    }
    core->native_calls++;
    return 1;

error_with_values:
    if (room != 0) {
        for (int i = 0; i < site->argument_count; i++) {
            Py_DECREF(values[i]);
        }
    }
error:
    Py_DECREF(below.segment);
    ct_release_site(site);
    return -1;
}

/* Let Python's boundary judge what was raised: it puts an entry where the end of the call looks for one,
   and raises or returns. */
static PyObject *
fail(ct_core *core, PyObject *judge, PyObject *code)
{
    PyObject *error = PyErr_GetRaisedException();
    ct_thread *thread = ct_this_thread(core);
    PyObject *judged = NULL;
    if (thread != NULL && ct_box(core, thread) == 0) {
        judged = PyObject_CallFunctionObjArgs(judge, code, error, NULL);
    }
    Py_DECREF(error);
    return judged;
}

/* As `hand_on`, for the start of a call.  Where no level of the stack is left for Python, the program
   still has its call: it is not recorded, and what it calls hangs on its caller. */
static PyObject *
hand_on_start(ct_core *core, ct_site *site, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *result = hand_on(core, core->start, arguments, count);
    if (result != NULL || !PyErr_ExceptionMatches(PyExc_RecursionError)) {
        return result;
    }
    PyErr_Clear();
    ct_thread *thread = ct_this_thread(core);
    PyObject *stack = thread == NULL ? NULL : python_stack(core, thread);
    if (stack == NULL || site == NULL || PyList_GET_SIZE(stack) == 0) {
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);    /* asked again at its next call */
    }
    PyObject *below = PyList_GET_ITEM(stack, PyList_GET_SIZE(stack) - 1);
    if (PyList_GET_ITEM(below, CT_CODE) == arguments[0]
        && PyList_GET_ITEM(below, CT_START) == Py_None) {
        Py_RETURN_NONE;     /* it had begun, and has put its entry there */
    }
    PyObject *entry = PyList_GetSlice(below, 0, CT_RECORD_LENGTH);
    if (entry == NULL) {
        return NULL;
    }
    PyList_SetItem(entry, CT_CODE, Py_NewRef(arguments[0]));
    PyList_SetItem(entry, CT_PLAN, Py_NewRef(Py_None));
    PyList_SetItem(entry, CT_START, Py_NewRef(Py_None));
    PyList_SetItem(entry, CT_RESULT, Py_NewRef(Py_None));
    if (PyList_GET_ITEM(entry, CT_CONTEXT) != core->undecided) {
        PyList_SetItem(entry, CT_EXTRAS, Py_NewRef(Py_None));
    }
    int is_pushed = PyList_Append(stack, entry);
    Py_DECREF(entry);
    return is_pushed < 0 ? NULL : Py_NewRef(Py_None);
}

/* Code that there is no room to decide about is asked again at its next call. */
static PyObject *
fail_to_decide(ct_core *core, PyObject *code)
{
    if (!PyErr_ExceptionMatches(PyExc_RecursionError)) {
        return fail(core, core->result_failed, code);     /* no end of its own follows */
    }
    PyErr_Clear();
    Py_RETURN_NONE;
}

static PyObject *
on_start(ct_core *core, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *code = arguments[0], *context;
    ct_site *site = ct_site_of(core, code);
    if (site == NULL) {
        /* Only decided, with the open calls left where they are: most code is skipped. */
        PyObject *decided = PyObject_CallOneArg(core->decide, code);
        if (decided == NULL) {
            return fail_to_decide(core, code);
        }
        site = ct_site_of(core, code);
        if (site == NULL) {
            return decided;
        }
        Py_DECREF(decided);
    }
    if (!site->is_native) {
        return hand_on_start(core, site, arguments, count);
    }
    ct_thread *thread = ct_this_thread(core);
    if (thread == NULL || PyContextVar_Get(core->context_variable, NULL, &context) < 0) {
        return fail(core, core->start_failed, code);
    }
    if (context == NULL) {
        return hand_on_start(core, site, arguments, count);
    }
    int is_begun = begin_call(core, thread, site, code, context);
    Py_DECREF(context);
    if (is_begun < 0) {
        return fail(core, core->start_failed, code);
    }
    if (is_begun == 0) {
        return hand_on_start(core, site, arguments, count);
    }
    Py_RETURN_NONE;
}

/* Hand a finished entry, taken off its stack, to the log, or to Python where that is full. */
static int
deliver(ct_core *core, ct_entry *entry, size_t size)
{
    PyObject *context = entry->context, *record = NULL, *done = NULL;
    int is_delivered = -1;

    entry->context = NULL;
    if (core->log->count < core->log->watermark) {
        is_delivered = ct_log_put(core->log, entry, size);
        if (is_delivered < 0) {
            ct_release_entry(entry);
        }
    }
    else {
        record = ct_record_of(entry, core->not_captured, 1);
        if (record != NULL) {
            done = PyObject_CallOneArg(core->overflow, record);
            is_delivered = done == NULL ? -1 : 0;
        }
    }
    Py_XDECREF(record);
    Py_XDECREF(done);
    /* Last of all: its end may run code of the program, which pushes entries over this one. */
    if (is_delivered < 0) {
        PyObject *error = PyErr_GetRaisedException();
        Py_DECREF(context);
        PyErr_SetRaisedException(error);
    }
    else {
        Py_DECREF(context);
    }
    return is_delivered;
}

/* 1: ended; 0: left to Python; -1: an exception. */
static int
end_call(ct_core *core, ct_thread *thread, ct_entry *entry, PyObject *value)
{
    ct_site *site = entry->site;
    PyObject *result = NULL;
    int is_charged = 0;
    int64_t now;

    if (entry->is_sampled_out || entry->is_unrecorded) {
        ct_pop(thread);
        ct_release_entry(entry);
        return 1;
    }
    if (read_clock(core, &now) < 0) {
        return -1;
    }
    if (CT_UNLIKELY(site->result_place != NULL)) {
        return 0;       /* Python learns it: another thread may make the entry a record meanwhile */
    }
    if (site->fixed_result == NULL) {
        if (core->runs_code && !ct_is_plain(site, value)) {
            return 0;
        }
        PyObject *code = entry->code;
        result = captured(core, site, value, &is_charged);
        if (result != NULL && is_charged && charge(core, &result, 1) < 0) {
            Py_CLEAR(result);
        }
        if (result == NULL) {
            if (!PyErr_ExceptionMatches(PyExc_RecursionError)) {
                return -1;
            }
            PyErr_Clear();
            result = Py_NewRef(core->not_captured);
        }
        size_t size = ct_value_room(result);
        entry = ct_top(thread);
        if (entry == NULL || entry->code != code) {
            Py_DECREF(result);      /* a signal's handler made the calls records meanwhile */
            return 0;
        }
        /* The same entry again, larger; what stood in it stays. */
        size += entry->size;
        ct_pop(thread);
        entry = ct_push(thread, size);
        if (entry == NULL) {
            Py_DECREF(result);
            return -1;
        }
    }
    entry->end = now > entry->start ? now : entry->start;
    size_t size = entry->size;
    if (result != NULL) {
        char *at = (char *)(entry + 1);
        for (int i = 0; i < entry->argument_count; i++) {
            at = ct_skip_value(at);
        }
        at = ct_put_value(at, result);
        entry->has_result = 1;
        size = (size_t)(at - (char *)entry);
        Py_DECREF(result);
    }
    ct_pop(thread);
    return deliver(core, entry, size) < 0 ? -1 : 1;
}

static PyObject *
on_return(ct_core *core, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *code = arguments[0];
    ct_thread *thread = ct_this_thread(core);
    if (thread == NULL) {
        return fail(core, core->result_failed, code);
    }
    ct_entry *entry = ct_top(thread);
    if (entry == NULL || entry->code != code) {
        return hand_on_end(core, core->result, arguments, count, Py_None);
    }
    int is_ended = end_call(core, thread, entry, arguments[2]);
    if (is_ended < 0) {
        return fail(core, core->result_failed, code);
    }
    if (is_ended == 0) {
        return hand_on_end(core, core->result, arguments, count, Py_None);
    }
    Py_RETURN_NONE;
}

/* Until 3.14 this event comes from all code, whatever is traced. */
static PyObject *
on_unwind(ct_core *core, PyObject *const *arguments, Py_ssize_t count)
{
    if (ct_site_of(core, arguments[0]) == NULL) {
        Py_RETURN_NONE;
    }
    return hand_on_end(core, core->unwind, arguments, count, (PyObject *)Py_TYPE(arguments[2]));
}

static PyObject *
on_yield(ct_core *core, PyObject *const *arguments, Py_ssize_t count)
{
    return hand_on(core, core->yield, arguments, count);
}

static PyObject *
on_resume(ct_core *core, PyObject *const *arguments, Py_ssize_t count)
{
    if (ct_site_of(core, arguments[0]) == NULL) {
        Py_RETURN_NONE;
    }
    return hand_on(core, core->resume, arguments, count);
}

static PyObject *
on_throw(ct_core *core, PyObject *const *arguments, Py_ssize_t count)
{
    if (ct_site_of(core, arguments[0]) == NULL) {
        Py_RETURN_NONE;
    }
    return hand_on(core, core->throw_in, arguments, count);
}

/* The interpreter only borrows the callback that it calls: another thread may end the session, and drop
   the core, while a capture or a callback in Python lets it run. */
#define DEFINE_CALLBACK(name, expected)                                                     \
    PyObject *                                                                              \
    ct_##name(ct_core *core, PyObject *const *arguments, Py_ssize_t count)                  \
    {                                                                                       \
        if (CT_UNLIKELY(count != (expected))) {                                             \
            PyErr_SetString(PyExc_TypeError, #name "() takes what its event gives");        \
            return NULL;                                                                    \
        }                                                                                   \
        Py_INCREF(core);                                                                    \
        PyObject *result = name(core, arguments, count);                                    \
        Py_DECREF(core);                                                                    \
        return result;                                                                      \
    }

DEFINE_CALLBACK(on_start, 2)
DEFINE_CALLBACK(on_return, 3)
DEFINE_CALLBACK(on_unwind, 3)
DEFINE_CALLBACK(on_yield, 3)
DEFINE_CALLBACK(on_resume, 2)
DEFINE_CALLBACK(on_throw, 3)
