/* Monotonic time in ns: the system's, or that of a recorder whose clock is another one. */

#include "core.h"
#include <time.h>

int
ct_read_clock(ct_core *core, int64_t *now)
{
#ifdef CLOCK_MONOTONIC
    if (core->clock == NULL) {
        struct timespec at;
        clock_gettime(CLOCK_MONOTONIC, &at);
        *now = (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
        return 0;
    }
#endif
    PyObject *read = PyObject_CallNoArgs(core->clock);
    if (read == NULL) {
        return -1;
    }
    *now = PyLong_AsLongLong(read);
    Py_DECREF(read);
    return *now == -1 && PyErr_Occurred() ? -1 : 0;
}
