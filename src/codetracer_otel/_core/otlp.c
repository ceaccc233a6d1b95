/* Encodes the entries of a block as OTLP spans, without the GIL.

   What all calls of a plan or all spans of a segment have in common comes as bytes from the Python
   encoder, which also writes every record that is not plain; here is what differs.  The wire form is in wire.h. */

#include "forms.h"
#include "texts.h"

#define ID_TAG_SIZE 2           /* of a span id: its tag and its length */

typedef struct {
    ct_block *block;
    ct_output *output;
    ct_forms forms;
    ct_output text;             /* the texts of an entry's nodes, one behind the other; no object */
    size_t text_ends[CT_MAX_ARGUMENTS + 1];
} encoding;

static piece
object_at(const encoding *encoding, const char *at)
{
    return encoding->forms.objects[ct_place_of(&encoding->block->objects, ct_object(at))];
}

/* Bytes that the attribute of a value takes at most, and its text, if it has to be made: 1; 0 for one that
   Python has to encode, -1: no memory. */
static int
measure_value(encoding *encoding, int index, const char *at, size_t *room)
{
    at = ct_bytes_at(at);
    size_t begin = encoding->text.size, size = 0;
    int done = 1;

    switch (*at) {
    case NONE: case TRUE_: case FALSE_: case INTEGER: case FLOAT:
        break;
    case ASCII: case UTF8:
        size = ct_text_size(at);
        break;
    case OBJECT:
        size = object_at(encoding, at).size;
        done = size != 0;
        break;
    default:
        if (ct_is_flat(at)) {       /* an item takes two lengths more than its bytes here */
            size = (size_t)(ct_behind(at) - at) + ct_size(at) * 2 * LONGEST_VARINT;
        }
        else {
            done = ct_put_node(&encoding->text, &encoding->block->log->names, at, 0);
            size = encoding->text.size - begin;
        }
    }
    encoding->text_ends[index] = encoding->text.size;
    *room += size + 5 * LONGEST_VARINT;
    return done;
}

static unsigned char *
put_attribute(const encoding *encoding, unsigned char *to, piece key, const char *at, int index)
{
    at = ct_bytes_at(at);
    size_t begin = index == 0 ? 0 : encoding->text_ends[index - 1];
    uint64_t bits;
    piece object, text;

    switch (*at) {
    case NONE:
        return put_text(to, key, (piece){"None", 4});
    case TRUE_: case FALSE_:
        to = put_key(to, key, 2);
        *to++ = BOOLEAN;
        *to++ = *at == TRUE_;
        return to;
    case INTEGER:
        memcpy(&bits, at + 1, sizeof bits);
        return put_number(to, key, bits);
    case FLOAT:
        to = put_key(to, key, 9);
        *to++ = DOUBLE;
        return put(to, at + 1, 8);
    case ASCII: case UTF8:
        return put_text(to, key, (piece){ct_text(at), ct_text_size(at)});
    case OBJECT:
        object = object_at(encoding, at);
        *to++ = ATTRIBUTE;
        to = put_varint(to, key.size + object.size);
        to = put_piece(to, key);
        return put_piece(to, object);
    default:
        if (ct_is_flat(at)) {
            return put_array(to, key, at);
        }
        text.size = encoding->text_ends[index] - begin;
        text.bytes = text.size == 0 ? "" : (const char *)encoding->text.bytes + begin;
        return put_text(to, key, text);
    }
}

/* Bytes that the span of an entry takes at most; as `measure_value`. */
static int
measure_entry(encoding *encoding, const ct_item *item, size_t *room)
{
    const ct_entry *entry = item->entry;
    const ct_plan_form *plan = &encoding->forms.plans[item->plan];
    const ct_segment_form *segment = &encoding->forms.segments[item->segment];
    const char *at = ct_values_of(entry);
    int done = 1;

    if (!plan->is_known || !segment->is_known || entry->ending != CT_RETURNED
        || (plan->state.bytes != NULL && segment->state.size != 0)
        || entry->argument_count != PyTuple_GET_SIZE(plan->keys)
        || entry->argument_count > CT_MAX_ARGUMENTS
        || !ct_is_written(entry->start, segment->wall_offset)
        || !ct_is_written(entry->end, segment->wall_offset)) {
        return 0;
    }
    *room = plan->constant.size + plan->state.size + segment->state.size + segment->suffix.size
        + plan->fixed_result.size + plan->end.size + plan->busy.size + plan->suspensions.size
        + LONGEST_HEAD + 12 * LONGEST_VARINT;
    encoding->text.size = 0;
    for (int i = 0; done == 1 && i < entry->argument_count + entry->has_result; i++) {
        *room += (i < entry->argument_count ? ct_key_of(plan, i) : plan->result).size;
        done = measure_value(encoding, i, at, room);
        at = ct_behind(at);
    }
    return done;
}

