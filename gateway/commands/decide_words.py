"""What `beffroi decide` shows: both records of a pair side by side, why it is asked, and what was decided."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from unicodedata import category

from gateway import console
from gateway.commands.decide_read import Held, Shown
from gateway.commands.link_asked import Asked
from gateway.french import told

if TYPE_CHECKING:
    from pipelines.linking.deciding.questions import Question

Said = Callable[..., str]

ASIDE = "What was found or decided contradicts a decision, and was set aside: --raw names the way between."


def fields(of: Asked, each: Shown) -> list[tuple[str, str, str, str]]:
    """Return both records field by field: alike (=), alike but for case, accents and signs (≈), or not (≠)."""
    from pipelines.linking.deciding import decisions
    from pipelines.linking.recipe import recipe

    rows = []
    labels = recipe(of.workspace.dataset(of.dataset).link[of.column].record).fields
    for name, label in labels.items():
        ours, theirs = each.ours.get(name) or "", each.theirs.get(name) or ""
        if not ours and not theirs:
            continue
        mark = "≠" if ours and theirs else ""
        if ours == theirs:
            mark = "="
        elif mark and decisions.folded(ours) == decisions.folded(theirs):
            mark = "≈"
        rows.append((getattr(label, of.language), plain(ours), plain(theirs), mark))
    return rows


def reasons(question: "Question", said: Said, *, raw: bool = True) -> list[str]:
    """Return why a question is asked, where that is not the pair's weight alone; a note only where it is `raw`."""
    lines, decision, aside = [], question.decision, question.contradiction
    if decision is not None:
        who = {"verdict": said(decision.verdict), "author": decision.author or "?", "when": decision.when[:10]}
        lines.append(said("Decided: {verdict}, by {author} on {when}.", **who))
        if decision.note and raw:
            lines.append(said("Note: {note}", note=decision.note))
    sides = ["A" if each == question.a else "B" for each in question.changed]
    lines += [said("Since then {record} has changed.", record=side) for side in sides]
    if aside is not None:
        way = " – ".join(aside["way"])
        named = {"author": aside["against_author"] or "?", "when": (aside["against_decided"] or "")[:10], "way": way}
        lines.append(
            said("Set aside, as it contradicts what {author} decided on {when}. The way between: {way}", **named)
        )
    return lines


def explanation(each: Shown, language: str) -> list[str]:
    """Return why the pair is what it is, in words, and in weights that add up."""
    from pipelines.linking.telling import words
    from pipelines.linking.telling.explained import weight

    if (found := each.explanation) is None:
        return []
    said = words.LANGUAGES[language]
    parts = [
        (said["prior"], found.prior_said, found.prior),
        *((part.label, part.said, part.weight) for part in found.parts if part.level),
        (said["sum"], found.chance, found.weight),
    ]
    lines = [f"  {label} – {told_of} ({weight(weighs, said)})" for label, told_of, weighs in parts]
    return [found.sentence, *lines, *found.why]


def _reason(of: Asked, each: Shown, said: Said) -> str:
    """Return in words why a question is asked, without a value where none was asked for."""
    if each.question.contradiction is not None:
        return " ".join(reasons(each.question, said)) if of.raw else said(ASIDE)
    found = [each.explanation.sentence] if each.explanation is not None else []
    return " ".join([*reasons(each.question, said, raw=of.raw), *found])


def plain(text: str) -> str:
    """Return a text of a record as a terminal may have it: what is no letter, sign or blank is written out."""
    return "".join(
        sign if sign.isprintable() or category(sign) == "Zs" else sign.encode("unicode_escape").decode()
        for sign in text
    )


def show_questions(of: Asked, shown: Sequence[Shown], count: int, as_json: bool) -> None:
    """Show questions, of the `count` that wait; which records they are of where these were asked for."""
    said = told(of.language)
    if len(shown) < count:
        console.note(said("{dataset}: {count} pairs wait: --limit 0 shows all", dataset=of.dataset, count=count))
    if as_json:
        console.show_json([_told(of, each, said) for each in shown])
    elif not shown:
        console.note(said("No pair waits for a person."))
    else:
        rows, colon = [], " :" if of.language == "fr" else ":"
        for each in shown:
            values = [
                "; ".join(f"{name}{colon} {row[at]}" for name, *row in fields(of, each) if row[at]) for at in (0, 1)
            ]
            ends = [
                f"{plain(name)}\n{value}"
                for name, value in zip((each.question.a, each.question.b), values, strict=True)
            ]
            rows.append(
                (said(each.question.why), each.question.rows, plain(_reason(of, each, said)), *(ends if of.raw else []))
            )
        heads = [said("why"), said("rows"), said("reason"), *(["A", "B"] if of.raw else [])]
        console.show_table(heads, rows, right=(said("rows"),))


def _told(of: Asked, each: Shown, said: Said) -> dict[str, Any]:
    """Return a question as JSON has it; its records are named where they are shown."""
    question = each.question
    found: dict[str, Any] = {"why": question.why, "rows": question.rows}
    found["probability"] = question.pair["probability"] if question.pair is not None else None
    found["reason"] = _reason(of, each, said) or None
    if of.raw:
        found |= {"a": question.a, "b": question.b, "values_a": dict(each.ours), "values_b": dict(each.theirs)}
        found |= {
            "decision": question.decision,
            "changed": list(question.changed),
            "contradiction": question.contradiction,
        }
    return found


def _ours_first(of: Asked, each: Held) -> tuple[str, str]:
    """Return the identities of a decision, that of the record of this dataset first; of two such as they are."""
    one, other = each.decision.pair
    return (other, one) if of.is_theirs(one) and not of.is_theirs(other) else (one, other)


def show_held(of: Asked, found: list[Held], as_json: bool) -> None:
    """Show decisions, and what became of their records; which ones they are where that was asked for."""
    said = told(of.language)
    if as_json:
        keys = (*(("note",) if of.raw else ()), "verdict", "author", "when")
        ends = [dict(zip("ab", _ours_first(of, each), strict=True)) if of.raw else {} for each in found]
        console.show_json([
            its | {key: getattr(each.decision, key) for key in keys} | {"records": each.records}
            for its, each in zip(ends, found, strict=True)
        ])  # fmt: skip
    elif not found:
        console.note(said("Nothing was decided yet."))
    else:
        zone = of.workspace.configuration.zone
        rows = [
            (said(each.decision.verdict), each.decision.author, console.moment(each.decision.when, zone), said(each.records),
             *((*_ours_first(of, each), each.decision.note) if of.raw else ()))
            for each in found
        ]  # fmt: skip
        heads = [said(name) for name in ("decision", "by", "when", "records")]
        console.show_table([*heads, *(["A", "B", said("Note")] if of.raw else [])], rows)
