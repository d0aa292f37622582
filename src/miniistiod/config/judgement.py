"""The verdicts of admission on an object → diagnostics at the lines of the fields they are about."""

from __future__ import annotations

from yaml.nodes import Node

from miniistiod.config.diagnostics import Diagnostic, admission_symptom
from miniistiod.config.objects import AnyObject
from miniistiod.config.provenance import mark_of
from miniistiod.config.reading import Path, Reading, path_text
from miniistiod.config.validation import verdicts


def judge(reading: Reading, one: AnyObject, root: Node, path: Path, *, bare: bool = False) -> None:
    """Add what the webhook says; `bare`: the root is the body itself and not a document with `spec`."""
    for finding in verdicts(one):
        in_spec = one.kind.body == "spec" and not finding.metadata and not bare
        steps = ("spec", *finding.steps) if in_spec else finding.steps
        mark, here = mark_of(root, steps), path
        for step in steps:
            here = (here, step)
        reading.findings.append(
            Diagnostic(
                finding.level, finding.code, finding.message,
                admission_symptom(finding.level, finding.code), finding.remedy, reading.file,
                mark.line + 1, mark.column + 1, path_text(here), one.key,
            )
        )  # fmt: skip
