"""A forked child computes and ends, whatever the threads of its parent were doing."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")

# In interpreters of their own: that of the tests holds threads of other libraries.
START = """
import multiprocessing, os, signal, sys, threading, time
import numpy as np
from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.kernels.runtime.blas import blas
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
from cnn_physics77.core.kernels.runtime.pool import pool, set_num_threads

set_num_threads(2)
a = np.random.default_rng(0).random((400, 400), np.float32)
expected = a @ a

def compute():
    both = threading.Barrier(2, timeout=20)
    parallel_for(lambda i: both.wait(), 2, 1e6)  # passes only with a second thread
    assert np.allclose(matmul(a, a), expected, rtol=1e-4)
    assert blas.in_one_thread(lambda: blas.threads) in (1, None)
    assert blas.threads == outside  # in the child nobody else holds it

def fork():
    child = os.fork()  # it computes in at most 20 seconds
    if child == 0:
        signal.alarm(20)
        status = 1
        try:
            compute()
            status = 0
        finally:
            os._exit(status)
    return child

def check(child):
    status = os.waitpid(child, 0)[1]
    assert status == 0, f"the child ended with {status}"

outside = blas.threads
"""


def run(program):
    done = subprocess.run([sys.executable, "-c", START + program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_after_parallel_work_the_child_has_a_pool_of_its_own():
    run("""
compute()
workers = list(pool.workers)
check(fork())
compute()
assert pool.workers == workers
""")


def test_before_any_parallel_work():
    run("check(fork()); compute(); check(fork())")


def test_a_child_of_a_child():
    run("""
compute()
child = os.fork()
if child == 0:
    compute()
    check(fork())
    os._exit(0)
check(child)
""")


def test_while_other_threads_compute():
    """Loops, products that hold BLAS, and small ones that do not."""
    run("""
stop = threading.Event()

def work(function):
    while not stop.is_set():
        function()

functions = [
    lambda: parallel_for(lambda i: a[:100] @ a, 6, 1e6),
    lambda: parallel_for(lambda i: a.sum(), 50, 1e6),
    lambda: matmul(a, a),
    lambda: a[:1] @ a,
]
threads = [threading.Thread(target=work, args=(function,), daemon=True) for function in functions]
for thread in threads:
    thread.start()
for _ in range(12):
    time.sleep(0.01)
    check(fork())
stop.set()
for thread in threads:
    thread.join()
compute()
""")


@pytest.mark.parametrize(
    "hold", ["with pool._lock: wait()", "with blas._lock: wait()", "blas.in_one_thread(wait)"]
)
def test_while_another_thread_holds_a_lock_of_ours(hold):
    run(f"""
compute()
held, go = threading.Event(), threading.Event()

def wait():
    held.set()
    assert go.wait(30)

def hold():
    {hold}

thread = threading.Thread(target=hold)
thread.start()
assert held.wait(20)
child = fork()
check(child)
go.set()
thread.join()
compute()
""")


def test_while_a_worker_is_inside_of_a_block():
    run("""
begun, go = threading.Event(), threading.Event()

def block(index):
    begun.set()
    assert go.wait(30)

thread = threading.Thread(target=parallel_for, args=(block, 2, 1e6))
thread.start()
assert begun.wait(20)
check(fork())
go.set()
thread.join()
compute()
""")


def test_from_inside_of_a_block():
    """It computes by itself, as a call from inside of a block does."""
    run("""
def block(index):
    if index == 0:
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            found = np.allclose(matmul(a, a), expected, rtol=1e-4)
            os._exit(0 if found else 1)
        check(child)

parallel_for(block, 4, 1e6)
compute()
""")


def test_processes_of_multiprocessing():
    run("""
if __name__ == "__main__":
    compute()
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=compute) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(20)
        assert child.exitcode == 0, child.exitcode
    with context.Pool(2) as processes:
        assert processes.map_async(len, ["ab", "c"]).get(20) == [2, 1]
        processes.starmap_async(compute, [()] * 4).get(20)
""")


def test_a_child_that_ends_by_itself():
    """It leaves the interpreter as usual, through the hooks that its parent had registered."""
    run("""
compute()
child = os.fork()
if child == 0:
    signal.alarm(20)
    compute()
    sys.exit(0)
check(child)
""")


def test_while_another_thread_draws_random_numbers():
    """The child goes on where the parent stood, from the default generator and from any other."""
    run("""
import cnn_physics77 as torch

own = torch.Generator().manual_seed(3)

def draws():
    return [torch.rand(4).tolist(), torch.rand(4, generator=own).tolist()]

state, own_state = torch.get_rng_state(), own.get_state()
following = draws()
torch.set_rng_state(state)
own.set_state(own_state)
held, go = threading.Event(), threading.Event()

def hold():
    with torch.default_generator.numpy.bit_generator.lock, own.numpy.bit_generator.lock:
        held.set()
        assert go.wait(30)

thread = threading.Thread(target=hold)
thread.start()
assert held.wait(20)
child = os.fork()
if child == 0:
    signal.alarm(20)
    right = own.initial_seed() == 3 and draws() == following and not torch.equal(torch.get_rng_state(), state)
    os._exit(0 if right else 1)
check(child)
go.set()
thread.join()
assert draws() == following
""")
