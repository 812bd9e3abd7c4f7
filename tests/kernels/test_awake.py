"""The threads that keep processors awake run in the lowest class, where they may, and end afterwards."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from cnn_physics77.core.kernels import awake, threads
from cnn_physics77.core.kernels.threads import parallel_for

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's scheduling classes")


@pytest.fixture
def processors(monkeypatch):
    """Those of this process; only what the test begins keeps them awake."""
    monkeypatch.delenv(awake.VARIABLE, raising=False)
    for reason in ("_is_limited", "_gives_way"):
        monkeypatch.setattr(awake, reason, lambda: False)
    assert eventually(lambda: not spinners())
    return os.sched_getaffinity(0)


def spinners():
    """The threads of the C library, {number: processor}."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it may have ended
            name = (task / "comm").read_text().strip()
            if name.startswith("77-awake-"):
                found[int(task.name)] = int(name.rpartition("-")[2])
    return found


def eventually(condition):
    end = monotonic() + 20
    while not condition() and monotonic() < end:
        sleep(0.002)
    return condition()


def test_each_processor_has_a_spinner_of_the_lowest_class_until_it_may_rest(processors):
    keeper = awake.Awake()
    for _ in range(3):
        keeper.begin(len(processors))
        keeper.begin(len(processors))
        assert keeper.on and eventually(lambda: sorted(spinners().values()) == sorted(processors))
        for thread, processor in spinners().items():
            assert os.sched_getscheduler(thread) == os.SCHED_IDLE
            assert os.sched_getaffinity(thread) == {processor}
            assert (Path("/proc/self/task") / str(thread) / "stat").read_text().split()[2] == "R"
        keeper.rest()
        keeper.rest()
        assert not keeper.on and eventually(lambda: not spinners())


def test_one_that_has_not_yet_seen_that_it_may_end_goes_on(processors):
    keeper = awake.Awake()
    for _ in range(200):
        keeper.begin(len(processors))
        keeper.rest()
    assert eventually(lambda: not spinners())
    keeper.begin(len(processors))
    assert eventually(lambda: len(spinners()) == len(processors))
    keeper.rest()
    assert eventually(lambda: not spinners())


def test_to_stop_what_does_not_spin_changes_nothing(processors):
    (processor, *_) = processors
    spinner = awake.Spinner(processor)
    spinner.stop()
    assert spinner.start() and eventually(lambda: list(spinners().values()) == [processor])
    spinner.stop()
    assert eventually(lambda: not spinners())


def test_the_pool_keeps_processors_awake_and_lets_them_rest(processors, monkeypatch):
    monkeypatch.setattr(threads, "_pool", threads.Pool())
    monkeypatch.setattr(awake, "SECONDS", 1.0)
    before = threads.get_num_threads()
    threads.set_num_threads(max(2, len(processors)))
    try:
        for _ in range(2):
            parallel_for(lambda _: sleep(0.05), 8, 1e6)  # long enough for a worker to come
            assert sorted(spinners().values()) == sorted(processors)
            assert eventually(lambda: not threads._pool.awake.on and not spinners())
    finally:
        threads.set_num_threads(before)


def test_a_pool_that_leaves_processors_to_others_keeps_none_awake(processors):
    keeper = awake.Awake()
    keeper.begin(len(processors) - 1)
    assert not keeper.on and not spinners()


def test_the_user_may_let_processors_sleep(processors, monkeypatch):
    monkeypatch.setenv(awake.VARIABLE, "0")
    keeper = awake.Awake()
    keeper.begin(len(processors))
    assert not keeper.on and not spinners()


def test_nothing_spins_where_the_lowest_class_is_refused(processors, monkeypatch):
    monkeypatch.setattr(os, "SCHED_IDLE", 999)
    keeper = awake.Awake()
    keeper.begin(len(processors))
    assert eventually(lambda: not spinners())
    keeper.rest()
    keeper.begin(len(processors))
    assert not spinners()


@pytest.mark.parametrize("reason", ["_is_limited", "_gives_way"])
def test_a_limited_or_polite_process_lets_its_processors_sleep(processors, monkeypatch, reason):
    monkeypatch.setattr(awake, reason, lambda: True)
    awake.Awake().begin(len(processors))
    assert not spinners()


