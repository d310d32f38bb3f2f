"""``folkmoot.toml``: what a project sets for its stages, between the defaults and the flags.

    [listen]
    min_votes = 10
    [train]
    lessons = 400

One table a stage, fields as in the stage's config class (`listen.config.ListenConfig`, `draft.config.DraftConfig`,
`train.config.TrainConfig`, `evaluate.config.EvaluateConfig`). What a flag of the command line decides is not set here.
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from folkmoot.errors import FolkmootError, UsageError

FILE = "folkmoot.toml"
BY_FLAG = {"seed", "control", "leave_out", "reference_data"}
"""Fields that the command line or the walk itself decides."""

Config = TypeVar("Config", bound=BaseModel)


class Settings(BaseModel):
    """The tables of a settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: dict[str, Any] = Field(default_factory=dict)
    draft: dict[str, Any] = Field(default_factory=dict)
    train: dict[str, Any] = Field(default_factory=dict)
    evaluate: dict[str, Any] = Field(default_factory=dict)
    file: Path | None = None

    def build(self, stage: str, make: Callable[..., Config], **decided: object) -> Config:
        """Return the config of a stage: what `make` gives, with this file's table over its defaults.

        Raises:
            UsageError: a field does not exist, has a value it cannot have, or is decided by a flag.
        """
        table: Mapping[str, Any] = getattr(self, stage)
        if taken := sorted(BY_FLAG & table.keys()):
            flag = "--" + taken[0].replace("_", "-")
            raise UsageError(
                f"{taken[0]!r} is not set in a file", where=f"{self.file}, [{stage}]", do=f"take it out; see {flag}"
            )
        try:
            return make(**{**table, **decided})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(map(str, first["loc"]))
            raise UsageError(
                f"{name}: {first['msg'].removeprefix('Value error, ')}",
                where=f"{self.file}, [{stage}]",
                do=f"see the fields of folkmoot.{stage}.config",
            ) from error


def read_settings(path: Path | None) -> Settings:
    """Read a settings file; without a path, ``folkmoot.toml`` of the working directory if there is one.

    Raises:
        FolkmootError: it cannot be read, is not TOML, or has another table.
    """
    if path is None:
        path = Path(FILE)
        if not path.is_file():
            return Settings()
    try:
        return Settings.model_validate({**tomllib.loads(path.read_text(encoding="utf-8")), "file": path})
    except OSError as error:
        raise FolkmootError(
            f"cannot read the settings: {error.strerror}", where=str(path), do="check the path given to --config"
        ) from error
    except UnicodeDecodeError as error:
        raise FolkmootError("the settings are not UTF-8 text", where=str(path), do="save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise FolkmootError(f"not TOML: {error}", where=str(path), do="correct it there") from error
    except ValidationError as error:
        name = error.errors(include_url=False)[0]["loc"][0]
        raise FolkmootError(
            f"there is no table or field {name!r}", where=str(path), do="use [listen], [draft], [train], [evaluate]"
        ) from error
