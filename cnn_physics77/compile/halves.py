"""A program in two halves: the forward calls, and the backward calls, which come later or never.

Both lie in one memory. What the backward half reads stays alive between them, because their lives are those
of one list of steps: a first step that writes the arguments, the forward calls, a step that reads the results
and writes their gradients, the backward calls.
"""

from __future__ import annotations

from cnn_physics77.compile.analysis import constants, filled, needed
from cnn_physics77.compile.joint import JointRecording, New
from cnn_physics77.compile.replay import Compiled, Program
from cnn_physics77.compile.schedule import Loop
from cnn_physics77.compile.trace import TEMPORARY, Buffer, Call, Operand, Step, Trace


class Halves(Program):
    """The program of a call and of its backward pass.

    All that a replay changes, the copies of arguments too, lies in the program's own memory, so that several
    of them (:meth:`rebound`) can wait for their backward pass at once.

    Attributes:
        inputs: the place of each argument.
        forward_steps, backward_steps: the calls.
    """

    def __init__(
        self,
        made: JointRecording,
        inputs: list[Operand],
        changed: list[Operand],
        lanes: int | None = None,
    ) -> None:
        self.inputs = inputs
        results = [output.place for output in made.outputs if type(output) is New]
        read = [place for place in results if isinstance(place, Operand)] + changed
        tangents = [place for place in made.tangents if isinstance(place, Operand)]
        gradients = [place for place in made.gradients if isinstance(place, Operand)]
        for operand in (*inputs, *tangents):
            operand.buffer.kind = TEMPORARY
        steps = made.trace.steps
        forward, backward = steps[: made.boundary], steps[made.boundary :] if made.sources else []
        early = dict.fromkeys(decided_early(forward, backward, tangents))
        joined = Trace()
        joined.steps = [
            _marker("arguments", (), inputs),
            *map(filled, constants(steps)),
            *forward,
            *early,
            _marker("results", read, tangents),
            *(step for step in backward if step not in early),
        ]
        super().__init__(joined, gradients, lanes)
        made.trace.release()

    def _compiled(self, items: list[Step | Loop]) -> list[Compiled]:
        middle = _marks(self.steps)[1]
        self.forward_steps, self.backward_steps = self.steps[1:middle], self.steps[middle + 1 :]
        middle = _marks(items)[1]
        return [Compiled(items[1:middle]), Compiled(items[middle + 1 :])]

    def forward(self) -> None:
        """Make the forward calls.

        Raises:
            GuardFailed: a value that decides differs.
        """
        self.runs[0]()

    def backward(self) -> None:
        """Make the backward calls.

        Raises:
            GuardFailed: a value that decides differs.
        """
        self.runs[1]()


def decided_early(forward: list[Step], backward: list[Step], tangents: list[Operand]) -> list[Step]:
    """The guards of the backward pass that do not depend on the gradients, with the calls that compute their
    values. Made at the end of the forward half, they can still choose another capture."""
    used = {o.buffer for step in forward for o in (*step.reads, *step.writes)}
    candidates = set(backward)
    while True:
        stay = {o.buffer for o in tangents}  # what the calls that stay write
        late: set[Buffer] = set()  # and what they use
        early: list[Step] = []
        for step in backward:
            reads, writes = {o.buffer for o in step.reads}, {o.buffer for o in step.writes}
            if step not in candidates or (reads | writes) & stay or writes & (used | late):
                stay |= writes
                late |= reads | writes
            else:
                early.append(step)
        candidates = set(needed(early, [])[0])
        if len(candidates) == len(early):
            return early


def _nothing(*arrays) -> None:
    """Memory is read or written from outside of the program."""


def _marker(name: str, reads, writes) -> Call:
    return Call(_nothing, (), {}, None, tuple(reads), tuple(writes), name, draws=True)


def _marks(items: list) -> list[int]:
    """The places of the markers."""
    return [index for index, item in enumerate(items) if isinstance(item, Call) and item.function is _nothing]
