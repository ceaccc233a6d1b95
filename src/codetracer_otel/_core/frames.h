/* Everything that the core knows of CPython's private structures, for 3.12 to 3.15.

   What differs between the versions: where a thread keeps its current frame (3.12: behind a C frame),
   whether a frame holds objects or tagged references (3.14 on), and where an instance keeps its attributes
   (3.12: behind a tagged pointer).  Nothing else of the core includes an internal header.  The module's
   `check_frame` and `check_attributes` compare all of it with a call and an instance whose values are known,
   before anything read here is ever dereferenced. */

#ifndef CODETRACER_FRAMES_H
#define CODETRACER_FRAMES_H

#ifndef Py_BUILD_CORE_MODULE
#  define Py_BUILD_CORE_MODULE 1
#endif
#include <Python.h>
#include "internal/pycore_dict.h"
#include "internal/pycore_frame.h"
#include "internal/pycore_object.h"
#if PY_VERSION_HEX >= 0x030E0000
#  include "internal/pycore_interpframe.h"
#  include "internal/pycore_stackref.h"
#endif

#if PY_VERSION_HEX < 0x030C0000 || PY_VERSION_HEX >= 0x03100000
#  error "frames.h knows CPython 3.12 to 3.15"
#endif

#include "attributes.h"

typedef _PyInterpreterFrame ct_frame;

#define CT_NAME_STEP (sizeof(PyDictUnicodeEntry) / sizeof(PyObject *))

/* The frame of the Python code that is running; NULL below C code alone. */
static inline ct_frame *
ct_current_frame(PyThreadState *tstate)
{
#if PY_VERSION_HEX < 0x030D0000
    return tstate->cframe->current_frame;
#else
    return tstate->current_frame;
#endif
}

/* Never given twice. */
static inline uint64_t
ct_id_of_thread(const PyThreadState *tstate)
{
    return tstate->id;
}

/* Of a generator it lies in the generator itself. */
static inline ct_frame *
ct_frame_of(PyFrameObject *frame)
{
    return frame->f_frame;
}

/* Borrowed; only compared, never used. */
static inline PyObject *
ct_code_of(ct_frame *frame)
{
#if PY_VERSION_HEX < 0x030D0000
    return (PyObject *)frame->f_code;
#elif PY_VERSION_HEX < 0x030E0000
    return frame->f_executable;
#else
    return PyStackRef_AsPyObjectBorrow(frame->f_executable);
#endif
}

/* Borrowed; NULL for a variable without a value. */
static inline PyObject *
ct_local(ct_frame *frame, int slot)
{
#if PY_VERSION_HEX < 0x030E0000
    return frame->localsplus[slot];
#else
    return PyStackRef_IsNull(frame->localsplus[slot])
        ? NULL : PyStackRef_AsPyObjectBorrow(frame->localsplus[slot]);
#endif
}

/* 1: an instance's attributes are in itself; 0: it has a dictionary, or none of the interpreter's. */
static inline int
ct_find_attributes(PyObject *object, ct_attributes *found)
{
    PyTypeObject *type = Py_TYPE(object);
    PyDictValues *values;
#if PY_VERSION_HEX < 0x030D0000
    if (!(type->tp_flags & Py_TPFLAGS_MANAGED_DICT)
        || !_PyDictOrValues_IsValues(*_PyObject_DictOrValuesPointer(object))) {
        return 0;
    }
    values = _PyDictOrValues_GetValues(*_PyObject_DictOrValuesPointer(object));
    found->count = ((uint8_t *)values)[-2];
    found->order = (uint8_t *)values - 3;
    found->order_step = -1;
#else
    if (!(type->tp_flags & Py_TPFLAGS_INLINE_VALUES) || !_PyObject_InlineValues(object)->valid) {
        return 0;
    }
    values = _PyObject_InlineValues(object);
    found->count = values->size;
    found->order = (uint8_t *)&values->values[values->capacity];
    found->order_step = 1;
#endif
    found->names = &DK_UNICODE_ENTRIES(((PyHeapTypeObject *)type)->ht_cached_keys)->me_key;
    found->values = values->values;
    found->name_step = CT_NAME_STEP;
    return 1;
}

