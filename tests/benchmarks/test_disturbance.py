"""The instrument that sees others' work: its arithmetic on invented counters, and a real busy process."""

import subprocess
import sys
import time

import psutil
import pytest

from cnn_physics77.benchmarks.instruments import disturbance as module
from cnn_physics77.benchmarks.instruments.disturbance import (
    MOST_OTHERS,
    MOST_REPEATS,
    SystemCounters,
    Watch,
    undisturbed,
)
from cnn_physics77.results import Disturbance


class Script:
    """Counters and a clock that advance as told: each attempt takes a second, others take what is listed."""

    processors = 2

    def __init__(self, *others, own=1.5):
        self.others, self.own_share, self.now, self.work, self.taken = list(others), own, 0.0, 0.0, 0.0

    def advance(self, seconds=1.0):
        self.now += seconds
        self.work += self.own_share * seconds
        self.taken += self.others.pop(0) * seconds

    def machine(self):
        return 100.0 + self.work + self.taken

    def own(self):
        return self.work


@pytest.fixture
def script(monkeypatch):
    """Runs `undisturbed` over the listed work of others; (result, record, attempts made)."""

    def run(*others, seconds=1.0, settle=0.0):
        counters, attempts = Script(*others), []
        monkeypatch.setattr(module, "perf_counter", lambda: counters.now)
        monkeypatch.setattr(module, "sleep", lambda pause: pause and counters.advance(pause))

        def measure(attempt):
            attempts.append(attempt)
            counters.advance(seconds)
            return f"result {attempt}"

        return *undisturbed(measure, settle, counters=counters), attempts

    return run


def test_a_quiet_machine_is_measured_once(script):
    assert script(0.0) == ("result 1", Disturbance(0.0, 1, False), [1])


def test_what_was_disturbed_is_measured_again_and_the_quiet_attempt_counts(script):
    assert script(0.9, 0.0) == ("result 2", Disturbance(0.0, 2, False), [1, 2])


def test_the_number_of_attempts_is_bounded_and_the_least_disturbed_counts(script):
    result, record, attempts = script(0.9, 0.5, 0.7, 0.0)
    assert attempts == [1, 2, 3] and len(attempts) == MOST_REPEATS + 1
    assert result == "result 2" and record.disturbed and record.attempts == 3
    assert record.others == pytest.approx(0.5)


def test_the_limit_is_a_share_of_one_processor_and_the_resolution_of_the_counters(script):
    allowed = MOST_OTHERS + 2 * module.TICK_SECONDS * Script.processors
    assert not script(allowed - 1e-3)[1].disturbed
    assert script(allowed + 1e-3, 0.0)[1].attempts == 2


def test_a_short_block_is_judged_with_the_pause_before_it(script):
    """A tenth of a tick tells nothing; with the pause, a busy processor is seen."""
    assert not script(1.0, seconds=0.02)[1].disturbed
    found = script(1.0, 1.0, 0.0, 0.0, seconds=0.02, settle=0.2)[1]
    assert (found.attempts, found.disturbed) == (2, False)


@pytest.mark.parametrize("missing", ["machine", "own"])
def test_without_counters_it_says_unknown(missing, monkeypatch):
    counters = Script(5.0)
    monkeypatch.setattr(counters, missing, lambda: None)
    result, record = undisturbed(lambda attempt: attempt, counters=counters)
    assert (result, record) == (1, Disturbance(None, 1, False)) and str(record) == "unknown"


def test_a_system_without_counters(monkeypatch):
    def refuse(*arguments, **details):
        raise NotImplementedError

    monkeypatch.setattr(module.psutil, "cpu_times", refuse)
    assert SystemCounters().machine() is None


def test_stolen_time_is_others_and_idle_time_and_a_guests_are_nobodys(monkeypatch):
    class Times:
        user, nice, system, idle, iowait, irq, softirq, steal, guest = 1, 2, 4, 1000, 2000, 8, 16, 32, 4000

    monkeypatch.setattr(module.psutil, "cpu_times", lambda percpu: [Times] * 4)
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda process: {1, 3}, raising=False)
    counters = SystemCounters()
    assert counters.machine() == 2 * 63 and counters.processors == 2


def test_other_processors_than_ours_do_not_count(monkeypatch):
    class Times:
        def __init__(self, user):
            self.user = user

    monkeypatch.setattr(module.psutil, "cpu_times", lambda percpu: [Times(7.0), Times(1000.0)])
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda process: {0}, raising=False)
    assert SystemCounters().machine() == 7.0


BUSY = "import time\nwhile time.process_time() < {seconds}: pass"
START = """
import subprocess, sys
quiet = {{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}}
print(subprocess.Popen([sys.executable, "-c", {code!r}], **quiet).pid)
"""


def test_a_child_of_ours_is_not_another():
    """Its time is ours while it lives, and after it has ended."""
    counters = SystemCounters()
    before = counters.own()
    subprocess.run([sys.executable, "-c", BUSY.format(seconds=0.5)], check=True)
    assert 0.45 < counters.own() - before < 1.5


@pytest.fixture
def stranger():
    """A busy process that is no descendant of ours, ended afterwards (and by itself after 20 s of work)."""
    code = START.format(code=BUSY.format(seconds=20))
    started = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    process = psutil.Process(int(started.stdout))
    yield process
    process.kill()


def let_work(process, seconds):
    """Sleep until the process was given so much processor time."""
    end, deadline = process.cpu_times().user + seconds, time.monotonic() + 60
    while process.cpu_times().user < end:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_real_busy_process_is_seen(stranger):
    with Watch() as watch:
        start = time.perf_counter()
        let_work(stranger, 0.5)
        seconds = time.perf_counter() - start
    assert watch.disturbed and watch.others * seconds > 0.4
    _, record = undisturbed(lambda attempt: let_work(stranger, 0.3))
    assert record.disturbed and record.attempts == MOST_REPEATS + 1
