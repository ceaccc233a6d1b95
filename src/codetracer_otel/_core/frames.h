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
    return 1;
}

/* Where the entries of a dictionary are, if all of its keys are texts and it has a table of its own. */
static inline void
ct_find_entries(PyObject *dictionary, ct_attributes *found)
{
    const PyDictObject *itself = (const PyDictObject *)dictionary;
    if (itself->ma_values == NULL && DK_IS_UNICODE(itself->ma_keys)) {
        found->entry_count = itself->ma_keys->dk_nentries;
        found->names = &DK_UNICODE_ENTRIES(itself->ma_keys)->me_key;
        found->values = &DK_UNICODE_ENTRIES(itself->ma_keys)->me_value;
    }
}

#endif
