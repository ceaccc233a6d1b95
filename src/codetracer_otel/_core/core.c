/* The core of one recorder, as Python sees it. */

#include "core.h"
#include <stddef.h>
#include "structmember.h"

/* Core(*, log, context_variable, threads_local, callbacks..., ...): see the Python module that makes it.
   Everything is given by keyword; clock and next_id may be None for the system's and our own. */
static PyObject *
core_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {
        "log", "context_variable", "threads_local", "decide", "start", "result", "unwind", "yield_",
        "resume", "throw_in", "error_boundary", "charge", "overflow", "deferred_ends", "clock",
        "next_id", "urandom", "form_of_class", "describe", "undecided", "runs_code",
        "limits", "suspended", "own_folder", "roots", "learned", NULL
    };
    PyObject *log, *of[18], *undecided;
    int runs_code;
    ct_limits limits;
    PyObject *suspended, *own_folder, *roots, *learned;

    if (!PyArg_ParseTupleAndKeywords(
            arguments, keywords, "$O!OOOOOOOOOOOOOOOOOOOp(nnnn)O!OO!O:Core", names,
            ct_state_of(type)->log_type, &log,
            &of[0], &of[1], &of[2], &of[3], &of[4], &of[5], &of[6], &of[7], &of[8], &of[9], &of[10],
            &of[11], &of[12], &of[13], &of[14], &of[15], &of[16], &of[17], &undecided,
            &runs_code, &limits.max_depth, &limits.max_items, &limits.max_string,
            &limits.max_nodes, &PyDict_Type, &suspended, &own_folder, &PyTuple_Type, &roots, &learned)) {
        return NULL;
    }
    if (!PyContextVar_CheckExact(of[0])) {
        PyErr_SetString(PyExc_TypeError, "context_variable must be a ContextVar");
        return NULL;
    }
    ct_core *core = (ct_core *)type->tp_alloc(type, 0);
    if (core == NULL) {
        return NULL;
    }
    ct_watch_sites(core);
    PyObject **fields[] = {
        &core->context_variable, &core->threads_local, &core->decide, &core->start,
        &core->result, &core->unwind, &core->yield, &core->resume, &core->throw_in,
        &core->error_boundary, &core->charge, &core->overflow, &core->deferred_ends, &core->clock, &core->next_id,
        &core->urandom, &core->form_of_class, &core->describe,
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(fields); i++) {
        *fields[i] = of[i] == Py_None ? NULL : Py_NewRef(of[i]);
    }
    if (core->deferred_ends == NULL || !PyList_CheckExact(core->deferred_ends)) {
        PyErr_SetString(PyExc_TypeError, "deferred_ends must be a list");
        Py_DECREF(core);
        return NULL;
    }
    core->log = (ct_log *)Py_NewRef(log);
    core->undecided = Py_NewRef(undecided);
    core->runs_code = runs_code;
    core->limits = limits;
    ct_trust_counter(&core->counter);
    core->suspended = Py_NewRef(suspended);
    if (own_folder != Py_None && !PyUnicode_Check(own_folder)) {
        PyErr_SetString(PyExc_TypeError, "own_folder must be a text or None");
        Py_DECREF(core);
        return NULL;
    }
    core->own_folder = own_folder == Py_None ? NULL : Py_NewRef(own_folder);
    if (ct_read_roots(&core->roots, roots) < 0
        || ct_read_learned(&core->learned, learned) < 0) {
        Py_DECREF(core);
        return NULL;
    }
    ct_state *state = ct_state_of(type);
    core->raised_type = (PyTypeObject *)Py_NewRef(state->raised_type);
    core->stack_name = Py_NewRef(state->stack_name);
    core->ratio_key_name = Py_NewRef(state->ratio_key_name);
    core->thread_key = Py_NewRef(state->thread_key);
    return (PyObject *)core;
}

static int
core_traverse(ct_core *core, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(core));
    Py_VISIT(core->log);
    Py_VISIT(core->context_variable);
    Py_VISIT(core->threads_local);
    Py_VISIT(core->decide);
    Py_VISIT(core->start);
    Py_VISIT(core->result);
    Py_VISIT(core->unwind);
    Py_VISIT(core->yield);
    Py_VISIT(core->resume);
    Py_VISIT(core->throw_in);
    Py_VISIT(core->error_boundary);
    Py_VISIT(core->charge);
    Py_VISIT(core->overflow);
    Py_VISIT(core->deferred_ends);
    Py_VISIT(core->clock);
    Py_VISIT(core->next_id);
    Py_VISIT(core->urandom);
    Py_VISIT(core->form_of_class);
    Py_VISIT(core->describe);
    Py_VISIT(core->undecided);
    Py_VISIT(core->suspended);
    Py_VISIT(core->learned.met);
    Py_VISIT(core->raised_type);
    int found = ct_visit_roots(&core->roots, visit, arg);
    if (found == 0) {
        found = ct_visit_sites(core, visit, arg);
    }
    if (found == 0) {
        found = ct_visit_threads(core, visit, arg);
    }
    return found != 0 ? found : ct_visit_suspended(core, visit, arg);
}

