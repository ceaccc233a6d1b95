/* Writes the entries of a block as JSON, one text for each.

   How a text looks is a template of its plan, which Python makes of what its own writer writes: bytes, and
   numbers that stand for what differs.  The GIL is held: the shortest form of a float is the interpreter's. */

#include "texts.h"
#include "values.h"

/* What the numbers in a template stand for. */
enum { TIMESTAMP, TRACE_ID, SPAN_ID, PARENT_ID, MILLISECONDS, THREAD, VALUE, START_US, DURATION_US, FIELDS };

#define LAST_SECOND INT64_C(253402300799)   /* 9999-12-31T23:59:59Z */
#define BILLION INT64_C(1000000000)

typedef struct {
    PyObject *trace_id, *thread;    /* bytes */
    int64_t wall_offset;
    int is_known;
} segment_form;

typedef struct {
    ct_block *block;
    ct_output *output;
    PyObject *plans, *objects;      /* lists of templates or None; of bytes or None */
    segment_form *segments;
    int64_t origin;                 /* Unix ns that microseconds count from */
    size_t longest;                 /* bytes of a text; one that would be longer is Python's */
    ct_output text;                 /* of a value; no object */
    int64_t second;                 /* whose text is kept */
    char second_text[20];
} rendering;

static const char HEX[] = "0123456789abcdef";

static int
put_object(ct_output *output, PyObject *bytes)
{
    return ct_put_bytes(output, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
}

#define EXACT INT64_C(9007199254740992)     /* from here on doubles are not all integers */

/* The shortest form of `number` divided by 10 to the power of `places`, as a float: with at most fifteen
   digits it is the decimal number itself, and the interpreter's way there takes 500 ns.  As `put_value`. */
static int
put_quotient(ct_output *output, int64_t number, int places, double divisor)
{
    char text[CT_LONGEST_NUMBER], *end = text + sizeof text;

    if (number <= -EXACT || number >= EXACT) {
        return 0;
    }
    if (number < 100 || number >= INT64_C(1000000000000000)) {     /* some have an exponent */
        return ct_put_double(output, (double)number / divisor) < 0 ? -1 : 1;
    }
    uint64_t whole = (uint64_t)number / (uint64_t)divisor, part = (uint64_t)number % (uint64_t)divisor;
    char *begin = ct_digits_before(end, part, places);
    while (end > begin + 1 && end[-1] == '0') {
        end--;
    }
    *--begin = '.';
    begin = ct_digits_before(begin, whole, 1);
    return ct_put_bytes(output, begin, (size_t)(end - begin)) < 0 ? -1 : 1;
}

/* A text in quotes. */
static int
put_text(ct_output *output, const char *utf8, size_t size)
{
    int failed = ct_put_bytes(output, "\"", 1) < 0 || ct_put_escaped(output, utf8, size) < 0
        || ct_put_bytes(output, "\"", 1) < 0;
    return failed ? -1 : 0;
}

/* 1: written, 0: Python has to write the record, -1: no memory. */
static int
put_value(rendering *rendering, const char *at)
{
    ct_output *output = rendering->output, *text = &rendering->text;
    const ct_names *names = &rendering->block->log->names;
    int64_t integer;
    double real;
    PyObject *known;

    switch (*at) {
    case NONE:
        return ct_put_bytes(output, "null", 4) < 0 ? -1 : 1;
    case TRUE_:
        return ct_put_bytes(output, "true", 4) < 0 ? -1 : 1;
    case FALSE_:
        return ct_put_bytes(output, "false", 5) < 0 ? -1 : 1;
    case INTEGER:
        memcpy(&integer, at + 1, 8);
        return ct_put_integer(output, integer) < 0 ? -1 : 1;
    case FLOAT:
        memcpy(&real, at + 1, 8);
        return ct_put_double(output, real) < 0 ? -1 : 1;
    case ASCII: case UTF8:
        return put_text(output, ct_text(at), ct_text_size(at)) < 0 ? -1 : 1;
    case OBJECT:
        known = PyList_GET_ITEM(rendering->objects,
                                ct_place_of(&rendering->block->objects, ct_object(at)));
        return known == Py_None ? 0 : put_object(output, known) < 0 ? -1 : 1;
    }
    if (ct_is_flat(at)) {
        return ct_put_node(output, names, at, 1);
    }
    text->size = 0;
    int done = ct_put_node(text, names, at, 1);
    if (done != 1) {
        return done;
    }
    return put_text(output, text->size == 0 ? "" : (const char *)text->bytes, text->size) < 0 ? -1 : 1;
}

/* The civil date of a day since 1970 is computed in years that begin with March, so that the day that only
   some have is the last of one. */
static void
write_second(char *text, uint64_t second)
{
    uint64_t days = second / 86400 + 719468, rest = second % 86400; /* since 0000-03-01 */
    uint64_t era = days / 146097, day = days % 146097;              /* of 400 years */
    uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint64_t of_year = day - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * of_year + 2) / 153;
    unsigned number = (unsigned)(month < 10 ? month + 3 : month - 9);
    snprintf(text, 20, "%04u-%02u-%02uT%02u:%02u:%02u",
             (unsigned)((year + 400 * era + (number <= 2)) % 10000), number % 100,
             (unsigned)(of_year - (153 * month + 2) / 5 + 1) % 100, (unsigned)(rest / 3600),
             (unsigned)(rest / 60 % 60), (unsigned)(rest % 60));
}

