"""Draft: what the public agrees on, and what sources found, become a constitution."""
