"""Conversations: what goes into a model, whichever model it is."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str

    def as_dict(self) -> dict[str, str]:
        """Return the form that chat templates and HTTP interfaces take."""
        return {"role": self.role, "content": self.content}


def ask(prompt: str, *, system: str | None = None) -> tuple[Message, ...]:
    """Return the conversation that puts one user prompt, under a system message if one is given."""
    user = Message("user", prompt)
    return (user,) if system is None else (Message("system", system), user)
