"""Dicts that have members of known names as attributes, also those that stand inside of others.

An object inside becomes one of its class when it is first looked at by an attribute, and stands in
the place of the plain one from then on: so an edit is one of the whole, wherever it is made.
"""

from __future__ import annotations

from ._native import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, Generic, SupportsIndex, TypeVar, overload

    from typing_extensions import Self

    Got = TypeVar("Got", covariant=True)
    Given = TypeVar("Given", contravariant=True)
    Form = TypeVar("Form", bound="View")
    _Object = dict[str, Any]
else:
    # Importing typing would cost half of what the whole package may cost.
    Got = Given = Form = None
    _Object = dict

    class Generic:
        def __class_getitem__(cls, parameters):
            return cls


class Member(Generic[Got, Given]):
    """An attribute that stands in the object itself; None is its absence."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, owner: View | None, of_class: type) -> Got:
        found: Any = self if owner is None else self.found(owner, owner.get(self.name))
        return found  # type: ignore[no-any-return]

    def __set__(self, owner: View, value: Given) -> None:
        if value is None:
            owner.pop(self.name, None)
        else:
            owner[self.name] = value

    def found(self, owner: View, value: Any) -> Any:
        """What the attribute is where this is in the object."""
        return value


class FormMember(Member[Got, Given]):
    """One that is an object."""

    def __init__(self, name: str, form: type[View]) -> None:
        super().__init__(name)
        self.form = form

    def found(self, owner: View, value: Any) -> Any:
        if type(value) is dict:
            value = owner[self.name] = self.form.from_dict(value)
        return value


class ListMember(FormMember[Got, Given]):
    """One that is a list of objects; a content may be a text as well."""

    def found(self, owner: View, value: Any) -> Any:
        if type(value) is list:
            value = owner[self.name] = Views(self.form, value)
        return value


class Views(list[Form]):
    """A list whose plain dicts become objects of a class when they are looked at."""

    def __init__(self, form: type[Form], values: Any) -> None:
        super().__init__(values)
        self.form = form

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, at: SupportsIndex) -> Form: ...
        @overload
        def __getitem__(self, at: slice) -> Views[Form]: ...

    def __getitem__(self, at: Any) -> Any:
        value = super().__getitem__(at)
        if type(value) is dict:
            value = self[at] = self.form.from_dict(value)
        return Views(self.form, value) if isinstance(at, slice) else value

    def __iter__(self) -> Iterator[Form]:
        at = 0
        while at < len(self):
            yield self[at]
            at += 1

    def __reversed__(self) -> Iterator[Form]:
        return (self[at] for at in range(len(self) - 1, -1, -1))

    def pop(self, at: SupportsIndex = -1) -> Form:
        value: Form = self[at]
        del self[at]
        return value


class View(_Object):
    """An object with some members of known names, and others beside them, the extra ones.

    An attribute of any other name is refused: it would be no member, and get lost.
    """

    __slots__ = ()
    MEMBERS: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, members: Mapping[str, Any]) -> Self:
        """One with these members, as they stand in an event.

        >>> AnnotatedLLMResponse.from_dict({"message": "hello", "beam": 2}).extra["beam"]
        2
        """
        made = cls.__new__(cls)
        made.update(members)
        return made

    def to_dict(self) -> dict[str, Any]:
        """The members as a plain dict, those that are absent left out.

        >>> AnnotatedLLMResponse(message="hello").to_dict()
        {'message': 'hello'}
        """
        return dict(self)

    @property
    def extra(self) -> Mapping[str, Any]:
        """The members beside those of known names, to be read; set it to change them."""
        from types import MappingProxyType

        return MappingProxyType({k: v for k, v in self.items() if k not in self.MEMBERS})

    @extra.setter
    def extra(self, members: Mapping[str, Any] | None) -> None:
        given = {} if members is None else as_object("extra", members)
        for name in given:
            if name in self.MEMBERS:
                raise InvalidArgument(f"invalid argument: extra has {name!r}, a member by itself")
        for name in [name for name in self if name not in self.MEMBERS]:
            del self[name]
        self.update(given)


if TYPE_CHECKING:  # The types of attributes: what is read, and what may be given.
    Text = Member[str | None, str | None]
    Texts = Member[list[str] | None, list[str] | None]
    Integer = Member[int | None, int | None]
    Number = Member[float | None, float | None]
    Bool = Member[bool | None, bool | None]
    Object = Member[dict[str, Any] | None, Mapping[str, Any] | None]
    Anything = Member[Any, Any]
    One = Member[Form | None, Mapping[str, Any] | None]
    Several = Member[Views[Form], Sequence[Mapping[str, Any]] | None]
    Perhaps = Member[Views[Form] | None, Sequence[Mapping[str, Any]] | None]
    Content = Member[str | Views[Form] | None, str | Sequence[Mapping[str, Any]] | None]


def as_object(name: str, value: Any) -> Any:
    """A dict of what is an object. Raises TypeError, with the name of it, for anything else."""
    if value is None or hasattr(value, "keys"):
        return None if value is None else dict(value)
    raise TypeError(f"{name} must be an object, not {type(value).__name__}")
