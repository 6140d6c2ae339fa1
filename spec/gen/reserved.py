"""Words that a language keeps for itself, where our names would stand bare in it.

A member of an options struct is bare in C and C++ (`options.name`), a keyword argument in Python
and a destructured property in JavaScript, but is capitalised in Go. An argument of an operation
without an options struct is also bare in Go.
"""

from __future__ import annotations

_C = """
auto break case char const continue default do double else enum extern float for goto if inline int
long register restrict return short signed sizeof static struct switch typedef union unsigned void
volatile while bool true false asm catch class const_cast delete dynamic_cast explicit export friend
mutable namespace new operator private protected public reinterpret_cast static_cast template this
throw try typeid typename using virtual wchar_t and or not xor alignas alignof constexpr decltype
noexcept nullptr static_assert thread_local self
"""
_PYTHON = """
False None True and as assert async await break class continue def del elif else except finally for
from global if import in is lambda nonlocal not or pass raise return try while with yield self
"""
_JAVASCRIPT = """
arguments await break case catch class const continue debugger default delete do else enum eval
export extends false finally for function if implements import in instanceof interface let new null
package private protected public return static super switch this throw true try typeof var void
while with yield
"""
_GO = """
break case chan const continue default defer else fallthrough for func go goto if import interface
map package range return select struct switch type var
"""


def _table(*languages: tuple[str, str]) -> dict[str, str]:
    table: dict[str, str] = {}
    for language, words in languages:
        for word in words.split():
            table.setdefault(word, language)
    return table


RESERVED_FIELD = _table(("C", _C), ("Python", _PYTHON), ("JavaScript", _JAVASCRIPT))
RESERVED_ARGUMENT = _table(("Go", _GO), ("C", _C), ("Python", _PYTHON), ("JavaScript", _JAVASCRIPT))
