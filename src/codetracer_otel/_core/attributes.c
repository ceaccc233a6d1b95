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
