"""Settings of the whole process that make training faster. Nothing is set before you ask for it.

    from cnn_physics77 import performance

    performance.apply()
    print(performance.status())

`apply` sets them, `policy` sets them for a while, `status` says what holds now.
"""

from cnn_physics77.performance.policy import Status, apply, policy, status

__all__ = ["Status", "apply", "policy", "status"]
