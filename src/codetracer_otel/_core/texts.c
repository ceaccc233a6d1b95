/* Bytes, numbers and the escapes of JSON. */

#include "texts.h"
#include <string.h>

int
ct_put_bytes(ct_output *output, const void *bytes, size_t size)
{
    if (ct_reserve(output, size) < 0) {
        return -1;
    }
    if (size != 0) {
        memcpy(output->bytes + output->size, bytes, size);
    }
    output->size += size;
    return 0;
}

/* As JSON: what is no number there is a text.  With the GIL. */
int
ct_put_double(ct_output *output, double number)
{
    char *text = PyOS_double_to_string(number, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    if (text == NULL) {
        PyErr_Clear();
        return -1;
    }
    int is_finite = number - number == 0;
    int failed = (!is_finite && ct_put_bytes(output, "\"", 1) < 0)
        || ct_put_bytes(output, text, strlen(text)) < 0
        || (!is_finite && ct_put_bytes(output, "\"", 1) < 0);
    PyMem_Free(text);
    return failed ? -1 : 0;
}

/* Where the digits of a number begin that end at `end`; at least `least` of them. */
char *
ct_digits_before(char *end, uint64_t number, int least)
{
    for (; number != 0 || least > 0; number /= 10, least--) {
        *--end = (char)('0' + number % 10);
    }
    return end;
}

int
ct_put_integer(ct_output *output, int64_t number)
{
    char text[CT_LONGEST_NUMBER], *end = text + sizeof text;
    char *begin = ct_digits_before(end, number < 0 ? -(uint64_t)number : (uint64_t)number, 1);
    if (number < 0) {
        *--begin = '-';
    }
    return ct_put_bytes(output, begin, (size_t)(end - begin));
}

static const char HEX[] = "0123456789abcdef";

static unsigned char *
put_escape(unsigned char *to, unsigned unit)
{
    *to++ = '\\';
    *to++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4) {
        *to++ = (unsigned char)HEX[unit >> shift & 15];
    }
    return to;
}

/* A character as the interpreter's own encoder writes it where it keeps to ASCII. */
static unsigned char *
put_character(unsigned char *to, uint32_t point)
{
    static const char letters[] = "btn.fr";     /* of 8 to 13 */
    if (point >= ' ' && point <= '~' && point != '"' && point != '\\') {
        *to++ = (unsigned char)point;
    }
    else if (point == '"' || point == '\\' || (point >= 8 && point <= 13 && point != 11)) {
        *to++ = '\\';
        *to++ = (unsigned char)(point < ' ' ? letters[point - 8] : (char)point);
    }
    else if (point < 0x10000) {
        to = put_escape(to, point);
    }
    else {
        to = put_escape(to, 0xD800 | (point - 0x10000) >> 10);
        to = put_escape(to, 0xDC00 | ((point - 0x10000) & 0x3FF));
    }
    return to;
}

/* The inside of a text; its UTF-8 is right. */
int
ct_put_escaped(ct_output *output, const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes, *end = at + size;
    if (ct_reserve(output, 6 * size) < 0) {
        return -1;
    }
    unsigned char *to = output->bytes + output->size;
    while (at < end) {
        uint32_t point = *at++;
        int more = point < 0xC0 ? 0 : point < 0xE0 ? 1 : point < 0xF0 ? 2 : 3;
        point &= more == 0 ? 0x7F : 0x3F >> more;
        for (; more > 0; more--) {
            point = point << 6 | (*at++ & 0x3F);
        }
        to = put_character(to, point);
    }
    output->size = (size_t)(to - output->bytes);
    return 0;
}
