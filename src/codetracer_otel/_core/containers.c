/* Values with what they hold, within the limits, as the Python walker keeps them. */

#include "writer.h"

#define MOST_KEYWORDS 32
#define MOST_LITTLE 4           /* texts and numbers in a list */

int
ct_write_scalar(ct_writer *writer, char tag, const void *bytes, size_t size)
{
    if (ct_need(writer, 1 + size) < 0) {
        return -1;
    }
    *writer->at = tag;
    if (size != 0) {        /* `bytes` may be NULL then */
        memcpy(writer->at + 1, bytes, size);
    }
    writer->at += 1 + size;
    return CT_WRITTEN;
}

static inline void
note_held(const ct_writer *writer, PyObject *value)
{
    if (CT_UNLIKELY(writer->notes != NULL)) {
        ct_note_held(writer->notes, value);
    }
}

/* Whether a value is a number, None or a text. */
static inline int
is_of_plain_class(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    return type == &PyUnicode_Type || value == Py_None || type == &PyLong_Type || type == &PyBool_Type
        || type == &PyFloat_Type;
}

/* A number, None or a text; CT_FOR_PYTHON for anything else, and for what is too large. */
static int
write_plain(ct_writer *writer, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);

    if (type == &PyUnicode_Type) {
        note_held(writer, value);
        return ct_write_text(writer, value);
    }
    if (value == Py_None) {
        return ct_write_scalar(writer, NONE, "", 0);
    }
    if (type == &PyBool_Type) {
        return ct_write_scalar(writer, value == Py_True ? TRUE_ : FALSE_, "", 0);
    }
    if (type == &PyLong_Type) {
        int overflow;
        note_held(writer, value);
        int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
        return overflow ? CT_FOR_PYTHON : ct_write_scalar(writer, INTEGER, &number, 8);
    }
    if (type == &PyFloat_Type) {
        double number = PyFloat_AS_DOUBLE(value);
        note_held(writer, value);
        return ct_write_scalar(writer, FLOAT, &number, 8);
    }
    return CT_FOR_PYTHON;
}

CT_INLINE int
write_key(ct_writer *writer, ct_keys *judged, PyObject *key)
{
    judged->is_hidden = 0;
    if (!PyUnicode_CheckExact(key)) {
        return write_plain(writer, key);    /* never hidden, but may be read as text */
    }
    long verdict = CT_SHOWN;
    int status = judged->verdicts == NULL
        ? CT_WRITTEN : ct_verdict_on(writer, judged->verdicts, key, &verdict);
    if (status != CT_WRITTEN) {
        return status;
    }
    judged->seen |= verdict;
    judged->is_hidden = verdict & CT_HIDDEN;
    char *behind = CT_LIKELY(verdict & (CT_SHOWN | CT_HIDDEN)) ? ct_put_text(writer, key) : NULL;
    if (CT_LIKELY(behind != NULL)) {
        writer->at = behind;
        return CT_WRITTEN;
    }
    note_held(writer, key);
    return !(verdict & (CT_SHOWN | CT_HIDDEN)) || PyUnicode_GET_LENGTH(key) > writer->core->limits.max_string
        ? CT_FOR_PYTHON : ct_write_text(writer, key);
}

/* Whether one of a few fields may name another one that holds a secret: Python looks at such. */
int
ct_may_name(const ct_keys *judged, Py_ssize_t count, Py_ssize_t most)
{
    return judged->verdicts != NULL && count <= most && judged->seen & CT_HOLDS
        && judged->seen & CT_NAMES;
}

static int
write_closed(ct_writer *writer, char tag, const ct_form *known)
{
    return ct_write_scalar(writer, tag, &known->name, 4);
}

/* Begin a node with items, unless it stands there as closed: it is in itself, or too deep. */
int
ct_begin_node(ct_writer *writer, const ct_form *known, const void *value)
{
    for (int i = 0; i < writer->depth; i++) {
        if (writer->above[i] == value) {
            return write_closed(writer, CYCLE, known) < 0 ? -1 : CT_CLOSED;
        }
    }
    if (writer->depth >= writer->core->limits.max_depth) {
        return write_closed(writer, DEEPER, known) < 0 ? -1 : CT_CLOSED;
    }
    if (writer->depth == CT_MOST_NESTED) {
        return CT_FOR_PYTHON;
    }
    if (ct_need(writer, CT_NODE_HEAD) < 0) {
        return -1;
    }
    writer->above[writer->depth++] = value;
    return CT_WRITTEN;
}

