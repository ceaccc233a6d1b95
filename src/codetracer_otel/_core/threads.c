/* The native entries of each thread, and how they become records on its Python stack. */

#include "frames.h"     /* first: it says which of CPython's headers may be read */
#include "core.h"
#include <string.h>

#define FIRST_BYTES (64 * 1024)
#define CAPSULE_NAME "codetracer_otel._core.thread"

/* The state that was asked for last on this thread of the operating system.  A thread may get another
   interpreter state, and a session another core, so both are compared before it is used; ids of states
   are never given twice, while another state may be where one was. */
static _Thread_local struct {
    uint64_t tstate;
    ct_thread *thread;
} latest
#ifdef __GLIBC__
    /* Every call asks twice: with this the place is an addition away, which costs 24 bytes of what glibc keeps for
       modules that are loaded late.  Others keep nothing, and would not load the module. */
    __attribute__((tls_model("initial-exec")))
#endif
    ;

static void
unlink_thread(ct_thread *thread)
{
    if (thread->previous != NULL) {
        thread->previous->next = thread->next;
    }
    else if (thread->core != NULL) {
        thread->core->threads = thread->next;
    }
    if (thread->next != NULL) {
        thread->next->previous = thread->previous;
    }
    thread->next = thread->previous = NULL;
    thread->core = NULL;
}

static void
drop_entries(ct_thread *thread)
{
    while (thread->top != 0) {
        ct_entry *entry = ct_top(thread);
        ct_pop(thread);
        ct_release_entry(entry);
    }
}

static void
free_contents(ct_thread *thread)
{
    drop_entries(thread);
    Py_CLEAR(thread->python_stack);
    Py_CLEAR(thread->number);
    PyMem_RawFree(thread->bytes);
}

/* Called as the interpreter's state of the thread goes, or with its core. */
static void
free_thread(PyObject *capsule)
{
    ct_thread *thread = PyCapsule_GetPointer(capsule, CAPSULE_NAME);
    if (thread == NULL) {
        PyErr_Clear();
        return;
    }
    if (latest.thread == thread) {
        latest.thread = NULL;
    }
    unlink_thread(thread);
    free_contents(thread);
    PyMem_RawFree(thread);
}

/* From the system, on the thread itself; in a forked child anew, or it would repeat its parent. */
int
ct_seed(ct_core *core, ct_thread *thread)
{
    PyObject *bytes = PyObject_CallFunction(core->urandom, "i", (int)sizeof thread->random);
    if (bytes == NULL) {
        return -1;
    }
    if (!PyBytes_CheckExact(bytes) || PyBytes_GET_SIZE(bytes) != sizeof thread->random) {
        Py_DECREF(bytes);
        PyErr_SetString(PyExc_TypeError, "urandom() gave no 16 bytes");
        return -1;
    }
    memcpy(thread->random, PyBytes_AS_STRING(bytes), sizeof thread->random);
    Py_DECREF(bytes);
    if ((thread->random[0] | thread->random[1]) == 0) {
        thread->random[0] = 1;      /* the generator's only fixed point */
    }
    return 0;
}

