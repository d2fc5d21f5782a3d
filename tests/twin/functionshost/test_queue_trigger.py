"""The queue trigger against a real Azurite, over HTTPS with tokens."""

from tests.twin.functionshost.hosting import ECHO, FAIL, Start, Storage, encoded, name, peeked, until


def test_a_base64_message_reaches_the_function_decoded_with_its_metadata_and_is_deleted(
    storage: Storage, start: Start
) -> None:
    queue = storage.queue(work := name())
    sent = queue.send_message(encoded("häuser"), time_to_live=-1)
    host = start(ECHO, WORK=work)
    (call,) = until(host.calls, "the function is called")
    assert call["body"] == "häuser", "the host decodes base64 by default"
    assert (call["id"], call["count"]) == (sent.id, 1), "id and dequeue count belong to the message"
    assert call["receipt"] and call["inserted"] and call["expires"] and call["next"], "all metadata is there"
    until(lambda: queue.get_queue_properties().approximate_message_count == 0, "the message is deleted")
    assert host.stop() == 0, "the host stops cleanly"


def test_messages_are_taken_as_they_are_with_message_encoding_none(storage: Storage, start: Start) -> None:
    queue = storage.queue(work := name())
    queue.send_message("<plain> & simple")
    host = start(ECHO, WORK=work, queues={"messageEncoding": "none"})
    (call,) = until(host.calls, "the function is called")
    assert call["body"] == "<plain> & simple", "nothing is decoded"


def test_a_message_that_is_not_base64_goes_to_the_poison_queue_at_once(storage: Storage, start: Start) -> None:
    queue = storage.queue(work := name())
    queue.send_message("not base64!")
    queue.send_message(encoded("next"))
    host = start(ECHO, WORK=work)
    poison = storage.queue(work + "-poison", create=False)
    until(lambda: peeked(poison) == ["not base64!"], "the message is poisoned unchanged")
    until(lambda: [call["body"] for call in host.calls()] == ["next"], "the next message is handled, the bad one never")


def test_a_failing_message_is_poisoned_after_max_dequeue_count_and_its_body_is_not_logged(
    storage: Storage, start: Start
) -> None:
    queue = storage.queue(work := name())
    queue.send_message(encoded("Jane Doe, 1 Main Street"))
    host = start(FAIL, WORK=work, queues={"maxDequeueCount": 3})
    poison = storage.queue(work + "-poison", create=False)
    until(lambda: peeked(poison) == [encoded("Jane Doe, 1 Main Street")], "the message is poisoned unchanged")
    assert [call["count"] for call in host.calls()] == [1, 2, 3], "the function is tried maxDequeueCount times"
    failed = host.events("function_failed")
    assert {"function": "fail", "error": "builtins.ValueError"}.items() <= failed[0].items(), "the log names it"
    assert len({line["invocation"] for line in failed}) == 3, "each try is an invocation"
    assert "Jane Doe" not in host.output.read_text(), "no message body in the log"
    assert len({call["pid"] for call in host.calls()}) == 1, "the worker survives"


def test_a_failed_message_stays_invisible_for_the_visibility_timeout(storage: Storage, start: Start) -> None:
    storage.queue(work := name()).send_message(encoded("x"))
    host = start(FAIL, WORK=work, queues={"visibilityTimeout": "00:00:02"})
    first, second = until(lambda: host.calls()[:2] if len(host.calls()) > 1 else None, "there is a second try")
    assert 1.8 <= second["at"] - first["at"] <= 4, "the second try comes after visibilityTimeout"


def test_a_message_is_held_while_its_function_runs_longer_than_the_lease(storage: Storage, start: Start) -> None:
    queue = storage.queue(work := name())
    queue.send_message(encoded("x"))
    slow = ECHO + "    await asyncio.sleep(5)\n    note(done=True)\n"
    host = start(slow, "--lease", "2", WORK=work)
    until(lambda: any("done" in call for call in host.calls()), "the function ends")
    assert len(host.calls()) == 2, "the message was not given out again meanwhile"
    until(lambda: queue.get_queue_properties().approximate_message_count == 0, "the renewed receipt deletes it")


def test_at_most_batch_size_plus_threshold_messages_run_at_once(storage: Storage, start: Start) -> None:
    queue = storage.queue(work := name())
    for number in range(12):
        queue.send_message(encoded(str(number)))
    slow = """
    now = most = 0
    @app.queue_trigger(arg_name="message", queue_name="%WORK%", connection="QUEUES")
    async def slow(message: func.QueueMessage):
        global now, most
        now += 1
        most = max(now, most)
        await asyncio.sleep(0.2)
        now -= 1
        note(most=most)
    """
    host = start(slow, WORK=work, queues={"batchSize": 4, "newBatchThreshold": 1})
    until(lambda: len(host.calls()) == 12, "all are handled")
    assert max(call["most"] for call in host.calls()) <= 5, "batchSize + newBatchThreshold bound the concurrency"


def test_a_function_that_overruns_its_timeout_fails_and_hung_threads_cost_the_worker(
    storage: Storage, start: Start
) -> None:
    queue = storage.queue(work := name())
    queue.send_message(encoded("x"))
    slow = """
    @app.queue_trigger(arg_name="message", queue_name="%WORK%", connection="QUEUES")
    def hang(message: func.QueueMessage):
        note(count=message.dequeue_count)
        if message.dequeue_count == 1:
            time.sleep(60)
    """
    host = start(slow, "--stop-within", "1", WORK=work, host={"functionTimeout": "00:00:01"})
    calls = until(lambda: host.calls() if len(host.calls()) > 1 else None, "the message is tried again")
    assert host.events("function_timed_out"), "the timeout is logged"
    assert len({call["pid"] for call in calls}) == 2, "another worker took over"
