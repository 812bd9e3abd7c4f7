"""What workers hand out: the order of batches, their own data sets, and the random numbers that they draw."""

import itertools
import pickle
import random
import threading
import time

import numpy as np
import pytest

from cnn_physics77.core import loading as ours
from cnn_physics77.core import random as generators
from cnn_physics77.core.operations.creation.random_sampling import rand
from cnn_physics77.core.tensor import tensor
from tests.core.loading.samples import Numbers

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than processors

# -------------------------------------------------------------------------------------------- order


def test_workers_run_in_other_threads():
    class Where:
        def __getitem__(self, index):
            return threading.get_ident()

        def __len__(self):
            return 8

    loader = ours.DataLoader(Where(), num_workers=2, batch_size=None)
    assert threading.get_ident() not in set(loader)


def test_an_iterable_is_duplicated_unless_it_is_divided():
    class Stream(ours.IterableDataset):
        def __iter__(self):
            return iter(range(3))

    everything = [batch.item() for batch in ours.DataLoader(Stream(), num_workers=2)]
    assert everything == [0, 0, 1, 1, 2, 2]  # in turn, as in PyTorch's manual

    class Divided(ours.IterableDataset):
        start = 0

        def __iter__(self):
            return iter(range(self.start, 3))

    def start_at_own_number(number):
        info = ours.get_worker_info()
        assert info.id == number and info.num_workers == 2
        info.dataset.start = 2 * number

    data = Divided()
    loader = ours.DataLoader(data, num_workers=2, worker_init_fn=start_at_own_number)
    assert sorted(batch.item() for batch in loader) == [0, 1, 2, 2]
    assert data.start == 0  # each worker had its own copy
    assert ours.get_worker_info() is None


def test_a_worker_has_a_map_of_its_own_to_open_files_in():
    class Lazy(Numbers):
        handle = None

        def __getitem__(self, index):
            if self.handle is None:
                self.handle = ours.get_worker_info().id
            return tensor([self.handle, ours.get_worker_info().id])

    data = Lazy(12)
    pairs = [batch[0].tolist() for batch in ours.DataLoader(data, num_workers=3)]
    assert {tuple(pair) for pair in pairs} == {(0, 0), (1, 1), (2, 2)} and data.handle is None


def test_out_of_order_hands_out_everything_and_spares_the_slow_worker():
    slow = threading.Event()

    def act(index):
        if index == 0:
            slow.wait(20)

    batches = iter(ours.DataLoader(Numbers(60, act), num_workers=2, in_order=False))
    found = [next(batches).item() for _ in range(56)]  # of the blocked worker's jobs there are four at most
    assert 0 not in found
    slow.set()
    found += [batch.item() for batch in batches]
    assert sorted(found) == list(range(60))


# --------------------------------------------------------------------------------- random numbers


class Noisy(ours.Dataset):
    """Samples that draw, and that take longer now here, now there."""

    def __len__(self):
        return 24

    def __getitem__(self, index):
        time.sleep(random.choice([0, 0.002]))
        rng = ours.get_worker_info().rng
        return np.array(
            [
                rand(1, dtype=np.float64).item(),
                rand(1, dtype=np.float64, generator=generators.default_generator).item(),
                rng.random_generator.random(),
                rng.numpy_generator.random(),
                rand(1, dtype=np.float64, generator=rng.torch_generator).item(),
            ]
        )


def drawn(workers, seed=3, **settings):
    generators.manual_seed(seed)
    loader = ours.DataLoader(Noisy(), batch_size=2, num_workers=workers, shuffle=True, **settings)
    return np.concatenate([batch.numpy() for batch in loader])


@pytest.mark.parametrize("settings", [{}, {"persistent_workers": True}])
def test_equal_seeds_draw_equal_numbers_in_workers(settings):
    first = drawn(2, **settings)
    assert np.unique(first).size == first.size  # no two workers, and no two generators, draw alike
    for _ in range(3):
        np.testing.assert_array_equal(drawn(2, **settings), first)
    assert not np.isin(drawn(2, seed=4), first).any()


def test_a_worker_draws_from_the_seed_that_it_tells():
    class Seeds(ours.Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            info = ours.get_worker_info()
            assert generators.initial_seed() == info.seed == info.rng.torch_generator.initial_seed()
            assert info.worker_method == "thread"
            return np.array([info.id, info.seed, rand(1).item()], dtype=object)

    generator = generators.Generator().manual_seed(9)
    base = int(generator.numpy.integers(2**63))
    generator.manual_seed(9)
    loader = ours.DataLoader(Seeds(), batch_size=None, num_workers=3, generator=generator)
    for worker, seed, number in sorted(loader, key=lambda row: row[0]):
        assert seed == base + worker
        assert number == rand(1, generator=generators.Generator().manual_seed(seed)).item()
    again = {row[1] for row in loader}
    assert base not in again  # a new base seed in every pass


def test_seeding_within_a_worker_changes_nothing_elsewhere():
    def act(index):
        generators.manual_seed(index)
        assert generators.initial_seed() == index
        rand(5)

    generators.manual_seed(1)
    expected = [batch.item() for batch in ours.DataLoader(Numbers(4), num_workers=1)]
    state = generators.default_generator.position()
    generators.manual_seed(1)
    assert [batch.item() for batch in ours.DataLoader(Numbers(4, act), num_workers=1)] == expected
    assert generators.default_generator.position() == state and generators.initial_seed() == 1


def test_the_order_of_batches_does_not_depend_on_the_workers():
    def order(**settings):
        loader = ours.DataLoader(
            range(20), 6, shuffle=True, generator=generators.Generator().manual_seed(1), **settings
        )
        return [[batch.tolist() for batch in loader] for _ in range(2)]

    first = order()
    for count, prefetch in itertools.product((1, 2), (1, 3)):
        found = order(num_workers=count, prefetch_factor=prefetch)
        assert found == first


def test_a_loader_with_workers_can_be_pickled():
    loader = ours.DataLoader(list(range(4)), num_workers=1, persistent_workers=True)
    expected = [batch.item() for batch in loader]
    assert [batch.item() for batch in pickle.loads(pickle.dumps(loader))] == expected
    del loader
