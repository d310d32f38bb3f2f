"""Errors a user can cause, and the exit code each ends in.

A message answers three questions: what happened, in which input (file, row, column, field), what to do.

To add one, subclass `FolkmootError` where the meaning differs for the *caller* (another exit code, another reaction),
not for another wording. Unexpected exceptions are never wrapped: they are bugs and keep their traceback.
"""


class FolkmootError(Exception):
    """A handled failure: what happened, where, and what to do."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", do: str = "") -> None:
        self.what = what
        self.where = where
        self.do = do
        super().__init__(
            "\n".join(part for part in (what, where and f"  where: {where}", do and f"  to do: {do}") if part)
        )


class UsageError(FolkmootError):
    """The command line or a config asks for something that does not exist."""

    exit_code = 2


class Incomplete(FolkmootError):
    """Stopped cleanly before the end (a budget ran out); running the same command again goes on from here."""

    exit_code = 3


class MissingExtra(FolkmootError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"the package {package!r} is not installed", do=f"install it with: pip install 'folkmoot[{extra}]'"
        )
