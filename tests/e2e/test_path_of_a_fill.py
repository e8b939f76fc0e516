"""From the venue's matching engine to the strategy's callback, every part a process of its own."""

from pathlib import Path

import aiohttp
import pytest

from fillwire.cli.accounting import balance
from fillwire.cli.recordings import RecordingReader, execution
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Stack
from fillwire.runtime.tracing import trace_ids
from support.eventually import eventually
from support.otlp_receiver import OtlpReceiver

EXECUTIONS = 400
STAGES = ("emit", "receive", "parse", "publish", "deliver", "callback")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("partitions", [1, 3])
async def test_every_execution_arrives_once_in_order_and_traced(tmp_path: Path, partitions: int) -> None:
    """What the venue executes is told to the bot once, in order, and each fill is one trace across both services.

    In one stream, or by the log in partitions.
    """
    recording = tmp_path / "recording.jsonl"
    async with OtlpReceiver() as receiver, aiohttp.ClientSession() as session:
        exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        async with Stack(tmp_path, exporting, partitions=partitions) as stack:
            venue = await SimulatedVenue.start(stack, session)
            await stack.spawn("gateway", "gateway", "--exchange", "binance")
            await stack.spawn(
                "host", "run", "fillwire.bots.shipped.recording:RecordingBot", "--param", f"path={recording}"
            )
            await venue.wait_receiving(stack.broker.url)
            await venue.emit(["BTCUSDT", "ETHUSDT"], rate=400, count=EXECUTIONS, orders=20)

            reader = RecordingReader(recording)
            lines: list[dict[str, object]] = []

            def is_all_delivered() -> bool:
                lines.extend(reader.new_lines())
                return len(lines) >= EXECUTIONS

            await eventually(is_all_delivered, 30, "all executions delivered")
            emitted = await venue.executions()

        lines += reader.new_lines()  # a double would have come while the system stopped
        result = balance(map(execution, emitted), map(execution, lines))
        assert result.emitted == EXECUTIONS
        assert result.is_clean, result

        for line in (lines[0], lines[-1]):
            trace = receiver.trace(f"{trace_ids(str(line['event_id'])).trace_id:032x}")
            spans = {name.split()[0]: span for name, span in trace.items()}
            assert tuple(sorted(spans, key=STAGES.index)) == STAGES
            parents = {span.span_id: stage for stage, span in spans.items()}
            chain = [(parents.get(spans[stage].parent_id), stage) for stage in STAGES]
            assert chain == list(zip((None, *STAGES), STAGES, strict=False))
            assert all(span.start_ns <= span.end_ns for span in spans.values())
            services = {stage: span.resource["service.name"] for stage, span in spans.items()}
            assert services["publish"] == "fillwire-gateway"
            assert services["callback"] == "fillwire-host"
