"""What a moderator sends to act on a case, in JSON."""

from typing import Annotated

from pydantic import Field

from authcheck.cases.leases import SKIP_REASONS
from authcheck.cases.questions import ASKED
from authcheck.cases.rulings import MOST_NOTE_CHARS, REASONS, RESTRICTIONS, Code

from .forms import Text, Wire

Lines = Annotated[str, Field(max_length=MOST_NOTE_CHARS, description="May have line breaks.")]


class SkipIn(Wire):
    """Why a reader passes a case on."""

    reason: Text = Field(max_length=30, description=f"One of {', '.join(SKIP_REASONS)}.")


class RulingIn(Wire):
    """A decision with its reason."""

    decision: Text = Field(max_length=30, description=f"One of {', '.join(Code)}.")
    reason: Text = Field(
        max_length=40,
        description="; ".join(f"{code}: {', '.join(reasons)}" for code, reasons in REASONS.items()),
    )
    restriction: Text = Field(
        "none",
        max_length=10,
        description=f"What the marketplace is asked to do: one of {', '.join(RESTRICTIONS)}. Decisions that"
        " accuse nobody, and a breach of a licence's cap, ask for none.",
    )
    note: Lines = ""


class DecisionIn(RulingIn):
    """A decision about the listings of a case."""

    leave_out: list[Text] = Field(
        [],
        max_length=1000,
        description="Ids of listings that the decision is not about. They become a case of their own.",
    )


class NoteIn(Wire):
    """Why something is done."""

    note: Lines


class QuestionIn(Wire):
    """A question to somebody outside."""

    of: Text = Field(max_length=10, description=f"One of {', '.join(ASKED)}.")
    text: Lines


class AnswerIn(Wire):
    """An answer that came from outside."""

    text: Lines
