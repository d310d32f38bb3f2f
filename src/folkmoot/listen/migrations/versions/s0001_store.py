"""Consultations, participants, statements, and votes that are append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# a step says in full what it makes, and stays as it is when `schema` moves on
_GUARDS = {
    "sqlite": (
        """CREATE TRIGGER votes_stay BEFORE UPDATE ON votes
        BEGIN SELECT RAISE(ABORT, 'votes are append-only'); END""",
        """CREATE TRIGGER votes_leave_with_their_person BEFORE DELETE ON votes
        WHEN NOT EXISTS (SELECT 1 FROM participants WHERE consultation_id = OLD.consultation_id
                         AND number = OLD.participant AND leaving)
        BEGIN SELECT RAISE(ABORT, 'votes are deleted only when their participant is erased'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION votes_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM participants WHERE consultation_id = OLD.consultation_id
                                        AND number = OLD.participant AND leaving) THEN RETURN OLD; END IF;
        RAISE EXCEPTION 'votes are append-only, and deleted only when their participant is erased'; END $$""",
        "CREATE TRIGGER votes_stay BEFORE UPDATE OR DELETE ON votes FOR EACH ROW EXECUTE FUNCTION votes_guard()",
        "CREATE TRIGGER votes_are_kept BEFORE TRUNCATE ON votes FOR EACH STATEMENT EXECUTE FUNCTION votes_guard()",
    ),
}


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "consultations",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("attribution", sa.Text, nullable=False),
        sa.Column("next_participant", sa.Integer, nullable=False),
        sa.Column("erased_participants", sa.Integer, nullable=False),
        sa.Column("erased_votes", sa.Integer, nullable=False),
    )
    op.create_table(
        "participants",
        sa.Column("consultation_id", sa.Integer, sa.ForeignKey("consultations.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("leaving", sa.Boolean, nullable=False),
        sa.UniqueConstraint("consultation_id", "name", name="participants_name"),
    )
    op.create_table(
        "statements",
        sa.Column("consultation_id", sa.Integer, sa.ForeignKey("consultations.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("moderated", sa.SmallInteger, nullable=False),
        sa.Column("is_meta", sa.Boolean, nullable=False),
        sa.UniqueConstraint("consultation_id", "name", name="statements_name"),
        sa.CheckConstraint("moderated BETWEEN -1 AND 1", name="statements_moderated"),
    )
    op.create_table(
        "votes",
        sa.Column("consultation_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("participant", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("statement", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("turn", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("vote", sa.SmallInteger, nullable=False),
        sa.Column("cast_ms", sa.Double, nullable=True),
        sa.ForeignKeyConstraint(
            ["consultation_id", "participant"], ["participants.consultation_id", "participants.number"], name="votes_of"
        ),
        sa.ForeignKeyConstraint(
            ["consultation_id", "statement"], ["statements.consultation_id", "statements.number"], name="votes_on"
        ),
        sa.CheckConstraint("vote BETWEEN -1 AND 1", name="votes_vote"),
        sqlite_with_rowid=False,
    )
    for guard in _GUARDS[op.get_bind().dialect.name]:
        op.execute(guard)
