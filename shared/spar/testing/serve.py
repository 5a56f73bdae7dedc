"""The command line of the simulated server: options to `ServerOptions`, and a line that says where it listens."""

import argparse
import asyncio
import signal

from spar.testing.batching import CostModel
from spar.testing.behaviour import SimulatedBehaviour
from spar.testing.engine import CONTEXT
from spar.testing.failures import ServerFailures
from spar.testing.server import ServerOptions, running_server


def main(arguments: list[str] | None = None) -> None:
    args = _parser().parse_args(arguments)
    asyncio.run(_serve(_options(args), args.host, args.port))


async def _serve(options: ServerOptions, host: str, port: int) -> None:
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    async with running_server(options, host, port) as url:
        print(f"listening on {url}", flush=True)
        await stopped.wait()


def _parser() -> argparse.ArgumentParser:
    costs, behaviour = CostModel(), SimulatedBehaviour()
    parser = argparse.ArgumentParser(prog="python -m spar.testing.serve", description=__doc__)
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=8000, help="0 takes a free one, which the first line printed tells")
    add("--model", action="append", help="a served name, may be repeated (default: simulated)")
    add("--any-model", action="store_true", help="serve every name")
    add("--max-sequences", type=int, default=costs.max_sequences)
    add("--step-base", type=float, default=costs.step_base, help="seconds")
    add("--step-per-sequence", type=float, default=costs.step_per_sequence, help="seconds")
    add("--prefill-per-token", type=float, default=costs.prefill_per_token, help="seconds")
    for name in ("response_words", "verdict_words", "reflection_words"):
        add(f"--{name.replace('_', '-')}", type=int, nargs=2, default=getattr(behaviour, name))
    for name in ("status_500", "status_429", "status_503", "hang"):
        add(f"--{name.replace('_', '-')}", type=float, default=0.0, help="share of requests")
    add("--stop-after", type=int, help="requests until every further one gets a 503")
    add("--one-choice", action="store_true", help="reply with one choice whatever n is")
    add("--api-key")
    add("--context", type=int, default=CONTEXT, help="tokens that a prompt may have")
    add("--unparsable", type=float, default=behaviour.unparsable, help="share of replies without the requested form")
    add("--seed", type=int, default=0, help="of the failures")
    return parser


def _options(args: argparse.Namespace) -> ServerOptions:
    return ServerOptions(
        models=None if args.any_model else tuple(args.model or ("simulated",)),
        costs=CostModel(
            max_sequences=args.max_sequences,
            step_base=args.step_base,
            step_per_sequence=args.step_per_sequence,
            prefill_per_token=args.prefill_per_token,
        ),
        behaviour=SimulatedBehaviour(
            response_words=tuple(args.response_words),
            verdict_words=tuple(args.verdict_words),
            reflection_words=tuple(args.reflection_words),
            unparsable=args.unparsable,
        ),
        failures=ServerFailures(
            status_500=args.status_500,
            status_429=args.status_429,
            status_503=args.status_503,
            hang=args.hang,
            stop_after=args.stop_after,
            one_choice=args.one_choice,
            api_key=args.api_key,
            seed=args.seed,
        ),
        context=args.context,
    )


if __name__ == "__main__":
    main()
