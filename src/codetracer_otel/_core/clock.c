/* Clocks that are Python's, the system's, and Unix time.

   A call reads the time twice, which is half of what it costs where only names are recorded.  Linux on x86-64 makes the
   time of the processor's counter; most of the price is for waiting until nothing else is under way, and for what comes
   out the same a moment later.  So for a millisecond after the system's clock was read the counter carries it on, at
   the rate of the time before: less than 0.2 us beside what it would say.  Whatever becomes of the counter in that
   time, by a machine that sleeps or moves to another one, no time is wrong by more than the millisecond. */

#include "core.h"
#include <stdio.h>
#include <string.h>

#define SOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define WINDOW_NS 1000000
#define TWO_32 4294967296.0
#define MOST_BETWEEN 600        /* counts while the clock is read: more, and nobody knows which one it belongs to */

/* The counter runs at one rate, and the same on all processors, where Linux itself tells the time by it. */
void
ct_trust_counter(ct_counter *counter)
{
#ifdef CT_COUNT
    char source[8] = "";
    FILE *file = fopen(SOURCE, "re");
    if (file != NULL) {
        size_t size = fread(source, 1, sizeof source, file);
        counter->is_trusted = size == 4 && memcmp(source, "tsc\n", 4) == 0;
        fclose(file);
    }
#else
    counter->is_trusted = 0;
#endif
}

/* Let the counter carry the clock on from a reading, once its rate is known. */
static void
carry_on_from(ct_counter *counter, uint64_t count, int64_t now)
{
    if (counter->from != 0 && now - counter->ns < WINDOW_NS) {
        return;                 /* too soon to know a rate */
    }
    double counts = (double)(int64_t)(count - counter->from), before = (double)counter->rate;
    double rate = counter->from != 0 && counts > 0 ? (double)(now - counter->ns) / counts * TWO_32 : 0;
    /* Two in a row must agree: the machine may have slept in one of them, while the counter went on. */
    int is_same = rate > before * 0.999 && rate < before * 1.001;
    if (is_same) {
        rate = before + (rate - before) / 8;    /* of some windows: to read a clock takes no fixed time */
    }
    counter->rate = rate >= 1 && rate < 1000 * TWO_32 ? (uint64_t)rate : 0;
    counter->window = is_same && counter->rate != 0 ? ((uint64_t)WINDOW_NS << 32) / counter->rate : 0;
    counter->from = count;
    counter->ns = now;
}

/* What is told where the clock was read between two counts: what it said, or what was told last if that is later. */
static int64_t
tell(ct_counter *counter, uint64_t before, int64_t now, uint64_t after)
{
    if (counter->window != 0) {
        counter->told = counter->ns + WINDOW_NS;
    }
    if (after - before < MOST_BETWEEN) {
        carry_on_from(counter, before + (after - before) / 2, now);
    }
    return Py_MAX(now, counter->told);
}

/* carried_times(readings): what is told at each (count before the clock, what that says, count behind it), of a counter
   that is trusted, for tests. */
PyObject *
ct_carried_times(PyObject *Py_UNUSED(module), PyObject *readings)
{
    if (!PyList_Check(readings)) {
        PyErr_SetString(PyExc_TypeError, "readings must be a list");
        return NULL;
    }
    ct_counter counter = {0};
    PyObject *times = PyList_New(0);
    for (Py_ssize_t i = 0; times != NULL && i < PyList_Size(readings); i++) {
        unsigned long long before, after;
        long long clock;
        int64_t now;
        if (!PyArg_Parse(PyList_GET_ITEM(readings, i), "(KLK):carried_times", &before, &clock, &after)) {
            Py_CLEAR(times);
            break;
        }
        if (!ct_is_carried_on(&counter, before, &now)) {
            now = tell(&counter, before, clock, after);
        }
        PyObject *told = PyLong_FromLongLong(now);
        if (told == NULL || PyList_Append(times, told) < 0) {
            Py_CLEAR(times);
        }
        Py_XDECREF(told);
    }
    return times;
}

#ifdef CLOCK_MONOTONIC

static int64_t
monotonic_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

int64_t
ct_read_system_clock(ct_counter *counter)
{
#ifdef CT_COUNT
    if (counter->is_trusted) {
        uint64_t before = CT_COUNT();
        int64_t now = monotonic_ns();
        return tell(counter, before, now, CT_COUNT());
    }
#endif
    (void)counter;
    return monotonic_ns();
}

#endif

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