static uint64_t
rotated(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

/* xoroshiro128+ of Blackman and Vigna: a period of 2^128 - 1, 1 ns; ids need no more. */
uint64_t
ct_random_id(ct_thread *thread)
{
    uint64_t a = thread->random[0], b = thread->random[1], sum = a + b;
    b ^= a;
    thread->random[0] = rotated(a, 24) ^ b ^ b << 16;
    thread->random[1] = rotated(b, 37);
    return sum == 0 ? 1 : sum;
}

int
ct_new_span_id(ct_core *core, ct_thread *thread, uint64_t *id)
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

static ct_thread *
new_thread(ct_core *core, PyObject *states)
{
    ct_thread *thread = PyMem_RawCalloc(1, sizeof(ct_thread));
    PyObject *capsule;

    if (thread == NULL || (thread->bytes = PyMem_RawMalloc(FIRST_BYTES)) == NULL) {
        PyMem_RawFree(thread);
        PyErr_NoMemory();
        return NULL;
    }
    thread->capacity = FIRST_BYTES;
    capsule = ct_seed(core, thread) < 0 ? NULL : PyCapsule_New(thread, CAPSULE_NAME, free_thread);
    if (capsule == NULL) {
        PyMem_RawFree(thread->bytes);
        PyMem_RawFree(thread);
        return NULL;
    }
    /* What an earlier session left under the key goes with its capsule. */
    if (PyDict_SetItem(states, core->thread_key, capsule) < 0) {
        Py_DECREF(capsule);
        return NULL;
    }
    Py_DECREF(capsule);
    thread->core = core;
    thread->next = core->threads;
    if (core->threads != NULL) {
        core->threads->previous = thread;
    }
    core->threads = thread;
    return thread;
}

/* The state that is kept in the thread's dictionary. */
CT_RARE static ct_thread *
find_thread(ct_core *core, PyThreadState *tstate)
{
    PyObject *states = PyThreadState_GetDict();
    if (states == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    ct_thread *thread = NULL;
    PyObject *capsule = PyDict_GetItemWithError(states, core->thread_key);
    if (capsule != NULL) {
        thread = PyCapsule_GetPointer(capsule, CAPSULE_NAME);
    }
    if (thread == NULL || thread->core != core) {
        if (PyErr_Occurred() || (thread = new_thread(core, states)) == NULL) {
            return NULL;
        }
    }
    thread->tstate = tstate;
    latest.tstate = ct_id_of_thread(tstate);
    latest.thread = thread;
    return thread;
}

/* NULL with an exception set. */
ct_thread *
ct_this_thread(ct_core *core)
{
    PyThreadState *tstate = PyThreadState_Get();
    ct_thread *thread = latest.thread;
    if (CT_LIKELY(thread != NULL && latest.tstate == ct_id_of_thread(tstate) && thread->core == core)) {
        return thread;
    }
    return find_thread(core, tstate);
}

/* Have more bytes of memory than there are. */
CT_RARE int
ct_enlarge(ct_thread *thread, size_t size)
{
    size_t capacity = 2 * thread->capacity + size;
    char *bytes = PyMem_RawRealloc(thread->bytes, capacity);
    if (bytes == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    thread->bytes = bytes;
    thread->capacity = capacity;
    return 0;
}

/* Let Python find the record of a generator that is suspended or runs. */
int
ct_keep_suspended(ct_core *core, void *frame, PyObject *record)
{
    PyObject *key = PyLong_FromVoidPtr(frame);
    int is_kept = key == NULL ? -1 : PyDict_SetItem(core->suspended, key, record);
    Py_XDECREF(key);
    return is_kept;
}

/* Turn every native entry of a thread into a record on its Python stack.  No code of anybody runs in
   here, so the thread may be another one than the caller's. */
int
ct_box(ct_core *core, ct_thread *thread)
{
    size_t top = thread->top;
    PyObject *stack = thread->python_stack;
    size_t at = 0;

    if (top == 0) {
        return 0;
    }
    thread->top = thread->last = 0;
    int is_boxed = 0;
    while (at < top) {
        ct_entry *entry = (ct_entry *)(thread->bytes + at);
        at += entry->size;
        /* Out of memory, the calls above are lost as well: their ends find nothing. */
        PyObject *record = is_boxed < 0 || stack == NULL ? NULL : ct_record_of(core->log, entry, 0);
        if (record == NULL || PyList_Append(stack, record) < 0
            || (entry->suspends && ct_keep_suspended(core, entry->frame, record) < 0)) {
            is_boxed = -1;
        }
        Py_XDECREF(record);
        if (stack == NULL && !PyErr_Occurred()) {
            PyErr_SetString(PyExc_RuntimeError, "the thread's stack is gone");
        }
        PyObject *error = is_boxed < 0 ? PyErr_GetRaisedException() : NULL;
        ct_release_entry(entry);
        if (is_boxed < 0) {
            PyErr_SetRaisedException(error);
        }
        core->boxed_calls++;
    }
    return is_boxed;
}

int
ct_visit_threads(ct_core *core, visitproc visit, void *arg)
{
    for (ct_thread *thread = core->threads; thread != NULL; thread = thread->next) {
        Py_VISIT(thread->python_stack);
        for (size_t at = 0; at < thread->top;) {
            ct_entry *entry = (ct_entry *)(thread->bytes + at);
            int found = ct_visit_entry(entry, visit, arg);
            if (found != 0) {
                return found;
            }
            at += entry->size;
        }
    }
    return 0;
}

/* Leave all threads but one to themselves, without their entries: they are not in this process, or
   nothing is recorded any more. */
void
ct_forget_threads(ct_core *core, ct_thread *but)
{
    for (;;) {
        ct_thread *thread = core->threads;
        if (thread != NULL && thread == but) {
            thread = thread->next;
        }
        if (thread == NULL) {
            return;
        }
        /* Taken out of it first: what a context held may let the thread run, and end. */
        ct_thread emptied = {.bytes = thread->bytes, .top = thread->top, .last = thread->last,
                             .python_stack = thread->python_stack, .number = thread->number};
        thread->bytes = NULL;
        thread->capacity = thread->top = thread->last = 0;
        thread->python_stack = thread->number = NULL;
        unlink_thread(thread);
        free_contents(&emptied);
    }
}

/* The thread's Python stack, borrowed of the thread's state; NULL without an exception if there is none
   yet, or with one. */
PyObject *
ct_python_stack(ct_core *core, ct_thread *thread)
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
