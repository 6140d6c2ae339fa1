#include "base/utf8.h"

#include "base/vector.h"

#define ASCII_MASK 0x8080808080808080ull

size_t scopeflow__utf8_decode(scopeflow_bytes text, size_t at, uint32_t *out_code_point,
                              bool *out_valid) {
    const unsigned char *const s = (const unsigned char *)text.ptr + at;
    size_t const left = text.len - at;
    *out_valid = true;
    *out_code_point = s[0];
    if (s[0] < 0x80) return 1;

    size_t need = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    uint32_t code_point = 0;
    if (s[0] >= 0xC2 && s[0] <= 0xDF) {
        need = 1;
        code_point = s[0] & 0x1Fu;
    } else if (s[0] >= 0xE0 && s[0] <= 0xEF) {
        need = 2;
        code_point = s[0] & 0x0Fu;
        if (s[0] == 0xE0) low = 0xA0;
        if (s[0] == 0xED) high = 0x9F;
    } else if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        need = 3;
        code_point = s[0] & 0x07u;
        if (s[0] == 0xF0) low = 0x90;
        if (s[0] == 0xF4) high = 0x8F;
    }

    *out_valid = false;
    *out_code_point = 0xFFFD;
    if (need == 0) return 1;
    for (size_t i = 1; i <= need; i++) {
        if (i >= left || s[i] < low || s[i] > high) return i;
        code_point = (code_point << 6) | (s[i] & 0x3Fu);
        low = 0x80;
        high = 0xBF;
    }
    *out_valid = true;
    *out_code_point = code_point;
    return need + 1;
}

size_t scopeflow__utf8_encode(uint32_t code_point, char out[4]) {
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0u | (code_point >> 6));
        out[1] = (char)(0x80u | (code_point & 0x3Fu));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0u | (code_point >> 12));
        out[1] = (char)(0x80u | ((code_point >> 6) & 0x3Fu));
        out[2] = (char)(0x80u | (code_point & 0x3Fu));
        return 3;
    }
    out[0] = (char)(0xF0u | (code_point >> 18));
    out[1] = (char)(0x80u | ((code_point >> 12) & 0x3Fu));
    out[2] = (char)(0x80u | ((code_point >> 6) & 0x3Fu));
    out[3] = (char)(0x80u | (code_point & 0x3Fu));
    return 4;
}

static uint32_t load_four(const char *at) {
    const unsigned char *const s = (const unsigned char *)at;
    return s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16 | (uint32_t)s[3] << 24;
}

/* Length of the well-formed sequence that four bytes begin with, by table 3-7 as masks: lead and
 * continuation bits, then what would be overlong, a surrogate or too large. 0 if it is none. */
static size_t sequence_length(uint32_t four) {
    if ((four & 0x80u) == 0) return 1;
    if ((four & 0xC0E0u) == 0x80C0u) return (four & 0x1Eu) != 0 ? 2 : 0;
    if ((four & 0xC0C0F0u) == 0x8080E0u)
        return (four & 0x200Fu) != 0 && (four & 0x200Fu) != 0x200Du ? 3 : 0;
    if ((four & 0xC0C0C0F8u) == 0x808080F0u)
        return (four & 0x3007u) != 0 && ((four & 0x04u) == 0 || (four & 0x3003u) == 0) ? 4 : 0;
    return 0;
}

/* The same at the end of a text, where there are fewer than four. */
static size_t last_sequence_length(scopeflow_bytes text, size_t at) {
    uint32_t code_point;
    bool valid;
    size_t const used = scopeflow__utf8_decode(text, at, &code_point, &valid);
    return valid ? used : 0;
}

/* A sequence reaches so many bytes back at most. */
enum { LONGEST_BEFORE = 3 };

#if SCOPEFLOW__VECTOR_BITS >= 128
enum { VALID_BLOCK = 16 };

static __m128i load_block(const char *at) {
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* Which bytes, as unsigned numbers, are at least so large. */
static __m128i at_least(__m128i bytes, unsigned char limit) {
    return _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8((char)limit)), bytes);
}

static __m128i is_byte(__m128i bytes, unsigned char byte) {
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)byte));
}

