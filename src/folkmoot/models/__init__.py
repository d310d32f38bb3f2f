"""Talking to any model: the local engine, served models, and where models are kept."""