/* Returns where it ends: the head of a root has no parent's field. */
static unsigned char *
put_head(const encoding *encoding, unsigned char *to, const ct_entry *entry, const ct_segment_form *segment)
{
    uint64_t start = (uint64_t)(entry->start + segment->wall_offset);
    uint64_t end = (uint64_t)(entry->end + segment->wall_offset);
    int is_remote = entry->parent_id != 0 && entry->parent_id == segment->remote_id;
    piece head = is_remote ? segment->remote : segment->child;
    size_t parent = (size_t)encoding->forms.parent_id, behind = parent + 8;

    memcpy(to, head.bytes, head.size);
    memcpy(to + encoding->forms.span_id, &entry->span_id, 8);
    memcpy(to + parent, &entry->parent_id, 8);
    memcpy(to + encoding->forms.start, &start, 8);
    memcpy(to + encoding->forms.end, &end, 8);
    if (entry->parent_id != 0) {
        return to + head.size;
    }
    memmove(to + parent - ID_TAG_SIZE, to + behind, head.size - behind);
    return to + head.size - 8 - ID_TAG_SIZE;
}

/* Append the span of an entry; 1: done, 0: Python has to encode it, -1: no memory. */
static int
encode_entry(encoding *encoding, const ct_item *item)
{
    const ct_entry *entry = item->entry;
    const ct_plan_form *plan = &encoding->forms.plans[item->plan];
    const ct_segment_form *segment = &encoding->forms.segments[item->segment];
    ct_output *output = encoding->output;
    size_t room = 0;
    int is_measured = measure_entry(encoding, item, &room);

    if (is_measured != 1) {
        return is_measured;
    }
    if (ct_reserve(output, room) < 0) {
        return -1;
    }
    /* The length of most spans takes two bytes. */
    unsigned char *field = output->bytes + output->size, *body = field + 3, *to = body;
    to = put_head(encoding, to, entry, segment);
    to = put_piece(to, plan->state.bytes != NULL ? plan->state : segment->state);
    to = put_piece(to, plan->constant);
    to = put_piece(to, segment->suffix);
    const char *at = ct_values_of(entry);
    for (int i = 0; i < entry->argument_count; i++) {
        to = put_attribute(encoding, to, ct_key_of(plan, i), at, i);
        at = ct_behind(at);
    }
    to = entry->has_result ? put_attribute(encoding, to, plan->result, at, entry->argument_count)
        : put_piece(to, plan->fixed_result);
    if (entry->busy != 0 || entry->suspensions != 0) {
        to = put_number(to, plan->busy, (uint64_t)entry->busy);
        to = put_number(to, plan->suspensions, entry->suspensions);
    }
    to = put_piece(to, plan->end);
    size_t size = (size_t)(to - body), prefix = varint_size(size);
    if (prefix != 2) {
        memmove(field + 1 + prefix, body, size);
    }
    *field = SPAN;
    (void)put_varint(field + 1, size);
    output->size += 1 + prefix + size;
    return ct_end_span(output) < 0 ? -1 : 1;
}

static int
encode_all(encoding *encoding, PyObject *one)
{
    const ct_block *block = encoding->block;
    Py_ssize_t index = 0, count = block->count;
    int is_encoded = 1;

    while (index < count) {
        Py_BEGIN_ALLOW_THREADS
        for (is_encoded = 1; is_encoded == 1 && index < count; index += is_encoded == 1) {
            const ct_item *item = &block->items[index];
            is_encoded = ct_is_native(item) ? encode_entry(encoding, item) : 0;
        }
        Py_END_ALLOW_THREADS
        if (is_encoded < 0) {
            PyErr_NoMemory();
            return -1;
        }
        if (is_encoded == 0) {
            if (ct_write_in_python(encoding->output, index, one) < 0) {
                return -1;
            }
            index++;
        }
    }
    return 0;
}

/* encode(output, plans, segments, objects, layout, one): see `ct_read_forms`. */
PyObject *
ct_encode_block(ct_block *block, PyObject *const *arguments, Py_ssize_t count)
{
    ct_state *state = PyType_GetModuleState(Py_TYPE(block));
    PyObject *result = NULL;

    if (count != 6 || !Py_IS_TYPE(arguments[0], state->output_type)) {
        PyErr_SetString(PyExc_TypeError, "encode(output, plans, segments, objects, layout, one)");
        return NULL;
    }
    encoding encoding = {.block = block, .output = (ct_output *)arguments[0]};
    if (encoding.output->exports != 0) {
        PyErr_SetString(PyExc_BufferError, "somebody still reads these spans");
        return NULL;
    }
    if (ct_read_forms(&encoding.forms, block, arguments + 1) == 0
        && encode_all(&encoding, arguments[5]) == 0) {
        result = Py_NewRef(Py_None);
    }
    ct_free_forms(&encoding.forms);
    PyMem_RawFree(encoding.text.bytes);
    return result;
}
