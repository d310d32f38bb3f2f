"""Near-duplicates and nearest concepts of short texts (statements, prompts, responses).

Two measures, for two questions. Character 5-gram Jaccard asks whether one text was copied from another, word by word; it
is what the item files are checked with. TF-IDF cosine asks whether two sentences say the same in nearly the same words; it
is what statements are merged by. Neither understands meaning: "be honest" and "do not lie" are far apart in both.

Axes: T texts, Q queries.
"""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion

from folkmoot.concepts import concepts

Floats = npt.NDArray[np.float64]

NEAR_COPY = 0.5
"""Character 5-gram Jaccard above which one text counts as a near copy of another."""

_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
_QUOTES = str.maketrans({**dict.fromkeys("‘’‚‛′`´ʼʹ", "'"), **dict.fromkeys("“”„‟″«»", '"')})


def clean(text: str) -> str:
    """Return the text as one visible line: NFKC, straight quotes, no control, bidirectional or zero-width characters.

    Lone surrogates and unassigned noncharacters go as well, so the result can always be written as UTF-8.
    """
    # quotes before NFKC, which tears an accent used as an apostrophe off its letter, and after, for those it makes
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text).translate(_QUOTES)).translate(_QUOTES)
    visible = (" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    return " ".join("".join(c for c in visible if unicodedata.category(c) not in {"Cs", "Cn"}).split())


def normalise(text: str) -> str:
    """Return the text for comparison: `clean`, case folded, everything but letters and digits as single spaces."""
    folded = unicodedata.normalize("NFKC", clean(text).casefold())
    return " ".join("".join(c if _is_word(c) else " " for c in folded).split())


def _is_word(character: str) -> bool:
    """Letters, digits and the marks that belong to letters in Arabic, Hindi and others."""
    return unicodedata.category(character)[0] in "LMN"


def shingles(text: str, n: int = 5) -> frozenset[str]:
    """Return the character n-grams of the normalised text; a text shorter than `n` is its own only n-gram."""
    plain = normalise(text)
    if len(plain) <= n:
        return frozenset([plain] if plain else [])
    return frozenset(plain[i : i + n] for i in range(len(plain) - n + 1))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Return |a ∩ b| / |a ∪ b|; 0 if both are empty, since nothing was shared."""
    union = len(a | b)
    return len(a & b) / union if union else 0.0


def near_copies(
    texts: Sequence[str], others: Sequence[str] | None = None, *, above: float = NEAR_COPY
) -> list[tuple[int, int, float]]:
    """Return (i, j, Jaccard) of every pair more alike than `above`, most alike first.

    With `others`, i is into `texts` and j into `others`; without, both are into `texts` and i < j. Pairs whose sizes
    alone rule the threshold out are never compared.
    """
    left = [shingles(t) for t in texts]
    right = left if others is None else [shingles(t) for t in others]
    found = []
    for i, a in enumerate(left):
        for j in range(i + 1 if others is None else 0, len(right)):
            b = right[j]
            if min(len(a), len(b)) > above * max(len(a), len(b)) and (alike := jaccard(a, b)) > above:
                found.append((i, j, alike))
    return sorted(found, key=lambda pair: (-pair[2], pair[0], pair[1]))


def cosine(texts: Sequence[str]) -> Floats:
    """Return the T x T cosine similarity of short texts, in [0, 1].

    TF-IDF (sublinear) of words and of character 3- to 5-grams within words, half and half: words carry the sense,
    n-grams forgive spelling and endings. Texts without any word are similar to nothing, themselves included.
    """
    plain = [normalise(t) for t in texts]
    if not any(plain):
        return np.zeros((len(plain), len(plain)))
    vectors_TF = _vectoriser().fit_transform(plain)
    # each half is of length 1 or 0, so the sum of the products is at most 2
    return np.clip(np.asarray((vectors_TF @ vectors_TF.T).todense(), dtype=np.float64) / 2, 0.0, 1.0)


def nearest(queries: Sequence[str], texts: Sequence[str], count: int = 3) -> list[list[tuple[int, float]]]:
    """Return for every query the `count` nearest texts as (index, cosine), nearest first; ties in order of the texts."""
    plain = [normalise(t) for t in texts]
    if not queries or not any(plain):
        return [[] for _ in queries]
    vectoriser = _vectoriser()
    vectors_TF = vectoriser.fit_transform(plain)
    products_QT = np.asarray((vectoriser.transform([normalise(q) for q in queries]) @ vectors_TF.T).todense()) / 2
    orders_QT = np.argsort(-products_QT, axis=1, kind="stable")[:, :count]
    return [[(int(t), float(row[t])) for t in order] for row, order in zip(products_QT, orders_QT, strict=True)]


def nearest_concepts(text: str, count: int = 3) -> list[tuple[str, float]]:
    """Return the concepts whose description is nearest to `text`, as (concept id, cosine); placebo concepts never."""
    described = {c.id: f"{c.id.replace('-', ' ')} {c.description}" for c in concepts().values() if not c.placebo}
    names = list(described)
    return [(names[i], alike) for i, alike in nearest([text], list(described.values()), count)[0]]


def _vectoriser() -> FeatureUnion:
    return FeatureUnion(
        [
            ("words", TfidfVectorizer(sublinear_tf=True, token_pattern=r"\S+")),  # noqa: S106 - of words
            ("characters", TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(3, 5))),
        ]
    )
