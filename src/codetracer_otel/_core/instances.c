/* Objects with fields, and those for which a text stands. */

#include "attributes.h"
#include "writer.h"

#define MOST_INSIDE 8           /* fields of an object inside of another one, as in Python */
#define MOST_LOOKED_AT 64       /* of an instance's dictionary, as in Python */

/* What an instance has under a name; NULL without an exception for nothing.  Keys of the program are compared by
   no code of theirs. */
static PyObject *
find_held(const ct_attributes *attributes, PyObject *name, Py_ssize_t *position)
{
    PyObject *key, *held;
    Py_ssize_t next = *position;
    if (ct_next_attribute(attributes, &next, &key, &held) && key == name) {     /* in the order of the fields */
        *position = next;
        return held;
    }
    for (next = 0; ct_next_attribute(attributes, &next, &key, &held);) {
        if (key == name || (PyUnicode_CheckExact(key) && PyUnicode_Compare(key, name) == 0)) {
            *position = next;
            return held;
        }
    }
    return NULL;
}

/* A dataclass or a class of attrs; fields without a value are left out. */
int
ct_write_struct(ct_writer *writer, const ct_form *known, PyObject *value)
{
    ct_keys judged = {.verdicts = writer->site->verdicts};
    Py_ssize_t position = 0, most = Py_MIN(known->field_count, writer->core->limits.max_items);
    Py_ssize_t present = 0, count = 0;
    PyObject *held[CT_MOST_FIELDS];
    ct_attributes own = {0};
    int is_open = 0;

    if (most > CT_MOST_FIELDS) {
        return CT_FOR_PYTHON;
    }
    int status = ct_begin_node(writer, known, value);
    if (status != CT_WRITTEN) {
        return status;
    }
    for (Py_ssize_t i = 0; i < most; i++) {
        Py_ssize_t offset = known->fields[i].offset;
        if (offset < 0 && !is_open) {
            if (ct_open_attributes(&own, value) < 0) {
                writer->depth--;
                return CT_FOR_PYTHON;
            }
            is_open = 1;
        }
        held[i] = offset < 0 ? find_held(&own, known->fields[i].name, &position)
            : *(PyObject **)((char *)value + offset);
        present += held[i] != NULL;
    }
    Py_ssize_t kept = ct_take_share(writer, present);
    ct_put_head(writer, STRUCT, known->name, (uint32_t)kept,
                (uint64_t)(known->field_count + known->hidden - kept));
    if (CT_UNLIKELY(writer->notes != NULL)) {
        ct_note_fields(writer->notes, value, known, is_open ? &own : NULL, 1);
    }
    for (Py_ssize_t i = 0; count < kept && status == CT_WRITTEN; i++) {
        if (held[i] != NULL) {
            status = ct_write_field(writer, &judged, known->fields[i].name, held[i]);
            count++;
        }
    }
    Py_XDECREF(own.dictionary);
    writer->depth--;
    return status == CT_WRITTEN && ct_may_name(&judged, kept, CT_FEW_FIELDS) ? CT_FOR_PYTHON : status;
}

int
ct_write_named_tuple(ct_writer *writer, const ct_form *known, PyObject *value)
{
    ct_keys judged = {.verdicts = writer->site->verdicts};
    Py_ssize_t total = PyTuple_GET_SIZE(value);

    int status = ct_begin_node(writer, known, value);
    if (status != CT_WRITTEN) {
        return status;
    }
    Py_ssize_t count = ct_take_share(writer, Py_MIN(total, known->field_count));
    ct_put_head(writer, STRUCT, known->name, (uint32_t)count, (uint64_t)(total - count));
    if (CT_UNLIKELY(writer->notes != NULL)) {
        ct_note_sequence(writer->notes, value, ((PyTupleObject *)value)->ob_item, count, count);
    }
    for (Py_ssize_t i = 0; i < count && status == CT_WRITTEN; i++) {
        status = ct_write_field(writer, &judged, known->fields[i].name, PyTuple_GET_ITEM(value, i));
    }
    writer->depth--;
    return status == CT_WRITTEN && ct_may_name(&judged, count, CT_FEW_FIELDS) ? CT_FOR_PYTHON : status;
}

int
ct_write_exception(ct_writer *writer, const ct_form *known, PyObject *error)
{
    ct_keys judged = {.verdicts = writer->site->verdicts};
    PyObject *arguments = ((PyBaseExceptionObject *)error)->args;

    int status = ct_begin_node(writer, known, error);
    if (status != CT_WRITTEN) {
        return status;
    }
    Py_ssize_t count = ct_take_share(writer, 1);
    ct_put_head(writer, STRUCT, known->name, (uint32_t)count, (uint64_t)(1 - count));
    if (count == 1) {
        status = ct_write_field(writer, &judged, known->fields[0].name,
                             arguments == NULL ? Py_None : arguments);
    }
    writer->depth--;
    return status;
}

int
ct_write_enum(ct_writer *writer, const ct_form *known, PyObject *member)
{
    Py_ssize_t position = 0;
    ct_attributes own;
    if (ct_open_attributes(&own, member) < 0) {
        return CT_FOR_PYTHON;
    }
    PyObject *name = find_held(&own, known->fields[0].name, &position);
    int status = CT_FOR_PYTHON;
    if (name != NULL && PyUnicode_CheckExact(name) && PyUnicode_GET_LENGTH(name) != 0
        && PyUnicode_IS_ASCII(name)) {
        const char *text = (const char *)PyUnicode_1BYTE_DATA(name);
        if (strlen(text) == (size_t)PyUnicode_GET_LENGTH(name)) {
            status = ct_write_short_form(writer, known, "", known->fields[1].name, text);
        }
    }
    Py_XDECREF(own.dictionary);
    return status;
}