/* An object of which nothing but its class is shown. */
int
ct_write_instance(ct_writer *writer, const ct_form *known)
{
    return ct_write_scalar(writer, INSTANCE, &known->name, 4);
}

/* How many of some items are kept: the siblings' share is taken before their own items. */
Py_ssize_t
ct_take_share(ct_writer *writer, Py_ssize_t count)
{
    Py_ssize_t kept = Py_MIN(Py_MIN(count, writer->core->limits.max_items), writer->left);
    writer->left -= kept;
    return kept;
}

/* A list, tuple or dictionary without items, as every other one in a real program is: it is in nothing that it holds,
   and has no neighbours. */
static int
write_empty(ct_writer *writer, char tag, const ct_form *known, const Py_ssize_t *count)
{
    if (writer->depth >= writer->core->limits.max_depth) {
        return write_closed(writer, DEEPER, known) < 0 ? -1 : CT_CLOSED;
    }
    if (ct_need(writer, CT_NODE_HEAD) < 0) {
        return -1;
    }
    ct_put_head(writer, tag, known->name, 0, 0);
    if (CT_UNLIKELY(writer->notes != NULL)) {
        ct_note_count(writer->notes, count);
    }
    return CT_WRITTEN;
}

static int
write_sequence(ct_writer *writer, char tag, const ct_form *known, PyObject *value,
               PyObject *const *items, Py_ssize_t total)
{
    int hides_second;
    if (total == 0) {
        return write_empty(writer, tag, known, &((PyVarObject *)value)->ob_size);
    }
    int status = ct_check_neighbours(writer, items, total, &hides_second);
    if (status != CT_WRITTEN || (status = ct_begin_node(writer, known, value)) != CT_WRITTEN) {
        return status;
    }
    Py_ssize_t count = ct_take_share(writer, total);
    ct_put_head(writer, tag, known->name, (uint32_t)count, (uint64_t)(total - count));
    if (CT_UNLIKELY(writer->notes != NULL)) {
        ct_note_sequence(writer->notes, value, items, Py_MIN(total, writer->core->limits.max_items), count);
    }
    for (Py_ssize_t i = 0; i < count && status == CT_WRITTEN; i++) {
        status = i == 1 && hides_second
            ? ct_write_hidden(writer, items[i]) : ct_write_nested(writer, items[i]);
    }
    writer->depth--;
    return status;
}

/* A set or a deque: its iterator is C code, which gives what it holds on to. */
static int
write_iterated(ct_writer *writer, char tag, const ct_form *known, PyObject *value, PyTypeObject *type)
{
    int status = ct_begin_node(writer, known, value);
    if (status != CT_WRITTEN) {
        return status;
    }
    Py_ssize_t total = tag == SET ? PySet_GET_SIZE(value) : Py_SIZE(value);
    Py_ssize_t count = ct_take_share(writer, total);
    ct_put_head(writer, tag, known->name, (uint32_t)count, (uint64_t)(total - count));
    if (CT_UNLIKELY(writer->notes != NULL) && tag == SET) {
        ct_note_set(writer->notes, value, count);
    }
    PyObject *iterator = type->tp_iter(value);
    status = iterator == NULL ? -1 : CT_WRITTEN;
    for (Py_ssize_t i = 0; i < count && status == CT_WRITTEN; i++) {
        PyObject *item = PyIter_Next(iterator);
        status = item == NULL ? -1 : ct_write_nested(writer, item);
        Py_XDECREF(item);
    }
    Py_XDECREF(iterator);
    writer->depth--;
    return status;
}

int
ct_write_field(ct_writer *writer, ct_keys *judged, PyObject *name, PyObject *held)
{
    int status = write_key(writer, judged, name);
    if (status != CT_WRITTEN) {
        return status;
    }
    return judged->is_hidden ? ct_write_hidden(writer, held) : ct_write_nested(writer, held);
}

