/* The callbacks of sys.monitoring: what a native entry cannot carry goes to the Python ones. */

#include "core.h"
#include <stddef.h>
#include "structmember.h"

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

/* Put an entry on the Python stack that is no record and hands on its caller's ids: the end of a call
   that was not begun looks for one. */
static int
push_unrecorded(ct_core *core, ct_thread *thread, PyObject *code)
{
    PyObject *stack = ct_python_stack(core, thread);
    if (stack == NULL || PyList_GET_SIZE(stack) == 0) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *below = PyList_GET_ITEM(stack, PyList_GET_SIZE(stack) - 1);
    PyObject *entry = PyList_GetSlice(below, 0, CT_RECORD_LENGTH);
    if (entry == NULL) {
        return -1;
    }
    PyList_SetItem(entry, CT_CODE, Py_NewRef(code));
    PyList_SetItem(entry, CT_PLAN, Py_NewRef(Py_None));
    PyList_SetItem(entry, CT_START, Py_NewRef(Py_None));
    PyList_SetItem(entry, CT_RESULT, Py_NewRef(Py_None));
    if (PyList_GET_ITEM(entry, CT_CONTEXT) != core->undecided) {
        PyList_SetItem(entry, CT_EXTRAS, Py_NewRef(Py_None));
    }
    int is_pushed = PyList_Append(stack, entry);
    Py_DECREF(entry);
    return is_pushed;
}

/* Let the policy judge what was raised, with every open call where it is looked for; it raises or
   returns.  `endless` is the code of a call whose end follows and would find no entry, or NULL: its
   caller may have the same code. */
static PyObject *
fail(ct_core *core, PyObject *endless)
{
    PyObject *error = PyErr_GetRaisedException();
    ct_thread *thread = ct_this_thread(core);
    PyObject *judged = NULL;
    if (thread != NULL && ct_box(core, thread) == 0
        && (endless == NULL || push_unrecorded(core, thread, endless) == 0)) {
        judged = PyObject_CallOneArg(core->error_boundary, error);
    }
    Py_DECREF(error);
    return judged;
}

/* As `hand_on`, for the start of a call.  Where no level of the stack is left for Python, the program
   still has its call: it is not recorded, and what it calls hangs on its caller. */
static PyObject *
hand_on_start(ct_core *core, const ct_site *site, PyObject *const *arguments, Py_ssize_t count)
{
    if (ct_abandon_in_this_frame(core, site) < 0) {
        return fail(core, arguments[0]);
    }
    PyObject *result = hand_on(core, core->start, arguments, count);
    if (result != NULL || !PyErr_ExceptionMatches(PyExc_RecursionError)) {
        return result;
    }
    PyErr_Clear();
    ct_thread *thread = ct_this_thread(core);
    PyObject *stack = thread == NULL ? NULL : ct_python_stack(core, thread);
    if (stack == NULL || PyList_GET_SIZE(stack) == 0) {
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);    /* asked again at its next call */
    }
    PyObject *top = PyList_GET_ITEM(stack, PyList_GET_SIZE(stack) - 1);
    if (PyList_GET_ITEM(top, CT_CODE) == arguments[0] && PyList_GET_ITEM(top, CT_START) == Py_None) {
        Py_RETURN_NONE;     /* it had begun, and has put its entry there */
    }
    return push_unrecorded(core, thread, arguments[0]) < 0 ? NULL : Py_NewRef(Py_None);
}

/* Code that there is no room to decide about is asked again at its next call. */
static PyObject *
fail_to_decide(ct_core *core)
{
    if (!PyErr_ExceptionMatches(PyExc_RecursionError)) {
        return fail(core, NULL);     /* no end of its own follows */
    }
    PyErr_Clear();
    Py_RETURN_NONE;
}

