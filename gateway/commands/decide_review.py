"""`beffroi decide DATASET`: one question after the other, both records side by side, answered by single letters."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import click

from gateway import console
from gateway.commands import decide_read
from gateway.commands.decide_read import Shown
from gateway.commands.decide_words import explanation, fields, plain, reasons
from gateway.commands.link_asked import Asked
from gateway.french import told

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.linking.deciding.questions import Queue

Answer = Literal["same", "different", "unsure", "skip", "note", "back", "quit"]

LETTERS: dict[str, Answer] = {
    "s": "same", "m": "same", "d": "different", "u": "unsure", "i": "unsure", "k": "skip", "p": "skip", "n": "note",
    "b": "back", "r": "back", "q": "quit",
}  # fmt: skip
"""What a letter means, the English and the French one."""

KEYS = "[s]ame, [d]ifferent, [u]nsure, s[k]ip, [n]ote, [b]ack, [q]uit"


class Review:
    """A sitting: the questions that were read for it, where it is, and what was answered."""

    def __init__(self, connection: "DuckDBPyConnection", of: Asked, queue: "Queue", shown: Sequence[Shown]) -> None:
        """`shown` are the questions of this sitting, the first of those in the `queue`."""
        self.connection, self.of, self.queue, self.shown = connection, of, queue, shown
        self.answers: dict[int, str] = {}
        self._said = told(of.language)
        self._way: list[int] = []
        self._note = ""

    def run(self) -> Counter[str]:
        """Ask until there is nothing more to ask, or nobody who answers; return how often each answer was given."""
        place, again = 0, False
        while place < len(self.shown):
            if not again and not self.queue.open(self.shown[place].question):
                place += 1
                continue
            self._show(place)
            answer = self._ask()
            again = answer in ("back", "note")
            if answer == "quit":
                break
            if answer == "back":
                place = self._way.pop() if self._way else place
            elif answer == "note":
                self._note = click.prompt(self._said("Note"), default="", show_default=False)
            else:
                self._take(place, answer)
                self._way.append(place)
                place += 1
        return Counter(self.answers.values())

    @property
    def left(self) -> int:
        """Return how many questions still wait."""
        questions = enumerate(self.queue.questions)
        return sum(place not in self.answers and self.queue.open(each) for place, each in questions)

    def _take(self, place: int, answer: Answer) -> None:
        """Keep an answer; its note is that of this question alone."""
        question, note, self._note = self.shown[place].question, self._note, ""
        if answer in ("same", "different", "unsure"):
            decision = decide_read.decide(self.connection, self.of, (question.a, question.b), answer, note)
            self.queue.answer(decision)
            self.answers[place] = answer

    def _ask(self) -> Answer:
        """Return what is answered; whoever is there no more has enough."""
        while True:
            try:
                letter = click.prompt(self._said(KEYS), prompt_suffix=" > ").strip().lower()[:1]
            except click.Abort:
                return "quit"
            if letter in LETTERS:
                return LETTERS[letter]
            click.echo(self._said("That is none of the answers: type one of their letters."))

    def _show(self, place: int) -> None:
        each = self.shown[place]
        said, question = self._said, each.question
        click.echo("\n" + "─" * 60)
        named = {"place": place + 1, "count": len(self.shown)}
        rows = said("rows that «same» would move: {rows}", rows=question.rows)
        click.echo(f"{said('{place} of {count}', **named)} · {said(question.why)} · {rows}\n")
        heads = [said("field"), "A", "B", ""]
        console.show_table(heads, [("", plain(question.a), plain(question.b), ""), *fields(self.of, each)])
        click.echo()
        for line in (*reasons(question, said), *explanation(each, self.of.language)):
            click.echo(plain(line))
        if self._note:
            click.echo(said("Note: {note}", note=plain(self._note)))
        click.echo()
