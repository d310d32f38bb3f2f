"""The tables of a consultation store.

A participant is a number within one consultation, and a name by which whoever runs it finds them again to erase them; nothing else is known about anybody. Votes are append-only: of each participant on each statement the one of the last turn counts,
whatever the clocks said. `migrations` makes these tables, and the triggers
that keep votes as they were cast; a test holds the two together.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

consultations = Table(
    "consultations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),  # what stands behind the # of a reference
    Column("title", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("attribution", Text, nullable=False),
    Column("next_participant", Integer, nullable=False),  # a number is never given twice, not even after an erasure
    Column("erased_participants", Integer, nullable=False),
    Column("erased_votes", Integer, nullable=False),
)

participants = Table(
    "participants",
    metadata,
    Column("consultation_id", ForeignKey("consultations.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("leaving", Boolean, nullable=False),  # only the votes of somebody who leaves can be deleted
    UniqueConstraint("consultation_id", "name", name="participants_name"),
)

statements = Table(
    "statements",
    metadata,
    Column("consultation_id", ForeignKey("consultations.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("moderated", SmallInteger, nullable=False),
    Column("is_meta", Boolean, nullable=False),
    UniqueConstraint("consultation_id", "name", name="statements_name"),
    CheckConstraint("moderated BETWEEN -1 AND 1", name="statements_moderated"),
)

votes = Table(
    "votes",
    metadata,
    Column("consultation_id", Integer, primary_key=True, autoincrement=False),
    Column("participant", Integer, primary_key=True, autoincrement=False),
    Column("statement", Integer, primary_key=True, autoincrement=False),
    Column("turn", Integer, primary_key=True, autoincrement=False),  # 0 for the first vote, 1 where it was changed …
    Column("vote", SmallInteger, nullable=False),
    Column("cast_ms", Double, nullable=True),  # milliseconds since 1970; NULL where nobody noted it
    ForeignKeyConstraint(
        ["consultation_id", "participant"], ["participants.consultation_id", "participants.number"], name="votes_of"
    ),
    ForeignKeyConstraint(
        ["consultation_id", "statement"], ["statements.consultation_id", "statements.number"], name="votes_on"
    ),
    CheckConstraint("vote BETWEEN -1 AND 1", name="votes_vote"),  # IN (…) costs three times the whole insert
    sqlite_with_rowid=False,
)
