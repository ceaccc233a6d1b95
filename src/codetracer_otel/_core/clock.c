/* Clocks that are Python's, and Unix time. */

#include "core.h"

/* What the recorder's own clock says, see `ct_read_clock`. */
int
ct_ask_clock(ct_core *core, int64_t *now)
{
    PyObject *read = PyObject_CallNoArgs(core->clock);
    if (read == NULL) {
        return -1;
    }
    *now = PyLong_AsLongLong(read);
    Py_DECREF(read);
    return *now == -1 && PyErr_Occurred() ? -1 : 0;
}

/* Unix time minus monotonic time, of the system's clocks; 0 with an exception set where they cannot be read. */
int
ct_read_wall_offset(int64_t *offset)
{
#ifdef CLOCK_MONOTONIC
    struct timespec wall, monotonic;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    *offset = ((int64_t)wall.tv_sec - (int64_t)monotonic.tv_sec) * 1000000000 + wall.tv_nsec - monotonic.tv_nsec;
    return 1;
#else
    (void)offset;
    PyErr_SetString(PyExc_RuntimeError, "the system's clocks are Python's to read");
    return 0;
#endif
}
