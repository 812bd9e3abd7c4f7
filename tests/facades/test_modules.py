"""The modules that scripts import and ask: PyTorch's build for the CPU answers, or raises, the same."""

from __future__ import annotations

import importlib
import subprocess
import sys

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77 import nn
from cnn_physics77.nn.modules import lazy

MODULES = """
nn.utils.parametrizations nn.utils.parametrize nn.utils.prune nn.utils.stateless
distributions distributions.bernoulli distributions.beta distributions.binomial
distributions.categorical distributions.cauchy distributions.chi2 distributions.constraint_registry
distributions.constraints distributions.continuous_bernoulli distributions.dirichlet
distributions.distribution distributions.exponential distributions.fishersnedecor
distributions.gamma distributions.generalized_pareto distributions.geometric distributions.gumbel
distributions.half_cauchy distributions.half_normal distributions.independent
distributions.inverse_gamma distributions.kl distributions.kumaraswamy distributions.laplace
distributions.lkj_cholesky distributions.log_normal distributions.logistic_normal
distributions.lowrank_multivariate_normal distributions.mixture_same_family
distributions.multinomial distributions.multivariate_normal distributions.negative_binomial
distributions.normal distributions.one_hot_categorical distributions.pareto distributions.poisson
distributions.relaxed_bernoulli distributions.relaxed_categorical distributions.studentT
distributions.transformed_distribution distributions.transforms distributions.uniform
distributions.utils distributions.von_mises distributions.weibull distributions.wishart
optim.swa_utils compiler utils.cpp_extension ao ao.quantization cuda.nvtx cuda.random
nn.attention nn._reduction __config__ utils._foreach_utils
jit.annotations hub nn.utils.fusion nn.parallel.data_parallel nn.parallel.distributed
nn.parallel.scatter_gather utils.model_zoo
autograd.anomaly_mode autograd.forward_ad autograd.graph func accelerator amp autograd.variable
backends backends.cuda backends.cudnn backends.mkl backends.mkldnn backends.mps backends.openmp
backends.opt_einsum cuda cuda.amp distributed functional futures fx jit profiler random mps
multiprocessing nn.modules nn.modules.activation nn.modules.batchnorm nn.modules.channelshuffle
nn.modules.container nn.modules.conv nn.modules.distance nn.modules.dropout nn.modules.flatten
nn.modules.fold nn.modules.instancenorm nn.modules.lazy nn.modules.linear nn.modules.loss
nn.modules.module nn.modules.normalization nn.modules.padding nn.modules.pixelshuffle
nn.modules.pooling nn.modules.rnn nn.modules.sparse nn.modules.transformer nn.modules.utils
nn.parallel nn.parameter onnx optim.adam optim.adamw optim.optimizer optim.sgd serialization testing
utils.benchmark utils.checkpoint utils.data.dataloader utils.data.dataset utils.data.distributed
overrides cpu xpu mtia types storage nn.grad autograd.profiler masked quasirandom utils.dlpack
utils.data.sampler utils.hooks nn.modules.upsampling nn.utils.rnn optim.adadelta optim.adagrad
optim.adamax optim.asgd optim.lbfgs optim.nadam optim.radam optim.rmsprop optim.rprop
distributions.exp_family autograd.gradcheck nn.utils.spectral_norm nn.utils.weight_norm _dynamo
_tensor_str _vmap_internals
"""

OWN = {
    "nn.modules": {"Conv2D", "LinearLayer"},
    "nn.modules.conv": {"Conv2D"},
    "nn.modules.lazy": set(lazy.__all__),  # PyTorch has the layers beside their counterparts
    "nn.modules.linear": {"LinearLayer"},
    "storage": {"is_storage"},
    "utils.data.dataloader": {"random_split"},
}
"""Names that PyTorch does not have there."""


@pytest.mark.needs_torch
@pytest.mark.parametrize("name", MODULES.split())
def test_every_public_name_is_pytorchs(name):
    mine, theirs = (importlib.import_module(f"{package}.{name}") for package in ("cnn_physics77", "torch"))
    public = set(getattr(mine, "__all__", ()))
    assert public or "__all__" not in vars(mine)
    assert {n for n in public if not hasattr(theirs, n)} <= OWN.get(name, set())
    assert all(hasattr(mine, n) for n in public)