static int
write_mapping(ct_writer *writer, const ct_form *known, PyObject *mapping)
{
    ct_keys judged = {.verdicts = writer->site->verdicts};
    PyObject *key, *held;
    Py_ssize_t position = 0, total = PyDict_GET_SIZE(mapping);

    if (total == 0) {
        return write_empty(writer, MAPPING, known, &((PyDictObject *)mapping)->ma_used);
    }
    int status = ct_begin_node(writer, known, mapping);
    if (status != CT_WRITTEN) {
        return status;
    }
    Py_ssize_t count = ct_take_share(writer, total);
    ct_put_head(writer, MAPPING, known->name, (uint32_t)count, (uint64_t)(total - count));
    if (CT_UNLIKELY(writer->notes != NULL)) {
        ct_note_dictionary(writer->notes, mapping, count);
    }
    for (Py_ssize_t i = 0; i < count && status == CT_WRITTEN; i++) {
        PyDict_Next(mapping, &position, &key, &held);
        status = ct_write_field(writer, &judged, key, held);
    }
    writer->depth--;
    return status == CT_WRITTEN && ct_may_name(&judged, count, CT_FEW_FIELDS) ? CT_FOR_PYTHON : status;
}


/* A text, integer or float of a subclass, as the exact one that it is. */
static int
write_number_or_text(ct_writer *writer, char form, PyObject *value)
{
    if (form == CT_TEXT) {
        return PyUnicode_GET_LENGTH(value) > writer->core->limits.max_string
            ? CT_FOR_PYTHON : ct_write_text(writer, value);
    }
    if (form == CT_REAL) {
        double number = PyFloat_AS_DOUBLE(value);
        return ct_write_scalar(writer, FLOAT, &number, 8);
    }
    int overflow;
    int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);
    return overflow ? CT_FOR_PYTHON : ct_write_scalar(writer, INTEGER, &number, 8);
}

