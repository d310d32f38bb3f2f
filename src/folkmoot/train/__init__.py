"""Training a student by a constitution: lessons or AI feedback, a supervised stage, a preference stage, controls."""
