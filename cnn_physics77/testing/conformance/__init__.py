"""How far this package agrees with PyTorch's own databases of operations, modules and optimizers.

    python -m cnn_physics77.testing.conformance                 all, a summary
    python -m cnn_physics77.testing.conformance 'linalg.*' add  some, with what does not agree
    python -m cnn_physics77.testing.conformance --tenth         a fixed tenth of the samples
    python -m cnn_physics77.testing.conformance --write         all, and the page docs/conformance.md

PyTorch tests itself with tables of sample inputs: ``op_db`` (operations), ``module_db`` and ``optim_db`` of
``torch.testing._internal``. Here each sample goes through both frameworks in double precision. Compared are
values with their shapes and dtypes, first and second gradients, wrong calls, and signatures.
"""