static int
write_by_class(ct_writer *writer, const ct_form *known, PyObject *value)
{
    switch (known->form) {
    case INSTANCE:
        return ct_write_instance(writer, known);
    case CT_OBJECT:
        return writer->fields <= 0 ? ct_write_instance(writer, known) : CT_FOR_PYTHON;
    case LIST:
        return write_sequence(writer, LIST, known, value, ((PyListObject *)value)->ob_item,
                              PyList_GET_SIZE(value));
    case TUPLE:
        return write_sequence(writer, TUPLE, known, value, ((PyTupleObject *)value)->ob_item,
                              PyTuple_GET_SIZE(value));
    case SET:
        return write_iterated(writer, SET, known, value, &PySet_Type);
    case CT_DEQUE:
        return write_iterated(writer, LIST, known, value, Py_TYPE(value));
    case MAPPING:
        return write_mapping(writer, known, value);
    case STRUCT:
        return ct_write_struct(writer, known, value);
    case BYTES:
        return ct_write_bytes(writer, known, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
    case CT_BYTEARRAY:
        return ct_write_bytes(writer, known, PyByteArray_AS_STRING(value), PyByteArray_GET_SIZE(value));
    case CT_FIELDS:
        return ct_write_fields(writer, known, value);
    case CT_NAMED_TUPLE:
        return ct_write_named_tuple(writer, known, value);
    case CT_EXCEPTION:
        return ct_write_exception(writer, known, value);
    case CT_PATH:
        return ct_write_path(writer, known, value);
    case CT_ENUM:
        return ct_write_enum(writer, known, value);
    case CT_FUNCTION:
        return ct_write_function(writer, known, value);
    case CT_TOLD:
        return ct_write_told(writer, known, value);
    case CT_DATETIME:
        return ct_write_datetime(writer, known, value);
    case CT_UUID:
        return ct_write_uuid(writer, known, value);
    case CT_SLICE:
        return ct_write_slice(writer, known, value);
    case CT_CLASS:
        return ct_write_class(writer, known, value);
    case CT_TEXT: case CT_INTEGER: case CT_REAL:
        return write_number_or_text(writer, known->form, value);
    default:
        return CT_FOR_PYTHON;
    }
}

/* Whether a list or dictionary holds so little that it is written before a memo of it is found. */
static int
is_little(char form, PyObject *value)
{
    if (form == MAPPING) {
        return PyDict_GET_SIZE(value) == 0;
    }
    Py_ssize_t count = PyList_GET_SIZE(value);
    for (Py_ssize_t i = 0; i < count && count <= MOST_LITTLE; i++) {
        PyObject *item = PyList_GET_ITEM(value, i);
        if (!PyUnicode_CheckExact(item) && !PyLong_CheckExact(item) && item != Py_None) {
            return 0;
        }
    }
    return count <= MOST_LITTLE;
}

/* A receiver, of which no fields are read, is written at once. */
static int
may_be_remembered(const ct_writer *writer, char form, PyObject *value)
{
    return writer->fields > 0 && (form == CT_FIELDS || form == STRUCT
                                  || ((form == LIST || form == MAPPING) && !is_little(form, value)));
}

/* A value that is not simple inside another one, or not taken as it is. */
int
ct_write_inside(ct_writer *writer, PyObject *value)
{
    if (is_of_plain_class(value)) {
        return write_plain(writer, value);
    }
    const ct_form *known = ct_form_of(&writer->core->classes, Py_TYPE(value));
    if (known == NULL) {
        writer->wanted = (PyObject *)Py_TYPE(value);
        return CT_UNKNOWN_CLASS;
    }
    if (CT_UNLIKELY(writer->notes != NULL)) {
        ct_note_value(writer->notes, value, known);
    }
    int status = writer->depth == 0 && may_be_remembered(writer, known->form, value)
        ? ct_write_remembered(writer, known, value, write_by_class) : write_by_class(writer, known, value);
    return status == CT_CLOSED ? CT_WRITTEN : status;
}

static int
write_captured(ct_writer *writer, PyObject *value, Py_ssize_t fields)
{
    int depth = writer->depth;
    writer->fields = fields;
    writer->left = writer->core->limits.max_nodes;
    writer->depth = 0;
    writer->is_inside = 0;
    int status = ct_write_inside(writer, value);
    writer->depth = depth;
    return status;
}

/* An argument or result: what needs no capture as it is, the rest within the limits. */
int
ct_write_value(ct_writer *writer, PyObject *value)
{
    if (ct_is_plain(writer->site, value)) {
        size_t room = ct_value_room(value);
        if (ct_need(writer, room) < 0) {
            return -1;
        }
        ct_put_value(writer, value);
        return CT_WRITTEN;
    }
    return writer->site->is_walked ? write_captured(writer, value, writer->core->limits.max_items)
        : CT_FOR_PYTHON;
}

/* `**kwargs`: its keys are judged as names of arguments, and each value is captured for itself. */
int
ct_write_keywords(ct_writer *writer, PyObject *keywords)
{
    ct_keys judged = {.verdicts = writer->site->keyword_verdicts};
    PyObject *key, *held;
    Py_ssize_t position = 0, count = PyDict_GET_SIZE(keywords);
    const ct_form *known = ct_form_of(&writer->core->classes, &PyDict_Type);

    if (known == NULL) {
        writer->wanted = (PyObject *)&PyDict_Type;
        return CT_UNKNOWN_CLASS;
    }
    if (count > MOST_KEYWORDS || known->form != MAPPING) {
        return CT_FOR_PYTHON;
    }
    if (ct_need(writer, CT_NODE_HEAD) < 0) {
        return -1;
    }
    size_t begin = (size_t)(writer->at - writer->begin);
    int status = CT_WRITTEN;
    writer->may_share = 0;
    ct_put_head(writer, MAPPING, known->name, (uint32_t)count, 0);
    for (Py_ssize_t i = 0; i < count && status == CT_WRITTEN; i++) {
        PyDict_Next(keywords, &position, &key, &held);
        status = PyUnicode_CheckExact(key) ? write_key(writer, &judged, key) : CT_FOR_PYTHON;
        if (status == CT_WRITTEN) {
            status = judged.is_hidden ? ct_write_hidden(writer, held) : ct_write_value(writer, held);
        }
        if (status != CT_WRITTEN) {
            (void)ct_visit_values(writer->begin + begin + CT_NODE_HEAD, 2 * (uint32_t)i, ct_drop, NULL);
        }
    }
    writer->may_share = 1;
    if (status == CT_WRITTEN && ct_may_name(&judged, count, MOST_KEYWORDS)) {
        (void)ct_visit_values(writer->begin + begin, 1, ct_drop, NULL);
        return CT_FOR_PYTHON;
    }
    return status;
}

/* The object whose method is called, of which no fields are read. */
int
ct_write_receiver(ct_writer *writer, PyObject *value)
{
    const ct_form *known = ct_form_of(&writer->core->classes, Py_TYPE(value));
    /* None is taken as it is, although its class, once somebody passes that on, is one of plain objects. */
    if (known != NULL && writer->site->is_walked && value != Py_None
        && (known->form == CT_FIELDS || known->form == CT_OBJECT || known->form == INSTANCE)) {
        return ct_write_instance(writer, known);
    }
    return writer->site->is_walked && !ct_is_plain(writer->site, value)
        ? write_captured(writer, value, 0) : ct_write_value(writer, value);
}
