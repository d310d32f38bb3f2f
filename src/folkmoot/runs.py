"""Run directories: the unit of work and of proof.

    OUT/<name>/config.json inputs.json environment.json events.jsonl metrics.jsonl ledger.json lineage.jsonl
               artefacts/  report/  seal.json (written last)

Unsealed is resumable, sealed is immutable. The artefact hash covers the config, the inputs' hashes, everything in
``artefacts/`` and the lineage, and nothing that a clock or a machine's name goes into: those lie in ``report/``,
``metrics.jsonl``, ``ledger.json``, ``events.jsonl`` and ``environment.json``, whose bytes the seal covers too.

A seal proves that nothing changed since it was written. Who wrote it, it cannot say: whoever may write the folder may
seal it anew, so an auditor compares the artefact hash with one that was published elsewhere.

Beside a run lie ``.<name>.lock`` (held while a process works in it; it is never removed), and for moments
``.<name>.scratch`` (a file being written) and ``.<name>.removed`` (what ``fresh`` is removing).
"""

import errno
import fcntl
import functools
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from pydantic import BaseModel

from folkmoot import __version__
from folkmoot.errors import FolkmootError
from folkmoot.ledger import Ledger, usable_cores
from folkmoot.lineage import Role, is_participant, names_participant

_PACKAGES = ("numpy", "scipy", "scikit-learn", "polars", "torch", "transformers", "trl", "peft")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_ANEW = "use another --out, or --fresh to remove it and start anew"


