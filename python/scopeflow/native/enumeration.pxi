# The shapes of enums and flag sets. They are made by hand because `import enum` costs a quarter of
# what the whole package may cost to import.

cdef class Enumeration:
    """A member of an enum. Members are singletons: compare them with `is` or `==`."""

    cdef readonly int32_t value
    cdef readonly str name

    def __repr__(self):
        return f"{type(self).__name__}.{self.name}"

    def __int__(self):
        return self.value

    def __hash__(self):
        return self.value

    def __eq__(self, other):
        return self is other

    def __reduce__(self):
        return type(self), (self.value,)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


class EnumerationType(type):
    """The type of an enum class: calling it finds a member by its number."""

    def __call__(cls, value):
        if type(value) is not int:
            raise TypeError(f"{cls.__name__} is found by an int, not {type(value).__name__}")
        try:
            return cls._by_value[value]
        except KeyError:
            raise InvalidArgument(f"{value} is no {cls.__name__}") from None

    def __iter__(cls):
        return iter(cls._by_value.values())

    def __len__(cls):
        return len(cls._by_value)


cdef add_members(of_class, members):
    cdef Enumeration member
    of_class._by_value = {}
    for name, value in members:
        member = Enumeration.__new__(of_class)
        member.name = name
        member.value = value
        of_class._by_value[value] = member
        setattr(of_class, name, member)


cdef enum_member(of_class, int32_t value):
    return of_class._by_value[value]


class FlagSet(int):
    """A set of flags. `value` is the plain number; unknown bits are refused (S1.2)."""

    __slots__ = ()
    mask = 0

    def __new__(cls, value=0):
        if not PyLong_Check(value):
            raise TypeError(f"{cls.__name__} is made from an int, not {type(value).__name__}")
        if value & ~cls.mask:
            raise InvalidArgument(
                f"{cls.__name__} has no bit {value & ~cls.mask:#x}; known are {cls.mask:#x}"
            )
        return int.__new__(cls, value)

    @property
    def value(self):
        """The bits as a plain number."""
        return int(self)

    def __or__(self, other):
        return type(self)(int.__or__(self, other)) if isinstance(other, int) else NotImplemented

    def __and__(self, other):
        return type(self)(int.__and__(self, other)) if isinstance(other, int) else NotImplemented

    def __repr__(self):
        return f"{type(self).__name__}({int(self):#x})"


cdef str describe_fields(value, names):
    fields = ", ".join([f"{name}={getattr(value, name)!r}" for name in names])
    return f"{type(value).__name__}({fields})"