/* The same table: which second bytes its first byte does not allow though they continue. */
static __m128i wrong_seconds(__m128i bytes, __m128i before) {
    __m128i const from_a0 = at_least(bytes, 0xA0);
    __m128i const from_90 = at_least(bytes, 0x90);
    __m128i const too_low = _mm_or_si128(_mm_andnot_si128(from_a0, is_byte(before, 0xE0)),
                                         _mm_andnot_si128(from_90, is_byte(before, 0xF0)));
    __m128i const too_high = _mm_or_si128(_mm_and_si128(from_a0, is_byte(before, 0xED)),
                                          _mm_and_si128(from_90, is_byte(before, 0xF4)));
    return _mm_or_si128(too_low, too_high);
}

/* Whether a block is right behind the three bytes before it, which are: each byte continues a
 * sequence exactly where one of those before it asks for that, and none is never right. The block
 * may end inside a sequence. */
static bool is_valid_block(const char *at) {
    __m128i const bytes = load_block(at);
    __m128i const before = load_block(at - 1);
    __m128i const continues = _mm_cmplt_epi8(bytes, _mm_set1_epi8((char)0xC0)); /* Signed. */
    __m128i const asked =
        _mm_or_si128(at_least(before, 0xC0), _mm_or_si128(at_least(load_block(at - 2), 0xE0),
                                                          at_least(load_block(at - 3), 0xF0)));
    __m128i const never = _mm_or_si128(at_least(bytes, 0xF5),
                                       _mm_or_si128(is_byte(bytes, 0xC0), is_byte(bytes, 0xC1)));
    __m128i const wrong = _mm_or_si128(_mm_xor_si128(continues, asked),
                                       _mm_or_si128(never, wrong_seconds(bytes, before)));
    return _mm_movemask_epi8(wrong) == 0;
}

/* Back to where the sequence begins that a place stands in. */
static size_t sequence_start(scopeflow_bytes text, size_t at) {
    for (size_t back = 1; back <= LONGEST_BEFORE; back++) {
        unsigned char const byte = (unsigned char)text.ptr[at - back];
        if (byte < 0x80) return at;
        if (byte < 0xC0) continue;
        size_t const len = byte >= 0xF0 ? 4 : (byte >= 0xE0 ? 3 : 2);
        return len > back ? at - back : at;
    }
    return at;
}

/* Passes over blocks that are right. What stands before `at` is. */
static size_t pass_valid_blocks(scopeflow_bytes text, size_t at) {
    if (at < LONGEST_BEFORE) return at;
    size_t const start = at;
    while (text.len - at >= VALID_BLOCK && is_valid_block(text.ptr + at)) at += VALID_BLOCK;
    return at > start ? sequence_start(text, at) : at;
}
#else
static size_t pass_valid_blocks(scopeflow_bytes text, size_t at) {
    (void)text;
    return at;
}
#endif

/* Passes over sequences that are right until one begins at `until` or beyond. */
static size_t pass_sequences(scopeflow_bytes text, size_t at, size_t until) {
    while (at < until) {
        uint64_t eight;
        if (text.len - at >= sizeof eight) {
            memcpy(&eight, text.ptr + at, sizeof eight);
            if ((eight & ASCII_MASK) == 0) {
                at += sizeof eight;
                continue;
            }
        }
        size_t const used = text.len - at >= 4 ? sequence_length(load_four(text.ptr + at))
                                               : last_sequence_length(text, at);
        if (used == 0) break;
        at += used;
    }
    return at;
}

size_t scopeflow__utf8_valid_length(scopeflow_bytes text) {
    size_t const most = LONGEST_BEFORE;
    size_t const first = text.len < most ? text.len : most;
    size_t const checked = pass_valid_blocks(text, pass_sequences(text, 0, first));
    return pass_sequences(text, checked, text.len);
}

int scopeflow__utf8_compare_as_utf16(scopeflow_bytes a, scopeflow_bytes b) {
    size_t at = 0;
    size_t const shorter = a.len < b.len ? a.len : b.len;
    while (at < shorter && a.ptr[at] == b.ptr[at]) at++;
    if (at == shorter) return a.len < b.len ? -1 : a.len > b.len;

    /* UTF-8 sorts by code point. UTF-16 differs in one way: surrogates (lead bytes F0 to F4) stand
     * before U+E000 to U+FFFF (lead bytes EE and EF). */
    unsigned char x = (unsigned char)a.ptr[at];
    unsigned char y = (unsigned char)b.ptr[at];
    bool const x_is_pair = x >= 0xF0;
    bool const y_is_pair = y >= 0xF0;
    if (x_is_pair != y_is_pair) {
        if (x_is_pair && y >= 0xEE) return -1;
        if (y_is_pair && x >= 0xEE) return 1;
    }
    return x < y ? -1 : 1;
}
