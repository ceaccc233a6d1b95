/* Secrets that their neighbour tells, in lists and tuples: C finds that there can be none, or leaves it to Python. */

#include "writer.h"

/* Whether a text that begins with a dash may be a flag whose value is a secret.  A rule below a headline is
   nothing but dashes: a flag without a name. */
static int
check_flag(ct_writer *writer, PyObject *text)
{
    long verdict = 0;
    PyObject *no_name = PyUnicode_New(0, 0);    /* lives as long as the interpreter */
    Py_XDECREF(no_name);
    for (Py_ssize_t i = 1; i < PyUnicode_GET_LENGTH(text); i++) {
        if (PyUnicode_READ_CHAR(text, i) != '-') {
            return CT_FOR_PYTHON;
        }
    }
    int status = ct_verdict_on(writer, writer->site->verdicts, no_name, &verdict);
    return status == CT_WRITTEN && !(verdict & CT_SHOWN) ? CT_FOR_PYTHON : status;
}

/* Whether an item may be a secret because of the one before: a pair's second, which C hides, or the value of a
   flag. */
int
ct_check_neighbours(ct_writer *writer, PyObject *const *items, Py_ssize_t total, int *hides_second)
{
    *hides_second = 0;
    PyObject *verdicts = writer->site->verdicts;
    if (verdicts == NULL || total < 2
        || !(PyUnicode_CheckExact(items[0]) || PyBytes_CheckExact(items[0]))) {
        return CT_WRITTEN;
    }
    if (total == 2) {
        long verdict = 0;
        int status = PyBytes_CheckExact(items[0])
            ? CT_FOR_PYTHON : ct_verdict_on(writer, verdicts, items[0], &verdict);
        *hides_second = status == CT_WRITTEN && !(verdict & CT_SHOWN);
        if (status != CT_WRITTEN || *hides_second) {
            return status;
        }
    }
    Py_ssize_t seen = Py_MIN(total, writer->core->limits.max_items);
    int status = CT_WRITTEN;
    for (Py_ssize_t i = 0; i < seen && status == CT_WRITTEN; i++) {
        if (PyUnicode_CheckExact(items[i]) && PyUnicode_GET_LENGTH(items[i]) != 0
            && PyUnicode_READ_CHAR(items[i], 0) == '-') {
            status = check_flag(writer, items[i]);
        }
    }
    return status;
}
