"""The balancer of `gpustack-higress-plugins`: several plugins that tell each other by properties.

`gpustack-lb` stands at both ends. As "context" it says which instances of a model there are, and
how busy they are; others give their opinion of each; as "finisher" it chooses one, asks it for the
model's name there, and counts the request until it ends.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.modules.higress import plugin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.modules.higress import Model
    from wasmgate import Policy

# What each instance calls the model that clients call gpt-4.
INSTANCES = {f"model-2-{number}.static": f"qwen-{number}" for number in (1, 2, 3)}
ASKED = {"model": "gpt-4", "messages": [{"role": "user", "content": "fix my code"}]}
# What the router before it says of a request: see test_higress_generic_proxy_router.
ROUTED = (b"x-higress-llm-model", b"gpt-4")


def balanced(
    *opinions: Policy, weights: Sequence[int] = (), most: int = 0, redis: str = ""
) -> list[Policy]:
    """Make the policies in their order.

    `weights` of the instances are the shares of requests that each gets; `most` is how many
    requests an instance may have at the same time; `redis`, a cluster, counts for all gateways.
    """
    candidates: list[dict[str, Any]] = [
        {"cluster": cluster, "targetId": name, "maxRunningRequests": most}
        for cluster, name in INSTANCES.items()
    ]
    for candidate, weight in zip(candidates, weights, strict=False):
        candidate["weight"] = weight
    mappers = {name: {"gpt-*": name} for name in INSTANCES.values()}
    shared = {"redis": {"service_name": redis, "service_port": 6379}} if redis else {}
    settings: dict[str, dict[str, Any]] = {
        "context": {"candidates": candidates, "modelMappers": mappers},
        "finisher": {},
    }
    # What one counts, the other reads: they share their data.
    context, finisher = (
        replace(
            plugin("gpustack-lb", {"mode": mode} | its | shared, net=[redis] if redis else []),
            name=mode,
            vm_id="balancer",
        )
        for mode, its in settings.items()
    )
    return [context, *opinions, finisher]


def chosen(model: Model) -> list[str]:
    """Return the instance that each request was for; its model is asked for by its name there."""
    found = []
    for _, headers, _ in model.seen:
        found.append(headers["x-higress-target-cluster"])
        assert headers.get("x-higress-llm-model-final") in {INSTANCES[found[-1]], None}
    assert model.asked["model"] == INSTANCES[found[-1]]
    return found
