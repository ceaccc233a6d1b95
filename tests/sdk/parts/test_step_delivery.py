"""The thread that takes steps to native traces."""

from codetracer_otel.sdk.parts.step_delivery import StepDelivery


class Recorder:
    is_delivering = False
    wake = None

    def __init__(self, error=None):
        self.error = error
        self.drained = 0

    def drain(self, take, *, is_last):
        self.drained += 1
        if self.error is not None:
            raise self.error

    def take_ended_threads(self):
        return []

    def wake_with_next(self):
        pass


def delivery_of(recorder, errors):
    return StepDelivery(recorder, [], 60, lambda: None, errors.append)


def test_a_flush_ends_when_everything_is_delivered():
    recorder = Recorder()
    delivery = delivery_of(recorder, [])
    delivery.start()
    assert delivery.flush(60)
    assert delivery.stop(60)
    assert recorder.drained >= 2


def test_after_a_failure_nobody_waits_and_nothing_more_is_taken():
    errors = []
    recorder = Recorder(ValueError("full"))
    delivery = delivery_of(recorder, errors)
    delivery.start()
    assert not delivery.flush(60)
    assert not delivery.flush(60)
    assert delivery.stop(60)
    assert recorder.drained == 1
    assert errors == [recorder.error]
