/* Traced code objects, found through the extra of a code object: one index into an array. */

#include "core.h"
#include <string.h>

static void
unlink_site(ct_site *site)
{
    if (site->previous != NULL) {
        site->previous->next = site->next;
    }
    else if (site->core != NULL) {
        site->core->sites = site->next;
    }
    if (site->next != NULL) {
        site->next->previous = site->previous;
    }
    site->next = site->previous = NULL;
    site->core = NULL;
}

void
ct_release_site(ct_site *site)
{
    if (--site->references != 0) {
        return;
    }
    Py_XDECREF(site->site);
    Py_XDECREF(site->plan);
    Py_XDECREF(site->capture);
    Py_XDECREF(site->fixed_result);
    Py_XDECREF(site->learn);
    Py_XDECREF(site->taught);
    Py_XDECREF(site->result_place);
    PyMem_Free(site);
}

/* Entries hold a site as well, but count its objects only once: through its core. */
int
ct_visit_sites(ct_core *core, visitproc visit, void *arg)
{
    for (ct_site *site = core->sites; site != NULL; site = site->next) {
        Py_VISIT(site->site);
        Py_VISIT(site->plan);
        Py_VISIT(site->capture);
        Py_VISIT(site->fixed_result);
        Py_VISIT(site->learn);
        Py_VISIT(site->taught);
        Py_VISIT(site->result_place);
    }
    return 0;
}

/* Called as a code object goes, and as its extra is replaced. */
void
ct_free_site(void *extra)
{
    ct_site *site = extra;
    if (site != NULL) {
        site->code = NULL;
        unlink_site(site);
        ct_release_site(site);
    }
}

/* NULL without an exception for code that this core knows nothing of. */
ct_site *
ct_site_of(const ct_core *core, PyObject *code)
{
    void *extra = NULL;
    if (PyUnstable_Code_GetExtra(code, core->extra_index, &extra) < 0) {
        PyErr_Clear();
        return NULL;
    }
    ct_site *site = extra;
    return site != NULL && site->core == core ? site : NULL;
}

static int
read_slots(ct_site *site, PyObject *slots)
{
    for (int i = 0; i < site->argument_count; i++) {
        int slot, is_cell;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(slots, i), "ip:slot", &slot, &is_cell)) {
            return -1;
        }
        site->arguments[i].slot = slot;
        site->arguments[i].is_cell = is_cell;
    }
    return 0;
}

/* See `CompiledRecorder._register` for what each argument is. */
PyObject *
ct_add_site(ct_core *core, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"code", "traced_code", "plan", "capture", "fixed_result", "slots", "short_text",
                            "takes_plain", "ratio_bound", "is_native", "learn", "taught",
                            "result_place", NULL};
    PyObject *code, *python_site, *plan, *capture, *fixed_result, *slots, *ratio_bound;
    PyObject *learn, *taught, *result_place;
    Py_ssize_t short_text;
    int takes_plain, is_native;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!OOOOO!npOpOO!O:add", names, &PyCode_Type,
                                     &code, &python_site, &plan, &capture, &fixed_result,
                                     &PyTuple_Type, &slots, &short_text, &takes_plain, &ratio_bound,
                                     &is_native, &learn, &PyTuple_Type, &taught,
                                     &result_place)) {
        return NULL;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(slots);
    if (count > CT_MAX_ARGUMENTS) {
        is_native = 0;
        count = 0;
    }
    ct_site *site = PyMem_Calloc(1, sizeof(ct_site) + (size_t)count * sizeof site->arguments[0]);
    if (site == NULL) {
        return PyErr_NoMemory();
    }
    site->references = 1;
    site->argument_count = (int)count;
    site->short_text = short_text < CT_SHORT_TEXT ? short_text : CT_SHORT_TEXT;
    site->takes_plain = takes_plain;
    site->is_native = is_native;
    site->site = Py_NewRef(python_site);
    site->plan = Py_NewRef(plan);
    site->capture = Py_NewRef(capture);
    site->fixed_result = fixed_result == Py_None ? NULL : Py_NewRef(fixed_result);
    site->learn = Py_NewRef(learn);
    site->taught = PyTuple_GET_SIZE(taught) == 0 ? NULL : Py_NewRef(taught);
    site->result_place = PyObject_IsTrue(result_place) == 1 ? Py_NewRef(result_place) : NULL;
    if (read_slots(site, slots) < 0) {
        goto error;
    }
    if (ratio_bound != Py_None) {
        site->has_ratio_bound = 1;
        site->ratio_bound = PyLong_AsUnsignedLongLong(ratio_bound);
        if (site->ratio_bound == (uint64_t)-1 && PyErr_Occurred()) {
            if (!PyErr_ExceptionMatches(PyExc_OverflowError)) {
                goto error;
            }
            PyErr_Clear();      /* beyond every key: everything is kept, and still counted */
            site->is_native = 0;
        }
    }
    if (PyUnstable_Code_SetExtra(code, core->extra_index, site) < 0) {
        goto error;
    }
    site->code = code;
    site->core = core;
    site->next = core->sites;
    if (core->sites != NULL) {
        core->sites->previous = site;
    }
    core->sites = site;
    Py_RETURN_NONE;

error:
    ct_release_site(site);
    return NULL;
}

/* Take the sites off their code objects: the core goes. */
void
ct_unlink_sites(ct_core *core)
{
    while (core->sites != NULL) {
        PyObject *code = core->sites->code;
        if (PyUnstable_Code_SetExtra(code, core->extra_index, NULL) < 0) {
            PyErr_Clear();
            ct_free_site(core->sites);
        }
    }
}
