"""How a call ends. A method returns its response when it is done, and raises one of these failures when it is not.

The rules stand in docs/plugins.md; the words here are those of proto/billet/plugin/v1/outcome.proto.
"""

from billet.plugin.v1 import outcome_pb2 as pb

WORDS_MAX = 2_000


class Failure(Exception):
    """Not done. `kind` is a ProblemKind without its prefix, such as "CONFLICT"; `words` hold no secret."""

    field = ""

    def __init__(self, kind: str, words: str, after_s: int = 0):
        super().__init__(words)
        self.kind, self.words, self.after_s = kind, words, after_s

    def outcome(self) -> pb.Outcome:
        outcome = pb.Outcome()
        result = getattr(outcome, self.field)
        result.problem.kind = pb.ProblemKind.Value(f"PROBLEM_KIND_{self.kind}")
        result.problem.words = self.words[:WORDS_MAX]
        if self.field == "retry_later" and self.after_s:
            result.after.seconds = self.after_s
        return outcome


class Refused(Failure):
    """Nothing was done, and repeating it will not change that."""

    field = "refused"


class RetryLater(Failure):
    """Nothing was done; the same call may work later."""

    field = "retry_later"


class Unknown(Failure):
    """It cannot be told whether it was done."""

    field = "unknown"


def done(response, already: bool = False, warnings=()):
    """The response, marked as done."""
    # Also an empty `Done` has to be set, or the outcome would say nothing.
    response.outcome.done.SetInParent()
    response.outcome.done.already = already
    response.outcome.done.warnings.extend(warnings)
    return response
