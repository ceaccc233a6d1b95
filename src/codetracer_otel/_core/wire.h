/* The wire form of OpenTelemetry's attributes (protobuf): whoever calls has made room for what is written. */

#ifndef CODETRACER_WIRE_H
#define CODETRACER_WIRE_H

#include "values.h"

/* Tags of fields: of Span, ScopeSpans and KeyValue; of AnyValue and ArrayValue. */
enum { ATTRIBUTE = 0x4A, SPAN = 0x12, VALUE = 0x12 };                   /* tags of fields: Span, ScopeSpans, KeyValue */
enum { STRING = 0x0A, BOOLEAN = 0x10, NUMBER = 0x18, DOUBLE = 0x21, ARRAY = 0x2A, ITEM = 0x0A };
#define LONGEST_VARINT 10

typedef struct {
    const char *bytes;
    size_t size;
} piece;

static inline size_t
varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 128) {
        value >>= 7;
        size++;
    }
    return size;
}

static inline unsigned char *
put_varint(unsigned char *to, uint64_t value)
{
    while (value >= 128) {
        *to++ = (unsigned char)(value | 128);
        value >>= 7;
    }
    *to++ = (unsigned char)value;
    return to;
}

static inline unsigned char *
put(unsigned char *to, const void *bytes, size_t size)
{
    if (size != 0) {        /* `bytes` may be NULL then */
        memcpy(to, bytes, size);
    }
    return to + size;
}

static inline unsigned char *
put_piece(unsigned char *to, piece piece)
{
    return put(to, piece.bytes, piece.size);
}

/* A key and the beginning of its value, of which `size` bytes follow. */
static inline unsigned char *
put_key(unsigned char *to, piece key, size_t size)
{
    *to++ = ATTRIBUTE;
    to = put_varint(to, key.size + 1 + varint_size(size) + size);
    to = put_piece(to, key);
    *to++ = VALUE;
    return put_varint(to, size);
}

static inline unsigned char *
put_number(unsigned char *to, piece key, uint64_t number)
{
    to = put_key(to, key, 1 + varint_size(number));
    *to++ = NUMBER;
    return put_varint(to, number);
}

static inline unsigned char *
put_text(unsigned char *to, piece key, piece text)
{
    to = put_key(to, key, 1 + varint_size(text.size) + text.size);
    *to++ = STRING;
    to = put_varint(to, text.size);
    return put_piece(to, text);
}

/* Bytes of a scalar in an array. */
static inline size_t
item_size(const char *at)
{
    uint64_t bits;

    switch (*at) {
    case INTEGER:
        memcpy(&bits, at + 1, sizeof bits);
        return 1 + varint_size(bits);
    case FLOAT:
        return 9;
    case TRUE_: case FALSE_:
        return 2;
    default:
        return 1 + varint_size(ct_text_size(at)) + ct_text_size(at);
    }
}

static inline unsigned char *
put_item(unsigned char *to, const char *at)
{
    uint64_t bits;

    *to++ = ITEM;
    to = put_varint(to, item_size(at));
    switch (*at) {
    case INTEGER:
        memcpy(&bits, at + 1, sizeof bits);
        *to++ = NUMBER;
        return put_varint(to, bits);
    case FLOAT:
        *to++ = DOUBLE;
        return put(to, at + 1, 8);
    case TRUE_: case FALSE_:
        *to++ = BOOLEAN;
        *to++ = *at == TRUE_;
        return to;
    default:
        *to++ = STRING;
        to = put_varint(to, ct_text_size(at));
        return put(to, ct_text(at), ct_text_size(at));
    }
}

static inline unsigned char *
put_array(unsigned char *to, piece key, const char *at)
{
    uint32_t count = ct_size(at), ignored = 0;
    size_t size = 0;
    const char *first = ct_step(at, &ignored);

    at = first;
    for (uint32_t i = 0; i < count; i++, at = ct_step(at, &ignored)) {
        size_t item = item_size(at);
        size += 1 + varint_size(item) + item;
    }
    to = put_key(to, key, 1 + varint_size(size) + size);
    *to++ = ARRAY;
    to = put_varint(to, size);
    at = first;
    for (uint32_t i = 0; i < count; i++, at = ct_step(at, &ignored)) {
        to = put_item(to, at);
    }
    return to;
}

#endif
