/* The extension module: its types, its state, and the check that frames are as frames.h says. */

#include "frames.h"     /* first: it says which of CPython's headers may be read */
#include "block.h"
#include "known.h"
#include "scanner.h"

ct_state *
ct_state_of(PyTypeObject *type)
{
    return PyType_GetModuleState(type);
}

/* check_frame(first, second): whether the caller's first two local variables are these objects, and its
   code and its thread's number are found.  Raw pointers are compared: nothing is followed before it is known to be
   right. */
static PyObject *
check_frame(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "check_frame(code, first, second)");
        return NULL;
    }
    PyThreadState *tstate = PyThreadState_Get();
    ct_frame *frame = ct_current_frame(tstate);
    return PyBool_FromLong(ct_id_of_thread(tstate) == PyThreadState_GetID(tstate)
                           && frame != NULL && ct_code_of(frame) == arguments[0]
                           && ct_local(frame, 0) == arguments[1]
                           && ct_local(frame, 1) == arguments[2]);
}

/* check_attributes(instance, first name, first value, second name, second value): whether these are its
   attributes, in itself; or, of a dictionary, what is in its table.  Raw pointers are compared here as well. */
static PyObject *
check_attributes(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t count)
{
    ct_attributes found = {0};
    PyObject *name, *held;
    Py_ssize_t position = 0;

    if (count != 5) {
        PyErr_SetString(PyExc_TypeError, "check_attributes(instance, name, value, name, value)");
        return NULL;
    }
    int is_right;
    if (PyDict_CheckExact(arguments[0])) {
        ct_find_entries(arguments[0], &found);
        is_right = found.entry_count != 0;
    }
    else {
        is_right = ct_find_attributes(arguments[0], &found) && found.count == 2;
    }
    for (int i = 1; is_right && i < 5; i += 2) {
        is_right = ct_next_attribute(&found, &position, &name, &held) && name == arguments[i]
            && held == arguments[i + 1];
    }
    return PyBool_FromLong(is_right);
}

static int
add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type)
{
    *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *type == NULL ? -1 : PyModule_AddType(module, *type);
}

/* frame_key(frame): by what the core finds a suspended generator again that runs in a frame. */
static PyObject *
frame_key(PyObject *Py_UNUSED(module), PyObject *frame)
{
    if (!PyFrame_Check(frame)) {
        PyErr_SetString(PyExc_TypeError, "frame_key() takes a frame");
        return NULL;
    }
    return PyLong_FromVoidPtr(ct_frame_of((PyFrameObject *)frame));
}

static int
module_exec(PyObject *module)
{
    ct_state *state = PyModule_GetState(module);

    state->watcher = ct_watch_code();
    if (state->watcher < 0) {
        PyErr_SetString(PyExc_ImportError, "other tools watch code objects: no watcher is left");
        return -1;
    }
    if (ct_watch_forks() < 0) {
        return -1;
    }
    state->stack_name = PyUnicode_InternFromString("stack");
    state->ratio_key_name = PyUnicode_InternFromString("ratio_key");
    state->thread_key = PyUnicode_InternFromString("codetracer_otel._core.thread");
    if (state->stack_name == NULL || state->ratio_key_name == NULL || state->thread_key == NULL) {
        return -1;
    }
    if (add_type(module, &ct_core_spec, &state->core_type) < 0
        || add_type(module, &ct_callback_spec, &state->callback_type) < 0
        || add_type(module, &ct_log_spec, &state->log_type) < 0
        || add_type(module, &ct_block_spec, &state->block_type) < 0
        || add_type(module, &ct_scanner_spec, &state->scanner_type) < 0
        || add_type(module, &ct_output_spec, &state->output_type) < 0
        || add_type(module, &ct_raised_spec, &state->raised_type) < 0) {
        return -1;
    }
    if (PyModule_AddIntConstant(module, "SOURCES", CT_SOURCES) < 0) {
        return -1;
    }
    return PyModule_AddIntConstant(module, "PYTHON_VERSION", PY_VERSION_HEX >> 16);
}

static int
module_traverse(PyObject *module, visitproc visit, void *arg)
{
    ct_state *state = PyModule_GetState(module);
    Py_VISIT(state->core_type);
    Py_VISIT(state->callback_type);
    Py_VISIT(state->log_type);
    Py_VISIT(state->block_type);
    Py_VISIT(state->scanner_type);
    Py_VISIT(state->output_type);
    Py_VISIT(state->raised_type);
    return 0;
}

static int
module_clear(PyObject *module)
{
    ct_state *state = PyModule_GetState(module);
    Py_CLEAR(state->core_type);
    Py_CLEAR(state->callback_type);
    Py_CLEAR(state->log_type);
    Py_CLEAR(state->block_type);
    Py_CLEAR(state->scanner_type);
    Py_CLEAR(state->output_type);
    Py_CLEAR(state->raised_type);
    Py_CLEAR(state->stack_name);
    Py_CLEAR(state->ratio_key_name);
    Py_CLEAR(state->thread_key);
    return 0;
}

/* As a rule once no core is left: each holds its class, which holds the module until the last collection. */
static void
module_free(void *module)
{
    ct_state *state = PyModule_GetState(module);
    (void)module_clear(module);
    if (state->watcher >= 0 && PyCode_ClearWatcher(state->watcher) < 0) {
        PyErr_Clear();
    }
}

static PyMethodDef module_methods[] = {
    {"carried_times", ct_carried_times, METH_O,
     PyDoc_STR("carried_times(readings)\n--\n\n"
               "Return the times that are told for (count, ns of the clock, count) of each reading.")},
    {"check_attributes", (PyCFunction)(void *)check_attributes, METH_FASTCALL,
     PyDoc_STR("check_attributes(instance, name, value, name, value)\n--\n\n"
               "Return whether an instance has these attributes in itself, or a dictionary these items.")},
    {"check_frame", (PyCFunction)(void *)check_frame, METH_FASTCALL,
     PyDoc_STR("check_frame(code, first, second)\n--\n\n"
               "Return whether the caller's code and first two locals are read right.")},
    {"find_windows", (PyCFunction)(void *)ct_find_windows, METH_FASTCALL,
     PyDoc_STR("find_windows(text, substitution, bits)\n--\n\n"
               "Return where eight bytes stand whose bit is set.")},
    {"frame_key", frame_key, METH_O,
     PyDoc_STR("frame_key(frame)\n--\n\nReturn what stays the same while a generator lives.")},
    {0}
};

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
    {0, NULL}
};

PyModuleDef ct_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "codetracer_otel._core.native",
    .m_doc = PyDoc_STR("The compiled core: records plain calls without Python code."),
    .m_size = sizeof(ct_state),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC
PyInit_native(void)
{
    return PyModuleDef_Init(&ct_module);
}