static int
core_clear(ct_core *core)
{
    ct_forget_threads(core, NULL);
    ct_clear_suspended(core);
    ct_clear_sites(core);
    Py_CLEAR(core->suspended);
    Py_CLEAR(core->learned.met);
    Py_CLEAR(core->log);
    Py_CLEAR(core->context_variable);
    Py_CLEAR(core->threads_local);
    Py_CLEAR(core->decide);
    Py_CLEAR(core->start);
    Py_CLEAR(core->result);
    Py_CLEAR(core->unwind);
    Py_CLEAR(core->yield);
    Py_CLEAR(core->resume);
    Py_CLEAR(core->throw_in);
    Py_CLEAR(core->error_boundary);
    Py_CLEAR(core->charge);
    Py_CLEAR(core->overflow);
    Py_CLEAR(core->deferred_ends);
    Py_CLEAR(core->clock);
    Py_CLEAR(core->next_id);
    Py_CLEAR(core->urandom);
    Py_CLEAR(core->form_of_class);
    Py_CLEAR(core->describe);
    Py_CLEAR(core->undecided);
    ct_clear_memos(core);
    ct_clear_classes(core);
    ct_clear_verdicts(core);
    Py_CLEAR(core->raised_type);
    Py_CLEAR(core->own_folder);
    ct_clear_roots(&core->roots);
    Py_CLEAR(core->stack_name);
    Py_CLEAR(core->ratio_key_name);
    Py_CLEAR(core->thread_key);
    return 0;
}

static void
core_dealloc(ct_core *core)
{
    PyTypeObject *type = Py_TYPE(core);
    PyObject_GC_UnTrack(core);
    (void)core_clear(core);
    ct_unwatch_sites(core);
    type->tp_free(core);
    Py_DECREF(type);
}

/* Python may give the thread another stack next. */
static int
box_and_forget_stack(ct_core *core, ct_thread *thread)
{
    int is_boxed = ct_box(core, thread);
    Py_CLEAR(thread->python_stack);
    return is_boxed;
}

