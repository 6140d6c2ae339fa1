"""A registration that lasts as long as a `with`."""


class Registration:
    """Registers on entering and removes on leaving. May be entered again afterwards."""

    __slots__ = ("_arguments", "_deregister", "_register")

    def __init__(self, register, deregister, *arguments):
        self._register = register
        self._deregister = deregister
        self._arguments = arguments

    def __enter__(self):
        self._register(*self._arguments)
        return self

    def __exit__(self, kind, error, traceback):
        self._deregister(self._arguments[0])
        return False
