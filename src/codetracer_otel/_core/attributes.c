/* Reads an instance's attributes where they are: asked for its dictionary, the interpreter would make one, which
   the program then pays for. */

#include "frames.h"     /* first: it says which of CPython's headers may be read */

/* -1, without an exception, where the instance has none.  Whoever opens them drops `dictionary`. */
int
ct_open_attributes(ct_attributes *attributes, PyObject *value)
{
    *attributes = (ct_attributes){0};
    if (ct_find_attributes(value, attributes)) {
        return 0;
    }
    attributes->dictionary = PyObject_GenericGetDict(value, NULL);
    if (attributes->dictionary == NULL) {
        PyErr_Clear();
        return -1;
    }
    attributes->count = PyDict_GET_SIZE(attributes->dictionary);
    ct_find_entries(attributes->dictionary, attributes);
    return 0;
}

/* The next attribute, borrowed, in the order in which they were set; 0 at the end. */
int
ct_next_attribute(const ct_attributes *attributes, Py_ssize_t *position, PyObject **name, PyObject **held)
{
    for (; *position < attributes->entry_count; *position += 1) {
        *held = attributes->values[*position * CT_NAME_STEP];
        if (*held != NULL) {
            *name = attributes->names[*position * CT_NAME_STEP];
            *position += 1;
            return 1;
        }
    }
    if (attributes->dictionary != NULL) {
        return attributes->entry_count == 0 && PyDict_Next(attributes->dictionary, position, name, held);
    }
    if (*position >= attributes->count) {
        return 0;
    }
    size_t place = attributes->order[*position * attributes->order_step];
    *position += 1;
    *name = attributes->names[place * CT_NAME_STEP];
    *held = attributes->values[place];
    return 1;
}