static int
put_timestamp(rendering *rendering, int64_t unix_ns)
{
    char text[] = "\"0000-00-00T00:00:00.000000Z\"";
    int64_t second = unix_ns / BILLION, rest = unix_ns % BILLION;

    if (second > LAST_SECOND) {
        second = LAST_SECOND;
        rest = 0;
    }
    if (second != rendering->second) {
        rendering->second = second;
        write_second(rendering->second_text, (uint64_t)second); /* see `ct_is_written` */
    }
    memcpy(text + 1, rendering->second_text, 19);
    (void)ct_digits_before(text + 27, (uint64_t)rest / 1000, 6);
    return ct_put_bytes(rendering->output, text, sizeof text - 1);
}

static int
put_id(ct_output *output, uint64_t id)
{
    char text[18] = "\"";
    for (int i = 0; i < 8; i++) {       /* in the order of the wire */
        unsigned byte = id >> 8 * i & 0xFF;
        text[1 + 2 * i] = HEX[byte >> 4];
        text[2 + 2 * i] = HEX[byte & 15];
    }
    text[17] = '"';
    return ct_put_bytes(output, text, sizeof text);
}

/* As `put_value`. */
static int
put_field(rendering *rendering, const ct_entry *entry, const segment_form *segment, long field,
          const char **at)
{
    ct_output *output = rendering->output;
    int64_t start = entry->start + segment->wall_offset, duration = entry->end - entry->start;
    int done;

    switch (field) {
    case TIMESTAMP: done = put_timestamp(rendering, start); break;
    case TRACE_ID: done = put_object(output, segment->trace_id); break;
    case SPAN_ID: done = put_id(output, entry->span_id); break;
    case PARENT_ID: done = put_id(output, entry->parent_id); break;
    case MILLISECONDS: return put_quotient(output, duration, 6, 1e6);
    case THREAD: done = put_object(output, segment->thread); break;
    case START_US: return put_quotient(output, (int64_t)((uint64_t)start - (uint64_t)rendering->origin), 3, 1e3);
    case DURATION_US: return put_quotient(output, duration, 3, 1e3);
    default:
        done = put_value(rendering, ct_bytes_at(*at));
        *at = ct_behind(*at);
        return done;
    }
    return done < 0 ? -1 : 1;
}

static int
put_template(rendering *rendering, const ct_item *item, PyObject *template)
{
    const segment_form *segment = &rendering->segments[item->segment];
    const ct_entry *entry = item->entry;
    const char *at = ct_values_of(entry);
    int done = 1;

    for (Py_ssize_t i = 0; done == 1 && i < PyTuple_GET_SIZE(template); i++) {
        PyObject *part = PyTuple_GET_ITEM(template, i);
        if (PyBytes_Check(part)) {
            done = put_object(rendering->output, part) < 0 ? -1 : 1;
        }
        else {
            done = put_field(rendering, entry, segment, PyLong_AsLong(part), &at);
        }
    }
    return done;
}

/* 1: written, 0: Python has to write the record, -1: an exception. */
static int
render_entry(rendering *rendering, const ct_item *item)
{
    const ct_entry *entry = item->entry;
    const segment_form *segment = &rendering->segments[item->segment];
    PyObject *form = PyList_GET_ITEM(rendering->plans, item->plan);
    size_t begin = rendering->output->size;
    PyObject *child, *root;
    int values;

    if (form == Py_None || !segment->is_known || entry->ending != CT_RETURNED
        || entry->busy != 0 || entry->suspensions != 0 || entry->start > entry->end
        || !ct_is_written(entry->start, segment->wall_offset)
        || !ct_is_written(entry->end, segment->wall_offset)) {
        return 0;
    }
    if (!PyArg_ParseTuple(form, "O!O!i:template", &PyTuple_Type, &child, &PyTuple_Type, &root, &values)) {
        return -1;
    }
    if (values != entry->argument_count + entry->has_result) {
        return 0;
    }
    int done = put_template(rendering, item, entry->parent_id == 0 ? root : child);
    if (done < 0) {
        PyErr_NoMemory();
    }
    if (done == 1 && rendering->output->size - begin > rendering->longest) {
        done = 0;
    }
    if (done != 1) {
        rendering->output->size = begin;
        return done;
    }
    if (ct_end_span(rendering->output) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 1;
}

/* Whether it is a tuple of bytes and fields, with so many values. */
static int
is_template(PyObject *template, int values)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(template); i++) {
        PyObject *part = PyTuple_GET_ITEM(template, i);
        long field = PyBytes_Check(part) ? 0 : PyLong_Check(part) ? PyLong_AsLong(part) : -1;
        if (field < 0 || field >= FIELDS) {
            return 0;
        }
        values -= !PyBytes_Check(part) && field == VALUE;
    }
    return values == 0;
}