class Run:
    """One run directory, open for work or sealed. Use as a context manager: it holds a lock until it is closed.

    What was recorded with `record` stays over a kill. Links and descriptions do not: every attempt writes them anew, from
    the finished records, before it seals.

    Attributes:
        path: the directory; `name` is its last part.
        artefacts: folder of deterministic results; they make up the artefact hash.
        report: folder of results that hold timings; sealed, but not part of the artefact hash.
        ledger: what all attempts of this run spent.
        earlier: environments of the attempts before this one.
    """

    def __init__(
        self,
        path: Path,
        config: Mapping[str, Any],
        inputs: Mapping[str, Any],
        *,
        sealed: bool,
        lock: IO[str] | None = None,
    ) -> None:
        self.path = path
        self.name = path.name
        self.config = dict(config)
        self.inputs = dict(inputs)
        self.sealed = sealed
        self.artefacts = path / "artefacts"
        self.report = path / "report"
        self.ledger = _read_ledger(path)
        self._lock = lock
        self.earlier = [] if sealed else _earlier_attempts(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is None:
            return
        try:
            with _os_errors_explained(self.path):
                self._save_ledger()
                _write_environment(self.path, self.earlier)
        except FolkmootError:
            if error is None:
                raise
        finally:
            self._release()
        if error is not None and not isinstance(error, FolkmootError) and _says_disk_full(error, self.path):
            raise _disk_full(self.path) from error

    def record(self, kind: str, key: str, **data: Any) -> None:
        """Append one event and make sure it is on the disk: what is recorded is never paid for again.

        Raises:
            FolkmootError: the disk is full, or the run is sealed or closed (so for every method that writes).
        """
        with self._writing():
            _append(self.path / "events.jsonl", {"kind": kind, "key": key, "data": data}, sync=True)
            self._save_ledger()

    def events(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the data of a kind's events by key, the last of a key counting; a line torn by a kill is dropped."""
        found = {}
        for row in _read_rows(self.path / "events.jsonl"):
            if row.get("kind") == kind and "data" in row:
                found[row["key"]] = row["data"]
        return found

    def metric(self, **values: Any) -> None:
        """Append one line of metrics, and keep the ledger up to date with it."""
        with self._writing():
            _append(self.path / "metrics.jsonl", values)
            self._save_ledger()

    def link(self, child: str, parent: str, role: Role, weight: float = 1.0) -> None:
        """Write down that `child` came from `parent`; of the same link written twice the last weight counts.

        Raises:
            ValueError: one of them is a participant, or the role does not exist.
        """
        _refuse_participant(is_participant(child) or is_participant(parent))
        with self._writing():
            row = {"child": child, "parent": parent, "role": str(Role(role)), "weight": weight}
            _append(self.path / "lineage.jsonl", _showable(row))

    def describe(self, id_: str, kind: str, label: str, **detail: Any) -> None:
        """Write down how a record is to be shown in a trace; of an id described twice the last description counts.

        Small cells must be suppressed by the caller (`records.SMALL_CELL`). A change of score goes into two details named
        ``…_before`` and ``…_after``: the trace then labels it as not causal.

        Raises:
            ValueError: the id or something in the description is an id of a participant.
        """
        _refuse_participant(is_participant(id_) or names_participant([label, detail]))
        with self._writing():
            row = {"id": id_, "kind": kind, "label": label, "detail": detail}
            _append(self.artefacts / "index.jsonl", _showable(row))

    @property
    def artefact_hash(self) -> str:
        """Hash of the deterministic content, as sealed.

        Raises:
            FolkmootError: the run is not sealed, or its seal cannot be read.
        """
        if not self.sealed:
            raise FolkmootError("the run is not finished, so it has no artefact hash", where=str(self.path))
        return _read_seal(self.path).artefact_hash

    def seal(self) -> str:
        """Write the seal, make the run immutable, and return its artefact hash.

        Raises:
            FolkmootError: the disk is full; the run stays resumable.
        """
        with self._writing():
            _settle(self.path, "lineage.jsonl", lambda row: (row["child"], row["parent"], row["role"]))
            _settle(self.path, "artefacts/index.jsonl", lambda row: (row["id"],))
            self._save_ledger()
            _write_environment(self.path, self.earlier)
            files = _hash_files(self.path, sync=True)
            digest = _artefact_hash(self.config, self.inputs, files)
            _write_json(self.path, "seal.json", {"artefact_hash": digest, "folkmoot": __version__, "files": files})
            self.sealed = True
            for name in (*files, "seal.json"):
                with suppress(OSError):  # a help against accidents, and not every file system knows it
                    if not (self.path / name).is_symlink():
                        (self.path / name).chmod(0o444)
        self._release()
        return digest

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self.sealed or self._lock is None:
            state = "finished and sealed" if self.sealed else "closed"
            raise FolkmootError(f"the run is {state}, nothing can be written to it", where=str(self.path), do=_ANEW)
        with _os_errors_explained(self.path):
            yield

    def _save_ledger(self) -> None:
        _write_json(self.path, "ledger.json", self.ledger.as_json())

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


Input = Path | Run | Mapping[str, str]
"""What work reads: a path, a sealed run, or what names and hashes content that stands elsewhere (`stored`, `hash`)."""


def open_run(
    out: Path,
    name: str,
    config: BaseModel | Mapping[str, Any],
    inputs: Mapping[str, Input],
    *,
    fresh: bool = False,
) -> Run:
    """Open the run `name` in `out`: a sealed one of the same config and inputs as it is, an unsealed one to go on.

    Args:
        out: folder of the stage runs; made if it is not there.
        name: name of the stage run, a folder in `out`.
        config: everything that the result depends on beside the inputs; plain JSON values.
        inputs: files, folders (all files in them), sealed runs or stored content that the work reads.
        fresh: remove what is there and start anew.

    Raises:
        FolkmootError: an input is missing; the directory holds another config, other inputs or work of another version
            (names the field); a sealed run lost a file; another process is at work in it; it cannot be written.
    """
    if not name or Path(name).name != name or name.startswith("."):
        raise ValueError(f"{name!r} cannot name a run")
    path = out / name
    wanted = json.loads(json.dumps(config.model_dump(mode="json") if isinstance(config, BaseModel) else dict(config)))
    described = {key: _describe_input(key, value, out) for key, value in inputs.items()}
    if not fresh and (path / "seal.json").is_file():
        return _reuse(path, wanted, described)  # without a lock: it may lie where nothing can be written
    with _os_errors_explained(path, whole=True):
        out.mkdir(parents=True, exist_ok=True)
        lock = _acquire(path)
        try:
            if _removed(path).exists():  # a kill came while it was being removed
                shutil.rmtree(_removed(path))
            if fresh:
                _remove(path)
            elif (path / "seal.json").is_file():  # sealed by another process a moment ago
                lock.close()
                return _reuse(path, wanted, described)
            return _begin(path, wanted, described, lock)
        except BaseException:
            lock.close()
            raise


@dataclass(frozen=True, slots=True)
class Verification:
    """What re-hashing a run found: `problems`, and inputs that could not be checked because their run is elsewhere."""

    problems: tuple[str, ...]
    unchecked: tuple[str, ...] = ()


def verify(path: Path) -> list[str]:
    """Re-hash a sealed run and return what is wrong with it; an empty list means that all is as it was sealed."""
    return list(verification(path).problems)


def verification(path: Path) -> Verification:
    """Re-hash a sealed run, offline, and compare the runs it read with what they are now.

    Finds files changed, missing or added, a torn seal, an artefact hash that does not follow from the files, and a break
    in the chain: a run named as input that is there but no longer carries the hash that was read. One finding a string.
    """
    try:
        seal = _read_seal(path)
        config, inputs = _read_config(path), _read_inputs(path)
        files = _hash_files(path)
    except FolkmootError as error:
        return Verification((f"{error.where}: {error.what}",))
    except OSError as error:
        return Verification((f"{error.filename}: cannot be read: {error.strerror}",))
    problems = [f"{path / name}: missing" for name in seal.files if name not in files]
    problems += [f"{path / name}: added after sealing" for name in files if name not in seal.files]
    problems += [f"{path / name}: changed" for name, found in files.items() if seal.files.get(name, found) != found]
    if _artefact_hash(config, inputs, seal.files) != seal.artefact_hash:
        problems.append(
            f"{path / 'seal.json'}: the artefact hash does not follow from the config, inputs and files it seals"
        )
    unchecked = []
    for name, described in inputs.items():
        if "run" in described:
            parent = path.resolve().parent / described["run"]
            if not parent.is_dir():
                unchecked.append(f"{path}: its input {name!r} is not at {parent}, so it was not compared")
            elif broken := _broken_link(parent, described["hash"]):
                problems.append(f"{path}: its input {name!r} {broken}")
    return Verification(tuple(problems), tuple(unchecked))


def _broken_link(parent: Path, read: str) -> str:
    """Say why `parent` is not the sealed run with hash `read`; empty if it is."""
    try:
        found = _read_seal(parent).artefact_hash
    except FolkmootError as error:
        return f"cannot be followed: {error.what}: {error.where}"
    return (
        "" if found == read else f"had the artefact hash {read[:12]}… when it was read, {parent} now has {found[:12]}…"
    )


def find_runs(folder: Path) -> list[Path]:
    """Return the stage runs at, in, or one folder below `folder`, the oldest first.

    Raises:
        FolkmootError: there is no such folder, or no run in it.
    """
    if not folder.is_dir():
        raise FolkmootError("there is no such folder", where=str(folder), do="give the --out folder of a run")
    if _is_run(folder):
        return [folder.resolve()]
    for pattern in ("*", "*/*"):
        if found := [p for p in folder.glob(pattern) if _is_run(p) and "/." not in f"/{p.relative_to(folder)}"]:
            return sorted(found, key=lambda p: (_begun(p), p))
    raise FolkmootError("there is no run here", where=str(folder), do="give the --out folder of a run")


def list_runs(out: Path) -> list[dict[str, Any]]:
    """Return the stage runs in `out` as plain data.

    Each has name, path, state ("sealed", "unfinished", "torn"), sealed, artefact_hash (or None), seconds, tokens, wh.

    Raises:
        FolkmootError: there is no such folder, or no run in it.
    """
    return [_row(path) for path in find_runs(out)]


def _row(path: Path) -> dict[str, Any]:
    state, digest = "unfinished", None
    if (path / "seal.json").exists():
        try:
            state, digest = "sealed", _read_seal(path).artefact_hash
        except FolkmootError:
            state = "torn"
    try:
        spent = _read_ledger(path).as_json()
    except FolkmootError:
        spent = {}
    return {
        "name": path.name,
        "path": str(path),
        "state": state,
        "sealed": state == "sealed",
        "artefact_hash": digest,
        **{what: spent.get(what) for what in ("seconds", "tokens", "wh")},
    }


def show_run(path: Path) -> dict[str, Any]:
    """Return what a stage run says of itself: the row of `list_runs`, config, inputs, environment, ledger, artefacts.

    Artefacts are sizes in bytes by path.

    Raises:
        FolkmootError: its files cannot be read.
    """
    with _os_errors_explained(path, whole=True):
        files = sorted(p for folder in ("artefacts", "report") for p in (path / folder).rglob("*") if p.is_file())
        return {
            **_row(path),
            "config": _read_config(path),
            "inputs": _read_inputs(path),
            "environment": _read_json(path / "environment.json"),
            "ledger": _read_ledger(path).as_json(),
            "artefacts": {str(p.relative_to(path)): p.stat().st_size for p in files},
        }


def _is_run(path: Path) -> bool:
    return (path / "inputs.json").is_file() or (path / "seal.json").is_file()


def _begun(path: Path) -> float:
    file = path / "config.json"
    return file.stat().st_mtime if file.is_file() else 0.0


# ------------------------------------------------------------------ opening


def _begin(path: Path, config: Mapping[str, Any], inputs: Mapping[str, Any], lock: IO[str]) -> Run:
    if (path / "inputs.json").is_file():  # written last, so the others are whole
        _same_or_error(path, config, inputs, str(_read_json(path / "environment.json").get("folkmoot")), "unfinished")
    for folder in (path, path / "artefacts", path / "report"):
        folder.mkdir(exist_ok=True)
    # links and descriptions are written anew by every attempt, so that none of an abandoned attempt stays
    for name in ("lineage.jsonl", "artefacts/index.jsonl"):
        (path / name).unlink(missing_ok=True)
    run = Run(path, config, inputs, sealed=False, lock=lock)
    _write_environment(path, run.earlier)
    _write_json(path, "config.json", config)
    _write_json(path, "inputs.json", inputs)
    return run


def _reuse(path: Path, config: Mapping[str, Any], inputs: Mapping[str, Any]) -> Run:
    seal = _read_seal(path)
    _same_or_error(path, config, inputs, seal.folkmoot, "finished")
    for name in seal.files:
        # whether they are unchanged too is what `verify` is for: it reads gigabytes
        if not (path / name).exists():
            raise FolkmootError(f"this finished run has lost {name}", where=str(path), do=_ANEW)
    return Run(path, config, inputs, sealed=True)


def _same_or_error(path: Path, config: Mapping[str, Any], inputs: Mapping[str, Any], version: str, state: str) -> None:
    if version != __version__:
        raise FolkmootError(
            f"this {state} run was made with folkmoot {version}, and this is {__version__}", where=str(path), do=_ANEW
        )
    if (difference := _difference(_read_config(path), config)) is not None:
        name, was, now = difference
        raise FolkmootError(
            f"this {state} run was made with {name} = {was}, and now {name} = {now} is asked for",
            where=str(path),
            do=_ANEW,
        )
    was_read = _read_inputs(path)
    for key in sorted({*was_read, *inputs}):
        before, now = was_read.get(key, {}), inputs.get(key, {})
        if before.get("hash") != now.get("hash"):
            source = now.get("path") or now.get("run") or before.get("path") or before.get("run")
            raise FolkmootError(
                f"this {state} run read {key} = {_digest(before)}, and now {key} = {_digest(now)} is given",
                where=f"{path}, input {key}: {source}",
                do=_ANEW,
            )


def _digest(described: Mapping[str, Any]) -> str:
    return f"sha256 {described['hash'][:12]}…" if described else "nothing"


def _difference(was: Any, now: Any, name: str = "") -> tuple[str, str, str] | None:
    """Return name, old and new value of the first field in which two configs differ."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in sorted({*was, *now}):
            inner = f"{name}.{key}" if name else key
            if key not in was or key not in now:
                return inner, _brief(was.get(key)), _brief(now.get(key))
            if (found := _difference(was[key], now[key], inner)) is not None:
                return found
        return None
    return None if was == now else (name, _brief(was), _brief(now))


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"


def _describe_input(name: str, value: Input, out: Path) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Run):
        return {"run": os.path.relpath(value.path, out), "hash": value.artefact_hash}
    if not value.exists():
        raise FolkmootError(f"there is no {name} at this path", where=str(value), do="check the path")
    if not value.is_dir() and not value.is_file():
        raise FolkmootError(f"{name} is neither a file nor a folder", where=str(value), do="write it to a file first")
    try:
        if value.is_file():
            return {"path": str(value), "hash": file_hash(value)}
        files = {p.relative_to(value).as_posix(): file_hash(p) for p in sorted(value.rglob("*")) if p.is_file()}
    except OSError as error:
        raise FolkmootError(f"{name} cannot be read: {error.strerror}", where=str(error.filename or value)) from error
    return {"path": str(value), "hash": hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()}


def _acquire(path: Path) -> IO[str]:
    # beside the run, so that removing the run does not free it
    lock = path.with_name(f".{path.name}.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise FolkmootError(
            f"another process{f' ({holder})' if holder else ''} is at work in this run",
            where=str(path),
            do="wait for it, or use another --out",
        ) from error
    lock.truncate(0)
    lock.write(f"pid {os.getpid()}\n")
    lock.flush()
    return lock


def _remove(path: Path) -> None:
    """Remove a run so that a kill in the midst leaves no half of it where it would be trusted."""
    if path.exists():
        path.rename(_removed(path))
        shutil.rmtree(_removed(path))


def _removed(path: Path) -> Path:
    return path.with_name(f".{path.name}.removed")


# ------------------------------------------------------------------ the environment


def _write_environment(path: Path, earlier: Sequence[Mapping[str, Any]]) -> None:
    """Write down where the work is done; again at the end, when a stage has loaded what it computes with."""
    now = {"folkmoot": __version__, "commit": _commit(), **_machine(), **_device(), "arguments": sys.argv}
    _write_json(path, "environment.json", {**now, "earlier": list(earlier)})


def _earlier_attempts(path: Path) -> list[dict[str, Any]]:
    """Return the environments in which a run was worked on so far, each that differs once."""
    if not (path / "environment.json").is_file():
        return []
    last = _read_json(path / "environment.json")
    earlier: list[dict[str, Any]] = last.pop("earlier", [])
    return earlier if last in earlier else [*earlier, last]


@functools.cache
def _machine() -> dict[str, Any]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cores": usable_cores(),
        "packages": versions,
    }


def _device() -> dict[str, Any]:
    # asked of torch only where a stage has loaded it: this module must not
    torch: Any = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_num_threads"):
        return {"device": "cpu", "threads": None}
    device = torch.cuda.get_device_name() if torch.cuda.is_initialized() else "cpu"
    return {"device": device, "threads": torch.get_num_threads()}


@functools.cache
def _commit() -> str | None:
    """Return the commit this code stands at, with ``-dirty`` where it was changed; None if it is not in its repository."""
    git, here = shutil.which("git"), Path(__file__)
    if git is None:
        return None

    def ask(*arguments: str) -> str | None:
        asked = [git, "-C", str(here.parent), *arguments]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603  # our own arguments
        return done.stdout.strip() if done.returncode == 0 else None

    # installed into somebody else's repository it must not claim that repository's commit
    if ask("ls-files", "--error-unmatch", here.name) is None:
        return None
    return ask("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


# ------------------------------------------------------------------ errors of the machine


@contextmanager
def _os_errors_explained(path: Path, *, whole: bool = False) -> Iterator[None]:
    """Turn a full disk into an error that says so; with `whole` every other error of the file system too."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _disk_full(path) from error
        if whole:
            where = str(error.filename or path)
            raise FolkmootError(
                f"the run cannot be opened: {error.strerror}", where=where, do="use another --out"
            ) from error
        raise


def _disk_full(path: Path) -> FolkmootError:
    return FolkmootError(
        "the disk is full, or a quota is used up",
        where=str(path),
        do="free some space and run the same command: it goes on from here",
    )


def _says_disk_full(error: BaseException | None, path: Path) -> bool:
    """Whether `error`, or one it came from, is a full disk, in the words of Python, of Rust or of C++."""
    while isinstance(error, Exception):
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if "No space left on device" in str(error) or "os error 28" in str(error):
            return True
        # torch's writer says only that its stream failed
        if isinstance(error, RuntimeError) and shutil.disk_usage(path).free < 2**20:
            return True
        error = error.__cause__ or error.__context__
    return False


def _refuse_participant(found: bool) -> None:
    if found:
        raise ValueError("ids of participants are written into no run")


# ------------------------------------------------------------------ hashing, reading, writing


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_files(path: Path, *, sync: bool = False) -> dict[str, str]:
    """Return the SHA-256 of every file but the seal by path; with `sync` their bytes are on the disk first."""
    found = {}
    for p in sorted(path.rglob("*")):
        if p.is_symlink():
            found[p.relative_to(path).as_posix()] = hashlib.sha256(b"link " + os.fsencode(p.readlink())).hexdigest()
        elif not p.is_dir() and p != path / "seal.json":
            if sync:
                _sync(p)
            found[p.relative_to(path).as_posix()] = file_hash(p) if p.is_file() else "neither file nor folder"
        elif sync and p.is_dir():
            _sync(p)
    return found


def _artefact_hash(config: Mapping[str, Any], inputs: Mapping[str, Any], files: Mapping[str, str]) -> str:
    content = {
        "config": config,
        "inputs": {name: described["hash"] for name, described in inputs.items()},
        "files": {
            name: digest for name, digest in files.items() if name.startswith("artefacts/") or name == "lineage.jsonl"
        },
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Seal:
    artefact_hash: str
    folkmoot: str
    files: dict[str, str]

    def __post_init__(self) -> None:
        if not all(isinstance(value, str) for value in (self.artefact_hash, self.folkmoot, *self.files.values())):
            raise TypeError("a seal holds texts")


def _read_seal(path: Path) -> _Seal:
    file = path / "seal.json"
    if not file.is_file():
        raise FolkmootError("the run is not sealed", where=str(path), do="finish it by the command that began it")
    try:
        # by hand, as the inputs: a path may hold bytes that are no text, which pydantic refuses
        return _Seal(**json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise FolkmootError("the seal is torn or was changed", where=str(file), do=_ANEW) from error


def _read_config(path: Path) -> dict[str, Any]:
    return _read_json(path / "config.json")


def _read_inputs(path: Path) -> dict[str, dict[str, str]]:
    inputs = _read_json(path / "inputs.json")
    for name, described in inputs.items():
        if not isinstance(described, dict) or not all(isinstance(value, str) for value in described.values()):
            raise FolkmootError(f"the input {name} is not described", where=str(path / "inputs.json"), do=_ANEW)
        if "hash" not in described:
            raise FolkmootError(f"the input {name} has no hash", where=str(path / "inputs.json"), do=_ANEW)
    return inputs


def _read_ledger(path: Path) -> Ledger:
    file = path / "ledger.json"
    if not file.exists():
        return Ledger()
    try:
        return Ledger.from_json(_read_json(file))
    except ValueError as error:
        raise FolkmootError("the ledger cannot be read", where=str(file), do=_ANEW) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise FolkmootError(f"it cannot be read: {error}", where=str(path), do=_ANEW) from error


def _read_rows(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:  # torn by a kill
                continue
            if isinstance(row, dict):
                yield row


def _append(path: Path, row: Mapping[str, Any], *, sync: bool = False) -> None:
    with path.open("ab+") as file:
        line = _encode(row) + b"\n"
        if file.seek(0, os.SEEK_END) > 0:
            # a kill may have torn the last line: start on a new one, so that only the torn line is lost
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def _settle(run: Path, name: str, key: Callable[[dict[str, Any]], tuple[str, ...]]) -> None:
    """Leave one line of each key, the last, in the order of the keys: what was written when makes no difference."""
    if (run / name).is_file():
        rows = {key(row): row for row in _read_rows(run / name)}
        _write(run, name, b"".join(_encode(rows[k]) + b"\n" for k in sorted(rows)))


def _write_json(run: Path, name: str, value: Mapping[str, Any]) -> None:
    _write(run, name, _encode(value, indent=1) + b"\n")


def _encode(value: Mapping[str, Any], *, indent: int | None = None) -> bytes:
    def dump(*, ascii_only: bool) -> bytes:
        return json.dumps(value, ensure_ascii=ascii_only, indent=indent, sort_keys=True).encode()

    try:
        return dump(ascii_only=False)
    except UnicodeEncodeError:  # half a surrogate pair, from a model's output or in a path
        return dump(ascii_only=True)


def _showable(row: Mapping[str, Any]) -> dict[str, Any]:
    """Put a question mark for half a surrogate pair: what is shown must be text."""
    return dict(json.loads(json.dumps(row, ensure_ascii=False).encode(errors="replace")))


def _write(run: Path, name: str, content: bytes) -> None:
    """Write a file of a run whole or not at all."""
    scratch = run.with_name(f".{run.name}.scratch")
    try:
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(run / name)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise
    _sync((run / name).parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
