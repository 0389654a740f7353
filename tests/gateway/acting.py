"""Policies that answer or pause in a phase, alone or two in a chain, and what the client then gets.

`expected` is the rule: the later answer counts; it passes the policies in front that have seen no
other head; nothing of an answer to a route whose time is over is held.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REQUEST_HEAD, REQUEST_BODY, REQUEST_TRAILERS = range(3)
RESPONSE_HEAD, RESPONSE_BODY, RESPONSE_TRAILERS = range(3, 6)
REQUEST_CALLOUT, RESPONSE_CALLOUT = 6, 7
PHASES = range(8)
ANSWERS, PAUSES, GOES_ON = "ap."

CUT = "cut"
TIMEOUT = "504"
FORWARDED = "200"


def acts(number: int, **phases: str) -> str:
    """Return a configuration for acts_by_configuration.wat: `p0="a"` answers in phase 0."""
    return "".join(phases.get(f"p{phase}", GOES_ON) for phase in PHASES) + str(number)


def chains() -> Iterator[tuple[str, ...]]:
    """Give each single act, each pair of one policy, and each pair of two policies."""
    acted = list(product(PHASES, (ANSWERS, PAUSES)))
    for phase, act in acted:
        yield (acts(1, **{f"p{phase}": act}),)
    for (one, first), (two, second) in combinations(acted, 2):
        if one != two:
            yield (acts(1, **{f"p{one}": first, f"p{two}": second}),)
    for (one, first), (two, second) in product(acted, repeat=2):
        yield acts(1, **{f"p{one}": first}), acts(2, **{f"p{two}": second})


@dataclass
class Course:
    """One request through policies, in order; `trailers` says that both messages have some."""

    policies: Sequence[str]
    request_trailers: bool
    seen: list[str] = field(default_factory=list)
    """The policies that saw the request."""

    def run(self) -> str:
        """Return the status that the client gets, or that its connection is cut."""
        for policy in self.policies:
            self.seen.append(policy)
            if policy[REQUEST_HEAD] == ANSWERS:
                return self.answered(policy, REQUEST_HEAD)
            if policy[REQUEST_HEAD] == PAUSES or policy[REQUEST_CALLOUT] != GOES_ON:
                return self._paused(policy)
        said = self._body(self.policies)
        if said == PAUSES:
            return self.late(self.unseen)
        return said or self.passes(FORWARDED, self.unseen, whole=False)

    def _paused(self, policy: str) -> str:
        """Let the body come as far as to this policy, before the answer to its callout."""
        said = self._body(self.seen[:-1])
        if said is not None and said != PAUSES:
            return said
        if policy[REQUEST_CALLOUT] == ANSWERS:
            return self.answered(policy, REQUEST_CALLOUT)
        return self.late(self.unseen)

    def _body(self, policies: Sequence[str]) -> str | None:
        """Of a body that a policy pauses at, it hears only trailers, which let it go."""
        for place, policy in enumerate(policies):
            if policy[REQUEST_BODY] == ANSWERS:
                return self.answered(policy, REQUEST_BODY)
            if policy[REQUEST_BODY] == PAUSES:
                if not self.request_trailers:
                    return PAUSES
                if policy[REQUEST_TRAILERS] != GOES_ON:
                    policies = policies[: place + 1]
                    break
        for policy in policies if self.request_trailers else ():
            if policy[REQUEST_TRAILERS] == ANSWERS:
                return self.answered(policy, REQUEST_TRAILERS)
            if policy[REQUEST_TRAILERS] == PAUSES:
                return PAUSES
        return None

    @property
    def unseen(self) -> list[str]:
        """The policies that are to see the response, in the order in which they do."""
        return self.seen[::-1]

    def answered(self, policy: str, phase: int) -> str:
        """Return what becomes of an answer to the request."""
        return self.passes(status(policy, phase), self.unseen, whole=True)

    def passes(self, code: str, unseen: list[str], *, whole: bool) -> str:
        """Return what becomes of a response; `whole`: it has one piece of body and no trailers."""
        for place, policy in enumerate(unseen):
            behind = unseen[place + 1 :]
            if policy[RESPONSE_HEAD] == ANSWERS:
                return self.passes(status(policy, RESPONSE_HEAD), behind, whole=True)
            if policy[RESPONSE_HEAD] == PAUSES or policy[RESPONSE_CALLOUT] != GOES_ON:
                # The body is there before a callout's answer, and comes as far as to this policy.
                for before, phase in product(unseen[:place], (RESPONSE_BODY, RESPONSE_TRAILERS)):
                    if before[phase] == ANSWERS and not (whole and phase == RESPONSE_TRAILERS):
                        return self.passes(status(before, phase), behind, whole=True)
                if policy[RESPONSE_CALLOUT] == ANSWERS:
                    return self.passes(status(policy, RESPONSE_CALLOUT), behind, whole=True)
                return self.late(behind)
        # Its head has gone.
        stops = (ANSWERS, PAUSES) if whole else (ANSWERS,)
        stopped = any(policy[RESPONSE_BODY] in stops for policy in unseen)
        ended = whole or all(policy[RESPONSE_TRAILERS] == GOES_ON for policy in unseen)
        return code if ended and not stopped else CUT

    def late(self, unseen: list[str]) -> str:
        """Return what becomes of 504: it can be replaced, and not be held."""
        code = TIMEOUT
        for policy in unseen:
            if policy[RESPONSE_HEAD] == ANSWERS:
                code = status(policy, RESPONSE_HEAD)
        return code


def status(policy: str, phase: int) -> str:
    """Return the status of an answer that a policy gives in a phase."""
    return f"4{policy[-1]}{phase}"


def expected(policies: Sequence[str], *, request_trailers: bool) -> str:
    """Return the status that the client gets, or `CUT`."""
    return Course(policies, request_trailers).run()