int
ct_write_class(ct_writer *writer, const ct_form *known, PyObject *value)
{
    const ct_form *itself = ct_form_of(&writer->core->named, (PyTypeObject *)value);
    if (itself == NULL) {
        writer->wanted = value;
        return CT_UNNAMED_CLASS;
    }
    if (CT_UNLIKELY(writer->notes != NULL)) {
        ct_note_class(writer->notes, NULL, itself);
    }
    return ct_write_short_form(writer, known, "<class ", itself->full_name, ">");
}

int
ct_write_function(ct_writer *writer, const ct_form *known, PyObject *function)
{
    PyObject *name = ((PyFunctionObject *)function)->func_qualname;
    if (name == NULL || !PyUnicode_CheckExact(name) || PyUnicode_GET_LENGTH(name) == 0) {
        return CT_FOR_PYTHON;
    }
    return ct_write_short_form(writer, known, "<function ", name, ">");
}

/* Whether a name is one of those that the class keeps to itself. */
static int
is_left_out(const ct_form *known, PyObject *name)
{
    if (CT_LIKELY(PyUnicode_IS_COMPACT_ASCII(name))) {      /* a byte stands behind the last one */
        const char *text = (const char *)((PyASCIIObject *)name + 1);
        if (text[0] == '_' && text[1] == '_') {
            return 1;
        }
    }
    else if (PyUnicode_GET_LENGTH(name) >= 2 && PyUnicode_READ_CHAR(name, 0) == '_'
             && PyUnicode_READ_CHAR(name, 1) == '_') {
        return 1;
    }
    for (Py_ssize_t i = 0; i < known->field_count; i++) {
        if (known->fields[i].offset < 0 && PyUnicode_Compare(known->fields[i].name, name) == 0) {
            return 1;
        }
    }
    return 0;
}

typedef struct {
    PyObject *name, *held;
} pair;

/* The first fields of an instance that have a value: its slots, then its other attributes.  `*total`: how many
   there are, as far as they are looked at: from `too_many` on it does not matter. */
static Py_ssize_t
read_fields(const ct_form *known, PyObject *value, ct_attributes *own, pair *pairs, Py_ssize_t most,
            Py_ssize_t too_many, Py_ssize_t *total)
{
    PyObject *key, *held;
    Py_ssize_t count = 0, looked_at = 0;

    *total = 0;
    for (Py_ssize_t i = 0; i < known->field_count; i++) {
        Py_ssize_t offset = known->fields[i].offset;
        held = offset < 0 ? NULL : *(PyObject **)((char *)value + offset);
        if (held != NULL && (*total)++ < most) {
            pairs[count++] = (pair){known->fields[i].name, held};
        }
    }
    while (looked_at < MOST_LOOKED_AT && *total < too_many
           && ct_next_attribute(own, &own->position, &key, &held)) {
        looked_at++;
        if (PyUnicode_CheckExact(key) && !is_left_out(known, key) && (*total)++ < most) {
            pairs[count++] = (pair){key, held};
        }
    }
    *total += own->count - looked_at;
    return count;
}

/* An object whose fields a filter wants, or that is data wherever its class was written. */
int
ct_write_fields(ct_writer *writer, const ct_form *known, PyObject *value)
{
    ct_keys judged = {.verdicts = writer->site->verdicts};
    pair pairs[CT_MOST_FIELDS];
    ct_attributes own = {0};
    Py_ssize_t total, most = Py_MIN(writer->fields, CT_MOST_FIELDS);
    int was_inside = writer->is_inside;
    Py_ssize_t too_many = was_inside && !(known->hidden & CT_IS_MODEL) ? MOST_INSIDE + 1 : PY_SSIZE_T_MAX;

    if (writer->fields <= 0) {
        return ct_write_instance(writer, known);
    }
    if (writer->fields > CT_MOST_FIELDS) {
        return CT_FOR_PYTHON;
    }
    if (known->hidden & CT_HAS_DICTIONARY && ct_open_attributes(&own, value) < 0) {
        return CT_FOR_PYTHON;
    }
    Py_ssize_t count = read_fields(known, value, &own, pairs, most, too_many, &total);
    int status = CT_WRITTEN;
    if (CT_UNLIKELY(writer->notes != NULL)) {
        ct_note_fields(writer->notes, value, known, known->hidden & CT_HAS_DICTIONARY ? &own : NULL,
                       total < too_many);
    }
    if (count == 0 || total >= too_many) {
        status = ct_write_instance(writer, known);
        goto done;
    }
    writer->fields -= count;
    /* Objects lead to all others: a node of a document would take the whole document with it. */
    writer->left = Py_MIN(writer->left, writer->core->limits.max_items);
    status = ct_begin_node(writer, known, value);
    if (status != CT_WRITTEN) {
        goto done;
    }
    Py_ssize_t kept = Py_MIN(count, writer->left);
    writer->left -= kept;
    ct_put_head(writer, STRUCT, known->name, (uint32_t)kept, (uint64_t)(total - kept));
    writer->is_inside = 1;
    for (Py_ssize_t i = 0; i < kept && status == CT_WRITTEN; i++) {
        status = ct_write_field(writer, &judged, pairs[i].name, pairs[i].held);
    }
    writer->is_inside = was_inside;
    writer->depth--;
    if (status == CT_WRITTEN && ct_may_name(&judged, kept, CT_FEW_FIELDS)) {
        status = CT_FOR_PYTHON;
    }
done:
    Py_XDECREF(own.dictionary);
    return status;
}
