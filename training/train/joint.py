"""Step 4: everything together, on real clips."""

from . import pool

CHECKPOINT = pool.CACHE / "joint.pt"