/* A call begins; the caller holds the site. */
static PyObject *
start_at(ct_core *core, ct_site *site, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *code = arguments[0], *context;
    if (!site->is_native) {
        site->in_python += site->plan != Py_None;
        return hand_on_start(core, site, arguments, count);
    }
    ct_thread *thread = ct_this_thread(core);
    if (thread == NULL || PyContextVar_Get(core->context_variable, NULL, &context) < 0) {
        return fail(core, code);
    }
    if (context == NULL) {
        core->parentless++;
        return hand_on_start(core, site, arguments, count);
    }
    if (site->suspends) {
        site->start_offset = (int)PyLong_AsLong(arguments[1]);
    }
    int is_begun = ct_begin_call(core, thread, site, code, context);
    if (CT_LIKELY(is_begun == CT_FOUND)) {
        Py_RETURN_NONE;
    }
    Py_DECREF(context);
    if (is_begun < 0) {
        return fail(core, code);
    }
    if (is_begun == CT_NOT_FOUND) {
        return hand_on_start(core, site, arguments, count);
    }
    Py_RETURN_NONE;
}

static PyObject *
on_start(ct_core *core, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *code = arguments[0];
    ct_site *site = ct_site_of(core, code);
    if (site == NULL) {
        /* Only decided, with the open calls left where they are: most code is skipped. */
        PyObject *decided = PyObject_CallOneArg(core->decide, code);
        if (decided == NULL) {
            return fail_to_decide(core);
        }
        site = ct_site_of(core, code);
        if (site == NULL) {
            return decided;
        }
        Py_DECREF(decided);
    }
    /* Whatever lets other threads run, such as reading random bytes for a thread's first id, lets one that
       decides about the same code give it another site. */
    site->references++;
    PyObject *result = start_at(core, site, arguments, count);
    ct_release_site(site);
    return result;
}

static PyObject *
on_return(ct_core *core, PyObject *const *arguments, Py_ssize_t count)
{
    PyObject *code = arguments[0];
    ct_thread *thread = ct_this_thread(core);
    if (thread == NULL) {
        return fail(core, NULL);
    }
    ct_entry *entry = ct_top(thread);
    if (entry == NULL || entry->code != code) {
        return ct_hand_on_end(core, core->result, arguments, count, Py_None);
    }
    int is_ended = ct_end_call(core, thread, entry, arguments[2]);
    if (is_ended < 0) {
        return fail(core, is_ended == CT_ENDED_FAILING ? code : NULL);     /* an unwind follows */
    }
    if (is_ended == 0) {
        return ct_hand_on_end(core, core->result, arguments, count, Py_None);
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
    ct_thread *thread = ct_this_thread(core);
    ct_entry *entry = thread == NULL ? NULL : ct_top(thread);
    int is_ended = thread == NULL ? -1 : 0;
    if (entry != NULL && entry->code == arguments[0]) {
        is_ended = ct_end_raised(core, thread, arguments[0], arguments[2]);
    }
    if (is_ended < 0) {
        return fail(core, NULL);
    }
    if (is_ended > 0) {
        Py_RETURN_NONE;
    }
    PyObject *kind = (PyObject *)Py_TYPE(arguments[2]);
    return ct_hand_on_end(core, core->unwind, arguments, count, kind);
}

static PyObject *
on_yield(ct_core *core, PyObject *const *arguments, Py_ssize_t count)
{
    ct_thread *thread = ct_this_thread(core);
    int is_suspended = thread == NULL ? -1 : ct_suspend(core, thread, arguments[0]);
    if (is_suspended < 0) {
        return fail(core, NULL);
    }
    return is_suspended ? Py_NewRef(Py_None) : hand_on(core, core->yield, arguments, count);
}

/* A generator goes on, or is thrown into. */
static PyObject *
go_on(ct_core *core, PyObject *callback, PyObject *const *arguments, Py_ssize_t count)
{
    ct_thread *thread = ct_this_thread(core);
    int is_resumed = thread == NULL ? -1 : ct_resume(core, thread, arguments[0]);
    if (is_resumed < 0) {
        return fail(core, arguments[0]);
    }
    return is_resumed ? Py_NewRef(Py_None) : hand_on(core, callback, arguments, count);
}

static PyObject *
on_resume(ct_core *core, PyObject *const *arguments, Py_ssize_t count)
{
    return ct_site_of(core, arguments[0]) == NULL
        ? Py_NewRef(Py_None) : go_on(core, core->resume, arguments, count);
}

static PyObject *
on_throw(ct_core *core, PyObject *const *arguments, Py_ssize_t count)
{
    ct_site *site = ct_site_of(core, arguments[0]);
    if (site == NULL) {
        Py_RETURN_NONE;
    }
    long offset = PyLong_AsLong(arguments[1]);
    if (offset == -1 && PyErr_Occurred()) {
        return fail(core, NULL);
    }
    /* A throw into a generator that never began happens before the offset of its start. */
    return offset < site->start_offset ? hand_on(core, core->throw_in, arguments, count)
        : go_on(core, core->throw_in, arguments, count);
}

/* An object that is called without the detour over a method, which looks for the thread, counts a level of the C
   stack, and counts it down again. */
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    ct_core *core;              /* strong */
} ct_callback;