static PyObject *
core_box(ct_core *core, PyObject *Py_UNUSED(ignored))
{
    ct_thread *thread = ct_this_thread(core);
    if (thread == NULL || box_and_forget_stack(core, thread) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
core_box_all(ct_core *core, PyObject *Py_UNUSED(ignored))
{
    for (ct_thread *thread = core->threads; thread != NULL; thread = thread->next) {
        if (box_and_forget_stack(core, thread) < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static PyObject *
core_box_suspended(ct_core *core, PyObject *Py_UNUSED(ignored))
{
    return ct_box_all_suspended(core) < 0 ? NULL : Py_NewRef(Py_None);
}

/* Both at once: a generator that is suspended, or goes on, in between would be in neither. */
static PyObject *
core_box_open(ct_core *core, PyObject *Py_UNUSED(ignored))
{
    PyObject *done = core_box_all(core, NULL);
    if (done != NULL) {
        Py_SETREF(done, core_box_suspended(core, NULL));
    }
    return done;
}

static PyObject *
core_begin_in_forked_child(ct_core *core, PyObject *Py_UNUSED(ignored))
{
    ct_thread *thread = ct_this_thread(core);
    if (thread == NULL || ct_seed(core, thread) < 0) {
        return NULL;
    }
    ct_forget_threads(core, thread);
    ct_note_process(&core->roots);
    Py_RETURN_NONE;
}

static PyObject *
core_set_ids(ct_core *core, PyObject *next_id)
{
    Py_XSETREF(core->next_id, next_id == Py_None ? NULL : Py_NewRef(next_id));
    Py_RETURN_NONE;
}

static PyObject *
core_set_roots(ct_core *core, PyObject *arguments)
{
    return ct_set_roots(&core->roots, arguments) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
core_set_native(ct_core *core, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "set_native(code, is_native)");
        return NULL;
    }
    int is_native = PyObject_IsTrue(arguments[1]);
    if (is_native < 0) {
        return NULL;
    }
    ct_site *site = ct_site_of(core, arguments[0]);
    if (site != NULL) {
        site->is_native = is_native;
    }
    Py_RETURN_NONE;
}

/* Entries of its open calls keep the site for as long as they need it. */
static PyObject *
core_forget(ct_core *core, PyObject *code)
{
    if (!PyCode_Check(code)) {
        PyErr_SetString(PyExc_TypeError, "forget(code)");
        return NULL;
    }
    ct_site *site = ct_take_site(core, code);
    if (site != NULL) {
        ct_retire_site(core, site);
    }
    Py_RETURN_NONE;
}

static PyObject *
core_forget_classes(ct_core *core, PyObject *Py_UNUSED(ignored))
{
    ct_clear_classes(core);
    ct_clear_memos(core);       /* each is of classes that are no more */
    Py_RETURN_NONE;
}

static PyObject *
core_forget_values(ct_core *core, PyObject *Py_UNUSED(ignored))
{
    ct_clear_memos(core);
    Py_RETURN_NONE;
}

static PyObject *
core_take_counts(ct_core *core, PyObject *Py_UNUSED(ignored))
{
    return ct_take_counts(core);
}

static PyMethodDef core_methods[] = {
    {"add", (PyCFunction)(void *)ct_add_site, METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("add(code, site, ...)\n--\n\nKnow a traced code object from its next call on.")},
    {"forget", (PyCFunction)core_forget, METH_O,
     PyDoc_STR("forget(code)\n--\n\nKnow nothing of code, and ask about its next call.")},
    {"set_native", (PyCFunction)(void *)core_set_native, METH_FASTCALL,
     PyDoc_STR("set_native(code, is_native)\n--\n\nSay whether calls of code may stay in C.")},
    {"box", (PyCFunction)core_box, METH_NOARGS,
     PyDoc_STR("box()\n--\n\nMake the calling thread's open calls records on its Python stack.")},
    {"box_all", (PyCFunction)core_box_all, METH_NOARGS,
     PyDoc_STR("box_all()\n--\n\nMake every thread's open calls records on its Python stack.")},
    {"box_suspended", (PyCFunction)core_box_suspended, METH_NOARGS,
     PyDoc_STR("box_suspended()\n--\n\nMake suspended calls records in Python's table.")},
    {"box_open", (PyCFunction)core_box_open, METH_NOARGS,
     PyDoc_STR("box_open()\n--\n\nDo both at one moment.")},
    {"begin_in_forked_child", (PyCFunction)core_begin_in_forked_child, METH_NOARGS,
     PyDoc_STR("begin_in_forked_child()\n--\n\nForget other threads, and seed the ids anew.")},
    {"set_ids", (PyCFunction)core_set_ids, METH_O,
     PyDoc_STR("set_ids(next_id)\n--\n\nTake span ids from next_id(); None for our own.")},
    {"set_roots", (PyCFunction)core_set_roots, METH_VARARGS,
     PyDoc_STR("set_roots(model, parent_id, bound)\n--\n\nSay what traces that begin here have in common.")},
    {"forget_classes", (PyCFunction)core_forget_classes, METH_NOARGS,
     PyDoc_STR("forget_classes()\n--\n\nAsk again how the instances of each class are captured.")},
    {"forget_values", (PyCFunction)core_forget_values, METH_NOARGS,
     PyDoc_STR("forget_values()\n--\n\nLet go of the texts and numbers that are kept to be compared.")},
    {"take_counts", (PyCFunction)core_take_counts, METH_NOARGS,
     PyDoc_STR("take_counts()\n--\n\n"
               "Return (site, kept, sampled out, begun in Python) since the last time.")},
    {0}
};

static PyObject *
core_callback(ct_core *core, void *event)
{
    PyTypeObject *type = ct_state_of(Py_TYPE(core))->callback_type;
    if (type == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the interpreter ends");
        return NULL;
    }
    return ct_new_callback(type, core, (ct_event)(intptr_t)event);
}

#define CALLBACK(name, event) {name, (getter)core_callback, NULL, NULL, (void *)(intptr_t)(event)}

static PyGetSetDef core_callbacks[] = {
    CALLBACK("on_start", CT_ON_START),
    CALLBACK("on_return", CT_ON_RETURN),
    CALLBACK("on_unwind", CT_ON_UNWIND),
    CALLBACK("on_yield", CT_ON_YIELD),
    CALLBACK("on_resume", CT_ON_RESUME),
    CALLBACK("on_throw", CT_ON_THROW),
    {0}
};

static PyMemberDef core_members[] = {
    {"parentless", T_LONGLONG, offsetof(ct_core, parentless), READONLY,
     PyDoc_STR("Calls whose parent Python had to find.")},
    {"captured_values", T_LONGLONG, offsetof(ct_core, captured_values), READONLY,
     PyDoc_STR("Arguments and results that Python captured.")},
    {"remembered", T_LONGLONG, offsetof(ct_core, remembered), READONLY,
     PyDoc_STR("Arguments and results that were written as the last time.")},
    {"answers", T_LONGLONG, offsetof(ct_core, answers), READONLY,
     PyDoc_STR("Answers of Python about classes and names.")},
    {"native_calls", T_LONGLONG, offsetof(ct_core, native_calls), READONLY,
     PyDoc_STR("Calls that began as native entries.")},
    {"boxed_calls", T_LONGLONG, offsetof(ct_core, boxed_calls), READONLY,
     PyDoc_STR("Native entries that were made records while they were open.")},
    {0}
};

static PyType_Slot core_slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("The compiled front of one span recorder.")},
    {Py_tp_new, core_new},
    {Py_tp_traverse, core_traverse},
    {Py_tp_clear, core_clear},
    {Py_tp_dealloc, core_dealloc},
    {Py_tp_methods, core_methods},
    {Py_tp_members, core_members},
    {Py_tp_getset, core_callbacks},
    {0, NULL}
};

PyType_Spec ct_core_spec = {
    .name = "codetracer_otel._core.native.Core",
    .basicsize = sizeof(ct_core),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = core_slots,
};
