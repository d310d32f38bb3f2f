"""The prompted baseline: what the constitution does when it only stands before the question."""

from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer

from folkmoot.concepts import concepts
from folkmoot.records import Constitution, Principle


class NearestPrinciples:
    """Puts the principles nearest to a prompt into the system message.

    Nearness is the cosine of TF-IDF weighted character 3- to 5-grams, of the prompt against the principle's text and the
    descriptions of its concepts.
    """

    def __init__(self, constitution: Constitution, count: int) -> None:
        self._principles = constitution.principles
        self._count = count
        table = concepts()
        texts = [
            " ".join([p.text, *(table[b.concept].description for b in p.bearings if b.concept in table)])
            for p in self._principles
        ]
        self._vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
        self._vectors = self._vectorizer.fit_transform(texts)

    def nearest(self, prompt: str) -> list[Principle]:
        """Return the nearest principles, nearest first."""
        similarity = (self._vectors @ self._vectorizer.transform([prompt]).T).toarray().ravel()
        order = sorted(range(len(self._principles)), key=lambda i: (-similarity[i], i))
        return [self._principles[i] for i in order[: self._count]]

    def __call__(self, prompt: str) -> str:
        """Return the system message for a prompt."""
        return system_message(self.nearest(prompt))


def system_message(principles: Sequence[Principle]) -> str:
    """Return the system message that asks a model to keep principles."""
    return "You are a helpful assistant. Keep these principles:\n" + "\n".join(f"- {p.text}" for p in principles)
