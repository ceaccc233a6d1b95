/* Says which texts may hold a secret; whoever asked judges them.

   Only "clean" is final here, so every test may find too much and none too little.  What the tests look
   for comes from the filters' tables as a session starts: automata over the bytes of a text in lower case
   find all literals at once, and all names. */

#include "scanner.h"
#include <string.h>

#define STATE 0xFFFFFFu         /* of an entry of the table: where the row of the next state begins */

/* The other bits of such an entry: what ends with the byte that led there. */
enum { SURE = 1u << 24, EXACT = 1u << 25, JOIN = 1u << 26 };

/* What a byte is. */
enum {
    COLON = 1, AT = 2, BRACKET = 4, QUOTE = 8, WIDE = 16, ZERO = 32, PERCENT = 64, NO_TIME = 128,
    DIGIT = 256, CAPITAL = 512, SMALL = 1024, TOKEN = 2048, NO_DIGEST = 4096, SEPARATOR = 8192
};
#define LETTER (CAPITAL | SMALL)

enum { SHORTEST_CARD = 13, LONGEST_CARD = 19, SHORTEST_MIX = 7, LONG_MIX = 16 };

static int
has_exact(const ct_scanner *scanner, const unsigned char *text, size_t size)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(scanner->exact); i++) {
        PyObject *literal = PyTuple_GET_ITEM(scanner->exact, i);
        size_t length = (size_t)PyBytes_GET_SIZE(literal);
        const char *wanted = PyBytes_AS_STRING(literal);
        for (size_t at = 0; at + length <= size; at++) {
            if (text[at] == (unsigned char)wanted[0] && memcmp(text + at, wanted, length) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

static int
is_hexadecimal(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 32) >= 'a' && (byte | 32) <= 'f');
}

static int
has_escape(const unsigned char *text, size_t size)
{
    for (size_t i = 0; i + 2 < size; i++) {
        if (text[i] == '%' && is_hexadecimal(text[i + 1]) && is_hexadecimal(text[i + 2])) {
            return 1;
        }
    }
    return 0;
}

/* A colon that is no part of a time or of "://". */
static int
has_key(const unsigned char *text, size_t size, unsigned seen)
{
    for (size_t i = 0; (seen & NO_TIME) && i < size; i++) {
        if (text[i] == ':' && !(i + 2 < size && text[i + 1] == '/' && text[i + 2] == '/')) {
            return 1;
        }
    }
    return 0;
}

static int
has_colon_before_at(const unsigned char *text, size_t size)
{
    size_t last = size;
    while (last != 0 && text[last - 1] != '@') {
        last--;
    }
    return last != 0 && memchr(text, ':', last) != NULL;
}

/* A dash that begins an option: of a command with a user and a password. */
static int
has_option(const ct_scanner *scanner, const unsigned char *text, size_t size)
{
    for (size_t i = 0; i + 1 < size; i++) {
        if (text[i] != '-' || !(scanner->kinds[text[i + 1]] & LETTER || text[i + 1] == '-')) {
            continue;
        }
        unsigned before = i == 0 ? 0 : scanner->kinds[text[i - 1]];
        if (!(before & (LETTER | DIGIT)) && (i == 0 || (text[i - 1] != '_' && text[i - 1] != '-'))) {
            return 1;
        }
    }
    return 0;
}

static size_t
digits_at(const ct_scanner *scanner, const unsigned char *text, size_t size, size_t at)
{
    size_t end = at;
    while (end < size && scanner->kinds[text[end]] & DIGIT) {
        end++;
    }
    return end - at;
}

static int
is_card(const ct_scanner *scanner, const unsigned char *digits, size_t count)
{
    size_t first = (size_t)(digits[0] - '0') * 10 + (size_t)(digits[1] - '0');
    unsigned sum = 0;

    if (!PyBytes_AS_STRING(scanner->issuers)[count * 100 + first]) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {    /* ISO/IEC 7812-1 */
        unsigned digit = (unsigned)(digits[count - 1 - i] - '0') << (i & 1);
        sum += digit > 9 ? digit - 9 : digit;
    }
    return sum % 10 == 0;
}

/* Whether groups of digits that begin with one of four are laid out and numbered as on cards. */
static int
is_card_in_groups(const ct_scanner *scanner, const unsigned char *text, size_t size, size_t at)
{
    unsigned char digits[5 * 6];
    size_t count = 0, groups[5] = {0};
    unsigned char separator = text[at + 4];

    for (int i = 0; i < 5; i++) {
        groups[i] = digits_at(scanner, text, size, at);
        if (groups[i] < 3 || groups[i] > 6) {
            groups[i] = 0;
            break;
        }
        memcpy(digits + count, text + at, groups[i]);
        count += groups[i];
        at += groups[i] + 1;
        if (at > size || text[at - 1] != separator) {
            break;
        }
    }
    if (groups[1] == 6 && (groups[2] == 4 || groups[2] == 5)) {
        return is_card(scanner, digits, 10 + groups[2]);
    }
    if (groups[1] == 4 && groups[2] == 4 && groups[3] == 4) {
        return is_card(scanner, digits, 16) || (groups[4] == 3 && is_card(scanner, digits, 19));
    }
    return 0;
}

static int
has_card(const ct_scanner *scanner, const unsigned char *text, size_t size)
{
    for (size_t at = 0; at + SHORTEST_CARD <= size; at++) {
        size_t count = digits_at(scanner, text, size, at);
        if (count >= SHORTEST_CARD && count <= LONGEST_CARD && is_card(scanner, text + at, count)) {
            return 1;
        }
        if (count == 4 && scanner->kinds[text[at + 4]] & SEPARATOR
            && is_card_in_groups(scanner, text, size, at)) {
            return 1;
        }
        at += count;
    }
    return 0;
}

/* What ends in a text, as bits. */
static uint32_t
ends_in(const automaton *found, const unsigned char *text, size_t size)
{
    const uint32_t *table = (const uint32_t *)PyBytes_AS_STRING(found->table);
    uint32_t state = 0, ends = 0;

    for (size_t i = 0; i < size; i++) {
        state = table[(state & STATE) + found->columns[text[i]]];
        ends |= state;
    }
    return ends & ~STATE;
}

/* A run of characters of tokens, and somewhere letters and digits mixed as in no words. */
static int
has_token(const ct_scanner *scanner, const unsigned char *text, size_t size)
{
    Py_ssize_t run = 0;
    size_t mix = 0;
    unsigned of_mix = 0, of_text = 0;
    int has_run = 0, has_mix = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned kind = scanner->kinds[text[i]];
        of_text |= kind;
        run = kind & TOKEN ? run + 1 : 0;
        has_run |= run >= scanner->run_length;
        mix = kind & (LETTER | DIGIT) ? mix + 1 : 0;
        of_mix = mix > 1 ? of_mix | kind : kind;
        has_mix |= mix >= LONG_MIX || (mix >= SHORTEST_MIX && of_mix & (CAPITAL | DIGIT));
    }
    const unsigned char *dash = memchr(text, '-', size);
    int is_early = dash != NULL && dash != text && dash - text < scanner->digest_dash;
    return has_run && has_mix && (of_text & NO_DIGEST || is_early);
}