/* The interpreter only borrows the callback that it calls: another thread may end the session, and drop
   the core, while a capture or a callback in Python lets it run. */
#define DEFINE_CALLBACK(name, expected)                                                     \
    static PyObject *                                                                       \
    call_##name(PyObject *self, PyObject *const *arguments, size_t count, PyObject *keywords) \
    {                                                                                       \
        if (CT_UNLIKELY(PyVectorcall_NARGS(count) != (expected) || keywords != NULL)) {     \
            PyErr_SetString(PyExc_TypeError, #name "() takes what its event gives");        \
            return NULL;                                                                    \
        }                                                                                   \
        ct_core *core = ((ct_callback *)self)->core;                                        \
        ct_hold((PyObject *)core);                                                          \
        PyObject *result = name(core, arguments, (expected));                               \
        Py_DECREF(core);                                                                    \
        return result;                                                                      \
    }

DEFINE_CALLBACK(on_start, 2)
DEFINE_CALLBACK(on_return, 3)
DEFINE_CALLBACK(on_unwind, 3)
DEFINE_CALLBACK(on_yield, 3)
DEFINE_CALLBACK(on_resume, 2)
DEFINE_CALLBACK(on_throw, 3)

/* The callback of an event; `type` is made from `ct_callback_spec`. */
PyObject *
ct_new_callback(PyTypeObject *type, ct_core *core, ct_event event)
{
    static const vectorcallfunc calls[] = {
        [CT_ON_START] = call_on_start, [CT_ON_RETURN] = call_on_return, [CT_ON_UNWIND] = call_on_unwind,
        [CT_ON_YIELD] = call_on_yield, [CT_ON_RESUME] = call_on_resume, [CT_ON_THROW] = call_on_throw,
    };
    ct_callback *callback = (ct_callback *)type->tp_alloc(type, 0);
    if (callback != NULL) {
        callback->call = calls[event];
        callback->core = (ct_core *)Py_NewRef(core);
    }
    return (PyObject *)callback;
}

static int
callback_traverse(ct_callback *callback, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(callback));
    Py_VISIT(callback->core);
    return 0;
}

static int
callback_clear(ct_callback *callback)
{
    Py_CLEAR(callback->core);
    return 0;
}

static void
callback_dealloc(ct_callback *callback)
{
    PyTypeObject *type = Py_TYPE(callback);
    PyObject_GC_UnTrack(callback);
    (void)callback_clear(callback);
    type->tp_free(callback);
    Py_DECREF(type);
}

static PyMemberDef callback_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(ct_callback, call), READONLY, NULL},
    {0}
};

static PyType_Slot callback_slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("What an event of sys.monitoring calls.")},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_traverse, callback_traverse},
    {Py_tp_clear, callback_clear},
    {Py_tp_dealloc, callback_dealloc},
    {Py_tp_members, callback_members},
    {0, NULL}
};

PyType_Spec ct_callback_spec = {
    .name = "codetracer_otel._core.native.Callback",
    .basicsize = sizeof(ct_callback),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_VECTORCALL
        | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = callback_slots,
};
