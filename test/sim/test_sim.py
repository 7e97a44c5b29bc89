#!/usr/bin/python3
"""Tests of the simulator itself: python3 test/sim/test_sim.py"""

import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from selftest import base  # noqa: E402

MODULES = ("wire", "find", "auth", "faults", "transport", "control", "decide", "complete")


def suite():
    loader = unittest.defaultTestLoader
    # "complete" comes last: it asks what the others have used
    return unittest.TestSuite(loader.loadTestsFromName("selftest." + name) for name in MODULES
                              if os.path.exists(os.path.join(base.HERE, "selftest", name + ".py")))


def load_tests(loader, tests, pattern):
    return suite()


if __name__ == "__main__":
    result = unittest.TextTestRunner(verbosity=2 if "-v" in sys.argv else 1).run(suite())
    sys.exit(not result.wasSuccessful())