/* None, or (template of a child, of a root, how many values each has). */
static int
check_form(PyObject *form)
{
    PyObject *child, *root;
    int values;

    if (form == Py_None
        || (PyTuple_Check(form)
            && PyArg_ParseTuple(form, "O!O!i:template", &PyTuple_Type, &child, &PyTuple_Type, &root, &values)
            && is_template(child, values) && is_template(root, values))) {
        return 0;
    }
    PyErr_SetString(PyExc_TypeError, "templates are tuples of bytes and fields, and how many are values");
    return -1;
}

static int
read_forms(rendering *rendering, PyObject *segments)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(rendering->plans); i++) {
        if (check_form(PyList_GET_ITEM(rendering->plans, i)) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(segments); i++) {
        segment_form *segment = &rendering->segments[i];
        long long wall_offset;
        if (!PyTuple_Check(PyList_GET_ITEM(segments, i))) {
            continue;       /* Python writes its records */
        }
        if (!PyArg_ParseTuple(PyList_GET_ITEM(segments, i), "SSL:segment", &segment->trace_id,
                              &segment->thread, &wall_offset)) {
            return -1;
        }
        segment->wall_offset = wall_offset;
        segment->is_known = 1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(rendering->objects); i++) {
        PyObject *known = PyList_GET_ITEM(rendering->objects, i);
        if (known != Py_None && !PyBytes_Check(known)) {
            PyErr_SetString(PyExc_TypeError, "the form of an object is bytes or None");
            return -1;
        }
    }
    return 0;
}

static int
render_all(rendering *rendering, PyObject *one)
{
    ct_block *block = rendering->block;

    for (Py_ssize_t i = 0; i < block->count; i++) {
        int done = ct_is_native(&block->items[i]) ? render_entry(rendering, &block->items[i]) : 0;
        if (done == 0) {
            done = ct_write_in_python(rendering->output, i, one);
        }
        if (done < 0) {
            return -1;
        }
    }
    return 0;
}

/* render(output, plans, segments, objects, origin, longest, one): the lists are as long as those of the
   block, with None where Python writes; `one` writes a record, by its index. */
PyObject *
ct_render_block(ct_block *block, PyObject *arguments)
{
    ct_state *state = PyType_GetModuleState(Py_TYPE(block));
    rendering rendering = {.block = block, .second = -1};
    PyObject *segments, *one, *result = NULL;
    long long origin;
    Py_ssize_t longest;

    if (!PyArg_ParseTuple(arguments, "O!O!O!O!LnO:render", state->output_type, &rendering.output,
                          &PyList_Type, &rendering.plans, &PyList_Type, &segments, &PyList_Type,
                          &rendering.objects, &origin, &longest, &one)) {
        return NULL;
    }
    if (PyList_GET_SIZE(rendering.plans) != block->site_count
        || PyList_GET_SIZE(segments) != PyList_GET_SIZE(block->segments.list)
        || PyList_GET_SIZE(rendering.objects) != PyList_GET_SIZE(block->objects.list)) {
        PyErr_SetString(PyExc_ValueError, "the lists are not as long as those of the block");
        return NULL;
    }
    if (rendering.output->exports != 0) {
        PyErr_SetString(PyExc_BufferError, "somebody still reads these texts");
        return NULL;
    }
    rendering.origin = origin;
    rendering.longest = longest < 0 ? 0 : (size_t)longest;
    rendering.segments = PyMem_Calloc((size_t)PyList_GET_SIZE(segments) + 1, sizeof(segment_form));
    if (rendering.segments == NULL) {
        return PyErr_NoMemory();
    }
    if (read_forms(&rendering, segments) == 0 && render_all(&rendering, one) == 0) {
        result = Py_NewRef(Py_None);
    }
    PyMem_Free(rendering.segments);
    PyMem_RawFree(rendering.text.bytes);
    return result;
}
