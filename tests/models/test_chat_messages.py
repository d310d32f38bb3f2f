"""Conversations."""

from hypothesis import given
from hypothesis import strategies as st

from folkmoot.models.chat import Message, ask


@given(st.text(), st.text())
def test_a_question_stands_under_its_system_message(prompt: str, system: str) -> None:
    assert ask(prompt) == (Message("user", prompt),)
    assert ask(prompt, system=system) == (Message("system", system), *ask(prompt))


def test_a_message_has_the_form_that_chat_templates_take() -> None:
    assert Message("assistant", "Yes.").as_dict() == {"role": "assistant", "content": "Yes."}
