"""Schedule: which steps run side by side, and where the arrays between them lie.

:mod:`.loops` finds the loops whose blocks become lanes of threads, and :mod:`.memory` lets temporaries whose
lives do not meet share memory. :mod:`.dealing` cuts steps in two for a lane in a process of its own.
"""
