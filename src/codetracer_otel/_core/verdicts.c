/* What Python says about the names of keys and fields: a table of those asked for lately, by the address of the
   text, in front of the dictionaries that have all of them.  Most names are the same few objects again. */

#include "writer.h"

#define LONGEST_NAME 1024       /* that is judged as it is */

/* What was not said lately. */
int
ct_ask_verdict(ct_writer *writer, PyObject *verdicts, PyObject *name, long *verdict)
{
    if (PyUnicode_GET_LENGTH(name) > LONGEST_NAME) {
        return CT_FOR_PYTHON;
    }
    PyObject *known = PyDict_GetItemWithError(verdicts, name);
    if (known == NULL) {
        writer->wanted = name;
        writer->verdicts = verdicts;
        return PyErr_Occurred() ? -1 : CT_UNKNOWN_NAME;
    }
    *verdict = PyLong_AsLong(known);
    ct_verdict *recent = ct_verdict_place(writer->core, verdicts, name);
    /* What is said of a text never changes.  Both are held, so that no other object comes to their place. */
    Py_XSETREF(recent->name, Py_NewRef(name));
    Py_XSETREF(recent->verdicts, Py_NewRef(verdicts));
    recent->verdict = *verdict;
    return CT_WRITTEN;
}

void
ct_clear_verdicts(ct_core *core)
{
    for (int i = 0; i < CT_RECENT_VERDICTS; i++) {
        Py_CLEAR(core->verdicts[i].name);
        Py_CLEAR(core->verdicts[i].verdicts);
    }
}
