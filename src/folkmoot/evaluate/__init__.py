"""Examining a model: the crossed exam, its floor and effects, measures without a judge, and the report."""
