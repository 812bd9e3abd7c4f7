"""vmap against a loop, as the benchmark runs them."""

import re

import cnn_physics77
from cnn_physics77.benchmarks.speed.mapped import main


def test_both_ways_compute_the_same(capsys):
    threads = cnn_physics77.get_num_threads()
    try:
        main(["--batch", "2", "--repeats", "1"])
    finally:
        cnn_physics77.set_num_threads(threads)
    lines = capsys.readouterr().out.splitlines()
    found = [re.fullmatch(r".*\bvmap +[\d.]+ ms +loop +[\d.]+ ms +difference (\S+)", line) for line in lines]
    assert len(found) == 3 and all(match and float(match[1]) < 1e-5 for match in found)