@pytest.mark.parametrize(
    "cgroup, file, limit, limited",
    [
        ("0::/a/b", "cpu.max", "150000 100000", True),
        ("0::/a/b", "a/cpu.max", "150000 100000", True),
        ("0::/a/b", "a/b/cpu.max", "max 100000", False),
        ("0::/a/b", "a/b/c/cpu.max", "1000 100000", False),
        ("0::/a", "unified/a/cpu.max", "1000 100000", True),
        ("4:cpu,cpuacct:/d\n0::/", "cpu,cpuacct/d/cpu.cfs_quota_us", "50000", True),
        ("4:cpu,cpuacct:/d\n0::/", "cpu,cpuacct/d/cpu.cfs_quota_us", "-1", False),
        ("3:cpuset:/\n2:cpuacct:/", "cpuset/cpu.cfs_quota_us", "50000", False),
        ("0::/a\u2028b", "cpu.max", "max 100000", False),
        ("0::/", "elsewhere", "", False),
        ("0::/", "cpu.max", "", True),
        ("0::/a\0b", "cpu.max", "max 100000", True),
        ("what is this", "cpu.max", "max 100000", True),
        (b"0::/\xff\xfe", "cpu.max", "max 100000", True),
    ],
)
def test_a_limited_share_of_the_processors_is_seen(tmp_path, cgroup, file, limit, limited):
    for path, text in (("proc/self/cgroup", cgroup), (f"sys/fs/cgroup/{file}", limit)):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(text if isinstance(text, bytes) else f"{text}\n".encode())
    assert awake._is_limited(tmp_path) is limited
    assert not awake._is_limited(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "way", ["os.nice(5)", "os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))",
            "resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))"]
)  # fmt: skip
def test_who_gives_way_is_seen(way):
    program = (
        f"import os, resource; import cnn_physics77.core.kernels.awake as a; {way}; print(a._gives_way())"
    )
    run = [sys.executable, "-c", program]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "True\n"


def test_a_program_without_what_it_takes_goes_without(processors, monkeypatch):
    def refuse(*_, **__):
        raise OSError("no dynamic linking")

    monkeypatch.setattr(awake, "NEEDED", (*awake.NEEDED, "no_such_function"))
    assert not awake._available()
    monkeypatch.setattr(awake.ctypes, "CDLL", refuse)
    assert not awake._available()


INTERRUPTED = """
import os, signal
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from cnn_physics77.core.kernels import awake, threads

awake._is_limited = awake._gives_way = lambda *_: False
threads._pool = threads.Pool()
threads.set_num_threads(max(2, len(os.sched_getaffinity(0))))

def interrupt(*_):
    raise KeyboardInterrupt

def spinners():
    found = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it may have ended
            name = (task / "comm").read_text()
            found += [name] if name.startswith("77-awake") else []
    return found

threads.parallel_for(lambda _: None, 2, 1e6)  # Python does not start threads safely under interrupts
signal.signal(signal.SIGALRM, interrupt)
seen = 0
for i in range(60):
    sleep(2 * awake.SECONDS)  # until the processors may sleep
    with suppress(KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, 10e-6 * (i + 1))
        threads.parallel_for(lambda _: sleep(0.001), 4, 1e6)
        sleep(0.01)
    seen += len(spinners())
end = monotonic() + 20
while spinners() and monotonic() < end:
    sleep(0.01)
print(seen > 0, spinners())
"""


def test_after_a_ctrl_c_at_any_moment_nothing_spins():
    variables = {name: value for name, value in os.environ.items() if name != awake.VARIABLE}
    run = [sys.executable, "-c", INTERRUPTED]
    done = subprocess.run(run, env=variables, capture_output=True, text=True, timeout=90, check=True)
    assert done.stdout == "True []\n"


def test_a_program_ends_while_its_processors_are_kept_awake():
    program = (
        "from cnn_physics77.core.kernels import threads; threads.parallel_for(id, 2, 1e6); print('done')"
    )
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "done\n" and not done.stderr
