"""The checker and the simulated line are modules beside the tests, in pytest's every import mode."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
