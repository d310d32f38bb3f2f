"""Principal components of votes that are mostly unseen, without ever filling the matrix.

Axes: P participants, S statements. An unseen vote is filled with the statement's mean, which centring turns into 0: the
centred matrix is as sparse as the votes (as in Polis, math/src/polismath/math/pca.clj).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

from folkmoot.listen.votes import Floats, Votes, means, votes_cast

_DENSE_BELOW = 20


def project(votes_PS: Votes, counted_S: NDArray[np.bool_]) -> Floats:
    """Return each participant's place on the first two principal components, P x 2.

    Unseen statements are filled with the column mean, which centring turns into 0, so the matrix stays sparse. The place
    is stretched by sqrt(S / votes cast), since who saw little lies near the centre for that reason alone (as in Polis).
    """
    centred_PS = centred(votes_PS, counted_S)
    return stretched_places(centred_PS, components(centred_PS, 2)[1], votes_PS)


def stretched_places(centred_PS: Votes, components_KS: Floats, votes_PS: Votes) -> Floats:
    """Return the places of participants on components, P x K, stretched as in `project`."""
    cast_P = np.maximum(votes_cast(votes_PS), 1)
    places_PK: Floats = np.asarray(centred_PS @ components_KS.T) * np.sqrt(votes_PS.shape[1] / cast_P)[:, None]
    return places_PK


def centred(votes_PS: Votes, counted_S: NDArray[np.bool_]) -> Votes:
    """Return the votes less the mean of their statement, as sparse as before; 0 where a statement does not count."""
    mean_S = means(votes_PS)
    data = (votes_PS.data - mean_S[votes_PS.indices]) * counted_S[votes_PS.indices]
    return sparse.csr_array((data, votes_PS.indices, votes_PS.indptr), shape=votes_PS.shape)


def components(centred_PS: Votes, count: int) -> tuple[Floats, Floats]:
    """Return the largest singular values and their components, count x S; zeros where the votes hold fewer."""
    values, components = np.zeros(count), np.zeros((count, centred_PS.shape[1]))
    if not np.any(centred_PS.data):
        return values, components
    if min(centred_PS.shape) < _DENSE_BELOW:
        _, found, right = np.linalg.svd(centred_PS.toarray(), full_matrices=False)
    else:
        # ARPACK would draw one; a constant start vanishes where each statement's (or person's) votes add up to nothing
        start = np.cos(np.arange(min(centred_PS.shape)))
        _, found, right = svds(centred_PS, k=count, v0=start)
        found, right = found[::-1], right[::-1]
    kept = min(count, len(found))
    values[:kept] = found[:kept]
    components[:kept] = right[:kept]
    signs = np.sign(components[np.arange(count), np.abs(components).argmax(axis=1)])
    return values, components * np.where(signs == 0, 1, signs)[:, None]
