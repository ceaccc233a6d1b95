/* What is known of the classes of values: found out in Python once for each, kept in a table by address.

   A class may go, and another one come to its address: a weak reference tells. */

#include "classes.h"

#define FIRST_CAPACITY 256      /* a power of two */
#define MOST_CLASSES 4096

static size_t
place_of(const ct_classes *classes, const PyTypeObject *type)
{
    size_t mask = classes->capacity - 1;
    size_t at = ct_class_place(classes, type);
    while (classes->table[at] != NULL && classes->table[at]->type != type) {
        at = (at + 1) & mask;
    }
    return at;
}

/* One that is not where it is looked for first. */
const ct_form *
ct_find_form(const ct_classes *classes, const PyTypeObject *type)
{
    const ct_form *known = classes->table[place_of(classes, type)];
    return known != NULL && ct_is_alive(known) ? known : NULL;
}

static void
free_class(ct_form *known)
{
    Py_XDECREF(known->reference);
    Py_XDECREF(known->full_name);
    Py_XDECREF(known->error_name);
    Py_XDECREF(known->tell);
    for (Py_ssize_t i = 0; i < known->field_count; i++) {
        Py_XDECREF(known->fields[i].name);
    }
    PyMem_Free(known);
}

static void
clear(ct_classes *classes)
{
    ct_classes old = *classes;
    *classes = (ct_classes){.generation = old.generation + 1};
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.table[i] != NULL) {
            free_class(old.table[i]);
        }
    }
    PyMem_Free(old.table);
}

void
ct_clear_classes(ct_core *core)
{
    clear(&core->classes);
    clear(&core->named);
}

static int
make_room(ct_classes *classes)
{
    if (classes->count >= MOST_CLASSES) {
        clear(classes);      /* most are of classes that are gone */
    }
    if (4 * classes->count < classes->capacity) {
        return 0;
    }
    ct_classes larger = {.generation = classes->generation,
                         .capacity = classes->capacity == 0 ? FIRST_CAPACITY : 2 * classes->capacity};
    larger.table = PyMem_Calloc(larger.capacity, sizeof *larger.table);
    if (larger.table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < classes->capacity; i++) {
        if (classes->table[i] != NULL) {
            larger.table[place_of(&larger, classes->table[i]->type)] = classes->table[i];
            larger.count++;
        }
    }
    PyMem_Free(classes->table);
    *classes = larger;
    return 0;
}

/* A field is a name and the descriptor of a slot, or None for what stands in the instance's dictionary or
   goes by its place. */
static int
read_field(ct_form *known, Py_ssize_t index, PyObject *field)
{
    PyObject *name, *slot;
    if (!PyArg_ParseTuple(field, "UO:field", &name, &slot)) {
        return -1;
    }
    known->fields[index].name = Py_NewRef(name);
    known->fields[index].offset = slot == Py_None ? -1 : ct_offset_of(known->type, slot);
    if (slot != Py_None && known->fields[index].offset < 0) {
        known->form = CT_PYTHONS;       /* a slot that holds no object */
    }
    return 0;
}

/* `told`: (form, name, full name, fields, how many are left out, what tells the text or None, how it ends a call,
   what it is called then), see `class_forms.py`. */
static ct_form *
read_class(ct_names *names, PyTypeObject *type, PyObject *told)
{
    int form, hidden, ending;
    PyObject *name, *full_name, *fields, *tell, *error_name;
    if (!PyArg_ParseTuple(told, "CUUO!iOiU:class", &form, &name, &full_name, &PyTuple_Type, &fields,
                          &hidden, &tell, &ending, &error_name)) {
        return NULL;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(fields);
    ct_form *known = PyMem_Calloc(1, sizeof(ct_form) + (size_t)count * sizeof known->fields[0]);
    if (known == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    known->type = type;
    known->form = (char)form;
    known->hidden = hidden;
    known->ending = ending;
    known->error_name = Py_NewRef(error_name);
    known->tell = tell == Py_None ? NULL : Py_NewRef(tell);
    known->is_static = !(type->tp_flags & Py_TPFLAGS_HEAPTYPE);
    known->full_name = Py_NewRef(full_name);
    known->name = ct_number_of(names, name);
    if (known->name == CT_NO_NAME) {
        known->form = CT_PYTHONS;
    }
    known->reference = PyErr_Occurred() ? NULL : PyWeakref_NewRef((PyObject *)type, NULL);
    if (known->reference == NULL) {
        free_class(known);
        return NULL;
    }
    for (; known->field_count < count; known->field_count++) {
        if (read_field(known, known->field_count, PyTuple_GET_ITEM(fields, known->field_count)) < 0) {
            free_class(known);
            return NULL;
        }
    }
    return known;
}

/* Keep what Python says about a class. */
static int
learn(ct_core *core, ct_classes *classes, PyTypeObject *type, PyObject *is_value)
{
    PyObject *told = PyObject_CallFunctionObjArgs(core->form_of_class, type, is_value, NULL);
    ct_form *known = told == NULL ? NULL : read_class(&core->log->names, type, told);
    Py_XDECREF(told);
    if (known == NULL) {
        return -1;
    }
    if (make_room(classes) < 0) {
        free_class(known);
        return -1;
    }
    ct_form **place = &classes->table[place_of(classes, type)];
    ct_form *before = *place;
    *place = known;
    if (before != NULL) {
        classes->generation++;
        free_class(before);
    }
    else {
        classes->count++;
    }
    return 0;
}

int
ct_learn_class(ct_core *core, PyTypeObject *type)
{
    return learn(core, &core->classes, type, Py_False);
}

/* What a class is called, and no more: one that is a value may not be complete.  What decorates it, or makes it,
   has yet to say what its instances are. */
int
ct_learn_name(ct_core *core, PyTypeObject *type)
{
    return learn(core, &core->named, type, Py_True);
}