/* Where an instance keeps its dictionary, or what it has instead of one; NULL where that is not said so simply. */
static inline void *
ct_dictionary_place(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
#if PY_VERSION_HEX < 0x030D0000
        return _PyObject_DictOrValuesPointer(object);
#else
        return _PyObject_ManagedDictPointer(object);
#endif
    }
    return type->tp_dictoffset > 0 ? (char *)object + type->tp_dictoffset : NULL;
}

/* The memory that says which attributes there are, of an instance or of a dictionary that shares its names. */
static inline int
ct_memory_of_values(PyDictValues *values, ct_memory *found)
{
#if PY_VERSION_HEX < 0x030D0000
    const uint8_t *order = (const uint8_t *)values - 3;
    int size = ((const uint8_t *)values)[-2], most = 0;
    for (int i = 0; i < size; i++) {
        most = Py_MAX(most, order[-i] + 1);
    }
    /* What stands before the values are whole words, of which some bytes may be unused. */
    size_t before = ((size_t)size + 2 + 7) / 8 * 8;
    found[0] = (ct_memory){(const char *)values - before, before};
    found[1] = (ct_memory){values->values, (size_t)most * sizeof(PyObject *)};
    return 2;
#else
    const uint8_t *order = (const uint8_t *)&values->values[values->capacity];
    int most = 0;
    for (int i = 0; i < values->size; i++) {
        most = Py_MAX(most, order[i] + 1);
    }
    /* Capacity, size, whether they are of an instance, and valid; whole words, of which some bytes are unused. */
    found[0] = (ct_memory){values, offsetof(PyDictValues, values)};
    found[1] = (ct_memory){order, ((size_t)values->size + 7) / 8 * 8};
    found[2] = (ct_memory){values->values, (size_t)most * sizeof(PyObject *)};
    return 3;
#endif
}

/* The same of an instance with attributes in itself. */
static inline int
ct_memory_of_instance(PyObject *object, ct_memory *found)
{
#if PY_VERSION_HEX < 0x030D0000
    PyDictOrValues *place = _PyObject_DictOrValuesPointer(object);
    found[0] = (ct_memory){place, sizeof *place};
    return 1 + ct_memory_of_values(_PyDictOrValues_GetValues(*place), found + 1);
#else
    return ct_memory_of_values(_PyObject_InlineValues(object), found);
#endif
}

/* The same of the first `most` entries of a dictionary. */
static inline int
ct_memory_of_dictionary(PyObject *dictionary, Py_ssize_t most, ct_memory *found)
{
    const PyDictObject *itself = (const PyDictObject *)dictionary;
    PyDictKeysObject *keys = itself->ma_keys;
    found[0] = (ct_memory){&itself->ma_used, sizeof itself->ma_used};
    if (itself->ma_used == 0) {
        return 1;
    }
    found[1] = (ct_memory){&itself->ma_keys, sizeof itself->ma_keys + sizeof itself->ma_values};
    if (itself->ma_values != NULL) {
        return 2 + ct_memory_of_values(itself->ma_values, found + 2);
    }
    const char *head = (const char *)&keys->dk_log2_size;
    found[2] = (ct_memory){head, (size_t)((const char *)(&keys->dk_nentries + 1) - head)};
    size_t size = DK_IS_UNICODE(keys) ? sizeof(PyDictUnicodeEntry) : sizeof(PyDictKeyEntry);
    const char *entries = _DK_ENTRIES(keys), *end = entries, *last = entries + (size_t)keys->dk_nentries * size;
    for (; most > 0 && end < last; end += size) {
        most -= ((PyObject *const *)(end + size))[-1] != NULL;  /* its value: what is gone has none */
    }
    found[3] = (ct_memory){entries, (size_t)(end - entries)};
    return 4;
}

/* Where the entries of a dictionary are, if all of its keys are texts and it has a table of its own. */
static inline void
ct_find_entries(PyObject *dictionary, ct_attributes *found)
{
    const PyDictObject *itself = (const PyDictObject *)dictionary;
    if (itself->ma_values == NULL && DK_IS_UNICODE(itself->ma_keys)) {
        found->entry_count = itself->ma_keys->dk_nentries;
        found->name_step = CT_NAME_STEP;
        found->names = &DK_UNICODE_ENTRIES(itself->ma_keys)->me_key;
        found->values = &DK_UNICODE_ENTRIES(itself->ma_keys)->me_value;
    }
}

#endif