@pytest.mark.needs_torch
def test_submodules_are_attributes_without_an_import():
    """Those that are so in PyTorch, of the packages whose submodules scripts name in full."""
    code = """
import operator, pkgutil
import cnn_physics77, torch
for package in ("nn", "nn.modules", "nn.utils", "utils"):
    mine, theirs = (operator.attrgetter(package)(framework) for framework in (cnn_physics77, torch))
    names = [found.name for found in pkgutil.iter_modules(mine.__path__)]
    print(*(f"{package}.{name}" for name in names if hasattr(theirs, name) and not hasattr(mine, name)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


ANSWERS = """
accelerator.is_available() accelerator.device_count() accelerator.current_accelerator()
accelerator.current_accelerator(True) accelerator.synchronize() accelerator.memory_stats(0)
accelerator.current_device_index()
cuda.is_available() cuda.device_count() cuda.is_initialized() cuda.is_bf16_supported()
cuda.get_arch_list() cuda.empty_cache() cuda.memory_allocated() cuda.max_memory_allocated()
cuda.memory_reserved() cuda.manual_seed(3) cuda.manual_seed_all(3) cuda.seed() cuda.get_rng_state_all()
cuda.set_rng_state_all([]) cuda.synchronize() cuda.current_device() cuda.get_device_name(0)
cuda.get_device_properties(0) cuda.get_device_capability() cuda.init() cuda.current_stream()
cuda.mem_get_info() cuda.get_rng_state() cuda.Event(enable_timing=True) cuda.Stream() mps.is_available()
mps.device_count() mps.manual_seed(1) backends.cudnn.is_available() backends.cudnn.version()
backends.cudnn.enabled backends.cudnn.benchmark backends.cudnn.deterministic backends.cudnn.allow_tf32
backends.cudnn.benchmark_limit backends.cuda.is_built() backends.cuda.matmul.allow_tf32
backends.mps.is_available() backends.mps.is_built() backends.mkldnn.enabled distributed.is_initialized()
distributed.is_torchelastic_launched() distributed.is_nccl_available() distributed.get_rank()
distributed.get_world_size() distributed.barrier() distributed.get_backend() get_default_device().type
set_default_device('cpu') set_default_device(None) get_float32_matmul_precision()
[set_float32_matmul_precision('medium'),backends.cuda.matmul.allow_tf32]
[setattr(backends.cuda.matmul,'allow_tf32',True),get_float32_matmul_precision()]
are_deterministic_algorithms_enabled() use_deterministic_algorithms(1)
is_deterministic_algorithms_warn_only_enabled() get_deterministic_debug_mode() _assert(True,'never')
_assert(False,'always') _assert(tensor(False),'always') jit.is_scripting() jit.is_tracing()
jit.isinstance(3,int) jit.annotate(int,3) nn.parallel.DistributedDataParallel(nn.Linear(2,2))
nn.DataParallel(nn.Linear(2,2)).device_ids nn.modules.utils._pair(3) nn.modules.utils._triple((1,2,3))
nn.modules.utils._single([4]) nn._reduction.get_enum('sum') nn._reduction.get_enum('all')
nn._reduction.legacy_get_string(None,None,False) nn._reduction.legacy_get_enum(False,True,False)
nn._reduction.legacy_get_enum(True,False,False) amp.is_autocast_available('cpu')
amp.GradScaler('cpu',enabled=False).get_scale() amp.autocast(3) amp.autocast('nothing')
cpu.is_available() cpu.device_count() cpu.current_device() cpu.synchronize() cpu.set_device(0)
xpu.is_available() xpu.device_count() xpu.empty_cache() mtia.is_available() mtia.device_count()
backends.cuda.flash_sdp_enabled() backends.cuda.enable_flash_sdp(True) get_num_interop_threads()>0
backends.cuda.math_sdp_enabled() backends.cuda.mem_efficient_sdp_enabled() is_warn_always_enabled()
backends.cuda.cudnn_sdp_enabled() set_warn_always(False) set_num_interop_threads(0)
overrides.is_tensor_like(3) overrides.is_tensor_like(tensor(1)) overrides.has_torch_function((3,))
overrides.has_torch_function_unary(3) overrides.has_torch_function_variadic(tensor(1),3)
onnx.is_in_onnx_export() autograd.Variable([1.0]) autograd.Variable(3)
"""


NAMES = {
    module: vars(module)
    | {
        name: importlib.import_module(f"{module.__name__}.{name}")
        for name in (
            *("accelerator", "amp", "backends", "cpu", "cuda", "distributed", "jit", "mps", "mtia", "onnx"),
            *("overrides", "xpu"),
        )
    }
    for module in (ours, torch)
}


def answer(module, expression):
    try:
        return eval(expression, NAMES[module])
    except Exception as error:
        return type(error)


@pytest.mark.needs_torch
@pytest.mark.parametrize("expression", ANSWERS.split())
def test_questions_have_pytorchs_answers(expression):
    try:
        assert answer(ours, expression) == answer(torch, expression)
    finally:
        for module in (ours, torch):
            module.set_default_device(None)
            module.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("library", ["mkl", "mkldnn", "openmp", "opt_einsum"])
def test_no_library_is_used(library):
    assert getattr(ours.backends, library).is_available() is False
    assert not ours.distributed.is_available()


def test_switches_keep_what_is_set():
    cudnn = ours.backends.cudnn
    cudnn.benchmark = True
    try:
        with cudnn.flags(enabled=False, deterministic=True):
            assert (cudnn.enabled, cudnn.benchmark, cudnn.deterministic) == (False, False, True)
        assert (cudnn.enabled, cudnn.benchmark, cudnn.deterministic) == (True, True, False)
    finally:
        cudnn.benchmark = False
    for mode, name in enumerate(("default", "warn", "error")):
        ours.set_deterministic_debug_mode(name)
        assert ours.get_deterministic_debug_mode() == mode
        assert ours.are_deterministic_algorithms_enabled() is (mode > 0)
        assert ours.is_deterministic_algorithms_warn_only_enabled() is (mode == 1)
    ours.use_deterministic_algorithms(False)
    with pytest.raises(RuntimeError, match="set_deterministic_debug_mode: expected"):
        ours.set_deterministic_debug_mode(5)
    with pytest.raises(RuntimeError, match="set_default_device: expected the device 'cpu'"):
        ours.set_default_device("cuda")
    with pytest.raises(ValueError, match="'medium', found 'low'"):
        ours.set_float32_matmul_precision("low")


def test_refusals_say_what_to_do():
    with pytest.raises(AssertionError, match=r"cuda.synchronize: .* ask torch.cuda.is_available\(\) first"):
        ours.cuda.synchronize()
    with pytest.raises(RuntimeError, match=r"cuda.Event: expected a CUDA device, found none"):
        ours.cuda.Event()
    with pytest.raises(ValueError, match=r"distributed.init_process_group: expected a process group"):
        ours.distributed.init_process_group("gloo")
    assert ours.cuda.synchronize.__name__ == "synchronize" and "Raises" in ours.cuda.synchronize.__doc__


@pytest.mark.needs_torch
def test_private_names_that_libraries_ask_for():
    for t in (ours, torch):
        assert isinstance(t.Tensor, t._C._TensorMeta)
        x = t.tensor([-1e9, 0.0, 1e9], dtype=t.float64)
        transforms = importlib.import_module(f"{t.__name__}.distributions.transforms")
        assert transforms._clipped_sigmoid(x).tolist() == [2.0**-1022, 0.5, 1 - 2.0**-52]
    compiled = ours.compile(nn.Linear(2, 1))
    assert type(compiled) is ours._dynamo.OptimizedModule is ours._dynamo.eval_frame.OptimizedModule


def test_what_compiling_is_told_of_a_function_leaves_it_as_it_is():
    def double(x):
        return 2 * x

    compiler, fx = ours.compiler, ours.fx
    for given in (compiler.allow_in_graph(double), compiler.assume_constant_result(double), fx.wrap(double)):
        assert given is double
    assert not (compiler.is_compiling() or compiler.is_dynamo_compiling() or compiler.is_exporting())
    for backends in (3, None):
        with pytest.raises(AssertionError, match="sdpa_kernel: expected an SDPBackend or a list of them"):
            ours.nn.attention.sdpa_kernel(backends).__enter__()
    assert f"{ours.nn.attention.SDPBackend.MATH}" == "SDPBackend.MATH"


def test_a_disabled_function_runs_at_each_call_of_a_captured_one():
    seen = []

    @ours.compiler.disable(reason="it counts")
    def count(x):
        seen.append(1)

    layer = ours.compiler.disable(ours.nn.Linear(2, 1))
    for called in (lambda x: count(x) or 2 * x, lambda x: layer(x).detach()):
        step = ours.compile(called)
        with pytest.warns(
            RuntimeWarning, match="cannot be captured: .* is excluded by torch.compiler.disable"
        ):
            for _ in range(8):
                step(ours.ones(2))
    assert len(seen) == 8 and count.__name__ == "count"


def test_what_the_package_computes_with_is_text():
    assert f"NumPy {np.__version__}" in ours.__config__.show() and "USE_CUDA=OFF" in ours.__config__.show()
    assert f"get_num_threads() : {ours.get_num_threads()}" in ours.__config__.parallel_info()


def test_the_hub_names_files_as_pytorch_does():
    assert ours.hub.HASH_REGEX.search("resnet18-f37072fd.pth").group(1) == "f37072fd"
    assert ours.hub.urlparse("file:///weights/a.pth").path == "/weights/a.pth"


def test_no_machine_code_counts_its_use():
    assert ours._C._log_api_usage_once("torchvision.models") is None
    assert not hasattr(ours._C, "_CudaDeviceProperties")
    assert ours._C._LinAlgError is ours.linalg.LinAlgError


@pytest.mark.needs_torch
def test_classes_read_the_arguments_of_their_own_method_to():
    def read(package):
        calls = [
            ((), {}),
            (("cpu",), {"non_blocking": True}),
            ((package.int8,), {}),
            (("cpu", package.float16, True), {}),
        ]
        calls += [((package.ones(1).double(),), {}), ((), {"dtype": package.float16, "device": "cpu"})]
        return [str(package._C._nn._parse_to(*args, **named)[:3]) for args, named in calls]

    assert read(ours) == read(torch)


def test_no_device_has_random_numbers():
    assert ours.cuda.random.manual_seed_all is ours.cuda.manual_seed_all
    assert ours.cuda.set_rng_state(ours.get_rng_state()) is None
    with pytest.raises(AssertionError, match=r"cuda.random.initial_seed: expected a CUDA device"):
        ours.cuda.random.initial_seed()


def test_no_device_has_a_generator():
    assert ours.utils.checkpoint.get_device_states(ours.ones(2)) == ([], [])
    assert ours.utils.checkpoint.set_device_states([], []) is None


@pytest.mark.needs_torch
def test_lists_of_tensors_are_grouped_by_dtype():
    from torch.utils._foreach_utils import _group_tensors_by_device_and_dtype as theirs

    def grouped(package, group):
        dtypes = (package.float32, package.float64, package.float32)
        lists = [[package.full((1,), float(n), dtype=d) for n, d in enumerate(dtypes)], [None] * 3]
        found = group(lists, with_indices=True)
        return {
            str(dtype): ([[x if x is None else x.item() for x in part] for part in parts], list(places))
            for (_, dtype), (parts, places) in found.items()
        }

    from cnn_physics77.utils._foreach_utils import _group_tensors_by_device_and_dtype as mine

    assert grouped(ours, mine) == grouped(torch, theirs)


def test_jit_gives_back_what_it_gets():
    jit = ours.jit

    def function(x):
        return x

    for decorator in (jit.script, jit.ignore, jit.unused, jit.export, jit.script_method, jit.trace):
        assert decorator(function) is function
    assert jit.ignore(drop=True)(function) is function
    network = nn.Linear(2, 2)
    assert jit.trace(network, ours.ones(1, 2)) is network
    assert jit.freeze(network.eval()) is network
    with pytest.raises(RuntimeError, match=r"call eval\(\) first"):
        jit.freeze(network.train())


@pytest.mark.needs_torch
@pytest.mark.parametrize("requires_grad", [False, True])
def test_variable_is_a_tensor_with_the_memory_of_the_data(requires_grad):
    for module in (ours, torch):
        variable = module.autograd.Variable
        for data in (
            module.ones(2),
            module.ones(2, requires_grad=True),
            module.ones(2, requires_grad=True) * 2,
        ):
            made = variable(data, requires_grad)
            assert type(made) is module.Tensor and isinstance(made, variable) and not isinstance(3, variable)
            assert made.requires_grad is requires_grad and made.is_leaf and made is not data
            made.detach()[0] = 7
            assert data[0].item() == 7
        assert variable().shape == (0,)
        with pytest.warns(UserWarning, match="volatile was removed"):
            variable(module.ones(1), volatile=True)


@pytest.mark.needs_torch
def test_grad_takes_all_of_pytorchs_arguments():
    results = []
    for module in (ours, torch):
        eye = module.eye(3, dtype=module.float64)
        x = module.tensor([1.0, 2.0, 3.0], dtype=module.float64, requires_grad=True)
        unused = module.zeros(2, dtype=module.float64, requires_grad=True)
        grad = module.autograd.grad
        found = [
            *grad((x**3).sum(), x, None, True, True, True, False),
            *grad(
                x**3,
                [x, unused],
                module.eye(3, dtype=module.float64),
                is_grads_batched=True,
                allow_unused=True,
            ),
            *grad(
                [x.exp(), x.sin()],
                x,
                [module.ones(2, 3, dtype=module.float64), module.ones(2, 3, dtype=module.float64) * 2],
                is_grads_batched=True,
            ),
            *grad(x.sum(), [x, unused], materialize_grads=True),
        ]
        (first,) = grad(x**3, x, eye, create_graph=True, is_grads_batched=True)
        found += grad(first.sum(), x)
        results.append([None if t is None else t.detach().numpy() for t in found])
        with pytest.warns(FutureWarning, match="only_inputs"):
            grad(x.sum(), x, only_inputs=False)
    for mine, theirs in zip(*results, strict=True):
        assert (mine is None) is (theirs is None)
        if mine is not None:
            np.testing.assert_allclose(mine, theirs)
    x = ours.ones(2, requires_grad=True)
    for bad in (None, [ours.ones(2, 2), ours.ones(3, 2)], ours.ones(0, 2), ours.tensor(1.0)):
        with pytest.raises(ValueError, match=r"is_grads_batched=True, found"):
            ours.autograd.grad([x * 2, x * 3] if type(bad) is list else x * 2, x, bad, is_grads_batched=True)


@pytest.mark.needs_torch
def test_data_parallel_calls_the_module():
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    parallel = nn.DataParallel(network)
    x = ours.rand(4, 2)
    assert ours.equal(parallel(x), network(x))
    theirs = torch.nn.DataParallel(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)))
    assert list(parallel.state_dict()) == list(theirs.state_dict())
    assert repr(parallel) == repr(theirs)
    assert ours.equal(nn.parallel.data_parallel(nn.Identity(), x), x)


def test_modules_are_found_by_pytorchs_files():
    assert nn.modules.conv.Conv2d is nn.Conv2d is nn.modules.Conv2d
    assert isinstance(nn.BatchNorm2d(3), nn.modules.batchnorm._BatchNorm)
    assert isinstance(nn.InstanceNorm2d(3), nn.modules.instancenorm._InstanceNorm)
    assert isinstance(nn.ConvTranspose1d(3, 3, 3), nn.modules.conv._ConvNd)
    assert issubclass(nn.MSELoss, nn.modules.loss._Loss)
    assert ours.optim.lr_scheduler._LRScheduler is ours.optim.lr_scheduler.LRScheduler
    assert nn.parameter.Parameter is nn.Parameter and ours.optim.optimizer.Optimizer is ours.optim.Optimizer
    for name, package in (("sgd", "SGD"), ("adam", "Adam"), ("adamw", "AdamW"), ("lbfgs", "LBFGS")):
        module = importlib.import_module(f"cnn_physics77.optim.{name}")
        assert getattr(module, package) is getattr(ours.optim, package)
    data = ours.utils.data
    assert data.dataloader.DataLoader is data.DataLoader and data.dataset.Subset is data.Subset
    assert data.sampler.BatchSampler is data.BatchSampler
    assert data._utils.collate.default_collate is data.default_collate
    assert ours.utils.hooks.RemovableHandle is type(nn.Identity().register_forward_hook(print))


def test_modules_are_imported_when_asked_for():
    eager = ("nn.", "optim.", "autograd.")
    lazy = [n for n in MODULES.split() if not n.startswith(eager)]
    code = (
        "import sys, cnn_physics77\n"
        f"print(*[n for n in {lazy} if 'cnn_physics77.' + n in sys.modules])\n"
        "import cnn_physics77.utils, cnn_physics77.backends\n"
        "print(*[n for n in ('multiprocessing', 'timeit') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == ""


def test_labels_of_a_profile_are_taken():
    with ours.autograd.profiler.record_function("outer"), ours.profiler.record_function("inner", "x"):
        pass

    @ours.profiler.record_function("labelled")
    def double(x):
        return 2 * x

    assert double(3) == 6


def test_ways_of_attention_are_switched_for_a_while():
    switches = ours.backends.cuda
    with pytest.raises(ZeroDivisionError), switches.sdp_kernel(enable_math=False):
        assert switches.flash_sdp_enabled() and not switches.math_sdp_enabled()
        1 / 0  # noqa: B018
    assert switches.math_sdp_enabled()
    switches.enable_cudnn_sdp(False)
    assert not switches.cudnn_sdp_enabled()
    switches.enable_cudnn_sdp(True)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_of_convolutions(n):
    rng = np.random.default_rng(n)
    x, w = rng.normal(size=(2, 4, *(6, 5, 4)[:n])), rng.normal(size=(6, 2, *(3, 2, 2)[:n]))
    options = {"stride": 2, "padding": 1, "dilation": 1, "groups": 2}
    results = []
    for framework in (ours, torch):
        a, b = (framework.from_numpy(v).requires_grad_() for v in (x, w))
        y = getattr(framework, f"conv{n}d")(a, b, None, **options)
        g = framework.from_numpy(np.random.default_rng(0).normal(size=tuple(y.shape)))
        grad = framework.nn.grad
        of_input = getattr(grad, f"conv{n}d_input")(x.shape, b, g, **options)
        of_weight = getattr(grad, f"conv{n}d_weight")(a, w.shape, g, **options)
        second = framework.autograd.grad((of_input**2).sum() + (of_weight**2).sum(), (a, b))
        results.append([of_input, of_weight, *second])
        with framework.no_grad():
            assert not getattr(grad, f"conv{n}d_input")(x.shape, b, g, **options).requires_grad
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_a_module_that_is_asked_for_its_dict_shows_what_is_loaded_late():
    program = """
import sys
from cnn_physics77 import optim
assert "cnn_physics77.core.optim.rprop" not in sys.modules and "Rprop" in dir(optim)
classes = [name for name, found in optim.__dict__.items() if isinstance(found, type)]
assert {"SGD", "Rprop", "LBFGS", "Adafactor"} <= set(classes)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", ["nn.utils.weight_norm", "nn.utils.spectral_norm", "autograd.gradcheck"])
def test_a_function_is_not_hidden_by_the_module_of_its_name(name):
    module = importlib.import_module(f"cnn_physics77.{name}")
    package, _, function = name.rpartition(".")
    found = getattr(importlib.import_module(f"cnn_physics77.{package}"), function)
    assert callable(found) and found is getattr(module, function)
