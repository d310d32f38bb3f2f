"""The floor: what a classifier without any understanding reaches on the exam after the same lessons.

A logistic regression on bags of words, with every prompt word x response word product (hashed) beside the words of the
response. It learns from the same preferences as the model and is scored by the same crossed items, so whatever it
reaches can be had from words alone.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from scipy import sparse
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression

from folkmoot.records import CrossedItem, ItemScore, Preference, Scored

FEATURES = 2**18
_WORD = re.compile(r"[^\W_]+")


def bag_of_words_floor(preferences: Sequence[Preference], items: Sequence[CrossedItem], *, seed: int = 0) -> Scored:
    """Fit the floor on preferences and score crossed items with it.

    Trained pairwise: the difference of features of chosen and rejected, with its mirror image as the other class.
    """
    chosen = features((p.prompt, p.chosen) for p in preferences)
    rejected = features((p.prompt, p.rejected) for p in preferences)
    difference = chosen - rejected
    classifier = LogisticRegression(C=1.0, fit_intercept=False, max_iter=2000, random_state=seed)
    labels = np.repeat([1, 0], difference.shape[0])
    classifier.fit(sparse.vstack([difference, -difference]), labels)
    weights = classifier.coef_[0]

    def score(prompt: str, response: str) -> float:
        return float((features([(prompt, response)]) @ weights)[0])

    return Scored(
        "bag-of-words floor",
        tuple(
            ItemScore(
                item_id=item.id,
                concept=item.concept,
                stance=item.stance,
                a_under_a=score(item.prompt_a, item.response_a),
                b_under_a=score(item.prompt_a, item.response_b),
                a_under_b=score(item.prompt_b, item.response_a),
                b_under_b=score(item.prompt_b, item.response_b),
                tokens_a=len(words(item.response_a)),
                tokens_b=len(words(item.response_b)),
            )
            for item in items
        ),
    )


def features(pairs: Iterable[tuple[str, str]]) -> sparse.csr_matrix:
    """Return hashed features of (prompt, response) pairs, each row scaled to length 1."""
    hasher = FeatureHasher(n_features=FEATURES, input_type="string", alternate_sign=False)
    rows = hasher.transform(_tokens(prompt, response) for prompt, response in pairs)
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags(1 / np.maximum(lengths, 1e-12)) @ rows)


def words(text: str) -> list[str]:
    """Return the lower-case words of a text."""
    return _WORD.findall(text.lower())


def _tokens(prompt: str, response: str) -> list[str]:
    said = sorted(set(words(response)))
    asked = sorted(set(words(prompt)))
    return said + [f"{p}\x1f{r}" for p in asked for r in said]
