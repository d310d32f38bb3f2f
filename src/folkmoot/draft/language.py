"""Which language a short text is in, as far as the mapper must know: English, another one, or too little to tell.

By script and by the commonest function words of a dozen European and African languages; no model and no network. Nine
words of a statement are often enough, two often are not, so the verdict of a whole consultation helps its short ones.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from folkmoot.similarity import normalise

Language = Literal["english", "other", "unknown"]

_FUNCTION_WORDS = {
    "english": "the a an of to and in is are be should must not it that for with as on this they we you i can will have has"
    " do does or but if from by at about more all people never always would there their its my our what which who than when",
    "german": "der die das und ist nicht ein eine zu den von mit sich auf für im dem es auch als an werden aus er hat dass"
    " sie nach wird bei einer um am sind noch wie einem über einen so zum haben nur oder aber vor zur bis mehr durch man"
    " sein soll sollte sollen muss kein keine wir ich alle immer mehr weniger statt dürfen",
    "french": "le la les de des du et est une un à que qui dans pour pas ne ce il elle sur au aux avec sont doit être plus"
    " nous vous ils par mais ou devrait cette ces",
    "spanish": "el la los las de y es un una que en no se por con para su lo como más debe debería ser pero o este esta son",
    "portuguese": "o a os as de e é um uma que em não se por com para seu ao como mais deve deveria ser mas ou este esta são dos da do",
    "italian": "il lo la gli le di e è un una che in non si per con del della dei come più deve dovrebbe essere ma o questo sono",
    "dutch": "de het een en van is niet dat op te zijn voor met die in er aan ook als maar om moet moeten wordt worden geen",
    "swedish": "och att det som en på är av för med till den har inte om ett ska bör vara de i",
    "danish": "og at det som en på er af for med til den har ikke om et skal bør være de i",
    "polish": "i w na z że się nie jest do to jak o po co tak być powinien powinna przez dla",
    "turkish": "ve bir bu da de için ile olmalı çok daha gibi ne değil",
    "swahili": "ya wa na ni kwa katika za la kila mtu haki cha yake au bila kuwa",
    "yoruba": "ni ti si ati awon lati fun pe ko gbogbo ètò àti láti fún tí sí kò",
    "indonesian": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga harus ke karena adalah",
}
_WORDS = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}
_KNOWN_SHARE = 0.5
"""Share of a consultation's statements of known language above which the rest are taken to be in it too."""


def language_of(text: str) -> Language:
    """Return the language of one text; "unknown" where nothing tells it from another in Latin letters."""
    words = normalise(text).split()
    scripts = Counter(unicodedata.name(c, "?").split()[0] for word in words for c in word if c.isalpha())
    if not scripts:
        return "unknown"
    if scripts["LATIN"] < scripts.total() / 2:
        return "other"
    hits = {language: sum(word in known for word in words) for language, known in _WORDS.items()}
    english = hits.pop("english")
    other = max(hits.values())
    if english == other:
        return "unknown"
    return "english" if english > other else "other"


def languages_of(texts: Sequence[str], declared: str = "und") -> list[Language]:
    """Return the language of each text; one too short to tell takes that of the consultation.

    `declared` is the consultation's BCP 47 tag, "und" if nobody declared one; then most of the others decide.
    """
    alone = [language_of(t) for t in texts]
    common = _common(alone, declared)
    return [common if language == "unknown" else language for language in alone]


def _common(alone: Sequence[Language], declared: str) -> Language:
    if declared and declared != "und":
        return "english" if declared.lower().split("-")[0] in {"en", "eng"} else "other"
    known = [language for language in alone if language != "unknown"]
    if not known:
        return "unknown"
    return "english" if known.count("english") > _KNOWN_SHARE * len(known) else "other"
