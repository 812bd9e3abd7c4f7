"""Settings of the process that make training faster. Importing the package sets none of them.

    from cnn_physics77 import performance

    performance.apply()
    print(performance.status())

`apply` sets them, `policy` sets them for the duration of a block, `status` returns the current settings.
"""

from cnn_physics77.performance.policy import Status, apply, policy, status

__all__ = ["Status", "apply", "policy", "status"]
