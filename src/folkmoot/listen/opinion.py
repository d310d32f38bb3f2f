"""What listening hands on: groups, tallies, and what every group agrees on with how sure that is; no participant in it."""

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consensus import Consensus, StatementConsensus, analyse_consensus
from folkmoot.listen.consultation import Consultation
from folkmoot.records import Opinion, StatementOpinion


def analyse(consultation: Consultation, config: ListenConfig | None = None, *, seed: int = 0) -> Opinion:
    """Return what the public thinks, as drafting needs it: `analyse_consensus` without the further measures.

    Equal content gives the equal opinion, whatever the order of participants and whatever their ids were.

    Raises:
        FolkmootError: nobody cast enough votes to be in.
    """
    config = config or ListenConfig()
    return _opinion(consultation, analyse_consensus(consultation, config, seed=seed), config)


def _opinion(consultation: Consultation, found: Consensus, config: ListenConfig) -> Opinion:
    return Opinion(
        consultation=consultation.name,
        participants=found.participants,
        participants_in=found.participants_in,
        votes=found.votes,
        threshold=config.threshold ** len(found.groups),
        group_sizes=found.group_sizes,
        statements=tuple(map(_statement_opinion, found.statements)),
        attribution=consultation.attribution,
        simulated=consultation.simulated,
        language=consultation.language,
    )


def _statement_opinion(found: StatementConsensus) -> StatementOpinion:
    return StatementOpinion(
        statement=found.statement,
        overall=found.overall,
        by_group=found.by_group,
        group_aware_consensus=found.gac.value,
        interval=found.gac.ci,
        agreed=found.agreed,
        inclusion_probability=found.inclusion_probability,
        band=found.band,
    )