int
ct_is_suspicious(const ct_scanner *scanner, const unsigned char *text, size_t size)
{
    const uint32_t *table = (const uint32_t *)PyBytes_AS_STRING(scanner->literals.table);
    uint32_t state = 0, ends = 0;
    unsigned seen = 0;

    for (size_t i = 0; i < size; i++) {
        state = table[(state & STATE) + scanner->literals.columns[text[i]]];
        ends |= state;
        seen |= scanner->kinds[text[i]];
    }
    if (ends & SURE || seen & ZERO || (ends & EXACT && has_exact(scanner, text, size))
        || (seen & PERCENT && has_escape(text, size))
        || (seen & AT && seen & COLON && has_colon_before_at(text, size))) {
        return 1;
    }
    int has_keys = seen & COLON && has_key(text, size, seen);
    if ((ends & JOIN || seen & (BRACKET | QUOTE) || has_keys)
        && (seen & WIDE || ends_in(&scanner->names, text, size)
            || (has_keys && has_option(scanner, text, size)))) {
        return 1;       /* names in other alphabets are in no table */
    }
    return (size >= SHORTEST_CARD && seen & DIGIT && has_card(scanner, text, size))
        || ((Py_ssize_t)size >= scanner->run_length && has_token(scanner, text, size));
}

static PyObject *
scanner_suspects(ct_scanner *scanner, PyObject *text)
{
    Py_ssize_t size;
    const char *bytes = PyUnicode_AsUTF8AndSize(text, &size);
    if (bytes == NULL) {
        return NULL;
    }
    return PyBool_FromLong(ct_is_suspicious(scanner, (const unsigned char *)bytes, (size_t)size));
}

static void
mark(ct_scanner *scanner, unsigned kind, const char *bytes)
{
    for (; *bytes != 0; bytes++) {
        scanner->kinds[(unsigned char)*bytes] |= (uint16_t)kind;
    }
}

static void
mark_others(ct_scanner *scanner, unsigned kind, const char *bytes)
{
    for (int byte = 1; byte < 256; byte++) {
        if (strchr(bytes, byte) == NULL) {
            scanner->kinds[byte] |= (uint16_t)kind;
        }
    }
}

