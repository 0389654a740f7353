"""`wasmgate trace`: one request through policies without a server, with everything they do."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from wasmgate.cli.console import say
from wasmgate.cli.exit_codes import ExitCode
from wasmgate.errors import ConfigError
from wasmgate.policy.capabilities import KINDS

__all__ = ["trace"]


def trace(
    *,
    source: Annotated[
        str,
        typer.Argument(help="A .wasm file, the name of a bundled policy, or a gateway.yaml."),
    ],
    request: Annotated[
        str,
        typer.Option(
            metavar="METHOD:/PATH", help="Method and target of the request, such as POST:/a?b=c."
        ),
    ] = "GET:/",
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            "-H",
            metavar="NAME:VALUE",
            help="A header of the request. Repeatable. Default: host:localhost.",
        ),
    ] = None,
    body: Annotated[
        Path | None, typer.Option(help="A file with the body of the request. Default: no body.")
    ] = None,
    trailer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:VALUE", help="A trailer of the request. Repeatable."),
    ] = None,
    response: Annotated[
        int, typer.Option(min=200, max=599, help="Status code of the upstream's response.")
    ] = 200,
    response_header: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:VALUE", help="A header of the response. Repeatable."),
    ] = None,
    response_body: Annotated[
        Path | None, typer.Option(help="A file with the body of the response. Default: no body.")
    ] = None,
    response_trailer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:VALUE", help="A trailer of the response. Repeatable."),
    ] = None,
    configuration: Annotated[
        Path | None,
        typer.Option(help="A file with the policy's configuration. Default: an empty one."),
    ] = None,
    capability: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=VALUE",
            help=f"A capability of the policy, such as net=auth:8080. Kinds: {', '.join(KINDS)}. "
            "Repeatable. Default: none.",
        ),
    ] = None,
    allow_on_headers_stop_iteration: Annotated[
        bool,
        typer.Option(
            "--allow-on-headers-stop-iteration",
            help="Let StopIteration in a headers callback pause the headers only, as the key of "
            "this name in gateway.yaml.",
        ),
    ] = False,
    answer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=STATUS:BODY",
            help="The response to a callout to NAME, such as auth:8080=200:ok. Repeatable, in "
            "the order of the callouts. Default: callouts fail.",
        ),
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Also write a recording for `wasmgate replay` to this file.")
    ] = None,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Show secrets unmasked, also in the recording.")
    ] = False,
    python: Annotated[
        bool,
        typer.Option("--python", help="Propose capabilities as Python code, in place of YAML."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON in place of text.")] = False,
) -> None:
    """Run one request through policies, offline.

    Shows every callback and hostcall with its arguments, its status, and the reason of a refusal;
    then the request that the upstream would get, the response that the client would get, and the
    smallest capabilities that the policies need. For a policy that does not start it shows the
    calls until then, and the exit code is 1.

    \b
    wasmgate trace rewrite --request GET:/v1/orders --configuration rewrite.json
    wasmgate trace own.wasm --capability net=auth:8080 --answer auth:8080=200:ok
    wasmgate trace gateway.yaml --request POST:/a --body a.json --record a.trace.json
    """  # noqa: D301 (click keeps lines after this character)
    from wasmgate.cli.traced_request import answers_of, capabilities_of, request_of, response_of
    from wasmgate.cli.transcript import as_json as to_json
    from wasmgate.cli.transcript import show
    from wasmgate.trace import Inputs, Recording, Source, proposal, run

    given = capabilities_of(capability or [])
    own = None if configuration is None else str(configuration)
    if Path(source).suffix in (".yaml", ".yml"):
        if own or given or allow_on_headers_stop_iteration:
            raise ConfigError(
                "a gateway.yaml has the configurations and capabilities itself",
                hint="take the option out, or name a module in place of the gateway.yaml",
            )
        origin = Source(gateway=source)
    else:
        origin = Source(
            module=source,
            configuration=own,
            capabilities=given,
            allow_on_headers_stop_iteration=allow_on_headers_stop_iteration,
        )
    inputs = Inputs(
        request=request_of(request, header or [], body, trailer or []),
        response=response_of(
            response, response_header or [], response_body, response_trailer or []
        ),
        answers=answers_of(answer or []),
        seed=int.from_bytes(os.urandom(6)),
    )
    policies = origin.policies(Path())
    outcome = run(policies, inputs, secrets=secrets)
    proposed = proposal(policies.used, outcome)
    told = outcome if secrets else outcome.masked()
    if as_json:
        typer.echo(json.dumps(to_json(told, proposed), indent=2))
    else:
        show(told, proposed, python=python)
    if outcome.error is not None:
        raise outcome.error
    if record is not None:
        folder = record.absolute().parent
        there = origin.seen_from(folder)
        recording = Recording.of(there, policies, inputs, outcome, secrets=secrets)
        recording.write(record)
        say(f"recorded: wasmgate replay {record}")
        if recording.masked:
            say(
                "its secrets are masked, so a policy that reads them answers otherwise then; "
                "--secrets keeps them in the file"
            )
    raise typer.Exit(ExitCode.OK)
