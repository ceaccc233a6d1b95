/* Traced code objects: what the core keeps of each, and what of them has been counted. */

#include "core.h"
#include <string.h>

static void
free_site(ct_site *site)
{
    Py_XDECREF(site->site);
    Py_XDECREF(site->plan);
    Py_XDECREF(site->capture);
    Py_XDECREF(site->fixed_result);
    Py_XDECREF(site->learn);
    Py_XDECREF(site->taught);
    Py_XDECREF(site->result_place);
    Py_XDECREF(site->verdicts);
    Py_XDECREF(site->judge);
    Py_XDECREF(site->keyword_verdicts);
    Py_XDECREF(site->judge_keyword);
    Py_XDECREF(site->capture_keywords);
    Py_XDECREF(site->naming);
    Py_XDECREF(site->hide_told);
    if (site->told != NULL) {
        free_site(site->told);
    }
    PyMem_Free(site);
}

void
ct_release_site(ct_site *site)
{
    site = site->owner == NULL ? site : site->owner;
    if (--site->references != 0) {
        return;
    }
    free_site(site);
}

static int
visit_site(const ct_site *site, visitproc visit, void *arg)
{
    Py_VISIT(site->site);
    Py_VISIT(site->plan);
    Py_VISIT(site->capture);
    Py_VISIT(site->fixed_result);
    Py_VISIT(site->learn);
    Py_VISIT(site->taught);
    Py_VISIT(site->result_place);
    Py_VISIT(site->verdicts);
    Py_VISIT(site->judge);
    Py_VISIT(site->keyword_verdicts);
    Py_VISIT(site->judge_keyword);
    Py_VISIT(site->capture_keywords);
    Py_VISIT(site->naming);
    Py_VISIT(site->hide_told);
    return site->told == NULL ? 0 : visit_site(site->told, visit, arg);
}

/* Entries hold a site as well, but count its objects only once: through its core. */
int
ct_visit_sites(ct_core *core, visitproc visit, void *arg)
{
    int found = 0;
    for (size_t at = 0; found == 0 && at <= core->sites.mask; at++) {
        const ct_site *site = core->sites.places[at];
        found = site == NULL ? 0 : visit_site(site, visit, arg);
    }
    return found;
}

int
ct_has_counts(const ct_site *site)
{
    return (site->kept | site->sampled_out | site->in_python) != 0;
}

/* Of a site that has left the table.  What was counted waits for `ct_take_counts`. */
void
ct_retire_site(ct_core *core, ct_site *site)
{
    if (ct_has_counts(site)) {
        site->next = core->gone;
        core->gone = site;
    }
    else {
        ct_release_site(site);
    }
}

static int
add_counts(PyObject *counts, ct_site *site)
{
    if (!ct_has_counts(site)) {
        return 0;
    }
    PyObject *row = Py_BuildValue("OLLL", site->site, (long long)site->kept,
                                  (long long)site->sampled_out, (long long)site->in_python);
    int is_added = row == NULL ? -1 : PyList_Append(counts, row);
    Py_XDECREF(row);
    if (is_added == 0) {
        site->kept = site->sampled_out = site->in_python = 0;
    }
    return is_added;
}

/* The calls of each site since the last time: those that a ratio kept and sampled out, those that began in
   Python. */