static void
fill_kinds(ct_scanner *scanner, const char *time, const char *token, const char *digest,
           const char *separators)
{
    mark(scanner, COLON, ":");
    mark(scanner, AT, "@");
    mark(scanner, BRACKET, "([");
    mark(scanner, QUOTE, "'");
    mark(scanner, PERCENT, "%");
    mark(scanner, DIGIT, "0123456789");
    mark(scanner, CAPITAL, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    mark(scanner, SMALL, "abcdefghijklmnopqrstuvwxyz");
    mark(scanner, TOKEN, token);
    mark(scanner, SEPARATOR, separators);
    mark_others(scanner, NO_TIME, time);
    mark_others(scanner, NO_DIGEST, digest);
    scanner->kinds[0] = ZERO;
    for (int byte = 128; byte < 256; byte++) {
        scanner->kinds[byte] |= WIDE;
    }
}

/* Take a table whose every step from every state leads to a state. */
static int
take_automaton(automaton *taken, PyObject *table, PyObject *columns)
{
    size_t size = (size_t)PyBytes_GET_SIZE(table) / sizeof(uint32_t), width = 0;
    const uint32_t *steps = (const uint32_t *)PyBytes_AS_STRING(table);

    if (PyBytes_GET_SIZE(columns) != 256) {
        return -1;
    }
    memcpy(taken->columns, PyBytes_AS_STRING(columns), 256);
    for (int byte = 0; byte < 256; byte++) {
        width = taken->columns[byte] + 1u > width ? taken->columns[byte] + 1u : width;
    }
    for (size_t i = 0; i < size; i++) {
        if ((steps[i] & STATE) % width != 0 || (steps[i] & STATE) + width > size) {
            return -1;
        }
    }
    taken->table = Py_NewRef(table);
    return size >= width ? 0 : -1;
}

static PyObject *
scanner_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"literals", "names", "exact", "issuers", "time", "token", "digest",
                            "separators", "run_length", "digest_dash", NULL};
    PyObject *tables[2], *columns[2], *exact, *issuers;
    const char *time, *token, *digest, *separators;
    Py_ssize_t run_length, digest_dash;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "$(SS)(SS)O!Syyyynn:Scanner", names,
                                     &tables[0], &columns[0], &tables[1], &columns[1], &PyTuple_Type,
                                     &exact, &issuers, &time, &token, &digest, &separators, &run_length,
                                     &digest_dash)) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(exact); i++) {
        PyObject *literal = PyTuple_GET_ITEM(exact, i);
        if (!PyBytes_CheckExact(literal) || PyBytes_GET_SIZE(literal) == 0) {
            PyErr_SetString(PyExc_TypeError, "exact literals are bytes");
            return NULL;
        }
    }
    ct_scanner *scanner = (ct_scanner *)type->tp_alloc(type, 0);
    if (scanner == NULL) {
        return NULL;
    }
    scanner->exact = Py_NewRef(exact);
    scanner->issuers = Py_NewRef(issuers);
    scanner->run_length = run_length;
    scanner->digest_dash = digest_dash;
    if (PyBytes_GET_SIZE(issuers) != 100 * (LONGEST_CARD + 1)
        || take_automaton(&scanner->literals, tables[0], columns[0]) < 0
        || take_automaton(&scanner->names, tables[1], columns[1]) < 0) {
        Py_DECREF(scanner);
        PyErr_SetString(PyExc_ValueError, "the tables do not fit each other");
        return NULL;
    }
    fill_kinds(scanner, time, token, digest, separators);
    return (PyObject *)scanner;
}

static void
scanner_dealloc(ct_scanner *scanner)
{
    PyTypeObject *type = Py_TYPE(scanner);
    Py_XDECREF(scanner->literals.table);
    Py_XDECREF(scanner->names.table);
    Py_XDECREF(scanner->exact);
    Py_XDECREF(scanner->issuers);
    type->tp_free(scanner);
    Py_DECREF(type);
}

static PyMethodDef scanner_methods[] = {
    {"suspects", (PyCFunction)scanner_suspects, METH_O,
     PyDoc_STR("suspects(text)\n--\n\nReturn whether a text may hold a secret.")},
    {0}
};

static PyType_Slot scanner_slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("Tells clean texts from others, by tables of the filters.")},
    {Py_tp_new, scanner_new},
    {Py_tp_dealloc, scanner_dealloc},
    {Py_tp_methods, scanner_methods},
    {0, NULL}
};

PyType_Spec ct_scanner_spec = {
    .name = "codetracer_otel._core.native.Scanner",
    .basicsize = sizeof(ct_scanner),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = scanner_slots,
};