PyObject *
ct_take_counts(ct_core *core)
{
    PyObject *counts = PyList_New(0);
    int is_taken = counts == NULL ? -1 : 0;

    for (size_t at = 0; is_taken == 0 && at <= core->sites.mask; at++) {
        ct_site *site = core->sites.places[at];
        is_taken = site == NULL ? 0 : add_counts(counts, site);
    }
    while (is_taken == 0 && core->gone != NULL) {
        ct_site *site = core->gone;
        is_taken = add_counts(counts, site);
        if (is_taken == 0) {
            core->gone = site->next;
            site->next = NULL;
            ct_release_site(site);
        }
    }
    if (is_taken < 0) {
        Py_CLEAR(counts);
    }
    return counts;
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

/* How values are walked: None if Python captures each, else (verdicts, judge), both None where no name is
   judged. */
static int
read_walk(ct_site *site, PyObject *walk)
{
    PyObject *verdicts, *judge;
    if (walk == Py_None) {
        return 0;
    }
    if (!PyArg_ParseTuple(walk, "OO:walk", &verdicts, &judge)) {
        return -1;
    }
    site->is_walked = 1;
    if (verdicts != Py_None) {
        site->verdicts = Py_NewRef(verdicts);
        site->judge = Py_NewRef(judge);
    }
    return 0;
}

/* None, or (index of `**kwargs`, verdicts, judge, capture). */
static int
read_keywords(ct_site *site, PyObject *keywords)
{
    PyObject *verdicts, *judge, *capture;
    if (keywords == Py_None) {
        return 0;
    }
    if (!PyArg_ParseTuple(keywords, "iO!OO:keywords", &site->keywords_index, &PyDict_Type, &verdicts,
                          &judge, &capture)) {
        return -1;
    }
    site->keyword_verdicts = Py_NewRef(verdicts);
    site->judge_keyword = Py_NewRef(judge);
    site->capture_keywords = Py_NewRef(capture);
    return 0;
}

/* A site of the same code with another plan, under which the result is hidden.  No code leads to it, only the
   one that it is made of; only what the end of a call needs is in it. */
static ct_site *
copy_as_told(ct_site *site, PyObject *plan, PyObject *fixed_result, PyObject *place)
{
    ct_site *told = PyMem_Calloc(1, sizeof(ct_site));
    if (told == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    told->owner = site;
    told->short_text = site->short_text;
    told->takes_plain = site->takes_plain;
    told->has_receiver = site->has_receiver;
    told->is_native = site->is_native;
    told->suspends = site->suspends;
    told->start_offset = -1;
    told->keywords_index = -1;
    told->reads_at_error = site->reads_at_error;
    told->site = Py_NewRef(site->site);
    told->plan = Py_NewRef(plan);
    told->capture = Py_NewRef(site->capture);
    told->learn = Py_NewRef(site->learn);
    told->fixed_result = Py_NewRef(fixed_result);
    told->result_place = PyObject_IsTrue(place) == 1 ? Py_NewRef(place) : NULL;
    return told;
}

/* None, or (indices of arguments that name others or the result, what hides those, and for the calls of which the
   result is named so: plan or None, what stands for it, its place). */
static int
read_pairs(ct_site *site, PyObject *pairs)
{
    PyObject *naming, *hide_told, *plan, *fixed_result, *place;
    if (pairs == Py_None) {
        return 0;
    }
    if (!PyArg_ParseTuple(pairs, "O!OOOO:pairs", &PyTuple_Type, &naming, &hide_told, &plan, &fixed_result,
                          &place)) {
        return -1;
    }
    site->naming = Py_NewRef(naming);
    site->hide_told = Py_NewRef(hide_told);
    if (plan != Py_None) {
        site->told = copy_as_told(site, plan, fixed_result, place);
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* See `CompiledRecorder._register` for what each argument is. */
PyObject *
ct_add_site(ct_core *core, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"code", "traced_code", "plan", "capture", "fixed_result", "slots", "short_text",
                            "takes_plain", "ratio_bound", "is_native", "learn", "taught",
                            "result_place", "walk", "keywords", "pairs", "has_receiver", "suspends",
                            "reads_at_error", "tells_errors", NULL};
    PyObject *code, *python_site, *plan, *capture, *fixed_result, *slots, *ratio_bound;
    PyObject *learn, *taught, *result_place, *walk, *keys, *pairs;
    ct_site *before;
    Py_ssize_t short_text;
    int takes_plain, is_native, has_receiver, suspends, reads_at_error, tells_errors;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!OOOOO!npOpOO!OOOOpppp:add", names, &PyCode_Type,
                                     &code, &python_site, &plan, &capture, &fixed_result,
                                     &PyTuple_Type, &slots, &short_text, &takes_plain, &ratio_bound,
                                     &is_native, &learn, &PyTuple_Type, &taught,
                                     &result_place, &walk, &keys, &pairs, &has_receiver, &suspends,
                                     &reads_at_error, &tells_errors)) {
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
    site->has_receiver = has_receiver;
    site->is_native = is_native;
    site->suspends = suspends;
    site->start_offset = -1;
    site->reads_at_error = reads_at_error;
    site->tells_errors = tells_errors;
    site->site = Py_NewRef(python_site);
    site->plan = Py_NewRef(plan);
    site->capture = Py_NewRef(capture);
    site->fixed_result = fixed_result == Py_None ? NULL : Py_NewRef(fixed_result);
    site->learn = Py_NewRef(learn);
    site->taught = PyTuple_GET_SIZE(taught) == 0 ? NULL : Py_NewRef(taught);
    site->result_place = PyObject_IsTrue(result_place) == 1 ? Py_NewRef(result_place) : NULL;
    site->keywords_index = -1;
    if (read_slots(site, slots) < 0 || read_walk(site, walk) < 0 || read_keywords(site, keys) < 0
        || read_pairs(site, pairs) < 0) {
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
    site->code = code;
    if (ct_put_site(core, site, &before) < 0) {
        goto error;
    }
    if (before != NULL) {
        ct_retire_site(core, before);
    }
    Py_RETURN_NONE;

error:
    ct_release_site(site);
    return NULL;
}

/* Let go of all: the core goes. */
void
ct_clear_sites(ct_core *core)
{
    ct_sites sites = core->sites;
    ct_site *gone = core->gone;
    core->gone = NULL;
    ct_clear_places(&core->sites);
    while (gone != NULL) {
        ct_site *site = gone;
        gone = site->next;
        ct_release_site(site);
    }
    for (size_t at = 0; at <= sites.mask; at++) {
        if (sites.places[at] != NULL) {
            ct_release_site(sites.places[at]);
        }
    }
    ct_free_places(&sites);
}
